"""The objective `pair`: a classifier of text pairs learns, and the encoder learns the lists that it has ordered."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from goeswith.association.budget import affordable_steps, learning_rate
from goeswith.association.checkpoint import forget_checkpoint
from goeswith.association.distil import Lists, taught
from goeswith.association.labelled_pairs import LabelledPairs, PairSource
from goeswith.association.lessons import Distilled
from goeswith.association.loop import Course, Progress
from goeswith.association.pair_training import train_pair_classifier
from goeswith.association.pairs import Threads
from goeswith.association.pseudo_labels import pseudo_labels
from goeswith.association.sets import ProductSets
from goeswith.language.encoder import SentenceEncoder
from goeswith.language.pair_classifier import PairClassifier

if TYPE_CHECKING:
    from goeswith.association.finetune import FinetuneConfig

POSITIVES = 16
"""Pairs that go together in each step; three that do not for each."""
JUDGED = 96
"""The same for dev and test loss."""
LISTS, HELD_LISTS, STUDENTS = 300, 60, 32
PSEUDO_A_STEP, PSEUDO = 8, 2_000
SLOWER = 0.6
"""A pair is read anew every time: no layer can be kept."""


class Teaching:
    """A pair classifier and the slices that it learns from and is judged on."""

    def __init__(
        self,
        texts: Sequence[str],
        encoder: SentenceEncoder,
        config: "FinetuneConfig",
        train: Threads,
        held: Threads,
        tested: Threads | None,
        checkpoint: Path | None,
        report: Callable[[Progress], None] | None,
    ) -> None:
        self.texts, self.config, self.checkpoint, self.report = list(texts), config, checkpoint, report
        vectors = encoder.encode(self.texts)
        self.vectors = vectors
        self.train, self.held, self.tested = train, held, tested
        self._sources = {id(one): PairSource(one, vectors, train) for one in (train, held, tested) if one is not None}
        self._lists: dict[int, Lists] = {}
        self.teacher = PairClassifier.on(encoder, config.seed)
        self.course = Course()

    def learn(self, identity: str) -> Course:
        """Train the classifier within half of the seconds; dev decides which epoch is kept."""
        config, source = self.config, self._sources[id(self.train)]
        characters = 4 * POSITIVES * 2 * float(np.mean([len(text) for text in self.texts]))
        seconds = None if config.seconds is None else SLOWER * config.seconds / 2
        steps = affordable_steps(seconds, config.steps, characters)
        guesses = self._guesses() if config.pseudo else None

        def draw(step: int) -> LabelledPairs:
            rng = np.random.default_rng([config.seed, 11, step])
            pairs = source.draw(POSITIVES, rng)
            return _with(pairs, guesses, rng) if guesses is not None and len(guesses) else pairs

        folder = self.checkpoint / "teacher" if self.checkpoint else None
        self.course = train_pair_classifier(
            self.teacher,
            self.texts,
            draw,
            steps,
            dev=self._judged(self.held, 12),
            test=self._judged(self.tested, 13),
            method="full" if config.method == "full" else "last-k",
            top_layers=config.top_layers,
            rate=config.rate or learning_rate("last-k", steps),
            epochs=config.epochs,
            checkpoint=folder,
            identity=identity,
            report=self.report,
        )
        if folder:
            forget_checkpoint(folder)
        return self.course

    def lesson(self) -> Distilled:
        return Distilled(self._taught, STUDENTS, self.config.scale)

    def _taught(self, purchases: Threads) -> Lists:
        if id(purchases) not in self._lists:
            n = LISTS if purchases is self.train else HELD_LISTS
            rng = np.random.default_rng([self.config.seed, 14])
            self._lists[id(purchases)] = taught(self.teacher, self.texts, self._sources[id(purchases)], n, rng)
        return self._lists[id(purchases)]

    def _judged(self, purchases: Threads | None, stream: int) -> LabelledPairs | None:
        if purchases is None or not len(purchases):
            return None
        return self._sources[id(purchases)].draw(JUDGED, np.random.default_rng([self.config.seed, stream]))

    def _guesses(self) -> LabelledPairs:
        bought = np.bincount(self.train.group[self.train.item], minlength=len(self.texts))
        return pseudo_labels(ProductSets(self.train).counts, bought, self.vectors, PSEUDO)


def _with(pairs: LabelledPairs, guesses: LabelledPairs, rng: np.random.Generator) -> LabelledPairs:
    """Some guesses beside what is known; what is known stands."""
    rows = rng.integers(0, len(guesses), PSEUDO_A_STEP)
    known = set(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))
    rows = np.array([row for row in rows if (int(guesses.first[row]), int(guesses.second[row])) not in known], np.int64)
    return LabelledPairs(
        np.concatenate([pairs.first, guesses.first[rows]]),
        np.concatenate([pairs.second, guesses.second[rows]]),
        np.concatenate([pairs.label, guesses.label[rows]]),
    )
