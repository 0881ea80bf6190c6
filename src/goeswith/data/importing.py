"""From the user's files to clean tables, written aside: read, recognise, judge each row, keep or set aside."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl

from goeswith.data.atomic import disk_errors
from goeswith.data.columns import SAMPLE, ColumnMap, check_given, given_for, recognise
from goeswith.data.derive import DESCRIBING, derived_products
from goeswith.data.duplicates import duplicate_rows
from goeswith.data.events import DUPLICATE, STORED, UNKNOWN_PRODUCT, counted_notes, normalised
from goeswith.data.ids import id_type, to_type
from goeswith.data.numbers import currency
from goeswith.data.products import clean, distinct
from goeswith.data.readers import Table
from goeswith.data.readers.numbering import ROW
from goeswith.data.report import SourceReport
from goeswith.errors import ColumnError, DataError


@dataclass(frozen=True)
class Existing:
    """What a shop holds before an `add`; nothing, for a new one."""

    products: pl.DataFrame | None = None
    events: pl.LazyFrame | None = None


@dataclass
class Imported:
    """Clean tables, and the files written in the scratch folder."""

    products: pl.DataFrame | None = None
    parts: list[Path] = field(default_factory=list)
    rejected: list[Path] = field(default_factory=list)
    reports: list[SourceReport] = field(default_factory=list)
    currency: str = ""


def read_all(
    products: Sequence[Table],
    events: Sequence[Table],
    columns: Mapping[str, str] | None,
    existing: Existing,
    scratch: Path,
    zone: str,
    derive: bool,
) -> Imported:
    """Read the tables of one create or add into `scratch`.

    Parameters
    ----------
    derive : make products of whatever the events name, instead of setting unknown ones aside

    Raises
    ------
    ColumnError : a column that is needed is not there
    DataError : no row is left
    """
    done = Imported()
    headers = {
        "products": [h for table in products for h in table.headers],
        "events": [h for table in events for h in table.headers],
    }
    check_given(columns, headers)
    catalogues = [_catalogue(table, columns, done, scratch) for table in products]
    catalogue = pl.concat(catalogues, how="diagonal_relaxed") if catalogues else None
    known = [frame["product_id"] for frame in (catalogue, existing.products) if frame is not None]
    maps = [_event_columns(table, columns, known) for table in events]
    types = _id_types(catalogue, events, maps, existing)
    if catalogue is not None:
        catalogue = _with_id_type(catalogue, types["product_id"])
    done.products = catalogue
    ids = None
    if not derive:
        frames = [frame for frame in (existing.products, catalogue) if frame is not None]
        ids = pl.concat([frame["product_id"] for frame in frames]).unique() if frames else None
    staged = [_staged(table, mapped, scratch, n) for n, (table, mapped) in enumerate(zip(events, maps, strict=True))]
    kept: list[pl.LazyFrame] = []
    for n, (table, mapped, rows) in enumerate(zip(events, maps, staged, strict=True)):
        seen = [*([existing.events] if existing.events is not None else []), *kept]
        old = pl.concat([frame.select(STORED) for frame in seen]) if seen else None
        kept.append(_events(table, mapped, rows, types, ids, old, done, scratch, n, zone))
    if events and existing.events is None and not done.parts:
        raise DataError(_nothing_left(done.reports, ids, staged))
    if derive and kept:
        found = derived_products(kept)
        if existing.products is not None:
            found = found.join(existing.products, on="product_id", how="anti", maintain_order="left")
        done.products = found
        if len(found):
            done.reports.insert(0, _derived_report(found, events, maps))
    done.currency = next((code for rows in staged if (code := _currency(rows))), done.currency)
    return done


def _catalogue(table: Table, columns: Mapping[str, str] | None, done: Imported, scratch: Path) -> pl.DataFrame:
    given = given_for("products", columns, table.headers)
    mapped = recognise("products", table.rows.select(pl.exclude(ROW)).head(SAMPLE).collect(), given)
    if "product_id" not in mapped:
        raise ColumnError(_no_column("product_id", table))
    with disk_errors(scratch):
        rows = table.rows.collect(engine="streaming")
    if "price" in mapped and rows[mapped["price"]].dtype == pl.String:
        done.currency = currency(rows[mapped["price"]].head(200)) or done.currency
    frame, reasons = distinct(clean(rows, mapped))
    if frame.is_empty():
        raise DataError(f"{table.name}: not one row has a product id (looked for in {mapped['product_id']!r}).")
    report = _report("products", table, len(rows), len(frame), reasons, mapped)
    texts = [name for name in ("name", "description", "category", "brand") if name in frame.columns]
    nameless = int((frame["name"] == "").sum()) if texts else 0
    report.notes |= {"without any text to be known by": nameless} if nameless else {}
    done.reports.append(report)
    if len(reasons) or table.unread is not None:
        path = scratch / f"rejected-products-{len(done.rejected)}.parquet"
        aside = rows.lazy().join(reasons.lazy(), on=ROW, how="inner", maintain_order="left")
        _write_rejected(aside, table, path)
        done.rejected.append(path)
    return frame


def _event_columns(table: Table, columns: Mapping[str, str] | None, known: Sequence[pl.Series]) -> ColumnMap:
    sample = table.rows.select(pl.exclude(ROW)).head(SAMPLE).collect()
    ids = pl.concat([ids.cast(pl.String) for ids in known]) if known else None
    mapped = recognise("events", sample, given_for("events", columns, table.headers), ids)
    if "product_id" not in mapped:
        raise ColumnError(_no_column("product_id", table))
    if "timestamp" not in mapped and "position" not in mapped:
        raise ColumnError(_no_column("timestamp", table))
    return mapped


def _id_types(
    catalogue: pl.DataFrame | None, events: Sequence[Table], maps: Sequence[ColumnMap], existing: Existing
) -> dict[str, pl.DataType]:
    """Whole numbers where every table has them, else text; a shop that exists has decided already."""
    found: dict[str, set[pl.DataType]] = {"product_id": set(), "customer_id": set()}
    if catalogue is not None:
        found["product_id"].add(catalogue["product_id"].dtype)
    for table, mapped in zip(events, maps, strict=True):
        schema = table.rows.collect_schema()
        for ours in found:
            if ours in mapped:
                found[ours].add(id_type(schema[mapped[ours]]))
    types = {ours: next(iter(kinds)) if len(kinds) == 1 else pl.String() for ours, kinds in found.items()}
    if existing.products is not None:
        types["product_id"] = existing.products["product_id"].dtype
    if existing.events is not None:
        types["customer_id"] = existing.events.collect_schema()["customer_id"]
    return types


def _with_id_type(catalogue: pl.DataFrame, want: pl.DataType) -> pl.DataFrame:
    have = catalogue["product_id"].dtype
    changed = catalogue.with_columns(product_id=to_type(pl.col("product_id"), have, want))
    if changed["product_id"].null_count():
        wrong = catalogue.filter(changed["product_id"].is_null())["product_id"][0]
        raise DataError(
            f"The shop's product ids are whole numbers, but the new products have {wrong!r}. "
            "Use the shop's own ids, or create the shop again with ids as text."
        )
    return changed


def _staged(table: Table, mapped: ColumnMap, scratch: Path, n: int) -> pl.LazyFrame:
    """The recognised columns alone, under our names, on disk: what follows reads them several times."""
    chosen = {ours: pl.col(theirs) for ours, theirs in mapped.theirs.items()}
    chosen |= {f"p:{ours}": pl.col(theirs) for ours, theirs in _describing(table, mapped).items()}
    path = scratch / f"staged-{n}.parquet"
    try:
        with disk_errors(scratch):
            table.rows.select(ROW, **chosen).sink_parquet(path, compression="lz4")
    except pl.exceptions.PolarsError as error:
        raise DataError(f"{table.name}: cannot be read to its end ({error}).") from error
    return pl.scan_parquet(path)


def _describing(table: Table, mapped: ColumnMap) -> dict[str, str]:
    """Columns of an event log that speak of the product; a description alone is its name."""
    guess = recognise("products", table.rows.select(pl.exclude(ROW)).head(SAMPLE).collect()).theirs
    taken = set(mapped.theirs.values())
    found = {ours: guess[ours] for ours in DESCRIBING if ours in guess and guess[ours] not in taken}
    if "name" not in found and "description" in found:
        found = {"name": found["description"], **{k: v for k, v in found.items() if k != "description"}}
    return found


def _derived_report(found: pl.DataFrame, events: Sequence[Table], maps: Sequence[ColumnMap]) -> SourceReport:
    theirs = {"product_id": maps[0]["product_id"]} | _describing(events[0], maps[0])
    price = maps[0].theirs.get("price") or maps[0].theirs.get("line_total")
    if price and "price" in found.columns:
        theirs["price"] = f"the median of {price}"
    mapped = ColumnMap("products", theirs, {"price": "computed"})
    source = f"derived from {', '.join(table.name for table in events)}"
    return SourceReport("products", source, len(found), len(found), columns=mapped)


def _events(
    table: Table, mapped: ColumnMap, staged: pl.LazyFrame, types: dict[str, pl.DataType], ids: pl.Series | None,
    old: pl.LazyFrame | None, done: Imported, scratch: Path, n: int, zone: str,
) -> pl.LazyFrame:  # fmt: skip
    judged_path, part = scratch / f"judged-{n}.parquet", scratch / f"part-{n}.parquet"
    with disk_errors(scratch):
        normalised(staged, mapped, types, ids, zone).sink_parquet(judged_path, compression="lz4")
        judged = pl.scan_parquet(judged_path)
        repeated = duplicate_rows(judged.filter(pl.col("reason").is_null()), old)
        duplicate = pl.when(_among(repeated, judged)).then(pl.lit(DUPLICATE))
        final = judged.with_columns(reason=pl.coalesce("reason", duplicate))
        kept_path = scratch / f"kept-{n}.parquet"
        final.filter(pl.col("reason").is_null()).drop("reason").sink_parquet(kept_path, compression="lz4")
        kept = pl.scan_parquet(kept_path)
        kept.select(STORED).sink_parquet(part)
        reasons = final.filter(pl.col("reason").is_not_null()).select("reason")
        counted = reasons.group_by("reason").len().collect(engine="streaming")
        n_read, n_kept = (rows.select(pl.len()).collect().item() for rows in (staged, kept))
        report = SourceReport("events", table.name, n_read, n_kept, dict(counted.iter_rows()), columns=mapped)
        report.notes = dict(table.notes) | counted_notes(
            kept, "customer_id" in mapped, "price" in mapped or "line_total" in mapped
        )
        if "price" not in mapped and "line_total" in mapped:
            report.notes[f"have the price of one as {mapped['line_total']} divided by the quantity"] = n_kept
        _count_unread(report, table)
        done.reports.append(report)
        if n_kept:
            done.parts.append(part)
        if report.set_aside:
            path = scratch / f"rejected-events-{n}.parquet"
            names = mapped.theirs | {f"p:{ours}": theirs for ours, theirs in _describing(table, mapped).items()}
            # Both tables hold the same rows in the same order, so that none is looked up: there may be very many.
            original = pl.concat([staged.select(*names).rename(names), final.select(ROW, "reason")], how="horizontal")
            _write_rejected(original.filter(pl.col("reason").is_not_null()), table, path)
            done.rejected.append(path)
    return kept


def _among(numbers: pl.Series, rows: pl.LazyFrame) -> pl.Expr:
    """Whether a row's number is among these: one byte a row, however many there are."""
    last = rows.select(pl.col(ROW).max()).collect(engine="streaming").item() or 0
    marks = np.zeros(last + 1, dtype=np.bool_)
    marks[numbers.to_numpy()] = True
    return pl.col(ROW).map_batches(
        lambda row: pl.Series(row.name, marks[row.to_numpy()]), return_dtype=pl.Boolean, is_elementwise=True
    )


def _write_rejected(rows: pl.LazyFrame, table: Table, path: Path) -> None:
    """row, reason, source, then the row as it was written; lines that could not be read come as `text`."""
    taken = {"row", "reason", "source"}
    names = [name for name in rows.collect_schema().names() if name not in (ROW, "reason")]
    aside = rows.select(
        pl.col(ROW).alias("row"),
        "reason",
        pl.lit(table.name).alias("source"),
        *(pl.col(name).alias(f"{name} (theirs)" if name in taken else name) for name in names),
    )
    if table.unread is not None:
        unread = table.unread.lazy().with_columns(source=pl.lit(table.name))
        pl.concat([aside, unread], how="diagonal_relaxed").collect(engine="streaming").write_parquet(path)
    else:
        aside.sink_parquet(path)


def _report(
    what: str, table: Table, n_read: int, n_kept: int, reasons: pl.DataFrame, mapped: ColumnMap
) -> SourceReport:
    counts = dict(reasons.group_by("reason").len().iter_rows())
    report = SourceReport(what, table.name, n_read, n_kept, counts, dict(table.notes), mapped)
    _count_unread(report, table)
    return report


def _count_unread(report: SourceReport, table: Table) -> None:
    if table.unread is not None:
        for reason, count in table.unread.group_by("reason").len().iter_rows():
            report.set_aside[reason] = report.set_aside.get(reason, 0) + count
            report.read += count


def _no_column(ours: str, table: Table) -> str:
    return (
        f"{table.name}: no column was recognised as {ours}. Its columns are: {', '.join(table.headers[:20])}. "
        f'Say which it is with columns={{"{ours}": "..."}} (--map {ours}=...).'
        + (" A log that has order only may give position instead." if ours == "timestamp" else "")
    )


def _nothing_left(reports: Sequence[SourceReport], ids: pl.Series | None, staged: Sequence[pl.LazyFrame]) -> str:
    events = [report for report in reports if report.what == "events"]
    reasons = {reason: count for report in events for reason, count in report.set_aside.items()}
    source, main = events[0].source, max(reasons, key=reasons.__getitem__, default="")
    if main == UNKNOWN_PRODUCT and ids is not None:
        theirs = staged[0].select(pl.col("product_id").cast(pl.String)).drop_nulls().head(3).collect()["product_id"]
        return (
            f"{source}: no event matches a product. Its product ids look like {', '.join(theirs)}, those of the "
            f"catalogue like {', '.join(map(str, ids.sort().head(3)))}. Check which columns hold the ids "
            '(columns={"events.product_id": "..."}, --map events.product_id=...), or leave products out.'
        )
    return f"{source}: not one event can be used. Most often: {main} ({reasons.get(main, 0):,} rows). Check --map."


def _currency(rows: pl.LazyFrame) -> str | None:
    schema = rows.collect_schema()
    column = next((name for name in ("price", "line_total") if schema.get(name) == pl.String), None)
    return currency(rows.select(column).head(200).collect()[column]) if column else None
