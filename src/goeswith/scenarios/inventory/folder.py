"""What is on disk of an inventory run: tables for an ERP, a page of its own, and what another page shows of it."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from goeswith.data.atomic import disk_errors, file_aside
from goeswith.scenarios.inventory.advice import Advice
from goeswith.scenarios.inventory.forecast import Forecast
from goeswith.scenarios.inventory.output import category_names, report_data, report_html
from goeswith.scenarios.inventory.plan import Plan
from goeswith.scenarios.inventory.simulate import Simulation

FOLDER = "inventory"
"""Below the shop, unless another is named."""
REPORT, SHOWN = "report.html", "report.json"
PICTURED = 60
"""Products, and categories, that have a picture in REPORT."""
KEPT = 1_000
"""Products, and categories, whose pictures are kept in SHOWN."""
TABLES = ("forecast", "orders", "simulation", "together", "promote", "price")


def write_forecast(told: Forecast, products: pl.DataFrame, folder: Path, title: str) -> list[Path]:
    """forecast.parquet and .csv, and the report.

    Parameters
    ----------
    products : the catalogue, for the categories; title : of the report
    """
    return [*write_table(told.to_frame(), folder, "forecast"), *_write_report(told, None, products, folder, title)]


def write_plan(plan: Plan, products: pl.DataFrame, folder: Path, title: str) -> list[Path]:
    """orders and forecast, each as .parquet and .csv, and the report."""
    return [
        *write_table(plan.to_frame(), folder, "orders"),
        *write_table(plan.forecast.to_frame(), folder, "forecast"),
        *_write_report(plan.forecast, plan, products, folder, title),
    ]


def write_simulation(played: Simulation, folder: Path) -> list[Path]:
    """simulation.parquet and .csv."""
    return write_table(played.to_frame(), folder, "simulation")


def write_advice(advice: Advice, folder: Path) -> list[Path]:
    """together, promote and price, each as .parquet and .csv."""
    tables = {"together": advice.together, "promote": advice.promote, "price": advice.price}
    return [path for name, frame in tables.items() for path in write_table(frame, folder, name)]


def write_table(frame: pl.DataFrame, folder: Path, stem: str) -> list[Path]:
    """The same table as Parquet and as CSV; each is whole or absent."""
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    written = []
    for ending in ("parquet", "csv"):
        target = folder / f"{stem}.{ending}"
        with disk_errors(target), file_aside(target) as aside:
            frame.write_parquet(aside) if ending == "parquet" else frame.write_csv(aside, float_precision=3)
        written.append(target)
    return written


def read_shown(folder: Path) -> dict[str, Any] | None:
    """What the last forecast or plan had to show, as `report_data` gives it, and `made`; None where there is none."""
    try:
        told: dict[str, Any] = json.loads((folder / SHOWN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return told


def read_written(folder: Path, stem: str) -> list[dict[str, Any]]:
    """The rows of a table that was written; none where there is none."""
    try:
        return pl.read_parquet(folder / f"{stem}.parquet").to_dicts()
    except (OSError, pl.exceptions.PolarsError):
        return []


def _write_report(told: Forecast, plan: Plan | None, products: pl.DataFrame, folder: Path, title: str) -> list[Path]:
    shown = report_data(told, category_names(products, told.demand.items), plan, KEPT)
    pictured = {kind: shown[kind][:PICTURED] for kind in ("products", "categories")}
    kept = {**shown, "made": datetime.now(UTC).isoformat(timespec="minutes")}
    texts = {
        REPORT: report_html({**shown, **pictured}, title),
        SHOWN: json.dumps(kept, ensure_ascii=False, default=str),
    }
    for name, text in texts.items():
        with disk_errors(folder / name), file_aside(folder / name) as aside:
            aside.write_text(text, encoding="utf-8")
    return [folder / name for name in texts]
