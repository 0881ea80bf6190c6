"""Moving theta: the encoder learns from what was bought after what, and is used only if that made it better."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, field_validator

from goeswith.association.budget import affordable_steps, learning_rate
from goeswith.association.checkpoint import forget_checkpoint
from goeswith.association.features import FeatureLayer
from goeswith.association.gate import Gate, reason_of_judge, warm_and_cold
from goeswith.association.held_out import held_out_ranks
from goeswith.association.lessons import HELD, TESTED, TRAIN, Drawn, Lesson, Sets, Shape, Whole
from goeswith.association.loop import Course, Progress, Schedule, run
from goeswith.association.pairs import Threads, threads
from goeswith.association.pretraining import pretrain_encoder
from goeswith.association.teaching import Teaching
from goeswith.association.towers import Named, Towers
from goeswith.association.train import FEWEST_TARGETS
from goeswith.data.log import Log
from goeswith.language.adapters import METHODS, KeepingEncoder, Reach, Tuning, prepare
from goeswith.language.augment import Augmenter
from goeswith.language.encoder import Encoder, SentenceEncoder
from goeswith.language.pair_classifier import PairClassifier

HELD_OUT = 0.1
"""Share of the purchases, the last ones, that decide about early stopping where no validation log is given."""

LOSS_BATCHES = 4
FROZEN = "frozen"
OVERTIME = 3.0


_LISTED = ("full", "last-k", *(name for name in METHODS if name not in ("full", "last-k")))


class FinetuneConfig(BaseModel, frozen=True, extra="forbid"):
    """How the encoder learns which products belong together."""

    objective: Literal["contrastive", "pair", "likelihood"] = "contrastive"
    """What is learnt. contrastive: which product was bought next, among those of a batch; likelihood: among the whole
    catalogue (of a causal model, how likely its words are); pair: what a classifier of text pairs says of two."""
    method: str = "last-k"
    """frozen leaves the encoder as it is; last-k moves the top layers, full every weight, the others little that is
    added to it (`language/moving.py`)."""
    top_layers: PositiveInt = 2
    lora_rank: PositiveInt = 16
    virtual_tokens: PositiveInt = 16
    """For prefix and prompt."""
    narrow: PositiveInt = 48
    """Width of a bottleneck, for adapter."""
    positives: Literal["drawn", "all"] = "drawn"
    """all encodes a set of distinct products once a step, with every co-purchase among them as positives."""
    augment: bool = False
    """Read texts with fields left out, typos, synonyms and other units while learning; nothing can be kept of lower
    layers then."""
    pseudo: bool = False
    """For the pair classifier: pairs that were never bought, with a confidence from the counts of what reads alike."""
    pretrain: Literal["none", "mlm", "simcse", "tsdae"] = "none"
    """Read the catalogue's own texts first, without any purchase (`language/pretrain.py`)."""
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
    rate: PositiveFloat | None = None
    """None: by method and steps (`budget.learning_rate`)."""
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
        known = [FROZEN, *_LISTED]
        if method not in known:
            raise ValueError(f"there is no such method; there is {', '.join(known)}")
        return method

    @property
    def learns(self) -> bool:
        """Whether anything is learnt of texts at all."""
        return self.method != FROZEN or self.objective == "pair" or self.pretrain != "none"


@dataclass(frozen=True)
class FineTuned:
    """What came of it.

    encoder : the tuned one where it was better than its start, else the one that was given
    layer : F's heads if they were trained along (`joint`), else None
    used : whether the encoder has moved
    reason : why, in a sentence
    course : losses and metric per epoch
    pairs_per_second : (history product, target) pairs
    n_parameters : how many numbers moved
    reader : the same encoder with what its frozen layers made of the texts, or None where nothing was kept
    teacher : the pair classifier, where the objective is pair; it can read the first candidates itself
    teaching : losses of the teacher per epoch
    """

    encoder: SentenceEncoder
    layer: FeatureLayer | None
    used: bool
    reason: str
    course: Course
    pairs_per_second: float
    n_parameters: int = 0
    reader: KeepingEncoder | None = None
    teacher: PairClassifier | None = None
    teaching: Course = field(default_factory=Course)


def finetune_encoder(
    texts: Sequence[str],
    log: Log,
    encoder: SentenceEncoder,
    config: FinetuneConfig,
    *,
    judge: Callable[[Encoder], float] | None = None,
    validation: Log | None = None,
    test: Log | None = None,
    ready: Tuning | None = None,
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
    ready : of this encoder and these settings, as `ready_to_learn` gives it; what it has kept is not computed again
    checkpoint : a folder; the same call, after a kill, goes on from what it finds there
    watch : shown the encoder as it is at the end of every epoch

    Raises
    ------
    UsageError : no such method
    """
    if not config.learns:
        return FineTuned(encoder, None, False, "not asked for: the language model stays as it was", Course(), 0.0)
    distinct, train, held = split_threads(texts, log, validation, config)
    group = _groups(texts, distinct)
    tested = None if test is None else _threads(test, texts, group, _last(validation or log), config)
    if len(train) < FEWEST_TARGETS:
        reason = f"only {len(train)} purchases followed another one: too few to learn from"
        return FineTuned(encoder, None, False, reason, Course(), 0.0)

    teaching = None
    if config.objective == "pair":
        teaching = Teaching(distinct, encoder, config, train, held, tested, checkpoint, report)
        teaching.learn(_identity(distinct, log, encoder, config) + "-teacher")
        if config.method == FROZEN:
            reason = "the language model stays as it was (method frozen), and the pair classifier alone has learnt"
            return FineTuned(
                encoder, None, False, reason, Course(), 0.0, teacher=teaching.teacher, teaching=teaching.course
            )

    start = encoder
    if config.pretrain != "none":
        top = None if config.method == "full" else config.top_layers
        seconds = None if config.seconds is None else config.seconds / 2
        start, _ = pretrain_encoder(
            distinct, encoder, config.pretrain, seconds=seconds, steps=config.steps, top_layers=top, seed=config.seed,
            report=report,
        )  # fmt: skip
    steps, rate, lesson = _lesson(config, train, teaching, float(np.mean([len(text) for text in distinct])))
    reach = Reach(config.top_layers, config.lora_rank, config.virtual_tokens, config.narrow, steps)
    tuning = ready or (Tuning(start, []) if config.method == FROZEN else prepare(config.method, start, reach))
    steps = steps if tuning.parameters else 0
    if config.augment:
        tuning.lower = None
    layer = None
    if config.joint:
        wide = tuning.dimensions + (0 if lexical is None else lexical.shape[1])
        layer = FeatureLayer(wide, scale=config.scale, seed=config.seed)
    first = np.unique(group, return_index=True)[1]
    towers = Towers(tuning, distinct, layer, None if lexical is None else lexical[first])
    augmenter = Augmenter(distinct) if config.augment else None

    def batch_of(source: Threads, step: int, stream: int) -> Named:
        return lesson.batch(source, np.random.default_rng([config.seed, stream, step]))

    def backward(step: int) -> float:
        lesson.prepare(towers, step)
        said = augmenter.at(config.seed, step) if augmenter else None
        loss = towers.backward(batch_of(train, step, TRAIN), lesson.objective, config.memory, said)
        tuning.after_backward(step)
        return loss

    def loss_on(source: Threads | None, stream: int) -> float | None:
        if source is None or len(source) == 0:
            return None
        batches = [batch_of(source, at, stream) for at in range(LOSS_BATCHES)]
        return float(np.mean([towers.loss(batch, lesson.objective) for batch in batches]))

    def losses() -> tuple[float | None, float | None]:
        if watch:
            watch(tuning)
        return loss_on(held, HELD), loss_on(tested, TESTED)

    gate = None
    if judge is None and len(held):
        # Virtual words change what is said before anything is learnt; what must be beaten is the encoder as it came.
        as_it_came = start is encoder and config.method not in ("prefix", "prompt")
        before = towers if as_it_came else Towers(Tuning(encoder, []), distinct, layer, towers.lexical)
        gate = _gate(towers, before, train, held, config)
    metric = gate or (None if judge is None else lambda: judge(tuning))
    groups = {"encoder": tuning.parameters} | ({"features": list(layer.parameters())} if layer else {})
    rates = {"encoder": rate} | ({"features": config.feature_rate} if layer else {})
    course = run(
        groups,
        backward,
        Schedule(
            steps, config.epochs, rates, config.weight_decay, patience=config.patience,
            seconds=None if config.seconds is None else OVERTIME * config.seconds,
        ),
        losses=losses,
        metric=metric,
        checkpoint=checkpoint,
        identity=_identity(distinct, log, encoder, config),
        report=report,
    )  # fmt: skip
    if checkpoint:
        forget_checkpoint(checkpoint)
    per_step = float(np.mean([batch_of(train, at, TRAIN).n_pairs for at in range(LOSS_BATCHES)]))
    used = gate.passed(course) if gate else judge is not None and course.improved
    finished = tuning.finish() if used else encoder
    return FineTuned(
        finished,
        layer if used else None,
        used,
        gate.reason(course) if gate else reason_of_judge(course),
        course,
        pairs_per_second=course.step * per_step / max(course.training_seconds, 1e-9),
        n_parameters=tuning.n_parameters,
        reader=KeepingEncoder(tuning, finished) if used and tuning.lower else None,
        teacher=teaching.teacher if teaching else None,
        teaching=teaching.course if teaching else Course(),
    )


def ready_to_learn(encoder: SentenceEncoder, config: FinetuneConfig) -> Tuning | None:
    """The encoder before its first lesson, where it keeps what its frozen layers make of a text; None where not."""
    if config.method != "last-k" or config.augment or config.pretrain != "none":
        return None
    tuning = prepare(config.method, encoder, Reach(config.top_layers))
    return tuning if tuning.lower else None


def _gate(towers: Towers, before: Towers, train: Threads, held: Threads, config: FinetuneConfig) -> Gate:
    """What has to be beaten is `before`, as it is now."""
    bought = np.bincount(train.group[train.item], minlength=len(towers.texts))
    parts = warm_and_cold(held, bought)

    def measured(of: Towers) -> dict[str, float]:
        return held_out_ranks(of.vectors, parts, config.scale, config.seed)

    return Gate(lambda: measured(towers), measured(before))


def _lesson(
    config: FinetuneConfig, train: Threads, teaching: Teaching | None, mean_characters: float
) -> tuple[int, float, Lesson]:
    """Steps, learning rate, and what a step is made of."""
    shape = Shape(config.batch, config.history, config.window, config.drawn)
    lesson: Lesson
    if teaching is not None:
        lesson = teaching.lesson()
    elif config.objective == "likelihood":
        lesson = Whole(shape, config.scale, train.log_prior, refresh=max(1, config.steps // config.epochs))
    elif config.positives == "all":
        lesson = Sets(config.batch + config.drawn, config.scale)
    else:
        lesson = Drawn(shape, config.scale)
    seconds = config.seconds if config.seconds is None or teaching is None else config.seconds / 2
    per_step = lesson.texts_per_step() * max(mean_characters, 8.0)
    steps = affordable_steps(seconds, config.steps, per_step, config.method)
    return steps, config.rate or learning_rate(config.method, steps), lesson


def split_threads(
    texts: Sequence[str], log: Log, validation: Log | None, config: FinetuneConfig
) -> tuple[list[str], Threads, Threads]:
    """Distinct texts, the purchases to learn from, and those that are held out; products that read alike are one."""
    distinct = list(dict.fromkeys(texts))
    group = _groups(texts, distinct)
    cut = _cut(log) if validation is None else _last(log)
    learnt = log if validation is not None or cut is None else log.until(cut)
    return (
        distinct,
        _threads(learnt, texts, group, None, config),
        _threads(validation or log, texts, group, cut, config),
    )


def _groups(texts: Sequence[str], distinct: Sequence[str]) -> NDArray[np.int64]:
    row = {text: at for at, text in enumerate(distinct)}
    return np.array([row[text] for text in texts], dtype=np.int64)


def _threads(
    log: Log, texts: Sequence[str], group: NDArray[np.int64], after: datetime | None, config: FinetuneConfig
) -> Threads:
    mute = np.array([not text for text in texts], dtype=bool)
    return threads(log, group, mute, config.damping, after, config.seed)


def _cut(log: Log) -> datetime:
    """The moment after which the last tenth of the purchases lies."""
    times = log.purchases["time"].sort()
    return times[int((1 - HELD_OUT) * (len(times) - 1))]


def _last(log: Log) -> datetime | None:
    last = log.events["time"].max()
    return last if isinstance(last, datetime) else None


def _identity(texts: Sequence[str], log: Log, encoder: SentenceEncoder, config: FinetuneConfig) -> str:
    """Says what is trained on what, so that a checkpoint of something else is never resumed."""
    hasher = hashlib.blake2b(digest_size=16)
    hasher.update(f"{config.model_dump_json()} {encoder.fingerprint} {log.events.height}".encode())
    hasher.update(str(log.events.select("item", "time").hash_rows().sum()).encode())
    hasher.update("\n".join(texts).encode("utf-8", "surrogatepass"))
    return hasher.hexdigest()
