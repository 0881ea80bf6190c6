"""What a step is made of and what it minimises: one lesson for each objective."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from goeswith.association.catalogue import CatalogueSoftmax
from goeswith.association.distil import Lists, list_loss
from goeswith.association.pairs import Batch, Threads
from goeswith.association.sets import ProductSet, ProductSets, set_softmax
from goeswith.association.towers import Named, Objective, Towers, sampled

TRAIN, HELD, TESTED = range(3)


class Lesson(Protocol):
    """One way to learn two vectors from purchases."""

    objective: Objective

    def batch(self, purchases: Threads, rng: np.random.Generator) -> Named:
        """What one step reads; of the same rng, the same."""
        ...

    def prepare(self, towers: Towers, step: int) -> None:
        """What has to be known before a step."""
        ...

    def texts_per_step(self) -> int:
        """How many texts are encoded, at most."""
        ...


@dataclass(frozen=True)
class Shape:
    """Of a batch: targets, products before each, how far back they lie, negatives drawn beside those of the batch."""

    batch: int
    history: int
    window: int
    drawn: int


class Drawn:
    """contrastive: what was bought next, among the targets of the batch and drawn negatives."""

    def __init__(self, shape: Shape, scale: float) -> None:
        self.shape, self.objective = shape, sampled(scale)

    def batch(self, purchases: Threads, rng: np.random.Generator) -> Batch:
        shape = self.shape
        return purchases.batch(shape.batch, shape.history, shape.drawn, rng, shape.window)

    def prepare(self, towers: Towers, step: int) -> None:
        return None

    def texts_per_step(self) -> int:
        return self.shape.batch * (1 + self.shape.history) + self.shape.drawn


class Whole(Drawn):
    """likelihood: what was bought next, among the whole catalogue."""

    def __init__(self, shape: Shape, scale: float, log_prior: NDArray[np.float32], refresh: int) -> None:
        super().__init__(Shape(shape.batch, shape.history, shape.window, 0), scale)
        self.softmax = CatalogueSoftmax(log_prior, scale, refresh)
        self.objective = self.softmax

    def prepare(self, towers: Towers, step: int) -> None:
        self.softmax.prepare(towers, step)


class Sets:
    """contrastive, with a set of distinct products a step and every co-purchase among them as positives."""

    def __init__(self, size: int, scale: float) -> None:
        self.size = size
        self._counted: dict[int, tuple[Threads, ProductSets]] = {}

        def objective(batch: ProductSet, groups: NDArray[np.int64], source: Tensor, target: Tensor) -> Tensor:
            return set_softmax(batch, source, target, scale)

        self.objective: Objective = objective

    def batch(self, purchases: Threads, rng: np.random.Generator) -> ProductSet:
        return self._sets(purchases).draw(self.size, rng)

    def prepare(self, towers: Towers, step: int) -> None:
        return None

    def texts_per_step(self) -> int:
        return self.size

    def _sets(self, purchases: Threads) -> ProductSets:
        # Threads hold arrays and have no hash; each slice is counted once.
        if id(purchases) not in self._counted:
            self._counted[id(purchases)] = (purchases, ProductSets(purchases))
        return self._counted[id(purchases)][1]


class Distilled:
    """pair: lists that a pair classifier has ordered; held-out slices have lists of their own."""

    def __init__(self, lists: Callable[[Threads], Lists], batch: int, scale: float) -> None:
        self.lists, self.size = lists, batch

        def objective(batch: Lists, groups: NDArray[np.int64], source: Tensor, target: Tensor) -> Tensor:
            return list_loss(batch, groups, source, target, scale)

        self.objective: Objective = objective

    def batch(self, purchases: Threads, rng: np.random.Generator) -> Lists:
        whole = self.lists(purchases)
        return whole.take(rng.integers(0, len(whole.first), self.size))

    def prepare(self, towers: Towers, step: int) -> None:
        return None

    def texts_per_step(self) -> int:
        return 7 * self.size
