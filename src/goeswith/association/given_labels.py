"""What was said of pairs, where answers are made: a labelled pair moves, and so do pairs that read like it."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from goeswith.association.parts import Array

TOGETHER, SUBSTITUTE, UNRELATED = range(3)
"""Numbers of the labels, in the order of `data.labels.LABELS`."""
STRENGTH = {TOGETHER: 2.0, SUBSTITUTE: 0.0, UNRELATED: -4.0}
"""Log odds that a label adds in `related`."""
IN_A_BASKET = {**STRENGTH, SUBSTITUTE: -1.0}
"""And in `complete`: of two that stand in for each other one is in the basket already."""
LIKE = 0.95
"""Cosine from which another product shares in a label; at 1 it has all of it."""


@dataclass(frozen=True)
class GivenLabels:
    """Labels of a moment of a shop.

    a, b : (labels,), rows; a pair counts in both orders
    kind : (labels,), TOGETHER, SUBSTITUTE or UNRELATED
    plain : (items, d), what products read like, unit vectors
    """

    a: NDArray[np.int64]
    b: NDArray[np.int64]
    kind: NDArray[np.int64]
    plain: Array

    def __len__(self) -> int:
        return len(self.a)

    def shift(
        self,
        haves: list[NDArray[np.int64]],
        query: NDArray[np.int64],
        item: NDArray[np.int64],
        in_a_basket: bool = False,
    ) -> NDArray[np.float64]:
        """Log odds to add to each candidate: the strongest that any label says of it beside any product of its query.

        Parameters
        ----------
        haves : for each query the rows that are asked about
        query, item : (candidates,)
        """
        result = np.zeros(len(item))
        strength = IN_A_BASKET if in_a_basket else STRENGTH
        worth = np.array([strength[int(kind)] for kind in np.concatenate([self.kind, self.kind])])
        for at, have in enumerate(haves):
            mine = np.flatnonzero(query == at)
            touched, alike = self._touched(have)
            if len(mine) == 0 or len(touched) == 0:
                continue
            share = np.minimum(alike, _share(self.plain[item[mine]], self.plain[self._there[touched]]))
            # Exactly the product itself, whatever its text: one without words reads like nothing.
            share = np.where(item[mine][:, None] == self._there[touched], alike, share)
            said = share * worth[touched]  # (mine, touched)
            result[mine] = np.take_along_axis(said, np.abs(said).argmax(axis=1)[:, None], axis=1).ravel()
        return result

    def together_with(self, haves: list[NDArray[np.int64]]) -> NDArray[np.int64]:
        """Products that were said to go with any of these."""
        some = np.unique(np.concatenate([*haves, np.zeros(0, np.int64)]))
        return np.unique(self._there[np.isin(self._here, some) & (np.tile(self.kind, 2) == TOGETHER)])

    def of_pairs(self, a: int, b: NDArray[np.int64]) -> NDArray[np.int64]:
        """The label of each of these pairs, -1 for none."""
        found = np.full(len(b), -1, np.int64)
        for at in np.flatnonzero(self._here == a):
            found[b == self._there[at]] = self.kind[at % len(self)]
        return found

    @cached_property
    def _here(self) -> NDArray[np.int64]:
        return np.concatenate([self.a, self.b])

    @cached_property
    def _there(self) -> NDArray[np.int64]:
        return np.concatenate([self.b, self.a])

    def _touched(self, have: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Labels, of either order, whose first product is one of these or reads like one; and how much alike."""
        if len(have) == 0 or len(self) == 0:
            return np.zeros(0, np.int64), np.zeros(0)
        share = _share(self.plain[have], self.plain[self._here])
        share = np.where(have[:, None] == self._here, 1.0, share).max(axis=0)
        touched = np.flatnonzero(share > 0)
        return touched, share[touched]


def _share(some: Array, others: Array) -> NDArray[np.float64]:
    """How much of a label of the others each of some has a part in, 0 to 1."""
    return np.clip((some @ others.T - LIKE) / (1 - LIKE), 0.0, 1.0).astype(np.float64)
