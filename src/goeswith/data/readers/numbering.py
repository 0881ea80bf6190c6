"""The number of a row in its file, which every report names."""

import polars as pl

ROW = "\0row"
"""No user's column is called so."""


def numbered(rows: pl.LazyFrame) -> pl.LazyFrame:
    """The rows with their number, from 1, in front."""
    return rows.with_row_index(ROW, offset=1).with_columns(pl.col(ROW).cast(pl.Int64))
