"""A Log straight from clean frames, so that the peers' figures do not depend on how a shop reads files."""

import polars as pl

from goeswith.data.log import EVENT_COLUMNS, PURCHASE, Log
from goeswith.data.vocabulary import Vocabulary


def plain_log(products: pl.DataFrame, events: pl.DataFrame, customers: pl.Series) -> Log:
    """One purchase a row.

    Parameters
    ----------
    events : customer_id, basket_id, product_id, timestamp
    customers : all that may be asked about; those without an event get an empty past
    """
    items = Vocabulary(products["product_id"], kind="product")
    people = Vocabulary(customers, kind="customer")
    row = pl.DataFrame({"product_id": items.series}).with_row_index("item")
    person = pl.DataFrame({"customer_id": people.series}).with_row_index("customer")
    rows = events.join(row, on="product_id", maintain_order="left").join(
        person, on="customer_id", how="left", maintain_order="left"
    )
    dense = rows.with_columns(
        basket=pl.col("basket_id").rank("dense").cast(pl.Int64) - 1,
        time=pl.col("timestamp").cast(pl.Datetime("us")),
        event=pl.lit(PURCHASE),
        quantity=pl.lit(1.0),
        price=pl.lit(None, pl.Float32),
    )
    kept = dense.select(pl.col(name).cast(kind) for name, kind in EVENT_COLUMNS.items())
    return Log(products, items, people, kept.sort("time", maintain_order=True))
