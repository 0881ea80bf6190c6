"""JSON Lines (one record a line), and small files that hold one JSON list."""

import json
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from goeswith.data.atomic import disk_errors
from goeswith.data.readers.encoding import as_utf8
from goeswith.data.readers.numbering import ROW
from goeswith.errors import DataError

_BATCH = 100_000  # records held in memory at once


def read_json_lines(path: Path, named: Path, scratch: Path) -> tuple[pl.LazyFrame, pl.DataFrame | None]:
    """The records, with their number; lists and objects within a record are kept as JSON text.

    A field is a whole number, a number or a truth value if it is so in every record of the file, else text.

    Returns
    -------
    the records, and those lines that are not JSON: row, reason, text (None if there are none)
    """
    plain, _ = as_utf8(path, scratch)
    unread: list[tuple[int, str, str]] = []
    folder = scratch / f"json-{len(list(scratch.iterdir()))}"
    with disk_errors(scratch):
        folder.mkdir()
        schemas = [
            _write(batch, folder / f"{n:06}.parquet") for n, batch in enumerate(_batches(plain, named, unread)) if batch
        ]
    if not schemas:
        raise DataError(f'{named}: not one line is a JSON record. One object a line is expected: {{"id": 1, ...}}')
    schema = _common(schemas)
    parts = [
        pl.scan_parquet(part).select(
            [
                pl.col(name).cast(dtype) if name in part_schema else pl.lit(None, dtype).alias(name)
                for name, dtype in schema.items()
            ]
        )
        for part, part_schema in zip(sorted(folder.glob("*.parquet")), schemas, strict=True)
    ]
    bad = pl.DataFrame(unread, schema=["row", "reason", "text"], orient="row") if unread else None
    return pl.concat(parts), bad


def _batches(path: Path, named: Path, unread: list[tuple[int, str, str]]) -> Iterator[list[dict[str, object]]]:
    batch: list[dict[str, object]] = []
    for row, record in _records(path, named, unread):
        batch.append({ROW: row, **{key: _flat(value) for key, value in record.items()}})
        if len(batch) == _BATCH:
            yield batch
            batch = []
    yield batch


def _records(path: Path, named: Path, unread: list[tuple[int, str, str]]) -> Iterator[tuple[int, dict[str, object]]]:
    with open(path, encoding="utf-8-sig", errors="replace") as file:
        if file.read(64).lstrip().startswith("["):
            file.seek(0)
            try:
                records = json.load(file)
            except json.JSONDecodeError as error:
                raise DataError(f"{named}: the JSON list is damaged at line {error.lineno}: {error.msg}.") from error
            yield from ((row, r) for row, r in enumerate(records, start=1) if isinstance(r, dict))
            return
        file.seek(0)
        for row, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
            except json.JSONDecodeError:
                record = None
            if isinstance(record, dict):
                yield row, record
            else:
                unread.append((row, "the line is not a JSON record", line.strip()[:1000]))


def _flat(value: object) -> object:
    if isinstance(value, list) and all(isinstance(v, str) for v in value):
        return ", ".join(value) or None
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value


def _write(batch: list[dict[str, object]], path: Path) -> dict[str, pl.DataType]:
    names = list(dict.fromkeys(name for record in batch for name in record))
    frame = pl.DataFrame([_series(name, [record.get(name) for record in batch]) for name in names])
    frame.write_parquet(path)
    return dict(frame.schema)


def _series(name: str, values: list[object]) -> pl.Series:
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {int} and all(abs(v) < 2**63 for v in values if isinstance(v, int)):
        return pl.Series(name, values, dtype=pl.Int64) if kinds else pl.Series(name, values, dtype=pl.Null)
    if kinds <= {int, float}:
        return pl.Series(name, values, dtype=pl.Float64, strict=False)
    if kinds == {bool}:
        return pl.Series(name, values, dtype=pl.Boolean)
    return pl.Series(name, [value if value is None else str(value) for value in values], dtype=pl.String)


def _common(schemas: list[dict[str, pl.DataType]]) -> dict[str, pl.DataType]:
    common: dict[str, pl.DataType] = {}
    for schema in schemas:
        for name, dtype in schema.items():
            common[name] = _wider(common.get(name, dtype), dtype)
    return common


def _wider(left: pl.DataType, right: pl.DataType) -> pl.DataType:
    if left == right or right == pl.Null():
        return left
    if left == pl.Null():
        return right
    return pl.Float64() if left.is_numeric() and right.is_numeric() else pl.String()
