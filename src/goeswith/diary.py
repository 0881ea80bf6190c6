"""What is written down while a shop becomes a model: seconds, memory and losses, and what less would have cost."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import perf_counter

import numpy as np

from goeswith.association.loop import Course
from goeswith.association.loop import Progress as LoopProgress
from goeswith.association.parts import Parts
from goeswith.config import FitConfig
from goeswith.data.log import Log
from goeswith.language.encoder import Encoder
from goeswith.progress import Epoch, Event, Note, Progress, Stage, Step
from goeswith.ranking.ranker import Ranker, TreeRanker
from goeswith.ranking.training import Examples
from goeswith.ranking.views import Array
from goeswith.tracking.cost import Cheaper, Cost
from goeswith.tracking.memory import PeakMemory
from goeswith.tracking.tracker import Tracking

PROBES, AMONG, NEAREST = 8, 200, 5
"""Products whose nearest ones are listed each epoch, among so many best sellers, and how many of them."""
PROJECTED = 2_000


@dataclass
class Diary:
    """Seconds, memory and losses by stage, while progress is told and trackers listen."""

    progress: Progress | None = None
    tracking: Tracking | None = None
    memory: PeakMemory | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    peaks: dict[str, float] = field(default_factory=dict)
    losses: dict[str, list[float]] = field(default_factory=dict)
    halfway: dict[str, tuple[int, float, float]] = field(default_factory=dict)
    """Stage -> steps, running loss after half of them, running loss now."""
    _stage: str = ""
    _since: float = 0.0

    @property
    def shows_examples(self) -> bool:
        return self.tracking is not None and self.tracking.shows_examples

    @property
    def stage(self) -> str:
        return self._stage

    def begin(self, stage: str) -> None:
        self.end()
        self._stage, self._since = stage, perf_counter()
        self._tell(Stage(stage))

    def end(self) -> None:
        if self._stage:
            self.seconds[self._stage] = round(self.seconds.get(self._stage, 0.0) + perf_counter() - self._since, 2)
            if self.memory is not None:
                self.peaks[self._stage] = max(self.peaks.get(self._stage, 0.0), self.memory.taken())
        self._stage = ""

    def note(self, text: str) -> None:
        self._tell(Note(text))

    def steps(self, done: int, total: int) -> None:
        pace = (perf_counter() - self._since) / max(done, 1)
        self._tell(Step(self._stage, done, total, seconds_left=pace * (total - done)))

    def learning(self, told: LoopProgress) -> None:
        stage = self._stage
        self._tell(Step(stage, told.step, told.steps, told.loss, told.seconds_left, told.rate, told.gradient))
        half = told.loss if 2 * told.step <= told.steps else self.halfway.get(stage, (0, told.loss, 0.0))[1]
        self.halfway[stage] = (told.steps, half, told.loss)
        ended = told.finished_epoch
        if ended is None:
            return
        self._tell(Epoch(stage, ended.epoch, ended.train, ended.validation, ended.test, ended.metric))
        for name, loss in (("train", ended.train), ("validation", ended.validation), ("test", ended.test)):
            if loss is not None:
                self.losses.setdefault(f"{stage}: {name}", []).append(loss)

    def cost(self, cheaper: list[Cheaper]) -> Cost:
        return Cost(dict(self.seconds), dict(self.peaks), cheaper)

    def _tell(self, event: Event) -> None:
        if self.progress is not None:
            self.progress(event)
        if self.tracking is not None:
            self.tracking.tell(event)


def figures_of(course: Course) -> dict[str, float]:
    """What fine-tuning gained on held-out purchases; 0 where its start was kept, nothing where it was not trained."""
    return {} if course.best_metric is None else {"held-out gain": course.best_metric}


def shorter_training(course: Course, config: FitConfig, diary: Diary) -> list[Cheaper]:
    """Fine-tuning ended after each earlier epoch, or never begun; the feature layer with half its steps."""
    found = []
    if course.start_metric is not None and course.best_metric is not None and course.epochs:
        spent = sum(s for name, s in diary.seconds.items() if "fine-tune" in name)
        figure, best = "gain on held-out purchases", course.best_metric
        found.append(Cheaper('finetune.method = "frozen"', spent, figure, course.start_metric, best))
        per_step = course.training_seconds / max(course.step, 1)
        per_epoch = max(1, -(-course.steps // config.finetune.epochs))
        reached = course.start_metric
        for epoch in course.epochs[:-1]:
            if epoch.metric is None:
                continue
            reached = max(reached, epoch.metric)
            steps = epoch.epoch * per_epoch
            saved = per_step * (course.step - steps)
            found.append(Cheaper(f"finetune.steps = {steps}", saved, figure, reached, best))
    layers = {name: told for name, told in diary.halfway.items() if name.startswith("feature layer")}
    if layers:
        spent = sum(diary.seconds.get(name, 0.0) for name in layers)
        steps, half, last = layers[max(layers)]
        found.append(
            Cheaper(
                f"features.steps = {steps // 2}", spent / 2, "training loss of the feature layer", half, last, "lower"
            )
        )
    return found


@dataclass
class FewerTrees:
    """What the rankers say of held-back queries with all their trees, and with half of them."""

    losses: dict[str, tuple[float, float]] = field(default_factory=dict)

    def judged(self, question: str, ranker: Ranker, held: Examples, said: Array) -> None:
        """said : what the whole ranker says of `held`"""
        if isinstance(ranker, TreeRanker):
            half = ranker.with_share_of_trees(0.5).probability(held.features)
            self.losses[question] = _log_loss(half, held), _log_loss(said, held)

    def cheaper(self, config: FitConfig, diary: Diary) -> list[Cheaper]:
        if not self.losses:
            return []
        half, whole = np.mean(list(self.losses.values()), axis=0)
        rounds = config.learning.ranker.rounds // 2
        spent = diary.seconds.get("rankers", 0.0) / 2
        figure = "log loss of held-back queries"
        return [Cheaper(f"learning.ranker.rounds = {rounds}", spent, figure, float(half), float(whole), "lower")]


def examples_of_products(diary: Diary, texts: Sequence[str], log: Log) -> Callable[[Encoder], None]:
    """Lists, for a few best sellers, what the encoder finds nearest to them; once an epoch."""
    told = _best_sellers(texts, log, AMONG)
    epoch = 0

    def watch(encoder: Encoder) -> None:
        nonlocal epoch
        epoch += 1
        if diary.tracking is None or len(told) < 2:
            return
        vectors = encoder.encode(told)
        likeness = vectors[:PROBES] @ vectors.T
        np.fill_diagonal(likeness, -2.0)
        nearest = np.argsort(-likeness, axis=1, kind="stable")[:, :NEAREST]
        lists = {told[at]: [told[other] for other in row if other != at] for at, row in enumerate(nearest)}
        diary.tracking.lists(diary.stage, epoch, lists)

    return watch


def show_vectors(diary: Diary, log: Log, parts: Parts) -> None:
    """The best sellers' target vectors, for a projector."""
    if diary.tracking is None or not diary.shows_examples:
        return
    best = np.argsort(-parts.counts.items, kind="stable")[:PROJECTED]
    names = log.products["name"].gather(best).fill_null("").to_list()
    labels = [" ".join(str(name).split()) or "-" for name in names]  # a line break would be another product
    diary.tracking.vectors("products", labels, parts.meaning.target[best])


def _best_sellers(texts: Sequence[str], log: Log, most: int) -> list[str]:
    sold = np.bincount(log.purchases["item"].to_numpy(), minlength=len(texts))
    best = np.argsort(-sold, kind="stable")[: 4 * most]
    return list(dict.fromkeys(texts[item] for item in best if texts[item]))[:most]


def _log_loss(said: Array, held: Examples) -> float:
    said = np.clip(said.astype(np.float64), 1e-6, 1 - 1e-6)
    each = -np.where(held.bought, np.log(said), np.log1p(-said))
    return float(np.average(each, weights=held.weight))
