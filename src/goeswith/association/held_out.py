"""How well vectors foretell purchases of a later slice of time; what decides when nobody brings a metric."""

from collections.abc import Callable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from goeswith.association.losses import history_scores
from goeswith.association.pairs import Batch, Threads, rows_of

TARGETS, HISTORY, DRAWN = 400, 5, 600
OF_SEVERAL = 0.7

Vectors = Callable[[NDArray[np.int64]], tuple[Tensor, Tensor]]


def held_out_rank(vectors: Vectors, held: Threads, scale: float, seed: int = 0) -> float:
    """Mean of 1 / log2(1 + rank) of held-out purchases among a thousand products; 1 is perfect.

    Parameters
    ----------
    vectors : groups -> source and target vectors, each (groups, d)
    held : purchases whose targets are held out

    Notes
    -----
    Always the same purchases for the same seed, so that two encoders are compared on equal ground.
    """
    return held_out_ranks(vectors, {"all": held}, scale, seed)["all"]


def held_out_ranks(vectors: Vectors, parts: Mapping[str, Threads], scale: float, seed: int = 0) -> dict[str, float]:
    """The same for several parts of what is held out; products of more than one are encoded once.

    Of two parts each is asked with fewer purchases, so that the whole takes hardly longer than one.
    """
    share = 1.0 if len(parts) == 1 else OF_SEVERAL
    targets, drawn = round(share * TARGETS), round(share * DRAWN)
    batches = {
        name: held.batch(targets, HISTORY, drawn, np.random.default_rng([seed, 7])) for name, held in parts.items()
    }
    groups = np.unique(np.concatenate([batch.named for batch in batches.values()]))
    source, target = vectors(groups)
    return {name: _rank(batch, groups, source, target, scale) for name, batch in batches.items()}


def _rank(batch: Batch, groups: NDArray[np.int64], source: Tensor, target: Tensor, scale: float) -> float:
    history = torch.from_numpy(rows_of(groups, batch.history)).to(source.device)
    candidates = np.unique(np.concatenate([batch.target, batch.negatives]))
    scores = history_scores(source, history, target[torch.from_numpy(rows_of(groups, candidates))], scale)
    own = scores.gather(1, torch.from_numpy(rows_of(candidates, batch.target)).to(scores.device)[:, None])
    above, level = (scores > own).sum(dim=1), (scores == own).sum(dim=1) - 1
    rank = 1 + above + level / 2  # ties share their places
    told = (history >= 0).any(dim=1)
    gains = 1 / torch.log2(1 + rank.double())
    return float(gains[told].mean()) if bool(told.any()) else 0.0
