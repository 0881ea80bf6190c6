"""The likelihood objective of a causal model: the words of what was bought next, after what was bought before it."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from goeswith.association.budget import affordable_steps, learning_rate
from goeswith.association.checkpoint import forget_checkpoint
from goeswith.association.finetune import FinetuneConfig, split_threads
from goeswith.association.gate import Gate, warm_and_cold
from goeswith.association.loop import Course, Progress, Schedule, run
from goeswith.association.pairs import Batch, Threads
from goeswith.association.train import FEWEST_TARGETS
from goeswith.data.log import Log
from goeswith.language.adapter_folder import Worn
from goeswith.language.causal import CausalModel
from goeswith.language.moving import CAUSAL, Reach, set_moving

BATCH = 8
HISTORY, WINDOW = 4, 20
JUDGED, RIVALS = 40, 9
LOSS_BATCHES = 2
MINILM = 22.7e6
"""Weights of the model that the budget's pace was measured with."""


@dataclass(frozen=True)
class CausalTuned:
    """model : the tuned one where it passed the gate, else the one that was given; reason : why, in a sentence"""

    model: CausalModel
    used: bool
    reason: str
    course: Course
    n_parameters: int = 0


def finetune_causal(
    causal: CausalModel,
    texts: Sequence[str],
    train: Threads,
    held: Threads,
    *,
    method: str = "lora",
    reach: Reach | None = None,
    seconds: float | None = 90.0,
    steps: int = 240,
    rate: float | None = None,
    epochs: int = 3,
    patience: int = 2,
    seed: int = 0,
    checkpoint: Path | None = None,
    identity: str = "",
    report: Callable[[Progress], None] | None = None,
) -> CausalTuned:
    """Fine-tune a copy on what was bought after what; kept only if held-out purchases are foretold better.

    Parameters
    ----------
    texts : (groups,), as the threads count them
    held : purchases that decide: each against nine others, by how much likelier the history makes it

    Raises
    ------
    UsageError : no such method, or one that does not know this kind of transformer
    """
    if method == "frozen" or len(train) < FEWEST_TARGETS:
        few = f"only {len(train)} purchases followed another one: too few to learn from"
        return CausalTuned(causal, False, "the method is frozen" if method == "frozen" else few, Course())
    n_weights = sum(weight.numel() for weight in causal.model.parameters())
    mean = float(np.mean([len(text) for text in texts]))
    taken = affordable_steps(
        seconds, steps, BATCH * (1 + HISTORY) * max(mean, 8.0), method, size=max(0.05, n_weights / MINILM)
    )
    copy = CausalModel(deepcopy(causal.model), causal.tokenizer, causal.kept)
    extent = reach or Reach(steps=taken)
    moving = set_moving(method, copy.model, extent, CAUSAL)
    copy.wear(Worn(moving, method, extent, causal.fingerprint))

    def batch_of(source: Threads, step: int, stream: int) -> Batch:
        return source.batch(BATCH, HISTORY, 0, np.random.default_rng([seed, stream, step]), WINDOW)

    def loss_of(batch: Batch) -> torch.Tensor:
        return copy.loss(*_spoken(batch, texts))

    def backward(step: int) -> float:
        loss = loss_of(batch_of(train, step, 41))
        loss.backward()
        moving.after_backward(step)
        return float(loss.detach())

    def validation() -> tuple[float | None, float | None]:
        if not len(held):
            return None, None
        with torch.no_grad():
            return float(np.mean([float(loss_of(batch_of(held, at, 42))) for at in range(LOSS_BATCHES)])), None

    gate = None
    if len(held):
        bought = np.bincount(train.group[train.item], minlength=len(texts))
        parts = warm_and_cold(held, bought)
        cases = {name: _cases(part, seed) for name, part in parts.items()}

        def measure(model: CausalModel) -> dict[str, float]:
            model.forget()
            return {name: _gain(model, case, texts) for name, case in cases.items()}

        gate = Gate(lambda: measure(copy), measure(causal))
    speed = rate or learning_rate(method, taken)
    course = run(
        {"model": list(moving.parameters.values())},
        backward,
        Schedule(taken, epochs, {"model": speed}, patience=patience, seconds=None if seconds is None else 3 * seconds),
        losses=validation,
        metric=gate,
        checkpoint=checkpoint,
        identity=identity,
        report=report,
    )
    if checkpoint:
        forget_checkpoint(checkpoint)
    used = gate.passed(course) if gate else course.improved
    reason = gate.reason(course) if gate else "nothing was held out to judge it by"
    return CausalTuned(copy.settled() if used else causal, used, reason, course, moving.n_parameters)


def finetune_causal_model(
    texts: Sequence[str],
    log: Log,
    validation: Log | None,
    causal: CausalModel,
    config: FinetuneConfig,
    checkpoint: Path | None = None,
    report: Callable[[Progress], None] | None = None,
) -> CausalTuned:
    """The same from logs and settings.

    Parameters
    ----------
    texts : the sentence of each item of the log
    validation : a log that reaches beyond `log`; None: the last tenth of the purchases is kept from training
    """
    distinct, train, held = split_threads(texts, log, validation, config)
    reach = Reach(config.top_layers, config.lora_rank, config.virtual_tokens, config.narrow, config.steps)
    return finetune_causal(
        causal, distinct, train, held, method=config.method, reach=reach, seconds=config.seconds, steps=config.steps,
        rate=config.rate, epochs=config.epochs, patience=config.patience, seed=config.seed, checkpoint=checkpoint,
        identity=f"{causal.fingerprint} {config.model_dump_json()} {log.events.height}", report=report,
    )  # fmt: skip


def _spoken(batch: Batch, texts: Sequence[str]) -> tuple[list[list[str]], list[str]]:
    # Drawn newest first; a history is told from the oldest on.
    histories = [[texts[group] for group in own[::-1] if group >= 0] for own in batch.history.tolist()]
    return histories, [texts[group] for group in batch.target.tolist()]


Cases = tuple[Batch, NDArray[np.int64]]


def _cases(held: Threads, seed: int) -> Cases:
    """Held-out purchases, and for each the rivals it has to beat."""
    rng = np.random.default_rng([seed, 43])
    batch = held.batch(JUDGED, HISTORY, JUDGED * RIVALS, rng, WINDOW)
    return batch, batch.negatives.reshape(JUDGED, RIVALS)


def _gain(model: CausalModel, cases: Cases, texts: Sequence[str]) -> float:
    """Mean of 1 / log2(1 + rank) among the rivals."""
    batch, rivals = cases
    histories, targets = _spoken(batch, texts)
    gains = []
    for own, target, others in zip(histories, targets, rivals, strict=True):
        if own:
            names = [target, *(texts[other] for other in others if texts[other] != target)]
            lifts = model.lifts(own, names)
            rank = 1 + (lifts[1:] > lifts[0]).sum() + (lifts[1:] == lifts[0]).sum() / 2
            gains.append(1 / np.log2(1 + rank))
    return float(np.mean(gains)) if gains else 0.0
