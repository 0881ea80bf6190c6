"""Which reader reads what."""

import gzip
import shutil
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from goeswith.data.atomic import disk_errors
from goeswith.data.readers.excel import read_excel
from goeswith.data.readers.frames import as_lazy_frame, is_frame
from goeswith.data.readers.json_lines import read_json_lines
from goeswith.data.readers.numbering import ROW, numbered
from goeswith.data.readers.text import read_text
from goeswith.errors import DataError, UsageError

Source = object
"""A path, or a frame: Polars (eager or lazy), pandas, Arrow."""

TEXT_ENDINGS = (".csv", ".tsv", ".txt", ".tab", ".inter", ".item", ".user", ".text", ".data", ".dat")
JSON_ENDINGS = (".jsonl", ".ndjson", ".json")
EXCEL_ENDINGS = (".xlsx", ".xlsm", ".xls", ".xlsb", ".ods")


@dataclass(frozen=True)
class Table:
    """Rows as the user wrote them.

    name : how messages name it, a file's name or "the events frame"
    rows : one row a record, with a first column `row`, from 1
    is_text : every value is the text that was written; otherwise values have types
    notes : what was done to read it, with how many lines it touched
    unread : records that could not be read at all: row, reason, text
    """

    name: str
    rows: pl.LazyFrame
    is_text: bool
    notes: dict[str, int] = field(default_factory=dict)
    unread: pl.DataFrame | None = None

    @property
    def headers(self) -> list[str]:
        return [name for name in self.rows.collect_schema().names() if name != ROW]


def open_table(source: Source, what: str, scratch: Path) -> Table:
    """The table of a file or frame; nothing large is held in memory for files of text, JSON lines and Parquet.

    Parameters
    ----------
    what : "products" or "events", for messages
    scratch : a folder on the shop's disk where a file may be unpacked or changed to UTF-8

    Raises
    ------
    DataError : missing, empty, damaged, or of a form that is not known
    """
    if is_frame(source):
        return _checked(Table(f"the {what} frame", numbered(as_lazy_frame(source, what)), is_text=False))
    if not isinstance(source, str | Path):
        raise UsageError(
            f"{what}: a {type(source).__name__} is neither a path nor a frame. "
            "Pass a file's path, or a Polars, pandas or Arrow frame."
        )
    path = existing_file(Path(source), what)
    return _checked(_read(path, unpacked(path, scratch), what, scratch))


def existing_file(path: Path, what: str) -> Path:
    """This path, if a file with content is there."""
    if not path.exists():
        near = [p.name for p in path.parent.glob(f"*{path.stem[:4]}*")][:3] if path.parent.is_dir() else []
        hint = f" In the same folder: {', '.join(sorted(near))}." if near else ""
        raise DataError(f"{path}: there is no such file. Check the path given for {what}.{hint}")
    if path.is_file() and path.stat().st_size == 0:
        raise DataError(f"{path}: the file is empty. A header and at least one row of {what} are needed.")
    return path


def unpacked(path: Path, scratch: Path) -> Path:
    """The file itself, or what a gzip file holds, unpacked into `scratch` piece by piece."""
    with open(path, "rb") as file:
        if file.read(2) != b"\x1f\x8b":
            return path
    stem = path.name.removesuffix(".gz").removesuffix(".gzip")
    target = scratch / f"unpacked-{len(list(scratch.iterdir()))}-{stem}"
    try:
        with disk_errors(scratch), gzip.open(path, "rb") as packed, open(target, "wb") as plain:
            shutil.copyfileobj(packed, plain, 1 << 22)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path}: the gzip file is damaged or cut short ({error}). Fetch it again.") from error
    if target.stat().st_size == 0:
        raise DataError(f"{path}: the packed file is empty. A header and at least one row are needed.")
    return target


def _read(path: Path, plain: Path, what: str, scratch: Path) -> Table:
    ending = Path(plain.name.lower()).suffix
    with open(plain, "rb") as file:
        start = file.read(4)
    if start == b"PAR1" or ending in (".parquet", ".pq"):
        return Table(path.name, numbered(_scan_parquet(path, plain)), is_text=False)
    if ending in EXCEL_ENDINGS or start == b"PK\x03\x04":
        return Table(path.name, numbered(read_excel(plain, path).lazy()), is_text=False)
    if ending in JSON_ENDINGS or start.lstrip()[:1] in (b"{",):
        rows, unread = read_json_lines(plain, path, scratch)
        return Table(path.name, rows, is_text=False, unread=unread)
    if b"\0" in start and start[:2] not in (b"\xff\xfe", b"\xfe\xff"):
        raise DataError(f"{path}: not a form that can be read. Use CSV, TSV, Parquet, JSON Lines or Excel.")
    rows, notes = read_text(plain, path, scratch)
    return Table(path.name, numbered(rows), is_text=True, notes=notes)


def _scan_parquet(path: Path, plain: Path) -> pl.LazyFrame:
    try:
        rows = pl.scan_parquet(plain)
        rows.head(1).collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DataError(f"{path}: the Parquet file is damaged ({error}). Write or fetch it again.") from error
    return rows


def _checked(table: Table) -> Table:
    if not table.headers or table.rows.head(1).collect().is_empty():
        raise DataError(f"{table.name}: there is a header but not one row. At least one row is needed.")
    return table
