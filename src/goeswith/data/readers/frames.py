"""Frames of Polars, pandas and Arrow."""

from typing import Any

import polars as pl

from goeswith.errors import DataError


def is_frame(source: object) -> bool:
    is_polars = isinstance(source, pl.DataFrame | pl.LazyFrame)
    return is_polars or _is_pandas(source) or hasattr(source, "__arrow_c_stream__")


def as_lazy_frame(source: Any, what: str) -> pl.LazyFrame:
    """A Polars frame of the same columns; pandas' NaN become null, and a column of mixed objects becomes text."""
    if isinstance(source, pl.LazyFrame):
        return source
    if isinstance(source, pl.DataFrame):
        return source.lazy()
    try:
        return (_from_pandas(source) if _is_pandas(source) else pl.DataFrame(source)).lazy()
    except (pl.exceptions.PolarsError, TypeError, ValueError) as error:
        raise DataError(f"the {what} frame cannot be read as a table: {error}") from error


def _is_pandas(source: object) -> bool:
    return type(source).__module__.partition(".")[0] == "pandas" and hasattr(source, "columns")


def _from_pandas(frame: Any) -> pl.DataFrame:
    columns = {str(name): frame[name] for name in frame.columns}
    return pl.DataFrame([_from_series(values).rename(name) for name, values in columns.items()])


def _from_series(values: Any) -> pl.Series:
    try:
        return pl.Series(pl.from_pandas(values))
    except Exception:  # pyarrow raises its own errors on mixed objects, such as 71053 beside "85123A"
        missing = values.isna().tolist()
        listed = values.tolist()
        texts = [None if gone else str(value) for value, gone in zip(listed, missing, strict=True)]
        return pl.Series(texts, dtype=pl.String)
