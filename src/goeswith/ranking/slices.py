"""A later slice of the log to learn from: what its inputs may know, and what happened next."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from goeswith.data.cut import Split, cut_at, default_split
from goeswith.data.log import Log
from goeswith.data.split import split_by_product

LONG = 5
"""A log of so many horizons gives its last one; a shorter log its last fifth."""
HIDDEN = 0.15
"""Share of the products whose past is taken away, so that the ranker meets products as cold as tomorrow's are."""

SMALL = 300_000
"""Purchases up to which a log is cut several times."""


@dataclass(frozen=True)
class TrainingSlice:
    """What rankers learn from.

    seen : the log that their inputs are computed from; of a hidden product none to four purchases are left
    now : the moment that ages are counted from
    hidden : (items,), products whose past was taken away
    customer, item : (purchases,), who bought what next, distinct
    baskets : the products of each later basket, distinct; owners : their customers, -1 unknown
    """

    seen: Log
    now: datetime
    hidden: NDArray[np.bool_]
    customer: NDArray[np.int64]
    item: NDArray[np.int64]
    baskets: list[NDArray[np.int64]]
    owners: NDArray[np.int64]


def training_slices(log: Log, horizon: timedelta, seed: int, most: int = 3) -> list[TrainingSlice]:
    """Cut the log where answers to what follows can be checked, the latest cut first; none where nothing follows.

    A long log gives its last `horizon`, a short one its last fifth, and where histories are short and ordered each
    customer's last purchase. Small logs are cut again, before each cut, for one slice teaches them little. The same
    products are hidden in every slice, so that what was learnt from a later one tells nothing of them.

    Parameters
    ----------
    most : slices of a log of up to SMALL purchases; a larger one gives one
    """
    hidden = np.zeros(log.n_items, bool)
    if log.n_items >= 50:
        hidden[split_by_product(log, HIDDEN, seed)] = True
    slices: list[TrainingSlice] = []
    rest, fewest = log, log.purchases.height / 2
    while len(slices) < (most if log.purchases.height <= SMALL else 1):
        split = _cut(rest, horizon)
        if split is None or split.before.purchases.is_empty() or split.after.purchases.is_empty():
            break
        slices.append(_slice(split, hidden, seed))
        rest = split.before
        if rest.purchases.height < fewest:
            break
    return slices


def _cut(log: Log, horizon: timedelta) -> Split | None:
    last = log.events["time"].max()
    if log.purchases.is_empty() or not isinstance(last, datetime):
        return None
    split = default_split(log)
    first = log.purchases["time"].min()
    is_long = split.cut is not None and isinstance(first, datetime) and last - first >= LONG * horizon
    return cut_at(log, last - horizon) if is_long else split


def _slice(split: Split, hidden: NDArray[np.bool_], seed: int) -> TrainingSlice:
    now = split.cut or split.before.events["time"].max()
    assert isinstance(now, datetime)
    next_ = split.after.purchases
    named = next_.filter(pl.col("customer").is_not_null()).select("customer", "item").unique(maintain_order=True)
    by_basket = next_.group_by("basket", maintain_order=True)
    grouped = by_basket.agg(pl.col("customer").first(), pl.col("item").unique().sort())
    return TrainingSlice(
        seen=_take_away(split.before, hidden, seed),
        now=now,
        hidden=hidden,
        customer=named["customer"].to_numpy().astype(np.int64),
        item=named["item"].to_numpy().astype(np.int64),
        baskets=[np.asarray(items, np.int64) for items in grouped["item"].to_list()],
        owners=grouped["customer"].fill_null(-1).to_numpy().astype(np.int64),
    )


def _take_away(log: Log, hidden: NDArray[np.bool_], seed: int) -> Log:
    rng = np.random.default_rng(seed)
    left = np.where(rng.random(len(hidden)) < 0.5, 0, rng.integers(0, 5, len(hidden)))
    items = log.events["item"].to_numpy()
    turn = log.events.select(pl.int_range(pl.len()).shuffle(seed=seed).over("item")).to_series().to_numpy()
    return replace(log, events=log.events.filter(pl.Series(~hidden[items] | (turn < left[items]))))
