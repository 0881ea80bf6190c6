"""A shop: one folder with a catalogue, its events, its models."""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Self

import polars as pl

from goeswith.data.atomic import disk_errors, file_aside, folder_aside, move_into_place, remove_left_behind, sync_folder
from goeswith.data.baskets import with_baskets
from goeswith.data.events import STORED
from goeswith.data.importing import Existing, Imported, read_all
from goeswith.data.lock import folder_lock
from goeswith.data.log import EVENT_COLUMNS, Log
from goeswith.data.products import merged
from goeswith.data.readers.formats import open_sources
from goeswith.data.readers.source import Source
from goeswith.data.report import ImportReport
from goeswith.data.settings import FILE, ShopSettings, read_settings, write_settings
from goeswith.data.times import TimeForm
from goeswith.data.vocabulary import Vocabulary
from goeswith.errors import ShopError, UsageError


class Shop:
    """A shop folder, opened. Stable.

    Examples
    --------
    >>> import polars as pl, tempfile
    >>> events = pl.DataFrame({"user": ["ann", "ann"], "item": ["tea", "milk"], "date": ["2024-05-01", "2024-05-01"]})
    >>> shop = Shop.create(tempfile.mkdtemp(), events=events)
    >>> shop.log().n_items
    2
    """

    def __init__(self, folder: Path, settings: ShopSettings, report: ImportReport | None = None) -> None:
        self.folder, self.settings = folder, settings
        self.report = report or ImportReport()
        """What the last create or add of this object read, kept and set aside."""

    @classmethod
    def create(
        cls,
        folder: str | Path,
        products: Source | None = None,
        events: Source | None = None,
        *,
        columns: Mapping[str, str] | None = None,
        format: str = "auto",
        name: str | None = None,
        time_zone: str = "UTC",
    ) -> Self:
        """Make a shop of a products file and an events file, or of frames, or of lists of them.

        Parameters
        ----------
        folder : where; it must not exist, or be empty
        products : a path or frame; None makes the catalogue of what the events say of their products
        events : a path, a folder of event files, a frame, or a list of them
        columns : ours to theirs, where the guess is wrong; "events.price" speaks of one table only
        format : "auto", or one of recbole, amazon, gorse, retail
        name : of the shop; the folder's, unless given
        time_zone : of the shop; times that carry a zone are brought to it

        Raises
        ------
        ShopError : the folder is a shop already, or cannot be written
        DataError : a file is missing, empty, damaged, or not one row of it can be used
        """
        target = Path(folder)
        _check_new(target)
        _check_zone(time_zone)
        if products is None and events is None:
            raise UsageError("A shop needs products, events or both (--products F, --events F).")
        with folder_aside(target) as aside:
            scratch = aside / "scratch"
            with disk_errors(target):
                scratch.mkdir()
            tables = open_sources(products, events, format, scratch)
            done = read_all(
                tables.products, tables.events, columns, Existing(), scratch, time_zone, derive=not tables.products
            )
            settings = _settings(name or target.resolve().name, done, time_zone, derived=not tables.products)
            with disk_errors(target):
                for place in ("events", "rejected"):
                    (aside / "data" / place).mkdir(parents=True)
                _place(done, aside)
                if done.products is not None:
                    done.products.write_parquet(aside / "data" / "products.parquet")
                write_settings(aside, settings)
                shutil.rmtree(scratch)
        shop = cls(target, settings)
        shop.report = ImportReport(done.reports, shop._totals())
        return shop

    @classmethod
    def open(cls, folder: str | Path) -> Self:
        """The shop in this folder.

        Raises
        ------
        ShopError : there is none
        """
        path = Path(folder)
        return cls(path, read_settings(path))

    def add(
        self,
        products: Source | None = None,
        events: Source | None = None,
        *,
        columns: Mapping[str, str] | None = None,
        format: str = "auto",
    ) -> Self:
        """Add what is new; the same file twice adds nothing.

        Products with a known id are updated, the others appended. Events that the shop has already are set aside as
        duplicates. Where the shop's catalogue was derived from events, so are the products of the new ones. Columns
        that were given to `create` hold here too.
        """
        if products is None and events is None:
            raise UsageError("Nothing to add: pass products, events or both (--products F, --events F).")
        with folder_lock(self.folder, "add"), self._scratch() as scratch:
            tables = open_sources(products, events, format, scratch)
            old = self.products()
            existing = Existing(old, self.events() if self._parts() else None)
            derive = self.settings.derived and not tables.products
            done = read_all(
                tables.products,
                tables.events,
                self._given(columns, [h for t in (*tables.products, *tables.events) for h in t.headers]),
                existing,
                scratch,
                self.settings.time_zone,
                derive,
            )
            if done.products is not None:
                self._write_products(merged(old, done.products))
            with disk_errors(self.folder):
                _place(done, self.folder)
            self._learn(done)
        self.report = ImportReport(done.reports, self._totals())
        return self

    def forget(self, customer: str | int) -> int:
        """Remove every event of a customer, also those that were set aside, and say how many were removed.

        Model versions keep what they learned until they are deleted; the next fit knows nothing of the customer.

        Raises
        ------
        ShopError : the shop is being added to, or cannot be written
        """
        removed = 0
        with folder_lock(self.folder, "add"):
            for place in (*self._parts(), *sorted((self.folder / "data" / "rejected").glob("*.parquet"))):
                frame = pl.read_parquet(place)
                if "customer_id" not in frame.columns:
                    continue
                is_theirs = (frame["customer_id"].cast(pl.String) == str(customer)).fill_null(False)
                if is_theirs.any():
                    removed += int(is_theirs.sum()) if place.name.startswith("part-") else 0
                    with file_aside(place) as aside:
                        frame.filter(~is_theirs).write_parquet(aside)
        return removed

    @property
    def name(self) -> str:
        return self.settings.name

    @property
    def models(self) -> Path:
        return self.folder / "models"

    @property
    def runs(self) -> Path:
        return self.folder / "runs"

    def products(self) -> pl.DataFrame:
        """The catalogue: product_id, name, and what else the shop knows; row i is item i."""
        path = self.folder / "data" / "products.parquet"
        try:
            return pl.read_parquet(path)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise ShopError(f"{path}: cannot be read ({error}). Restore it, or create the shop again.") from error

    def events(self) -> pl.LazyFrame:
        """All events with the user's ids, in no order: the columns STORED of data/events.py."""
        parts = self._parts()
        if not parts:
            return pl.LazyFrame(schema=_EMPTY | {"product_id": self.products().schema["product_id"]})
        return pl.concat([pl.scan_parquet(part).select(STORED) for part in parts])

    def log(self, until: datetime | date | str | None = None) -> Log:
        """Products and events as rows and columns of numbers; every product of the catalogue is an item.

        Parameters
        ----------
        until : the last moment that counts; a date means the whole of that day

        Raises
        ------
        UsageError : `until` is no date
        """
        products = self.products()
        rows = self.events()
        if until is not None:
            rows = rows.filter(pl.col("time") <= last_moment(until))
        try:
            read = rows.collect()
        except (OSError, pl.exceptions.PolarsError) as error:
            place = self.folder / "data" / "events"
            raise ShopError(f"{place}: cannot be read ({error}). Restore the files.") from error
        dated = _ending_together(read) if self.settings.order_only else read
        events = with_baskets(dated.sort("time", maintain_order=True))
        customers = events["customer_id"].drop_nulls().unique().sort()
        numbered = (
            events.join(_rows_of(products["product_id"], "item"), on="product_id", how="inner", maintain_order="left")
            .join(_rows_of(customers, "customer"), on="customer_id", how="left", maintain_order="left")
        )  # fmt: skip
        optional = [c for c in ("discount", "store_id", "session_id") if numbered[c].null_count() < len(numbered)]
        columns = [pl.col(column).cast(dtype) for column, dtype in EVENT_COLUMNS.items()]
        return Log(
            products,
            Vocabulary(products["product_id"], kind="product"),
            Vocabulary(customers, kind="customer"),
            numbered.select(*columns, *optional),
        )

    def lock(self) -> AbstractContextManager[None]:
        """Hold the shop while a model is fitted; a second holder gets a ShopError that says what to do."""
        return folder_lock(self.folder, "fit")

    def __repr__(self) -> str:
        return f"Shop({str(self.folder)!r})"

    def _parts(self) -> list[Path]:
        return sorted((self.folder / "data" / "events").glob("part-*.parquet"))

    def _given(self, columns: Mapping[str, str] | None, headers: list[str]) -> dict[str, str]:
        """What the user gave, now or to `create`, as far as the new files have such columns."""
        earlier = {
            f"{table}.{ours}": self.settings.columns[table][ours]
            for table, found in self.settings.found.items()
            for ours, how in found.items()
            if how == "given" and self.settings.columns[table][ours] in headers
        }
        return {**earlier, **(columns or {})}

    def _learn(self, done: Imported) -> None:
        """Keep the column map of a table that the shop did not have before."""
        fresh = _settings(self.name, done, self.settings.time_zone, self.settings.derived)
        if new := {table: m for table, m in fresh.columns.items() if table not in self.settings.columns}:
            found = {table: fresh.found[table] for table in new}
            update: dict[str, object] = {
                "columns": {**self.settings.columns, **new},
                "found": {**self.settings.found, **found},
            }
            if "events" in new:
                update["order_only"] = fresh.order_only
            self.settings = self.settings.model_copy(update=update)
            write_settings(self.folder, self.settings)

    def _totals(self) -> dict[str, int]:
        counts = self.events().select(
            events=pl.len(), customers=pl.col("customer_id").drop_nulls().n_unique()
        ).collect(engine="streaming")  # fmt: skip
        return {"products": len(self.products()), **counts.row(0, named=True)}

    def _write_products(self, products: pl.DataFrame) -> None:
        with file_aside(self.folder / "data" / "products.parquet") as aside:
            products.write_parquet(aside)

    @contextmanager
    def _scratch(self) -> Iterator[Path]:
        scratch = self.folder / f".add.{os.getpid()}.aside"
        with disk_errors(self.folder):
            remove_left_behind(self.folder / "add")
            scratch.mkdir()
        try:
            yield scratch
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


_EMPTY: dict[str, pl.DataType | type[pl.DataType]] = {
    "product_id": pl.String, "customer_id": pl.String, "basket_id": pl.String, "time": pl.Datetime("us"),
    "event": pl.String, "quantity": pl.Float32, "price": pl.Float32, "discount": pl.Float32,
    "store_id": pl.String, "session_id": pl.String,
}  # fmt: skip


def last_moment(until: datetime | date | str) -> datetime:
    """The moment meant by "until": of a day, its last microsecond.

    >>> last_moment("2017-12-01")
    datetime.datetime(2017, 12, 1, 23, 59, 59, 999999)
    """
    if isinstance(until, datetime):
        return until
    if isinstance(until, str):
        moment: datetime | None = pl.select(TimeForm(pl.String()).moments(pl.lit(until.strip()))).item()
        if moment is None:
            raise UsageError(f'until: {until!r} is not a date. Write it as "2017-12-01" or "2017-12-01 18:30:00".')
        if ":" in until or "T" in until:
            return moment
        return last_moment(moment.date())
    return datetime.combine(until, time()) + timedelta(days=1) - timedelta(microseconds=1)


def _ending_together(events: pl.DataFrame) -> pl.DataFrame:
    """Where only the order is known, a step is a day and everybody's last day is the same: nobody has gone quiet."""
    left = pl.col("time").max() - pl.col("time").max().over("customer_id")
    return events.with_columns(
        time=pl.when(pl.col("customer_id").is_null()).then("time").otherwise(pl.col("time") + left)
    )


def _rows_of(ids: pl.Series, name: str) -> pl.DataFrame:
    key = "product_id" if name == "item" else "customer_id"
    return ids.to_frame(key).with_row_index(name)


def _place(done: Imported, folder: Path) -> None:
    """Move the written parts into the shop, what was set aside first: the events appear last, each file in one step."""
    for written, place, stem in (
        *((path, "rejected", path.name.split("-")[1]) for path in done.rejected),
        *((path, "events", "part") for path in done.parts),
    ):
        home = folder / "data" / place
        number = 1 + max((int(p.stem.rpartition("-")[2]) for p in home.glob(f"{stem}-*.parquet")), default=-1)
        move_into_place(written, home / f"{stem}-{number:05}.parquet")
    sync_folder(folder / "data")


def _settings(name: str, done: Imported, zone: str, derived: bool) -> ShopSettings:
    maps = {report.what: report.columns for report in reversed(done.reports) if report.columns is not None}
    events = maps.get("events")
    return ShopSettings(
        name=name,
        currency=done.currency,
        time_zone=zone,
        derived=derived,
        order_only=events is not None and "timestamp" not in events,
        columns={what: dict(mapped.theirs) for what, mapped in maps.items()},
        found={what: dict(mapped.found) for what, mapped in maps.items()},
    )


def _check_new(target: Path) -> None:
    if (target / FILE).exists():
        raise ShopError(
            f"{target}: is a shop already. Add to it with: goeswith add {target} --events F, or choose another folder."
        )
    if target.is_file():
        raise ShopError(f"{target}: is a file. Choose another folder for the shop.")
    if target.is_dir() and any(target.iterdir()):
        raise ShopError(f"{target}: is not empty. Choose a new or an empty folder for the shop.")


def _check_zone(zone: str) -> None:
    try:
        pl.select(pl.lit(datetime(2000, 1, 1)).dt.replace_time_zone(zone))
    except pl.exceptions.PolarsError as error:
        raise UsageError(f"time_zone: {zone!r} is not known. Write it as Europe/London or Asia/Shanghai.") from error
