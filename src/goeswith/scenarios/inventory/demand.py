"""Demand: units per product, or per product and store, in each period; a period without a sale is a zero."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_array

from goeswith.data.log import Log
from goeswith.errors import DataError, UsageError
from goeswith.scenarios.inventory.calendar import By, Calendar, whole_periods
from goeswith.scenarios.inventory.promotions import Promotions

Array = NDArray[np.float64]
INTERMITTENT = 1.32
"""Mean periods between sales from which a series counts as intermittent (Syntetos, Boylan, Croston, 2005)."""
LUMPY = 0.49
"""Squared coefficient of variation of the sizes from which it counts as lumpy, or erratic (the same)."""
RECENT = 13
CLOSED = {"day": 21, "week": 4}
"""Periods without any sale after which a store counts as closed."""
SUSPECT = 0.001
"""A run of empty periods less likely than this, under the rate before it, is suspected to be an empty shelf."""


@dataclass(frozen=True)
class Demand:
    """What was asked for, series by series; n series, T periods that are over, H to come.

    keys : (n,), item (row of the product), product_id, and store_id where demand is by store
    units : (n, T), never null; price : (n, T), per unit, the last one known, nan before the first
    discount : (n, T), share of the price that was taken off
    display, mailer : (n, T + H), strength of a promotion, 0 to 1
    holiday : (T + H,), share of the period's days
    out : (n, T), the shelf was empty, or is suspected to have been
    whole : (items, T), units of every product over all stores; what companions and kin are read from
    closed : (n,), the store has closed
    """

    calendar: Calendar
    keys: pl.DataFrame
    units: Array
    price: Array
    discount: Array
    display: Array
    mailer: Array
    holiday: NDArray[np.float32]
    out: NDArray[np.bool_]
    whole: csr_array
    whole_display: csr_array
    whole_mailer: csr_array
    closed: NDArray[np.bool_]
    promoted_until: int
    notes: tuple[str, ...] = field(default=())

    @property
    def n(self) -> int:
        return len(self.units)

    @property
    def periods(self) -> int:
        return self.units.shape[1]

    @property
    def horizon(self) -> int:
        return self.display.shape[1] - self.periods

    @property
    def items(self) -> NDArray[np.int64]:
        return self.keys["item"].to_numpy().astype(np.int64)

    @property
    def by_store(self) -> bool:
        return "store_id" in self.keys.columns

    def until(self, period: int) -> "Demand":
        """What was known when so many periods were over; promotions of up to the horizon were planned by then.

        Raises
        ------
        UsageError : no period would be left
        """
        if not 0 < period <= self.periods:
            raise UsageError(f"A forecast needs 1 to {self.periods} past periods; {period} were asked for.")
        plan = period + self.horizon
        return replace(
            self,
            calendar=self.calendar.until(period),
            units=self.units[:, :period],
            price=self.price[:, :period],
            discount=self.discount[:, :period],
            display=self.display[:, :plan],
            mailer=self.mailer[:, :plan],
            holiday=self.holiday[:plan],
            out=suspected_out(self.units[:, :period]) if self.periods != period else self.out,
            whole=self.whole[:, :period],
            whole_display=self.whole_display[:, :plan],
            whole_mailer=self.whole_mailer[:, :plan],
        )

    def only(self, rows: NDArray[np.integer] | NDArray[np.bool_]) -> "Demand":
        """Some of the series; what all products sold stays."""
        at = np.flatnonzero(rows) if rows.dtype == bool else rows
        return replace(
            self,
            keys=self.keys[at],
            units=self.units[at],
            price=self.price[at],
            discount=self.discount[at],
            display=self.display[at],
            mailer=self.mailer[at],
            out=self.out[at],
            closed=self.closed[at],
        )


def demand_of(
    log: Log,
    by: By = "week",
    *,
    horizon: int = 4,
    stores: bool = False,
    top: int = 0,
    among: NDArray[np.int64] | None = None,
    promotions: Promotions | None = None,
    holidays: Sequence[date] = (),
) -> Demand:
    """Count a log into demand.

    Parameters
    ----------
    horizon : periods to come for which promotions and holidays are laid out
    stores : one series per product and store, not per product
    top : so many best sellers of the last 13 periods; 0 for all that were ever sold
    among : rows of products, sold or not; None for what was sold

    Raises
    ------
    UsageError : horizon below 1, or stores wanted of a log that knows none
    DataError : no purchase, or less than one whole period
    """
    if horizon < 1:
        raise UsageError(f"The horizon must be at least 1 period; got {horizon}. Pass --horizon 1 or more.")
    sold = log.purchases.drop_nulls("item")
    if sold.is_empty():
        raise DataError(
            "There is no purchase in this shop, so there is no demand to forecast. Add events: goeswith add"
        )
    calendar = whole_periods(sold["time"].min(), sold["time"].max(), by)  # type: ignore[arg-type]
    if calendar.n < 1:
        raise DataError(f"The log holds less than one whole {by}. Forecast by day (--by day), or add more events.")
    if stores and "store_id" not in sold.columns:
        raise UsageError(
            "The events name no store (column store_id). Leave --stores out, or add it with goeswith init."
        )
    lines = _lines(sold, calendar, stores)
    keys = _keys(log, lines, calendar, stores, top, among)
    n, total = len(keys), calendar.n
    on = ["item", "store_id"] if stores else ["item"]
    numbered = keys.with_row_index("series")
    own = lines.join(numbered, on=on, how="inner")
    cells = own.group_by("series", "period").agg(pl.col("units", "paid", "off", "priced").sum())
    units, paid, off, priced = (_table(cells, name, n, total) for name in ("units", "paid", "off", "priced"))
    with np.errstate(invalid="ignore", divide="ignore"):
        price = np.where(priced > 0, paid / priced, np.nan)
        discount = np.where(paid + off > 0, off / (paid + off), 0.0)
    whole = lines.group_by("item", "period").agg(pl.col("units").sum())
    table = csr_array(
        (whole["units"].to_numpy(), (whole["item"].to_numpy(), whole["period"].to_numpy())), shape=(log.n_items, total)
    )
    plan = promotions or Promotions.none()
    display, mailer = plan.of_series(keys, calendar, horizon)
    whole_display, whole_mailer = plan.of_items(log.n_items, calendar, horizon)
    closed = _closed(lines, keys, calendar) if stores else np.zeros(n, bool)
    notes = []
    if closed.any():
        gone = keys.filter(pl.Series(closed))["store_id"].unique().sort().to_list()
        notes.append(f"No sale in the last {CLOSED[by]} {by}s: {_named(gone)} counted as closed; nothing is ordered.")
    short = calendar.n + horizon - plan.until(calendar)
    if not plan.empty and short > 0:
        notes.append(
            f"The promotion calendar ends {min(short, horizon)} {by}s before the horizon does; "
            "no promotion is assumed after it."
        )
    return Demand(
        calendar, keys, units, _carried(price), discount, display, mailer, calendar.marked(holidays, horizon),
        suspected_out(units), table, whole_display, whole_mailer, closed, plan.until(calendar), tuple(notes),
    )  # fmt: skip


def suspected_out(units: Array) -> NDArray[np.bool_]:
    """(n, T), periods of an empty run that the rate of the 13 periods before makes all but impossible.

    Under a Poisson rate m, a run of k empty periods has the probability exp(-m k).

    Examples
    --------
    Ten a week, then two weeks of nothing: exp(-20).

    >>> suspected_out(np.array([[10.0, 10, 10, 0, 0, 10]])).astype(int).tolist()
    [[0, 0, 0, 1, 1, 0]]
    """
    n, total = units.shape
    out = np.zeros((n, total), bool)
    rate, run = np.zeros(n), np.zeros(n)
    for t in range(total):
        fresh = run == 0
        past = units[:, max(t - RECENT, 0) : t]
        rate = np.where(fresh, past.mean(axis=1) / 2 if t else 0.0, rate)  # half: demand is wilder than Poisson
        empty = units[:, t] == 0
        run = np.where(empty, run + 1, 0)
        likely = empty & (np.exp(-rate * run) < SUSPECT)
        for back in range(int(run[likely].max()) if likely.any() else 0):
            out[likely & (run > back), t - back] = True
    return out


def intermittency(units: Array) -> tuple[Array, Array]:
    """Mean periods between sales, and the squared coefficient of variation of the sizes; (n,), (n,).

    References
    ----------
    Syntetos, Boylan, Croston, "On the categorization of demand patterns", JORS 2005.

    Examples
    --------
    >>> gap, spread = intermittency(np.array([[0.0, 2, 0, 2], [1, 1, 1, 1], [0, 0, 0, 0]]))
    >>> gap.tolist(), spread.tolist()
    ([2.0, 1.0, inf], [0.0, 0.0, 0.0])
    """
    sold = units > 0
    count = sold.sum(axis=1)
    begun = np.where(count > 0, sold.argmax(axis=1), units.shape[1])
    # A product is not intermittent for the time before it was first sold, unless it then hardly sold.
    length = np.where(units.shape[1] - begun >= RECENT, units.shape[1] - begun, units.shape[1])
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = np.where(count > 0, length / count, np.inf)
        mean = units.sum(axis=1) / count
        square = (units**2).sum(axis=1) / count
        spread = np.where(count > 1, np.maximum(square - mean**2, 0) / mean**2, 0.0)
    return gap, spread


def pattern(units: Array) -> list[str]:
    """ "smooth", "erratic", "intermittent", "lumpy" or, where nothing was sold, "unsold"; (n,)."""
    gap, spread = intermittency(units)
    words = np.where(
        gap <= INTERMITTENT,
        np.where(spread <= LUMPY, "smooth", "erratic"),
        np.where(spread <= LUMPY, "intermittent", "lumpy"),
    )
    return np.where(np.isinf(gap), "unsold", words).tolist()


def _lines(sold: pl.DataFrame, calendar: Calendar, stores: bool) -> pl.DataFrame:
    """One row per product, store and period; duplicate weeks of a file add up."""
    units = pl.col("quantity").fill_null(1.0).clip(lower_bound=0).cast(pl.Float64)
    known = pl.col("price").is_not_null() & (pl.col("price") >= 0)
    off = pl.col("discount").fill_null(0.0).clip(lower_bound=0) if "discount" in sold.columns else pl.lit(0.0)
    keys = ["item", "store_id", "period"] if stores else ["item", "period"]
    return (
        sold.with_columns(period=calendar.number(pl.col("time")), units=units)
        .filter(pl.col("period").is_between(0, calendar.n - 1))
        .with_columns(
            paid=pl.when(known).then(pl.col("units") * pl.col("price")).otherwise(0.0).cast(pl.Float64),
            priced=pl.when(known).then(pl.col("units")).otherwise(0.0),
            off=off.cast(pl.Float64),
        )
        .group_by(keys)
        .agg(pl.col("units", "paid", "priced", "off").sum())
    )


def _keys(
    log: Log, lines: pl.DataFrame, calendar: Calendar, stores: bool, top: int, among: NDArray[np.int64] | None
) -> pl.DataFrame:
    """The series, the best sellers first."""
    on = ["item", "store_id"] if stores else ["item"]
    recent = pl.when(pl.col("period") >= calendar.n - RECENT).then(pl.col("units")).otherwise(0.0)
    sold = lines.group_by(on).agg(late=recent.sum(), units=pl.col("units").sum())
    if among is not None:
        wanted = pl.DataFrame({"item": np.unique(among).astype(np.int32)})
        sold = wanted.join(sold, on="item", how="left").with_columns(pl.col("late", "units").fill_null(0.0))
        if stores:
            sold = sold.drop_nulls("store_id")
    ordered = sold.sort(["late", "units", *on], descending=[True, True, *[False] * len(on)])
    chosen = (ordered.head(top) if top else ordered).select(on)
    if chosen.is_empty():
        raise DataError("None of these products was sold in this shop. Forecast without --stores, or name others.")
    return chosen.with_columns(product_id=log.items.ids(chosen["item"].to_numpy()))


def _table(cells: pl.DataFrame, name: str, n: int, total: int) -> Array:
    table = np.zeros((n, total))
    table[cells["series"].to_numpy(), cells["period"].to_numpy()] = cells[name].to_numpy()
    return table


def _carried(price: Array) -> Array:
    """The last price that was paid, carried on."""
    known = ~np.isnan(price)
    last = np.maximum.accumulate(np.where(known, np.arange(price.shape[1]), -1), axis=1)
    return np.where(last >= 0, np.take_along_axis(price, np.maximum(last, 0), axis=1), np.nan)


def _closed(lines: pl.DataFrame, keys: pl.DataFrame, calendar: Calendar) -> NDArray[np.bool_]:
    late = lines.group_by("store_id").agg(pl.col("period").max())
    gone = late.filter(pl.col("period") < calendar.n - CLOSED[calendar.by])["store_id"]
    return keys["store_id"].is_in(gone.implode()).fill_null(False).to_numpy()


def _named(ids: list[object], most: int = 5) -> str:
    shown = ", ".join(map(str, ids[:most])) + (", …" if len(ids) > most else "")
    return f"store {shown}" if len(ids) == 1 else f"stores {shown}"
