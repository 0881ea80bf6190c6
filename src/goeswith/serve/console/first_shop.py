"""From waiting files to a shop: read aside, shown, corrected, and only then put in place."""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from threading import Lock, Thread
from typing import Any

import polars as pl

from goeswith.data.atomic import sync_folder
from goeswith.data.headers import EVENTS, PRODUCTS
from goeswith.data.readers.formats import open_sources
from goeswith.data.readers.numbering import ROW
from goeswith.data.settings import FILE, ShopSettings
from goeswith.data.shop import Shop
from goeswith.errors import GoesWithError, ShopError
from goeswith.serve.console.uploads import Uploads

SAMPLES = 4
OURS = {
    "products": (
        "product_id",
        "name",
        "description",
        "category",
        "brand",
        "price",
        "size",
        "image",
        "available",
        "stock",
    ),
    "events": (
        "product_id",
        "timestamp",
        "position",
        "customer_id",
        "basket_id",
        "event",
        "quantity",
        "price",
        "discount",
    ),
}
assert all(name in {"products": PRODUCTS, "events": EVENTS}[table] for table, names in OURS.items() for name in names)


def opened_or_new(folder: Path) -> Shop:
    """The shop in a folder; where there is none yet, a name for the one that the console will make.

    Raises
    ------
    ShopError : there is something else in the folder
    """
    if folder.is_dir() and any(one.name != "serve" for one in folder.iterdir()):
        return Shop.open(folder)
    if folder.exists() and not folder.is_dir():
        raise ShopError(f"{folder}: this is a file. Give a shop's folder, or a new one.")
    return Shop(folder, ShopSettings(name=folder.resolve().name))


class FirstShop:
    """One reading of the waiting files; a thread reads, a file says how far it is."""

    def __init__(self, folder: Path, own: Path) -> None:
        self.folder, self.uploads = folder, Uploads(own / "uploads")
        self.trial, self.file = own / "trial", own / "reading.json"
        self._lock = Lock()
        self._thread: Thread | None = None

    def state(self) -> dict[str, Any]:
        """state (none, reading, read, failed), and what was read or what went wrong."""
        try:
            told: dict[str, Any] = json.loads(self.file.read_text())
        except (OSError, ValueError):
            return {"state": "none"}
        if told["state"] == "reading" and (self._thread is None or not self._thread.is_alive()):
            return {**told, "state": "failed", "message": "The reading was interrupted. Read the files again."}
        return told

    def read(self, columns: Mapping[str, str], name: str, wait: float = 1.5) -> None:
        """Read the waiting files aside; comes back when that is done, or after `wait` seconds."""
        with self._lock:
            if self._thread is not None and self._thread.is_alive():
                return
            self._note({"state": "reading", "columns": dict(columns), "name": name})
            self._thread = Thread(target=self._read, args=(dict(columns), name), daemon=True)
            self._thread.start()
        self._thread.join(wait)

    def headers(self) -> dict[str, list[dict[str, Any]]]:
        """By table, each column of the waiting files with some of its values; empty where they cannot be opened."""
        scratch = self.trial.parent / "scratch"
        found: dict[str, list[dict[str, Any]]] = {}
        try:
            scratch.mkdir(parents=True, exist_ok=True)
            tables = open_sources(self._given("products"), self._given("events"), "auto", scratch)
            for what, opened in (("products", tables.products), ("events", tables.events)):
                columns: dict[str, list[str]] = {}
                for table in opened:
                    sample = table.rows.select(pl.exclude(ROW)).head(200).collect()
                    for header in sample.columns:
                        values = sample[header].drop_nulls().cast(pl.String, strict=False).unique(maintain_order=True)
                        columns.setdefault(header, values.head(SAMPLES).to_list())
                found[what] = [{"theirs": header, "values": values} for header, values in columns.items()]
        except (GoesWithError, OSError, pl.exceptions.PolarsError):
            return found
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        return found

    def adopt(self) -> Shop:
        """Put what was read in place; the shop is there with its settings, which come last.

        Raises
        ------
        ShopError : nothing was read, or there is a shop already
        """
        if (self.folder / FILE).exists():
            raise ShopError(f"{self.folder} is a shop already. Add to it instead.")
        if self.state()["state"] != "read" or not (self.trial / FILE).is_file():
            raise ShopError("Nothing was read yet. Read the files first.")
        shutil.rmtree(self.folder / "data", ignore_errors=True)  # of an adoption that was killed
        os.rename(self.trial / "data", self.folder / "data")
        sync_folder(self.folder / "data")
        os.rename(self.trial / FILE, self.folder / FILE)
        self.forget()
        return Shop.open(self.folder)

    def add(self, columns: Mapping[str, str]) -> Shop:
        """Add the waiting files to a shop that is there."""
        shop = Shop.open(self.folder)
        shop.add(self._given("products"), self._given("events"), columns=dict(columns) or None)
        self._note({"state": "added", "report": shop.report.to_dict()})
        self.uploads.clear()
        return shop

    def forget(self) -> None:
        self.uploads.clear()
        shutil.rmtree(self.trial, ignore_errors=True)
        self.file.unlink(missing_ok=True)

    def _given(self, table: str) -> list[Path] | None:
        return self.uploads.paths(table) or None  # type: ignore[arg-type]

    def _read(self, columns: dict[str, str], name: str) -> None:
        told: dict[str, Any] = {"columns": columns, "name": name}
        try:
            shutil.rmtree(self.trial, ignore_errors=True)
            shop = Shop.create(
                self.trial, self._given("products"), self._given("events"), columns=columns or None,
                name=name or self.folder.resolve().name,
            )  # fmt: skip
            self._note({**told, "state": "read", "report": shop.report.to_dict()})
        except GoesWithError as error:
            self._note({**told, "state": "failed", "message": str(error).replace(str(self.uploads.folder) + "/", "")})
        except Exception as error:
            told["message"] = f"The files could not be read ({type(error).__name__}). The log of the service has more."
            self._note({**told, "state": "failed"})
            raise

    def _note(self, told: dict[str, Any]) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        aside = self.file.with_suffix(".aside")
        aside.write_text(json.dumps(told, default=str))
        os.replace(aside, self.file)
