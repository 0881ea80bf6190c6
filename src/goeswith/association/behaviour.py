"""What a log says of its products at one moment: popularity, prices, habit, and the pairs that sell together."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from goeswith.data.log import Log

Array = NDArray[np.float32]
OF_NOBODY = 0.1
"""A basket of nobody known says less than a customer's of what the next new customer wants."""


@dataclass(frozen=True)
class Popularity:
    """Figures of each product; all (items,).

    bought : baskets that hold it
    buyers : customers who bought it
    people : the same, each halved for every 30 days since they last did; a basket of nobody known counts as one more
    lately : the same, each halved for every 14 days; a basket of nobody known counts a tenth
    week, month : baskets, each halved for every 7 or 30 days of age
    again : share of its buyers who bought it more than once, drawn to the shop's mean by five buyers
    gap : days between two purchases by one customer, the same way
    first : days since it was first sold; 0 if never
    price : median unit price; the catalogue's where it never sold; nan where unknown
    browsed : views, carts and wishes, each halved for every 7 days of age
    """

    bought: Array
    buyers: Array
    people: Array
    lately: Array
    week: Array
    month: Array
    again: Array
    gap: Array
    first: Array
    price: Array
    browsed: Array


def popularity_of(log: Log, now: datetime) -> Popularity:
    days = (pl.lit(now).cast(pl.Datetime("us")) - pl.col("time")).dt.total_seconds() / 86_400
    events = log.events.with_columns(days=days.clip(lower_bound=0.0))
    sold = events.filter(pl.col("event") == "purchase")
    once = sold.unique(["item", "basket"])
    per_item = once.group_by("item").agg(
        bought=pl.len(),
        week=(0.5 ** (pl.col("days") / 7)).sum(),
        month=(0.5 ** (pl.col("days") / 30)).sum(),
        first=pl.col("days").max(),
    )
    nobody = pl.col("customer").is_null()
    of_nobody = pl.when(nobody).then(pl.col("basket"))
    counts = pl.when(nobody).then(OF_NOBODY).otherwise(1.0)
    people = (
        once.group_by("item", "customer", of_nobody.alias("of_nobody"))
        .agg(pl.col("days").min())
        .group_by("item")
        .agg(people=(0.5 ** (pl.col("days") / 30)).sum(), lately=(counts * 0.5 ** (pl.col("days") / 14)).sum())
    )
    price = sold.filter(pl.col("price") > 0).group_by("item").agg(pl.col("price").median())
    habits = (
        once.filter(pl.col("customer").is_not_null())
        .group_by("item", "customer")
        .agg(times=pl.len(), span=pl.col("days").max() - pl.col("days").min())
        .group_by("item")
        .agg(
            buyers=pl.len(),
            repeaters=(pl.col("times") > 1).sum(),
            gaps=(pl.col("times") - 1).sum(),
            spans=pl.col("span").sum(),
        )
    )
    looked = (
        events.filter(pl.col("event").is_in(["view", "cart", "wish"]))
        .group_by("item")
        .agg(browsed=(0.5 ** (pl.col("days") / 7)).sum())
    )
    table = pl.DataFrame({"item": np.arange(log.n_items, dtype=np.int32)})
    for part in (per_item, people, price, habits, looked):
        table = table.join(part, on="item", how="left", maintain_order="left")
    unknown = pl.Series([None] * log.n_items, dtype=pl.Float64)
    listed = log.products["price"] if "price" in log.products.columns else unknown
    table = table.with_columns(pl.col("price").fill_null(listed.cast(pl.Float64, strict=False)))
    filled = table.fill_null(0)
    repeat_rate = float(filled["repeaters"].sum()) / max(float(filled["buyers"].sum()), 1.0)
    mean_gap = float(filled["spans"].sum()) / max(float(filled["gaps"].sum()), 1.0)
    again = (filled["repeaters"] + 5 * repeat_rate) / (filled["buyers"] + 5)
    gap = (filled["spans"] + 5 * mean_gap) / (filled["gaps"] + 5)

    def column(name: str) -> Array:
        return filled[name].to_numpy().astype(np.float32)

    return Popularity(
        bought=column("bought"),
        buyers=column("buyers"),
        people=column("people"),
        lately=column("lately"),
        week=column("week"),
        month=column("month"),
        again=again.to_numpy().astype(np.float32),
        gap=gap.to_numpy().astype(np.float32),
        first=column("first"),
        price=table["price"].cast(pl.Float32).fill_null(float("nan")).to_numpy(),
        browsed=column("browsed"),
    )
