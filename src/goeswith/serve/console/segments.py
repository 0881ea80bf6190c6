"""Customers in groups that a merchandiser knows: by how often they come, and how long they have been away."""

from dataclasses import dataclass
from typing import Any

import polars as pl

from goeswith.serve.at_work import AtWork

SEGMENTS = ("loyal", "regular", "new", "once", "fading", "lost")
MEANS = {
    "loyal": "among the fifth with the most baskets, and still coming",
    "regular": "several baskets, away no longer than twice their usual gap or four weeks",
    "new": "one basket, in the last four weeks",
    "once": "one basket, longer ago",
    "fading": "away more than twice their usual gap, and more than four weeks",
    "lost": "away more than four times their usual gap, and more than twelve weeks",
}
SHORT, LONG = 28.0, 84.0


@dataclass(frozen=True)
class Segments:
    """customers : customer (row), baskets, away (days), segment; the most baskets first"""

    customers: pl.DataFrame

    def counts(self) -> list[dict[str, Any]]:
        told = dict(self.customers.group_by("segment").len().iter_rows())
        whole = max(len(self.customers), 1)
        means = dict(self.customers.group_by("segment").agg(pl.col("baskets").mean()).iter_rows())
        return [
            {"segment": name, "n": told.get(name, 0), "share": told.get(name, 0) / whole, "baskets": means.get(name),
             "means": MEANS[name]}
            for name in SEGMENTS
        ]  # fmt: skip


def segments_of(work: AtWork) -> Segments:
    """Every customer of a version's log, as of its last event."""
    bought = work.model.log.purchases.filter(pl.col("customer").is_not_null())
    now = work.model.parts.now
    each = bought.group_by("customer").agg(
        pl.col("basket").n_unique().alias("baskets"),
        ((pl.lit(now) - pl.col("time").max()).dt.total_seconds() / 86_400).alias("away"),
        ((pl.col("time").max() - pl.col("time").min()).dt.total_seconds() / 86_400).alias("span"),
    )
    gap = pl.col("span") / (pl.col("baskets") - 1).clip(1)
    once, many = pl.col("baskets") == 1, pl.col("baskets") >= pl.col("baskets").quantile(0.8)
    away = pl.col("away")
    segment = (
        pl.when(once & (away <= SHORT)).then(pl.lit("new"))
        .when(once).then(pl.lit("once"))
        .when((away > 4 * gap) & (away > LONG)).then(pl.lit("lost"))
        .when((away > 2 * gap) & (away > SHORT)).then(pl.lit("fading"))
        .when(many).then(pl.lit("loyal"))
        .otherwise(pl.lit("regular"))
    )  # fmt: skip
    return Segments(each.with_columns(segment=segment).sort("baskets", "customer", descending=[True, False]))


def liked(work: AtWork, customers: pl.Series, most: int = 8) -> list[dict[str, Any]]:
    """What these customers buy more than others do: categories by lift, where the catalogue has them."""
    products = work.model.log.products
    if "category" not in products.columns:
        return []
    category = products["category"].cast(pl.String)
    lines = work.model.log.purchases.select("customer", "item").drop_nulls()
    named = lines.with_columns(category=category.gather(lines["item"])).drop_nulls("category")
    whole = named.group_by("category").len("all")
    own = named.filter(pl.col("customer").is_in(customers.implode())).group_by("category").len("own")
    both = own.join(whole, on="category").filter(pl.col("own") >= 5)
    total, theirs = max(len(named), 1), max(int(own["own"].sum()), 1)
    told = both.with_columns(lift=pl.col("own") / theirs / (pl.col("all") / total)).sort("lift", descending=True)
    return told.head(most).to_dicts()
