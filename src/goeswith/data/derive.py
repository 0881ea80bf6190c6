"""A catalogue from the events, for shops whose catalogue and events are one file."""

from collections.abc import Sequence

import polars as pl

from goeswith.data.numbers import number
from goeswith.data.products import named_rows

DESCRIBING = ("name", "description", "category", "brand", "size", "latitude", "longitude")
"""Columns of events that may describe the product; they are staged as p:name and so on."""


def derived_products(kept_events: Sequence[pl.LazyFrame]) -> pl.DataFrame:
    """One row a product of the kept events, in order of id: its most frequent text, and its median price.

    Parameters
    ----------
    kept_events : of each file, the events that were kept, with p: columns where they describe their products

    Returns
    -------
    product_id, name, price where known, and what else the events say of products
    """
    kept = pl.concat([events.select("product_id", "event", "price") for events in kept_events])
    products = kept.select("product_id").unique().collect(engine="streaming").sort("product_id")
    for ours in DESCRIBING:
        told = [
            events.select("product_id", value=_value(f"p:{ours}", ours, events))
            for events in kept_events
            if f"p:{ours}" in events.collect_schema()
        ]
        if told:
            texts = _most_frequent(pl.concat(told)).rename({"value": ours})
            products = products.join(texts, on="product_id", how="left")
    prices = _median_price(kept.filter(pl.col("event") == "purchase"))
    if prices["price"].null_count() < len(prices):
        products = products.join(prices, on="product_id", how="left")
    named = named_rows(products.sort("product_id"))
    return named.select("product_id", "name", pl.exclude("product_id", "name"))


def _value(column: str, ours: str, events: pl.LazyFrame) -> pl.Expr:
    dtype = events.collect_schema()[column]
    if ours in ("latitude", "longitude"):
        return number(pl.col(column), dtype, events.select(column).head(2000).collect()[column])
    text = pl.col(column).cast(pl.String).str.strip_chars()
    return pl.when(text != "").then(text)


def _most_frequent(told: pl.LazyFrame) -> pl.DataFrame:
    counts = told.drop_nulls("value").group_by("product_id", "value").len().collect(engine="streaming")
    ranked = counts.sort(["len", "value"], descending=[True, False])
    return ranked.unique("product_id", keep="first", maintain_order=True).select("product_id", "value")


def _median_price(purchases: pl.LazyFrame) -> pl.DataFrame:
    """The lower median: a price that was really paid."""
    counts = purchases.drop_nulls("price").group_by("product_id", "price").len().collect(engine="streaming")
    ranked = counts.sort("product_id", "price").with_columns(
        below=pl.col("len").cum_sum().over("product_id"), total=pl.col("len").sum().over("product_id")
    )
    upper = ranked.filter(pl.col("below") * 2 >= pl.col("total"))
    middle = upper.unique("product_id", keep="first", maintain_order=True)
    return middle.select("product_id", pl.col("price").cast(pl.Float64).round(4))
