"""A planner's own tables (stops, vans, visits) under our names for their columns."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from goeswith.data.headers import rank_of
from goeswith.data.numbers import number
from goeswith.data.readers.numbering import ROW
from goeswith.data.readers.source import Source, open_table
from goeswith.errors import ColumnError, DataError


def read_table(
    source: Source, what: str, names: Mapping[str, str], needed: Sequence[str], numbers: Sequence[str] = ()
) -> tuple[str, pl.DataFrame]:
    """How messages call the table, and its rows: ROW, our columns that it has, and its other columns as they are.

    Parameters
    ----------
    source : a path or a frame
    names : our name to the headers that mean it, best first
    needed : columns that must be there
    numbers : columns that hold numbers; what is none becomes null

    Raises
    ------
    DataError : the file is missing, empty or damaged
    ColumnError : a needed column is not there
    """
    with TemporaryDirectory() as scratch:
        table = open_table(source, what, Path(scratch))
        rows = table.rows.collect()
    ours: dict[str, str] = {}
    for name, headers in names.items():
        ranked = sorted((rank, h) for h in rows.columns if (rank := rank_of(h, headers)) is not None)
        if ranked and ranked[0][1] not in ours:
            ours[ranked[0][1]] = name
    missing = [name for name in needed if name not in ours.values()]
    if missing:
        has = ", ".join(h for h in rows.columns if h != ROW)
        raise ColumnError(f"{table.name}: no column for {', '.join(missing)}. It has: {has}. Rename or add it.")
    renamed = rows.rename({theirs: mine for theirs, mine in ours.items() if theirs != mine})
    changed = [
        number(pl.col(name), renamed.schema[name], renamed[name]).alias(name)
        for name in renamed.columns
        if name in numbers
    ]
    texts = [
        pl.col(name).cast(pl.String).str.strip_chars().alias(name) for name in ours.values() if name not in numbers
    ]
    return table.name, renamed.with_columns(*changed, *texts)


def rows_of(frame: pl.DataFrame) -> Iterator[tuple[int, dict[str, Any]]]:
    """Row number in the file and what is written there; empty text is None."""
    for row in frame.iter_rows(named=True):
        at = int(row.pop(ROW))
        yield at, {name: None if value == "" else value for name, value in row.items()}


def distinct(table: str, what: str, ids: Sequence[str]) -> None:
    """Refuse a table in which one thing stands twice."""
    seen: set[str] = set()
    for one in ids:
        if one in seen:
            raise DataError(f"{table}: {what} {one} is there twice. Keep one row of it.")
        seen.add(one)


SAYS_YES = ("true", "yes", "y", "1", "t", "on", "must", "required", "是")


def is_yes(text: object) -> bool:
    """
    >>> is_yes("Yes"), is_yes(None), is_yes("0")
    (True, False, False)
    """
    return str(text or "").strip().lower() in SAYS_YES
