"""What each customer bought, how often and how long ago: the personal side of every answer."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_array

from goeswith.data.log import Log

SHORT, LONG, LONGEST = 14.0, 60.0, 150.0
"""Half-lives in days of the decayed counts."""
MONTH, EARLIER = 28.0, 0.8
"""Days of a month, and what a month counts of the one after it."""

COLUMNS = ("n", "short", "long", "longest", "months", "steps", "last", "first", "browsed")


@dataclass(frozen=True)
class Histories:
    """One row for each pair of a query and a product it has bought or looked at, sorted by query.

    start : (queries + 1,), the rows of query q are start[q]:start[q + 1]
    item : (rows,)
    n : (rows,), baskets of this query that hold the product; 0 if only looked at
    short, long, longest : (rows,), the same, each basket halved for every 14, 60 or 150 days of age
    months : (rows,), share of the customer's months with such a basket, each counting 0.8 of the one after it
    steps : (rows,), baskets since the last one with the product; 0 is the newest
    last, first : (rows,), days before now
    browsed : (rows,), views, carts and wishes less returns, halved for every 14 days
    n_baskets, age : (queries,), baskets in all, and days since the first
    """

    start: NDArray[np.int64]
    item: NDArray[np.int64]
    n: NDArray[np.float32]
    short: NDArray[np.float32]
    long: NDArray[np.float32]
    longest: NDArray[np.float32]
    months: NDArray[np.float32]
    steps: NDArray[np.float32]
    last: NDArray[np.float32]
    first: NDArray[np.float32]
    browsed: NDArray[np.float32]
    n_baskets: NDArray[np.float32]
    age: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.start) - 1

    def take(self, queries: NDArray[np.int64]) -> "Histories":
        """These queries, in this order; -1 stands for somebody without a history."""
        known = np.maximum(queries, 0)
        length = np.where(queries >= 0, (self.start[1:] - self.start[:-1])[known] if len(self) else 0, 0)
        start = np.concatenate([[0], np.cumsum(length)])
        begin = self.start[known] if len(self) else np.zeros(len(queries), np.int64)
        rows = np.repeat(begin - start[:-1], length) + np.arange(start[-1])
        columns = {name: getattr(self, name)[rows] for name in COLUMNS}
        absent = queries < 0
        whole = {
            name: np.where(absent, 0, getattr(self, name)[known] if len(self) else 0).astype(np.float32)
            for name in ("n_baskets", "age")
        }
        return Histories(start=start, item=self.item[rows], **columns, **whole)

    def matrix(self, values: NDArray[np.floating], n_items: int) -> csr_array:
        """(queries, items) with these values in place of the rows."""
        # A table of its own: whoever drops its zeros must not drop rows here.
        where = self.item.copy(), self.start.copy()
        return csr_array((values.astype(np.float32), *where), shape=(len(self), n_items))


WEIGHTS = {"purchase": 0.0, "view": 1.0, "cart": 3.0, "wish": 2.0, "return": -1.0}
"""What a browsing event counts for in `browsed`."""


def histories_of(log: Log, now: datetime) -> Histories:
    """The history of every customer of a log, in the order of its vocabulary.

    Parameters
    ----------
    now : ages count back from this moment
    """
    events = log.events.filter(pl.col("customer").is_not_null())
    return _gather(events.rename({"customer": "query"}), now, log.n_customers)


def histories_from(baskets: list[list[list[int]]], now: datetime) -> Histories:
    """Histories of customers nobody has seen: each one's baskets, oldest first, a day apart, the last one yesterday."""
    rows = [
        (query, item, number, len(own) - number)
        for query, own in enumerate(baskets)
        for number, basket in enumerate(own)
        for item in basket
    ]
    frame = pl.DataFrame(
        rows, schema={"query": pl.Int32, "item": pl.Int32, "basket": pl.Int64, "ago": pl.Int64}, orient="row"
    )
    events = frame.with_columns(
        time=pl.lit(now).cast(pl.Datetime("us")) - pl.duration(days="ago"), event=pl.lit("purchase")
    )
    return _gather(events, now, len(baskets))


def _gather(events: pl.DataFrame, now: datetime, n_queries: int) -> Histories:
    days = (pl.lit(now).cast(pl.Datetime("us")) - pl.col("time")).dt.total_seconds() / 86_400
    aged = events.select(
        "query", "item", "basket", "event", days=days, is_purchase=pl.col("event") == "purchase"
    ).with_columns(weight=pl.col("event").replace_strict(WEIGHTS, default=0.0, return_dtype=pl.Float32))
    month = (pl.col("days").clip(lower_bound=0.0) / MONTH).floor()
    bought = (
        aged.filter("is_purchase")
        .group_by("query", "item", "basket")
        .agg(pl.col("days").min())
        .with_columns(step=pl.col("days").rank("dense").over("query") - 1)
        .group_by("query", "item")
        .agg(
            n=pl.len(),
            short=(0.5 ** (pl.col("days") / SHORT)).sum(),
            long=(0.5 ** (pl.col("days") / LONG)).sum(),
            longest=(0.5 ** (pl.col("days") / LONGEST)).sum(),
            months=(EARLIER ** month.unique()).sum(),
            steps=pl.col("step").min(),
            last=pl.col("days").min(),
            first=pl.col("days").max(),
        )
    )
    looked = (
        aged.filter(~pl.col("is_purchase"))
        .group_by("query", "item")
        .agg(browsed=(pl.col("weight") * 0.5 ** (pl.col("days") / SHORT)).sum(), looked=pl.col("days").min())
    )
    both = (
        bought.join(looked, on=["query", "item"], how="full", coalesce=True)
        .with_columns(
            pl.col("n", "short", "long", "longest", "months", "browsed").fill_null(0.0),
            pl.col("steps").fill_null(0),
            pl.col("last", "first").fill_null(pl.col("looked")),
        )
        .sort("query", "item")
    )
    whole = (
        aged.filter("is_purchase")
        .group_by("query")
        .agg(n_baskets=pl.col("basket").n_unique(), age=pl.col("days").max())
    )
    n_baskets, age = np.zeros(n_queries, np.float32), np.zeros(n_queries, np.float32)
    n_baskets[whole["query"].to_numpy()] = whole["n_baskets"].to_numpy()
    age[whole["query"].to_numpy()] = whole["age"].to_numpy()
    n_months = np.floor(np.maximum(age, 0) / MONTH) + 1
    all_months = (1 - EARLIER**n_months) / (1 - EARLIER)
    both = both.with_columns(months=pl.col("months") / pl.Series(all_months).gather(both["query"]))
    length = np.bincount(both["query"].to_numpy(), minlength=n_queries)
    columns = {name: both[name].to_numpy().astype(np.float32) for name in COLUMNS}
    return Histories(
        start=np.concatenate([[0], np.cumsum(length)]).astype(np.int64),
        item=both["item"].to_numpy().astype(np.int64),
        **columns,
        n_baskets=n_baskets,
        age=age,
    )
