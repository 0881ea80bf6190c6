"""The first answers, read once more by a model that sees two texts together."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from goeswith.language.reader import Reader
from goeswith.ranking.views import Candidates, Queries

WEIGHTS = (0.0, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8)
"""How far a nat of the reader moves the log-odds of the ranker; one of these is chosen on held-out baskets."""
MOST_HISTORY = 5
TOP = 10


@dataclass(frozen=True)
class Head:
    """A reader, and how much it is believed.

    texts : (items,), sentences of the products
    weight : log-odds for each nat by which the reader prefers a candidate to the mean of the head
    depth : how many of the first candidates are read; each costs as much as encoding a text, or more
    """

    reader: Reader
    texts: Sequence[str]
    weight: float
    depth: int = 20

    def shift(self, history: NDArray[np.int64], items: NDArray[np.int64]) -> NDArray[np.float64]:
        """What is added to the log-odds of these candidates; (candidates,), 0 in the mean.

        Parameters
        ----------
        history : rows of products, newest last
        """
        past = [self.texts[row] for row in history[-MOST_HISTORY:] if self.texts[row]]
        if not past or not len(items):
            return np.zeros(len(items))
        lifts = self.reader.lifts(past, [self.texts[row] for row in items]).astype(np.float64)
        silent = np.array([not self.texts[row] for row in items])
        told = lifts[~silent]
        centred = np.where(silent, 0.0, lifts - (told.mean() if len(told) else 0.0))
        return self.weight * centred

    def applied(
        self,
        chance: NDArray[np.float32],
        some: Candidates,
        asked: Queries,
        sources: NDArray[np.int64] | None,
    ) -> NDArray[np.float32]:
        """The ranker's probabilities with those of each query's first candidates moved; (candidates,)"""
        moved = chance.astype(np.float64)
        for query in range(some.n_queries):
            at = np.arange(*some.of(query).indices(len(some.query)))
            first = at[np.argsort(-chance[at], kind="stable")[: self.depth]]
            history = history_of(asked, query, None if sources is None else int(sources[query]))
            bounded = np.clip(moved[first], 1e-9, 1 - 1e-9)
            odds = np.log(bounded / (1 - bounded)) + self.shift(history, some.item[first])
            moved[first] = 1 / (1 + np.exp(-odds))
        return moved.astype(np.float32)


def history_of(asked: Queries, query: int, source: int | None) -> NDArray[np.int64]:
    """What a query is about, newest last: the product asked about, the basket, or what the customer bought."""
    if source is not None:
        return np.array([source], dtype=np.int64)
    if asked.held is not None:
        return asked.held.indices[asked.held.indptr[query] : asked.held.indptr[query + 1]].astype(np.int64)
    rows = slice(int(asked.own.start[query]), int(asked.own.start[query + 1]))
    bought = asked.own.n[rows] > 0
    item, steps = asked.own.item[rows][bought], asked.own.steps[rows][bought]
    return item[np.argsort(-steps, kind="stable")].astype(np.int64)


@dataclass(frozen=True)
class Case:
    """One held-out question. history, items : rows; odds : (items,), of the ranker; hidden : the right answer"""

    history: NDArray[np.int64]
    items: NDArray[np.int64]
    odds: NDArray[np.float64]
    hidden: int


def choose_weight(
    reader: Reader, texts: Sequence[str], cases: Sequence[Case], told: Callable[[str], None] = lambda text: None
) -> Head | None:
    """The weight that ranks hidden products of one half of the cases best; None unless it helps the other half too.

    Parameters
    ----------
    cases : questions of a slice of time that the ranker has not learnt counts from
    told : of what was found, in a sentence
    """
    whole = Head(reader, texts, 1.0)
    shifts = [whole.shift(case.history, case.items) for case in cases]
    gains = np.array(
        [[_gain(case, weight * shift) for weight in WEIGHTS] for case, shift in zip(cases, shifts, strict=True)]
    )
    if len(gains) < 2:
        told("the reader of the first answers is not used: nothing is held out to judge it by")
        return None
    best = int(gains[::2].mean(axis=0).argmax())
    other = gains[1::2]
    gained = other[:, best] - other[:, 0]
    figures = (
        f"NDCG@{TOP} {other[:, best].mean():.4f} on {len(other)} held-out baskets with weight {WEIGHTS[best]:g}, "
        f"{other[:, 0].mean():.4f} without"
    )
    # Less than a standard error is chance.
    if gained.mean() <= gained.std() / np.sqrt(len(gained)):
        told(f"the reader of the first answers is not used: {figures}")
        return None
    told(f"the first answers are read once more: {figures}")
    return Head(reader, texts, WEIGHTS[best])


def _gain(case: Case, shift: NDArray[np.float64]) -> float:
    order = case.items[np.argsort(-(case.odds + shift), kind="stable")][:TOP]
    place = np.flatnonzero(order == case.hidden)
    return float(1 / np.log2(2 + place[0])) if len(place) else 0.0
