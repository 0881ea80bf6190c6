"""Positives for training: what somebody had, and what they took next."""

from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from goeswith.data.log import Log

WINDOW = 50
"""Purchases before the target from which a history is drawn."""


@dataclass(frozen=True)
class Batch:
    """Histories and what was bought after them, as groups of products that read alike.

    history : (batch, products), groups; -1 where a history is shorter
    target : (batch,), groups
    negatives : (drawn,), groups
    log_q : (batch + drawn,), log of how often each of targets and negatives is expected among them
    log_prior : (batch + drawn,), log of the share of targets that each of them is, whatever came before; added to the
        scores, it leaves to them only what the history tells (how much likelier, not how common)
    history_items, target_items, negative_items : the products themselves, shaped alike
    """

    history: NDArray[np.int64]
    target: NDArray[np.int64]
    negatives: NDArray[np.int64]
    log_q: NDArray[np.float32]
    log_prior: NDArray[np.float32]
    history_items: NDArray[np.int64]
    target_items: NDArray[np.int64]
    negative_items: NDArray[np.int64]

    @property
    def named(self) -> NDArray[np.int64]:
        """Every group that is in it, once; sorted."""
        found = np.unique(np.concatenate([self.history.ravel(), self.target, self.negatives]))
        return found[found >= 0]

    @property
    def n_pairs(self) -> int:
        """Pairs of a product and what came after it."""
        return int((self.history >= 0).sum())


def rows_of(known: NDArray[np.int64], wanted: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where in `known`, sorted, each of `wanted` stands; -1 stays -1.

    Examples
    --------
    >>> rows_of(np.array([3, 5, 8]), np.array([[8, 3], [5, -1]])).tolist()
    [[2, 0], [1, -1]]
    """
    return np.where(wanted < 0, -1, np.searchsorted(known, wanted))


@dataclass(frozen=True)
class Threads:
    """Purchases one after another: a customer's through time, or a basket's where nobody is named.

    item : (purchases,), sorted by thread, then time; within a basket in random order
    start : (purchases,), where the thread of each purchase begins
    weight : (purchases,), how readily each is drawn as a target; 0 where nothing came before
    group : (items,), products of one group are never each other's negatives
    """

    item: NDArray[np.int64]
    start: NDArray[np.int64]
    weight: NDArray[np.float64]
    group: NDArray[np.int64]

    def __len__(self) -> int:
        """Purchases that can be a target."""
        return int(np.count_nonzero(self.weight))

    def batch(self, size: int, history: int, drawn: int, rng: np.random.Generator, window: int = WINDOW) -> Batch:
        """Draw targets, of each a few purchases that came before it, and further products as negatives.

        Parameters
        ----------
        size : targets
        history : products before each
        drawn : negatives, drawn by how often a product was bought, to the power of a half

        A purchase of the target itself in the history is left out, for to find it there teaches nothing.
        """
        chosen = _draw(self._targets, size, rng)
        oldest = np.maximum(self.start[chosen], chosen - window)
        span = chosen - oldest
        # A short history is taken whole; of a longer one, each draw falls into its own part, so none comes twice.
        edges = np.arange(history)[None, :] + rng.random((size, history))
        place = np.floor(edges / history * np.maximum(span, history)[:, None]).astype(np.int64)
        taken = chosen[:, None] - 1 - place
        known = place < span[:, None]
        past = np.where(known, self.item[np.maximum(taken, 0)], -1)
        target = self.item[chosen]
        past_groups = np.where(past >= 0, self.group[past], -1)
        repeated = past_groups == self.group[target][:, None]
        past, past_groups = np.where(repeated, -1, past), np.where(repeated, -1, past_groups)
        negatives = _draw(self._negatives, drawn, rng) if drawn else np.zeros(0, np.int64)
        candidates = self.group[np.concatenate([target, negatives])]
        expected = size * self._target_share[candidates] + drawn * self._negative_share[candidates]
        return Batch(
            history=past_groups,
            target=self.group[target],
            negatives=self.group[negatives],
            log_q=np.log(np.maximum(expected, 1e-12)).astype(np.float32),
            log_prior=np.log(np.maximum(self._target_share[candidates], 1e-12)).astype(np.float32),
            history_items=past,
            target_items=target,
            negative_items=negatives,
        )

    def draw(self, n: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Places of purchases that may be targets, by their weight."""
        return _draw(self._targets, n, rng)

    def aimed_at(self, groups: NDArray[np.bool_]) -> "Threads":
        """The same, with only these groups as targets; groups : (groups,)"""
        return replace(self, weight=self.weight * groups[self.group[self.item]])

    @cached_property
    def log_prior(self) -> NDArray[np.float32]:
        """(groups,), log of the share of targets that each is."""
        return np.log(np.maximum(self._target_share, 1e-12)).astype(np.float32)

    @cached_property
    def _targets(self) -> NDArray[np.float64]:
        return np.cumsum(self.weight)

    @cached_property
    def _negative_mass(self) -> NDArray[np.float64]:
        # Products that nobody bought are never negatives: their texts would be taught to be unwanted.
        return np.sqrt(np.bincount(self.item, minlength=len(self.group)))

    @cached_property
    def _negatives(self) -> NDArray[np.float64]:
        return np.cumsum(self._negative_mass)

    @cached_property
    def _target_share(self) -> NDArray[np.float64]:
        mass = np.bincount(self.group[self.item], weights=self.weight, minlength=int(self.group.max()) + 1)
        return mass / mass.sum()

    @cached_property
    def _negative_share(self) -> NDArray[np.float64]:
        mass = np.bincount(self.group, weights=self._negative_mass)
        return mass / mass.sum()


def threads(
    log: Log,
    group: NDArray[np.int64] | None = None,
    hidden: NDArray[np.bool_] | None = None,
    damping: float = 0.5,
    after: datetime | None = None,
    seed: int = 0,
) -> Threads:
    """The purchases of a log, in threads that targets and histories are drawn from.

    Parameters
    ----------
    group : (items,), such as the row of the product's text among the distinct texts; None: each its own
    hidden : (items,), products that are left out as if never bought
    damping : a product bought n times is drawn as a target n^(1 - damping) times as often as one bought once, so that
        milk is not half of what is learnt
    after : only later purchases become targets; what came before serves as history
    """
    lines = log.purchases.select("item", "customer", "basket", "time")
    if hidden is not None:
        lines = lines.filter(~pl.lit(pl.Series(hidden)).gather(pl.col("item")))
    shuffled = lines.with_columns(
        thread=pl.when(pl.col("customer").is_null()).then(-1 - pl.col("basket")).otherwise(pl.col("customer")),
        chance=pl.Series(np.random.default_rng(seed).random(lines.height)),
    ).drop_nulls("thread")
    ordered = shuffled.sort("thread", "time", "basket", "chance")
    item = ordered["item"].to_numpy().astype(np.int64)
    thread = ordered["thread"].to_numpy()
    first = np.flatnonzero(np.diff(thread, prepend=thread[0] - 1)) if len(thread) else np.zeros(0, np.int64)
    start = np.repeat(first, np.diff(first, append=len(thread)))
    bought = np.bincount(item, minlength=log.n_items)
    weight = np.maximum(bought[item], 1).astype(np.float64) ** -damping
    weight[start == np.arange(len(item))] = 0.0
    if after is not None:
        weight[(ordered["time"] <= after).to_numpy()] = 0.0
    own = np.arange(log.n_items, dtype=np.int64)
    return Threads(item=item, start=start, weight=weight, group=own if group is None else group)


def _draw(cumulated: NDArray[np.float64], n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Rows by their mass."""
    rows = np.searchsorted(cumulated, rng.random(n) * cumulated[-1], side="right")
    return np.minimum(rows, len(cumulated) - 1).astype(np.int64)
