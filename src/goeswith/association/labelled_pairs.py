"""Pairs of products with a label, goes together or not: drawn from purchases, or given by somebody."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from goeswith.association.pairs import Threads
from goeswith.association.sets import NEXT, ProductSets
from goeswith.errors import DataError

HARDNESSES = ("random", "popular", "neighbours")
NEIGHBOURS = 10


@dataclass(frozen=True)
class LabelledPairs:
    """
    first, second : (pairs,), groups; the second may follow the first
    label : (pairs,), 1 goes together, 0 does not; between them where it is a guess with a confidence

    Raises
    ------
    DataError : one pair with two labels
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    label: NDArray[np.float32]

    def __post_init__(self) -> None:
        pairs = np.column_stack([self.first, self.second])
        distinct, place = np.unique(pairs, axis=0, return_inverse=True)
        lowest, highest = np.full(len(distinct), np.inf), np.full(len(distinct), -np.inf)
        np.minimum.at(lowest, place.ravel(), self.label)
        np.maximum.at(highest, place.ravel(), self.label)
        torn = distinct[(lowest <= 0) & (highest >= 1)]
        if len(torn):
            shown = ", ".join(f"({a}, {b})" for a, b in torn[:5].tolist()) + (", …" if len(torn) > 5 else "")
            raise DataError(
                f"{len(torn)} {'pair is' if len(torn) == 1 else 'pairs are'} labelled both as going together and as "
                f"not: {shown}. Keep one label of each pair."
            )

    def __len__(self) -> int:
        return len(self.label)


class PairSource:
    """Draws pairs from purchases: what followed what, and, of each hardness, what did not.

    random : any product that was bought; popular : as often as it is bought, so that to be popular is no answer;
    neighbours : reads like the product that did follow, so that to resemble is none either.

    Parameters
    ----------
    vectors : (groups, d), unit vectors of an encoder, for the neighbours
    known : purchases whose pairs are never negatives; None: the same
    """

    def __init__(self, purchases: Threads, vectors: NDArray[np.float32], known: Threads | None = None) -> None:
        self.purchases = purchases
        together = ProductSets(known or purchases).counts
        self._positive = together + together.T + ProductSets(purchases).counts
        self.bought = np.bincount(purchases.group[purchases.item], minlength=int(purchases.group.max()) + 1)
        self._sold = np.flatnonzero(self.bought)
        self._popular = np.cumsum(self.bought[self._sold])
        self.vectors = vectors
        self._near: dict[int, NDArray[np.int64]] = {}

    def positives(self, n: int, rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """A product and one that was bought within a few purchases after it; products that read alike are no pair."""
        purchases = self.purchases
        at = purchases.draw(n, rng)
        back = 1 + (rng.random(n) * np.minimum(at - purchases.start[at], NEXT)).astype(np.int64)
        first, second = purchases.group[purchases.item[at - back]], purchases.group[purchases.item[at]]
        kept = first != second
        return first[kept], second[kept]

    def negatives(
        self, first: NDArray[np.int64], second: NDArray[np.int64], hardness: str, rng: np.random.Generator
    ) -> NDArray[np.int64]:
        """For each pair another second product that was never seen to follow the first; -1 where none was found."""
        if hardness == "random":
            drawn = self._sold[rng.integers(0, len(self._sold), (len(first), 3))]
        elif hardness == "popular":
            mass = rng.random((len(first), 3)) * self._popular[-1]
            drawn = self._sold[np.minimum(np.searchsorted(self._popular, mass, side="right"), len(self._sold) - 1)]
        else:
            near = np.stack([self.neighbours(int(one)) for one in second])  # (pairs, neighbours)
            drawn = np.take_along_axis(near, rng.integers(0, near.shape[1], (len(first), 3)), axis=1)
        found = np.full(len(first), -1, dtype=np.int64)
        for column in drawn.T:
            fits = (found < 0) & (column != first) & (column != second)
            rows = np.flatnonzero(fits)
            if not len(rows):
                continue  # an empty selection would stay sparse
            seen = np.asarray(self._positive[first[rows], column[rows]]).ravel() > 0
            found[rows[~seen]] = column[rows[~seen]]
        return found

    def neighbours(self, group: int) -> NDArray[np.int64]:
        """Bought products that read most like this one."""
        if group not in self._near:
            cosine = self.vectors[self._sold] @ self.vectors[group]
            cosine[self._sold == group] = -np.inf
            k = min(NEIGHBOURS, max(1, len(cosine) - 1))
            top = self._sold[np.argpartition(-cosine, k - 1)[:k]]
            # A shop of few products repeats them, so that each row is as long.
            self._near[group] = np.resize(top, NEIGHBOURS)
        return self._near[group]

    def draw(self, n: int, rng: np.random.Generator, shares: Mapping[str, float] | None = None) -> LabelledPairs:
        """About n pairs that go together, and as many more as the shares say that do not.

        Parameters
        ----------
        shares : negatives of each hardness for each positive; None: one of each
        """
        first, second = self.positives(n, rng)
        sides, labels = [(first, second)], [np.ones(len(first), np.float32)]
        taken = set(zip(first.tolist(), second.tolist(), strict=True))
        for hardness, share in (shares or dict.fromkeys(HARDNESSES, 1.0)).items():
            rows = np.flatnonzero(rng.random(len(first)) < share)
            other = self.negatives(first[rows], second[rows], hardness, rng)
            clean = np.array(
                [b >= 0 and (int(a), int(b)) not in taken for a, b in zip(first[rows], other, strict=True)], dtype=bool
            )
            sides.append((first[rows][clean], other[clean]))
            labels.append(np.zeros(int(clean.sum()), np.float32))
        return LabelledPairs(
            np.concatenate([a for a, _ in sides]), np.concatenate([b for _, b in sides]), np.concatenate(labels)
        )
