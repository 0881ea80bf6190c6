"""Where past ends and future begins: the cut that fits a shop's log."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import polars as pl

from goeswith.data.log import PURCHASE, Log
from goeswith.errors import DataError

HORIZON = timedelta(weeks=4)
LONG_LOG = timedelta(weeks=20)  # from here on, four weeks are no more than a fifth
LAST_SHARE = 0.2
SHORT_HISTORY = 15  # median purchases of a customer
FEW_REPEATS = 0.01  # share of purchases that are a customer's second of the same product


@dataclass(frozen=True)
class Split:
    """What a recommender may know, and what it is asked about.

    cut : the last moment of `before`; None where each customer has a cut of their own
    how : the cut in words, for the report
    """

    before: Log
    after: Log
    cut: datetime | None
    how: str


def cut_at(log: Log, time: datetime, how: str | None = None) -> Split:
    """The same moment for everybody; events at `time` itself belong to the past."""
    last = log.events["time"].max()
    end = last if isinstance(last, datetime) else time
    return Split(log.until(time), log.between(time, max(end, time)), time, how or f"cut at {time:%Y-%m-%d %H:%M}")


def cut_last_purchase(log: Log) -> Split:
    """Each customer's last purchase is the question, all before it is known; whoever bought once stays in the past.

    What a customer did after that purchase is in neither part.
    """
    numbered = log.events.with_row_index("at")
    bought = numbered.filter((pl.col("event") == PURCHASE) & pl.col("customer").is_not_null())
    last = bought.group_by("customer").agg(last=pl.col("at").max(), n=pl.len()).filter(pl.col("n") > 1)
    marked = numbered.join(last.select("customer", "last"), on="customer", how="left", maintain_order="left")
    before = marked.filter(pl.col("last").is_null() | (pl.col("at") < pl.col("last"))).drop("at", "last")
    after = marked.filter(pl.col("at") == pl.col("last")).drop("at", "last")
    return Split(
        replace(log, events=before), replace(log, events=after), None, "last purchase of each customer held out"
    )


def has_short_histories(log: Log) -> bool:
    """Few purchases a customer, and hardly anything bought twice: what counts is what comes next."""
    bought = log.purchases.filter(pl.col("customer").is_not_null())
    if bought.is_empty():
        return False
    median = bought.group_by("customer").len()["len"].median()
    repeats = 1 - bought.select("customer", "item").n_unique() / bought.height
    return isinstance(median, float) and 2 <= median <= SHORT_HISTORY and repeats <= FEW_REPEATS


def default_split(log: Log) -> Split:
    """The cut used unless another is given.

    Short ordered histories: the last purchase of each customer. A log of 20 weeks or more: its last four weeks.
    Anything else: the last fifth of its purchases.

    Raises
    ------
    DataError : the log holds no purchase
    """
    times = log.purchases["time"]
    first, last = times.min(), times.max()
    if not isinstance(first, datetime) or not isinstance(last, datetime):
        raise DataError("There is no purchase in this shop, so nothing to judge. Add events first.")
    if has_short_histories(log):
        return cut_last_purchase(log)
    if last - first >= LONG_LOG:
        return cut_at(log, last - HORIZON, f"last four weeks held out, from {last - HORIZON:%Y-%m-%d %H:%M}")
    cut = times.sort()[max(0, int(len(times) * (1 - LAST_SHARE)) - 1)]
    if cut == last and first < last:  # many at the last moment: they are the future, all of them
        cut = times.filter(times < last).max()
    share = (times > cut).sum() / len(times)
    return cut_at(log, cut, f"last {share:.0%} of the purchases held out, from {cut:%Y-%m-%d %H:%M}")
