"""Moving theta: the encoder learns from what was bought after what, and is used only if that made it better."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, field_validator

from goeswith.association.checkpoint import forget_checkpoint
from goeswith.association.features import FeatureLayer
from goeswith.association.held_out import held_out_rank
from goeswith.association.loop import Course, Progress, Schedule, run
from goeswith.association.pairs import Batch, Threads, threads
from goeswith.association.towers import Towers
from goeswith.association.train import FEWEST_TARGETS
from goeswith.data.log import Log
from goeswith.language.adapters import METHODS, Reach, prepare
from goeswith.language.encoder import Encoder, SentenceEncoder

HELD_OUT = 0.1
"""Share of the purchases, the last ones, that decide about early stopping where no validation log is given."""

TRAIN, HELD, TESTED = range(3)
LOSS_BATCHES = 4
FROZEN = "frozen"
CHARACTERS_PER_SECOND = 14_000
"""What two AVX2 cores train on with the top two layers of MiniLM."""
OVERTIME = 3.0


class FinetuneConfig(BaseModel, frozen=True, extra="forbid"):
    """How the encoder learns which products belong together."""

    objective: Literal["contrastive"] = "contrastive"
    """What is learnt: which product was bought next, among those that might have been."""
    method: str = "last-k"
    """frozen leaves the encoder as it is; last-k moves the top layers, full every weight, lora low-rank additions."""
    top_layers: PositiveInt = 2
    lora_rank: PositiveInt = 16
    steps: PositiveInt = 240
    epochs: PositiveInt = 3
    """The steps are cut into so many parts; after each, losses are reported and the metric decides."""
    seconds: PositiveFloat | None = 90.0
    """Time for training on two cores; fewer steps are taken where, by the length of the texts, they would not fit.
    A machine that needs three times as long stops there. None takes all steps."""
    batch: PositiveInt = 80
    history: PositiveInt = 3
    window: PositiveInt = 50
    drawn: NonNegativeInt = 128
    damping: float = Field(default=0.5, ge=0, le=1)
    scale: PositiveFloat = 10.0
    """Multiplies cosines before the exponential; the inverse of a temperature."""
    rate: PositiveFloat = 6e-5
    feature_rate: PositiveFloat = 5e-4
    joint: bool = False
    """Train F's heads in the same steps, on the encoder's vectors beside those of the words."""
    weight_decay: NonNegativeFloat = 0.01
    patience: PositiveInt = 2
    memory: Literal["plain", "two-pass", "auto"] = "auto"
    """two-pass bounds the memory at the price of a second forward pass; auto takes it for long batches."""
    seed: int = 0

    @field_validator("method")
    @classmethod
    def _is_known(cls, method: str) -> str:
        known = [FROZEN, *sorted(METHODS)]
        if method not in known:
            raise ValueError(f"there is no such method; there is {', '.join(known)}")
        return method


@dataclass(frozen=True)
class FineTuned:
    """What came of it.

    encoder : the tuned one where it was better than its start, else the one that was given
    layer : F's heads if they were trained along (`joint`), else None
    used : whether the encoder has moved
    reason : why, in a sentence
    course : losses and metric per epoch
    pairs_per_second : (history product, target) pairs
    """

    encoder: SentenceEncoder
    layer: FeatureLayer | None
    used: bool
    reason: str
    course: Course
    pairs_per_second: float


def finetune_encoder(
    texts: Sequence[str],
    log: Log,
    encoder: SentenceEncoder,
    config: FinetuneConfig,
    *,
    judge: Callable[[Encoder], float] | None = None,
    validation: Log | None = None,
    test: Log | None = None,
    lexical: NDArray[np.float32] | None = None,
    checkpoint: Path | None = None,
    report: Callable[[Progress], None] | None = None,
    watch: Callable[[Encoder], None] | None = None,
) -> FineTuned:
    """Fine-tune an encoder on a shop's purchases, and keep it only if a later slice of time says that it is better.

    Parameters
    ----------
    texts : the sentence of each item of the log; items with equal texts are one to the encoder, "" is never used
    judge : encoder -> a figure, higher is better. None: how far up held-out purchases are ranked (`held_out_rank`)
    validation, test : logs that reach beyond `log`; what is later than its last event is held out. None: the last
        tenth of the purchases is kept from training
    lexical : (items, d), unit vectors of words, for `joint`
    checkpoint : a folder; the same call, after a kill, goes on from what it finds there
    watch : shown the encoder as it is at the end of every epoch

    Raises
    ------
    UsageError : no such method
    """
    if config.method == FROZEN:
        return FineTuned(encoder, None, False, "the method is frozen: the encoder stays as it was", Course(), 0.0)
    tuning = prepare(config.method, encoder, Reach(config.top_layers, config.lora_rank))
    distinct = list(dict.fromkeys(texts))
    row = {text: at for at, text in enumerate(distinct)}
    group = np.array([row[text] for text in texts], dtype=np.int64)
    mute = np.array([not text for text in texts], dtype=bool)

    def gather(events: Log, after: datetime | None) -> Threads:
        return threads(events, group, mute, config.damping, after, config.seed)

    cut = _cut(log) if validation is None else _last(log)
    learnt = log if validation is not None or cut is None else log.until(cut)
    train, held = gather(learnt, None), gather(validation or log, cut)
    tested = None if test is None else gather(test, _last(validation or log))
    if len(train) < FEWEST_TARGETS:
        reason = f"only {len(train)} purchases followed another one: too few to learn from"
        return FineTuned(encoder, None, False, reason, Course(), 0.0)

    layer = None
    if config.joint:
        wide = tuning.dimensions + (0 if lexical is None else lexical.shape[1])
        layer = FeatureLayer(wide, scale=config.scale, seed=config.seed)
    first = np.unique(group, return_index=True)[1]
    towers = Towers(tuning, distinct, layer, None if lexical is None else lexical[first])

    def batch_of(source: Threads, step: int, stream: int) -> Batch:
        rng = np.random.default_rng([config.seed, stream, step])
        return source.batch(config.batch, config.history, config.drawn, rng, config.window)

    def backward(step: int) -> float:
        return towers.backward(batch_of(train, step, TRAIN), config.scale, config.memory)

    def loss_on(source: Threads | None, stream: int) -> float | None:
        if source is None or len(source) == 0:
            return None
        return float(np.mean([towers.loss(batch_of(source, at, stream), config.scale) for at in range(LOSS_BATCHES)]))

    def losses() -> tuple[float | None, float | None]:
        if watch:
            watch(tuning)
        return loss_on(held, HELD), loss_on(tested, TESTED)

    def metric() -> float:
        return judge(tuning) if judge else held_out_rank(towers.vectors, held, config.scale, config.seed)

    groups = {"encoder": tuning.parameters} | ({"features": list(layer.parameters())} if layer else {})
    rates = {"encoder": config.rate} | ({"features": config.feature_rate} if layer else {})
    judged = metric if judge or len(held) else None
    course = run(
        groups,
        backward,
        Schedule(
            affordable_steps(config, float(np.mean([len(text) for text in distinct]))), config.epochs, rates,
            config.weight_decay, patience=config.patience,
            seconds=None if config.seconds is None else OVERTIME * config.seconds,
        ),
        losses=losses,
        metric=judged,
        checkpoint=checkpoint,
        identity=_identity(distinct, log, encoder, config),
        report=report,
    )  # fmt: skip
    if checkpoint:
        forget_checkpoint(checkpoint)
    per_step = float(np.mean([(batch_of(train, at, TRAIN).history >= 0).sum() for at in range(LOSS_BATCHES)]))
    pace = course.step * per_step / max(course.training_seconds, 1e-9)
    if not course.improved:
        return FineTuned(encoder, None, False, _reason(course), course, pace)
    return FineTuned(tuning.finish(), layer, True, _reason(course), course, pace)


def _cut(log: Log) -> datetime:
    """The moment after which the last tenth of the purchases lies."""
    times = log.purchases["time"].sort()
    return times[int((1 - HELD_OUT) * (len(times) - 1))]


def _last(log: Log) -> datetime | None:
    last = log.events["time"].max()
    return last if isinstance(last, datetime) else None


def affordable_steps(config: FinetuneConfig, mean_characters: float) -> int:
    """Steps that fit into the seconds, by the length of the texts alone: the same shop learns alike on any machine.

    Examples
    --------
    >>> affordable_steps(FinetuneConfig(seconds=120), mean_characters=50.0)
    75
    >>> affordable_steps(FinetuneConfig(seconds=None), mean_characters=50.0)
    240
    """
    if config.seconds is None:
        return config.steps
    per_step = (config.batch * (1 + config.history) + config.drawn) * max(mean_characters, 8.0)
    return int(np.clip(config.seconds * CHARACTERS_PER_SECOND / per_step, min(20, config.steps), config.steps))


def _identity(texts: Sequence[str], log: Log, encoder: SentenceEncoder, config: FinetuneConfig) -> str:
    """Says what is trained on what, so that a checkpoint of something else is never resumed."""
    hasher = hashlib.blake2b(digest_size=16)
    hasher.update(f"{config.model_dump_json()} {encoder.fingerprint} {log.events.height}".encode())
    hasher.update(str(log.events.select("item", "time").hash_rows().sum()).encode())
    hasher.update("\n".join(texts).encode("utf-8", "surrogatepass"))
    return hasher.hexdigest()


def _reason(course: Course) -> str:
    ended = f" It ended early: {course.stopped}." if course.stopped else ""
    if course.start_metric is None or course.best_metric is None:
        return f"nothing was held out to judge it by, so it is {'kept' if course.improved else 'not used'}.{ended}"
    start = course.start_metric
    if course.improved:
        return f"held out, {course.best_metric:.4f} where the encoder as it came has {start:.4f}.{ended}"
    tried = max((epoch.metric for epoch in course.epochs if epoch.metric is not None), default=float("nan"))
    return f"held out, at best {tried:.4f} where the encoder as it came has {start:.4f}: the start is kept.{ended}"
