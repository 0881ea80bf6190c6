"""Ids keep the type and spelling of the user's files; two tables that must meet are brought to one type."""

import polars as pl


def as_id(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Whole numbers stay whole numbers (also where pandas made floats of them, for gaps), all else is text.

    Text is stripped of blanks around it; text that is empty is null.
    """
    if dtype.is_integer():
        return column.cast(pl.Int64)
    if dtype.is_float():
        return pl.when(column % 1 == 0).then(column.cast(pl.Int64, strict=False))
    text = column.cast(pl.String).str.strip_chars()
    return pl.when(text != "").then(text)


def id_type(dtype: pl.DataType) -> pl.DataType:
    return pl.Int64() if dtype.is_integer() or dtype.is_float() else pl.String()


def to_type(column: pl.Expr, have: pl.DataType, want: pl.DataType) -> pl.Expr:
    """Ids of one type as the other; text that is not spelt as a whole number (007, 12a) has no number and is null."""
    if have == want:
        return column
    if want == pl.String:
        return column.cast(pl.String)
    number = column.cast(pl.Int64, strict=False)
    return pl.when(number.cast(pl.String) == column).then(number)
