"""The promotion calendar: what is displayed or in the mailer, where, in which period; known before it happens."""

from dataclasses import dataclass, field
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_array

from goeswith.data.vocabulary import Vocabulary
from goeswith.errors import DataError
from goeswith.scenarios.inventory.calendar import Calendar
from goeswith.scenarios.inventory.tables import need, read_table, rows_of

SCHEMA: dict[str, type[pl.DataType]] = {
    "item": pl.Int32,
    "store_id": pl.String,
    "date": pl.Date,
    "display": pl.Float64,
    "mailer": pl.Float64,
}


@dataclass(frozen=True)
class Promotions:
    """Rows of item, store_id (null: every store), date (a day of the period), display and mailer (0 to 1)."""

    rows: pl.DataFrame
    cells: dict[tuple[Calendar, int], pl.DataFrame] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def none(cls) -> "Promotions":
        return cls(pl.DataFrame(schema=SCHEMA))

    @property
    def empty(self) -> bool:
        return self.rows.is_empty()

    def until(self, calendar: Calendar) -> int:
        """The first period that the calendar says nothing of."""
        last = self.rows["date"].max()
        if not isinstance(last, date):
            return calendar.n
        return (last - calendar.first).days // calendar.days + 1

    def of_series(
        self, keys: pl.DataFrame, calendar: Calendar, horizon: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(n, T + H) display and mailer; without stores, the mean over the stores that have the product."""
        shape = (len(keys), calendar.n + horizon)
        display, mailer = np.zeros(shape), np.zeros(shape)
        if self.empty:
            return display, mailer
        series = keys.with_row_index("series").with_columns(item=pl.col("item").cast(pl.Int32))
        if "store_id" not in keys.columns:
            cells = self._known(calendar, horizon).join(series, on="item", how="inner")
        else:
            everywhere = self._cells(calendar, horizon, self.rows.filter(pl.col("store_id").is_null()), ["item"])
            here = self._cells(calendar, horizon, self.rows.drop_nulls("store_id"), ["item", "store_id"])
            text = series.with_columns(store_id=pl.col("store_id").cast(pl.String))
            cells = pl.concat(
                [
                    everywhere.join(text, on="item", how="inner").select("series", "period", "display", "mailer"),
                    here.join(text, on=["item", "store_id"], how="inner").select(
                        "series", "period", "display", "mailer"
                    ),
                ]
            )
        at = cells["series"].to_numpy(), cells["period"].to_numpy()
        np.maximum.at(display, at, cells["display"].to_numpy())
        np.maximum.at(mailer, at, cells["mailer"].to_numpy())
        return display, mailer

    def of_items(self, n_items: int, calendar: Calendar, horizon: int) -> tuple[csr_array, csr_array]:
        """(items, T + H) display and mailer of every product over all stores."""
        shape = (n_items, calendar.n + horizon)
        if self.empty:
            return csr_array(shape), csr_array(shape)
        cells = self._known(calendar, horizon)
        at = cells["item"].to_numpy(), cells["period"].to_numpy()
        return csr_array((cells["display"].to_numpy(), at), shape=shape), csr_array(
            (cells["mailer"].to_numpy(), at), shape=shape
        )

    def _known(self, calendar: Calendar, horizon: int) -> pl.DataFrame:
        """`_by_item`, counted once for a calendar."""
        key = (calendar, horizon)
        if key not in self.cells:
            self.cells[key] = self._by_item(calendar, horizon)
        return self.cells[key]

    def _by_item(self, calendar: Calendar, horizon: int) -> pl.DataFrame:
        """A promotion in some stores counts as their share of all stores in the calendar."""
        stores = max(self.rows["store_id"].drop_nulls().n_unique(), 1)
        weight = pl.when(pl.col("store_id").is_null()).then(1.0).otherwise(1.0 / stores)
        daily = self.rows.with_columns(pl.col("display", "mailer") * weight)
        period = calendar.number(pl.col("date"))
        return (
            daily.with_columns(period=period)
            .filter(pl.col("period").is_between(0, calendar.n + horizon - 1))
            .group_by("item", "period", "store_id")
            .agg(pl.col("display", "mailer").max())
            .group_by("item", "period")
            .agg(pl.col("display", "mailer").sum().clip(upper_bound=1.0))
        )

    def _cells(self, calendar: Calendar, horizon: int, rows: pl.DataFrame, on: list[str]) -> pl.DataFrame:
        return (
            rows.with_columns(period=calendar.number(pl.col("date")))
            .filter(pl.col("period").is_between(0, calendar.n + horizon - 1))
            .group_by(*on, "period")
            .agg(pl.col("display", "mailer").max())
        )


def read_promotions(source: object, items: Vocabulary) -> Promotions:
    """A promotion calendar from a file or frame.

    Columns: product_id; `date`, or `start` and `end` (both days count); optionally store_id, `display` and `mailer`:
    true or false, or a strength from 0 to 1. A row that names neither is a promotion in the mailer.

    Raises
    ------
    DataError : no such file, a column is missing, a date cannot be read, a strength is not between 0 and 1
    """
    table = read_table(source, "promotions")
    need(table, "promotions", ["product_id"])
    frame = table.frame
    if "date" in frame.columns:
        frame = frame.with_columns(table.dates("date")).with_columns(start=pl.col("date"), end=pl.col("date"))
    elif not {"start", "end"} <= set(frame.columns):
        raise DataError(f"{table.name}: a promotion needs a date, or a start and an end. Add the column date.")
    else:
        frame = frame.with_columns(table.dates("start"), table.dates("end"))
    wrong = frame.with_row_index("row", 2).filter(pl.col("end") < pl.col("start"))
    if len(wrong):
        raise DataError(f"{table.name}, row {wrong['row'][0]}: the promotion ends before it starts. Swap the dates.")
    strengths = []
    for name in ("display", "mailer"):
        if name in frame.columns:
            strengths.append(table.strength(name).alias(name))
        else:
            told = "mailer" in frame.columns or "display" in frame.columns
            strengths.append(pl.lit(0.0 if told or name == "display" else 1.0).alias(name))
    store = pl.col("store_id").cast(pl.String) if "store_id" in frame.columns else pl.lit(None, pl.String)
    at, known = rows_of(frame, items)
    rows = frame.filter(known).select(
        item=pl.Series(at, dtype=pl.Int32),
        store_id=store,
        date=pl.date_ranges("start", "end", closed="both"),
        **dict(zip(("display", "mailer"), strengths, strict=True)),
    )
    return Promotions(rows.explode("date").select(list(SCHEMA)).cast(SCHEMA))  # type: ignore[arg-type]
