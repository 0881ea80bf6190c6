"""Gorse's exports: items.csv, feedback.csv, users.csv."""

from dataclasses import replace

import polars as pl

from goeswith.data.readers.numbering import ROW
from goeswith.data.readers.source import Table


def is_items(table: Table) -> bool:
    return {"ItemId", "Categories", "Labels"} <= set(table.headers)


def items(table: Table) -> Table:
    """Gorse keeps a product's title in Comment, and hides what is not for sale."""
    present = table.headers
    columns = {"product_id": pl.col("ItemId"), "category": pl.col("Categories"), "labels": pl.col("Labels")}
    if "Comment" in present:
        columns["name"] = pl.col("Comment")
    if "IsHidden" in present:
        hidden = pl.col("IsHidden").cast(pl.String).str.to_lowercase().is_in(["true", "1"])
        columns["available"] = ~hidden.fill_null(False)
    return replace(table, rows=table.rows.select(ROW, **columns))
