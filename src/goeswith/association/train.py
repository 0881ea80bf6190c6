"""Training F on frozen vectors: what goes with what, learnt from what was bought after what."""

import math
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
from torch import Tensor

from goeswith.association.features import FeatureLayer, ProductInputs
from goeswith.association.loop import Progress, Schedule, run
from goeswith.association.losses import batch_softmax
from goeswith.association.pairs import Batch, rows_of, threads
from goeswith.data.log import Log

FEWEST_TARGETS = 50
"""With fewer purchases that followed another one, there is nothing to learn from: F stays the identity."""


class FeatureConfig(BaseModel, frozen=True, extra="forbid"):
    """How F learns on vectors that stay as they are."""

    steps: NonNegativeInt = 800
    passes: PositiveFloat = 4.0
    """How often each purchase is a target at most; a small log takes fewer steps, for F would learn it by heart."""
    batch: PositiveInt = 64
    history: PositiveInt = 20
    """Products before each target. The more there are, the likelier that one of them explains it."""
    window: PositiveInt = 200
    """Purchases back from the target among which the history is drawn."""
    drawn: NonNegativeInt = 192
    """Negatives beside those of the batch."""
    damping: float = Field(default=0.5, ge=0, le=1)
    """0 draws targets as often as they are bought, 1 all products alike."""
    scale: PositiveFloat = 20.0
    """Multiplies cosines before the exponential; with two blocks (encoder, words), 10 for each."""
    rate: PositiveFloat = 5e-4
    weight_decay: NonNegativeFloat = 0.01
    rank: PositiveInt = 128
    seed: int = 0


def train_features(
    inputs: ProductInputs,
    log: Log,
    config: FeatureConfig,
    *,
    hidden: NDArray[np.bool_] | None = None,
    group: NDArray[np.int64] | None = None,
    judge: Callable[[FeatureLayer], float] | None = None,
    report: Callable[[Progress], None] | None = None,
) -> FeatureLayer:
    """F for a shop, from its purchases and the frozen vectors of its products.

    Parameters
    ----------
    inputs : one row an item of the log
    hidden : (items,), products that are left out as if never bought, so that a ranker can learn how the cold fare
    group : (items,), products that read alike; they are never each other's negatives
    judge : layer -> a figure, higher is better; if training does not better it, the identity comes back

    Returns
    -------
    a trained layer; the identity where the log holds hardly any purchase that followed another
    """
    n_categories = 0 if inputs.category is None else int(inputs.category.max(initial=-1)) + 1
    n_extra = 0 if inputs.extra is None else inputs.extra.shape[1]
    layer = FeatureLayer(
        inputs.x.shape[1], min(config.rank, inputs.x.shape[1]), n_extra, n_categories, config.scale, config.seed
    )
    purchases = threads(log, group, hidden, config.damping, seed=config.seed)
    steps = min(config.steps, math.ceil(config.passes * len(purchases) / config.batch))
    if len(purchases) < FEWEST_TARGETS or not steps:
        return layer.eval()

    def backward(step: int) -> float:
        rng = np.random.default_rng([config.seed, step])
        batch = purchases.batch(config.batch, config.history, config.drawn, rng, config.window)
        loss = batch_loss(batch, layer, inputs)
        loss.backward()
        return float(loss.detach())

    run(
        {"features": list(layer.parameters())},
        backward,
        Schedule(steps, epochs=1, rates={"features": config.rate}, weight_decay=config.weight_decay),
        metric=(lambda: judge(layer)) if judge else None,
        report=report,
    )
    return layer.eval()


def batch_loss(batch: Batch, layer: FeatureLayer, inputs: ProductInputs) -> Tensor:
    """The objective on one batch: mean negative log-likelihood of the targets."""
    products = np.unique(batch.history_items[batch.history_items >= 0])
    sources = layer.source(*inputs.tensors(products))  # (products, d)
    history = torch.from_numpy(rows_of(products, batch.history_items))  # (batch, history)
    candidates = np.concatenate([batch.target_items, batch.negative_items])
    targets = layer.target(*inputs.tensors(candidates))  # (batch + drawn, d)
    return batch_softmax(batch, sources, history, targets, layer.scale)
