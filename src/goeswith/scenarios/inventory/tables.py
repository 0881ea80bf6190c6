"""Small tables that a planner brings: promotions, stock, holidays. What is wrong is said with its row."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from goeswith.data.vocabulary import Vocabulary
from goeswith.errors import ColumnError, DataError

FIRST_ROW = 2
"""The line of a file's first record, below its header."""


@dataclass(frozen=True)
class PlannersTable:
    """name : how messages call it; frame : as it was written."""

    name: str
    frame: pl.DataFrame

    def dates(self, column: str) -> pl.Expr:
        """A column as days; refuses what is none."""
        own = self.frame[column]
        if own.dtype == pl.String:
            read = own.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
        elif own.dtype.is_temporal():
            read = own.cast(pl.Date)
        else:
            read = pl.Series(own.name, [None] * len(own), dtype=pl.Date)
        self.refuse(column, read.is_null(), own, "is no date; write it as 2024-05-31")
        return pl.lit(read).alias(column)

    def numbers(self, column: str, default: float | None = None) -> NDArray[np.float64]:
        """A column as numbers; empty cells take the default, and what is no number is refused."""
        own = self.frame[column]
        text = own.cast(pl.String).str.strip_chars() if own.dtype == pl.String else None
        read = own.cast(pl.Float64, strict=False) if text is None else text.cast(pl.Float64, strict=False)
        empty = own.is_null() if text is None else (text.is_null() | (text == ""))
        self.refuse(column, (read.is_null() | ~read.is_finite().fill_null(False)) & ~empty, own, "is no number")
        if default is None:
            self.refuse(column, empty, own, "is empty, and a number is needed")
        return read.fill_null(default if default is not None else 0.0).to_numpy().astype(np.float64)

    def strength(self, column: str) -> pl.Expr:
        """true, false, or a number from 0 to 1."""
        own = self.frame[column]
        if own.dtype == pl.Boolean:
            return pl.lit(own.cast(pl.Float64))
        if own.dtype == pl.String:
            words = {"true": "1", "yes": "1", "false": "0", "no": "0", "": "0"}
            own = own.str.strip_chars().str.to_lowercase().replace(words)
        read = own.cast(pl.Float64, strict=False)
        wrong = (read.is_null() & own.is_not_null()) | ~read.fill_null(0.0).is_between(0, 1)
        self.refuse(column, wrong, self.frame[column], "must be true, false, or a strength from 0 to 1")
        return pl.lit(read.fill_null(0.0))

    def refuse(self, column: str, wrong: pl.Series, given: pl.Series, why: str) -> None:
        """Name the first row that cannot be used, and how many more there are."""
        rows = np.flatnonzero(wrong.fill_null(True).to_numpy())
        if len(rows):
            more = f" ({len(rows) - 1:,} more rows like it)" if len(rows) > 1 else ""
            raise DataError(f"{self.name}, row {rows[0] + FIRST_ROW}: {column} {given[int(rows[0])]!r} {why}{more}.")


def read_table(source: object, what: str) -> PlannersTable:
    """A CSV or Parquet file, or a frame of Polars, pandas or Arrow.

    Raises
    ------
    DataError : missing, of another form, damaged, or without a row
    """
    if isinstance(source, str | Path):
        path = Path(source)
        if not path.is_file():
            raise DataError(f"{path}: there is no such file. Pass --{what} with a CSV or Parquet file.")
        try:
            if path.suffix.lower() in (".parquet", ".pq"):
                frame = pl.read_parquet(path)
            else:
                frame = pl.read_csv(path, infer_schema_length=10_000)
        except (OSError, pl.exceptions.PolarsError, UnicodeDecodeError) as error:
            raise DataError(f"{path}: cannot be read as CSV or Parquet ({str(error).splitlines()[0]}).") from error
        name = path.name
    else:
        try:
            frame = source.collect() if isinstance(source, pl.LazyFrame) else pl.DataFrame(source)  # type: ignore[arg-type]
        except (TypeError, ValueError, pl.exceptions.PolarsError) as error:
            raise DataError(f"The {what} are neither a file nor a frame ({error}).") from error
        name = f"the {what} frame"
    frame = frame.rename({column: column.strip().lower() for column in frame.columns})
    if frame.is_empty():
        raise DataError(f"{name}: holds no row. Leave it out, or fill it.")
    return PlannersTable(name, frame)


def need(table: PlannersTable, what: str, columns: list[str]) -> None:
    """Raise ColumnError for the columns that the table lacks."""
    missing = [column for column in columns if column not in table.frame.columns]
    if missing:
        found = ", ".join(table.frame.columns)
        raise ColumnError(f"{table.name}: the {what} need the column {missing[0]}. Found: {found}. Rename one of them.")


def rows_of(frame: pl.DataFrame, items: Vocabulary) -> tuple[NDArray[np.int64], pl.Series]:
    """Item rows of product_id, and which rows of the frame the shop knows; others are left out."""
    ids = frame["product_id"].to_list()
    known = pl.Series([value in items for value in ids], dtype=pl.Boolean)
    return items.rows(ids, unknown="skip"), known


def read_holidays(source: object) -> list[date]:
    """Days from a file or frame with the column date.

    Raises
    ------
    DataError : no such file, no column date, or something in it is no date
    """
    table = read_table(source, "holidays")
    need(table, "holidays", ["date"])
    return table.frame.select(table.dates("date"))["date"].to_list()
