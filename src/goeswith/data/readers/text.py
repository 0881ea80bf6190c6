"""Tables in text: comma, tab, semicolon or bar between the fields."""

import csv
from pathlib import Path

import polars as pl

from goeswith.data.readers.encoding import as_utf8
from goeswith.errors import DataError

DELIMITERS = (",", "\t", ";", "|")


def read_text(path: Path, named: Path, scratch: Path) -> tuple[pl.LazyFrame, dict[str, int]]:
    """A lazy table of text, every value as written ("007" stays "007"), and notes on how it was read.

    Raises
    ------
    DataError : no header can be found
    """
    plain, notes = as_utf8(path, scratch)
    with open(plain, "rb") as file:
        start = file.read(1 << 18).decode("utf-8-sig", errors="ignore")
    lines = [line for line in start.splitlines()[:200] if line.strip()]
    if not lines:
        raise DataError(f"{named}: the file holds blank lines only. A header and at least one row are needed.")
    delimiter = find_delimiter(lines)
    quoted = _quotes_are_quotes(lines, delimiter)
    try:
        rows = pl.scan_csv(
            plain,
            separator=delimiter,
            quote_char='"' if quoted else None,
            infer_schema=False,
            truncate_ragged_lines=True,
            encoding="utf8-lossy",
        )
        names = rows.collect_schema().names()
    except pl.exceptions.PolarsError as error:
        raise DataError(f"{named}: cannot be read as a table of text ({error}).") from error
    return rows.rename({name: name.strip().strip("\ufeff") for name in names}), notes


def find_delimiter(lines: list[str]) -> str:
    """The delimiter that cuts the header, and the lines after it, into the same number of fields.

    >>> find_delimiter(["id;name;price", "1;tea, green;2,50"])
    ';'
    """
    return max(DELIMITERS, key=lambda mark: _fit(lines[:50], mark))


def _fit(lines: list[str], mark: str) -> tuple[float, int]:
    try:
        widths = [len(fields) for fields in csv.reader(lines, delimiter=mark)]
    except csv.Error:
        widths = [line.count(mark) + 1 for line in lines]
    if not widths or widths[0] < 2:
        return 0.0, 0
    return sum(width == widths[0] for width in widths) / len(widths), widths[0]


def _quotes_are_quotes(lines: list[str], delimiter: str) -> bool:
    """False where quotation marks are part of the text, as inches are in tab-separated exports (5" pipe)."""
    if delimiter != "\t":
        return True
    fields = [field for line in lines for field in line.split(delimiter) if '"' in field]
    return all(field.startswith('"') and field.endswith('"') and len(field) > 1 for field in fields)
