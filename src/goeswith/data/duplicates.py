"""Rows that say the same thing twice."""

import polars as pl

from goeswith.data.events import STORED
from goeswith.data.readers.numbering import ROW

ROWS_AT_ONCE = 20_000_000  # two columns of eight bytes each are held for so many rows


def duplicate_rows(new: pl.LazyFrame, old: pl.LazyFrame | None = None) -> pl.Series:
    """Numbers of the rows of `new` that repeat an earlier row of it, or any row of `old`, in every STORED column.

    Rows are compared by a hash of 64 bits, in passes over a part of the hashes each, so that memory is bounded. Among
    80 million rows the chance that any two different ones are taken for the same is 1 in 6,000.
    """
    key = pl.struct(STORED).hash()
    total = new.select(pl.len()).collect(engine="streaming").item()
    total += old.select(pl.len()).collect(engine="streaming").item() if old is not None else 0
    passes = total // ROWS_AT_ONCE + 1
    found = []
    for turn in range(passes):
        hashes = new.select(ROW, key=key).filter(pl.col("key") % passes == turn).collect(engine="streaming").sort(ROW)
        repeated = ~pl.col("key").is_first_distinct()
        if old is not None:
            seen = old.select(key=key).filter(pl.col("key") % passes == turn).unique().collect(engine="streaming")
            repeated = repeated | pl.col("key").is_in(seen["key"].implode())
        found.append(hashes.filter(repeated)[ROW])
    return pl.concat(found)
