"""Which form the user's files have: plain tables, or the exports of RecBole, Amazon, Gorse."""

from dataclasses import dataclass
from pathlib import Path

from goeswith.data.readers import amazon, gorse
from goeswith.data.readers.recbole import catalogue_beside, is_recbole, read_interactions
from goeswith.data.readers.source import EXCEL_ENDINGS, JSON_ENDINGS, TEXT_ENDINGS, Source, Table, open_table
from goeswith.errors import DataError, UsageError

FORMATS = ("auto", "recbole", "amazon", "gorse", "retail")
_TABLES = (*TEXT_ENDINGS, *JSON_ENDINGS, *EXCEL_ENDINGS, ".parquet", ".pq", ".gz")


@dataclass(frozen=True)
class Tables:
    """The opened tables of one create or add."""

    products: list[Table]
    events: list[Table]


def open_sources(products: Source | None, events: Source | None, format: str, scratch: Path) -> Tables:
    """Open what the user gave: a path, a frame, a list of them, or a folder.

    A folder of RecBole files or a Gorse export brings its own catalogue; so does X.item or X.text beside X.inter.

    Raises
    ------
    UsageError : the format is not known
    DataError : a file is missing, empty or damaged, or not of the format that was named
    """
    if format not in FORMATS:
        raise UsageError(f"format: {format!r} is not known. Choose one of {', '.join(FORMATS)}.")
    catalogues, logs = _listed(products), _listed(events)
    if format == "retail" and not logs:
        catalogues, logs = [], catalogues
    if _paths(catalogues) and _paths(catalogues) == _paths(logs):
        catalogues = []
    if not catalogues:
        catalogues, logs = _apart(logs)
    paths = _paths(logs)
    recbole = format == "recbole" or (format == "auto" and len(paths) == len(logs) > 0 and all(map(is_recbole, paths)))
    if recbole and not catalogues and (beside := catalogue_beside(paths)):
        catalogues = [beside]
    opened = [open_table(source, "products", scratch) for source in catalogues]
    if recbole:
        read = read_interactions(paths, scratch)
    else:
        read = [open_table(source, "events", scratch) for source in logs]
    tables = Tables([_as_catalogue(table, format) for table in opened], [_as_log(table, format) for table in read])
    _check(tables, format)
    return tables


def _listed(source: Source | None) -> list[Source]:
    """The sources one by one; a folder stands for the files in it, RecBole's .inter files alone if it has some."""
    if source is None:
        return []
    if isinstance(source, list | tuple):
        return [one for part in source for one in _listed(part)]
    if isinstance(source, str | Path) and Path(source).is_dir():
        files = sorted(path for path in Path(source).iterdir() if path.suffix.lower() in _TABLES)
        interactions = [path for path in files if path.suffix == ".inter"]
        if not files:
            raise DataError(f"{source}: there is no file in this folder that can be read as a table.")
        return list(interactions or files)
    return [source]


def _apart(logs: list[Source]) -> tuple[list[Source], list[Source]]:
    """The catalogue of a Gorse export that was given as one folder; users.csv holds neither."""
    named = {path.name.lower().removesuffix(".gz"): path for path in _paths(logs)}
    if {"items.csv", "feedback.csv"} <= set(named):
        return [named["items.csv"]], [named["feedback.csv"]]
    return [], logs


def _paths(sources: list[Source]) -> list[Path]:
    return [Path(source) for source in sources if isinstance(source, str | Path)]


def _as_catalogue(table: Table, format: str) -> Table:
    if format in ("auto", "amazon") and amazon.is_metadata(table):
        return amazon.metadata(table)
    if format in ("auto", "gorse") and gorse.is_items(table):
        return gorse.items(table)
    return table


def _as_log(table: Table, format: str) -> Table:
    return amazon.reviews(table) if format in ("auto", "amazon") and amazon.is_reviews(table) else table


def _check(tables: Tables, format: str) -> None:
    wanted = {"amazon": {"product_id", "customer_id"}, "gorse": {"ItemId", "UserId"}}.get(format, set())
    for table in tables.events:
        if lacking := wanted - set(table.headers):
            raise DataError(
                f"{table.name}: not a file of format {format}: no column for {', '.join(sorted(lacking))}. "
                'Leave the format out ("auto"), or name the columns (--map).'
            )
