"""Which form the user's files have: plain tables, or the exports of RecBole, Amazon, Gorse."""

from dataclasses import dataclass
from pathlib import Path

from goeswith.data.readers.source import Source, Table, open_table
from goeswith.errors import UsageError

FORMATS = ("auto", "recbole", "amazon", "gorse", "retail")


@dataclass(frozen=True)
class Tables:
    """The opened tables of one create or add."""

    products: list[Table]
    events: list[Table]


def open_sources(products: Source | None, events: Source | None, format: str, scratch: Path) -> Tables:
    """Open what the user gave.

    Raises
    ------
    UsageError : the format is not known
    DataError : a file is missing, empty or damaged
    """
    if format not in FORMATS:
        raise UsageError(f"format: {format!r} is not known. Choose one of {', '.join(FORMATS)}.")
    return Tables(
        [open_table(source, "products", scratch) for source in listed(products)],
        [open_table(source, "events", scratch) for source in listed(events)],
    )


def listed(source: Source | None) -> list[Source]:
    """The sources one by one; a folder stands for the files in it."""
    if source is None:
        return []
    if isinstance(source, list | tuple):
        return [one for part in source for one in listed(part)]
    return [source]
