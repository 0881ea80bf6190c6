"""Frames that are clean already, as a `Log`, without a shop folder."""

import polars as pl

from goeswith.data.log import Log
from goeswith.data.vocabulary import Vocabulary


def as_log(products: pl.DataFrame, events: pl.DataFrame) -> Log:
    """A log of frames as the corner shop has them; item i is the i-th product, customers as they first appear.

    Parameters
    ----------
    products : `product_id` and whatever else
    events : timestamp, customer_id, basket_id, event, product_id, quantity, price; every product in the catalogue
    """
    ordered = events.sort("timestamp", maintain_order=True)
    customers = ordered["customer_id"].drop_nulls().unique(maintain_order=True)
    baskets = ordered["basket_id"].drop_nulls().unique(maintain_order=True)
    rows = ordered.select(
        item=_rows_of(ordered["product_id"], products["product_id"], pl.Int32),
        customer=_rows_of(ordered["customer_id"], customers, pl.Int32),
        basket=_rows_of(ordered["basket_id"], baskets, pl.Int64),
        time=pl.col("timestamp").cast(pl.Datetime("us")),
        event=pl.col("event"),
        quantity=pl.col("quantity").cast(pl.Float32),
        price=pl.col("price").cast(pl.Float32),
    )
    items = Vocabulary(products["product_id"], kind="product")
    return Log(products=products, items=items, customers=Vocabulary(customers, kind="customer"), events=rows)


def _rows_of(ids: pl.Series, known: pl.Series, dtype: type[pl.DataType]) -> pl.Series:
    rows = pl.Series(range(len(known)), dtype=dtype)
    return ids.replace_strict(known, rows, default=None, return_dtype=dtype)
