"""An order proposal: what to order of which product, and why."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_array

from goeswith.data.log import Log
from goeswith.data.shop import Shop
from goeswith.errors import UsageError
from goeswith.progress import Note, Progress, Stage
from goeswith.scenarios.inventory.calendar import LENGTH, By
from goeswith.scenarios.inventory.companions import categories_of
from goeswith.scenarios.inventory.forecast import Forecast, Vectors, forecast
from goeswith.scenarios.inventory.orders import Orders, check_budget, wanted_orders, within_limits
from goeswith.scenarios.inventory.policy import Levels, PolicyConfig, dearness, levels_of, periods_protected
from goeswith.scenarios.inventory.reasons import reasons_of
from goeswith.scenarios.inventory.stock import Stock, read_stock
from goeswith.scenarios.inventory.tables import need, read_table

Array = NDArray[np.float64]
LONGEST = 26
"""Periods that are forecast at most; a longer lead time is covered by the last of them."""


@dataclass(frozen=True)
class Plan:
    """An order proposal and what it was made of."""

    forecast: Forecast
    stock: Stock
    levels: Levels
    orders: Orders
    reasons: list[str]
    notes: tuple[str, ...] = field(default=())

    def to_frame(self, everything: bool = False) -> pl.DataFrame:
        """One row an order line, the dearest first: product_id, (store_id,) name, order (units), cases, cost, stock,
        on_order, reorder_point, order_up_to, expected (units until the delivery after this one), lead_time_days, why.

        everything : with the series of which nothing is ordered
        """
        demand = self.forecast.demand
        columns = ["product_id", "store_id"] if demand.by_store else ["product_id"]
        frame = demand.keys.select(columns).with_columns(
            name=pl.Series(self.forecast.names),
            order=self.orders.units,
            cases=self.orders.cases,
            cost=self.orders.units * self.stock.unit_cost,
            stock=self.stock.stock,
            on_order=self.stock.on_order,
            reorder_point=self.levels.reorder,
            order_up_to=self.levels.up_to,
            expected=self.levels.mean,
            lead_time_days=self.stock.lead_time_days,
            why=pl.Series(self.reasons),
        )
        chosen = frame if everything else frame.filter(pl.col("order") > 0)
        return chosen.sort("cost", descending=True, maintain_order=True)


def plan(
    shop: Shop | Log,
    stock: object,
    *,
    by: By = "week",
    stores: bool = False,
    top: int = 1000,
    among: Sequence[object] | None = None,
    until: datetime | date | str | None = None,
    promotions: object | None = None,
    holidays: object | None = None,
    vectors: Vectors | None = None,
    config: PolicyConfig | None = None,
    budget: float | None = None,
    space: float | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Plan:
    """What to order now. Experimental.

    Parameters
    ----------
    stock : the inventory file or frame, see `read_stock`
    budget : money for all orders; space : of all shelves, in the unit of the column `space`
    others : as of `forecast`

    Raises
    ------
    UsageError : no inventory file, a budget below one case, a service level that is none
    DataError : the inventory file cannot be used; the row is named
    """
    if stock is None:
        raise UsageError("A plan needs what is in stock (--stock FILE). Without it: goeswith inventory SHOP forecast")
    if budget is not None and not budget >= 0:
        raise UsageError(f"The budget must be 0 or more; got {budget}.")
    if space is not None and not space >= 0:
        raise UsageError(f"The space must be 0 or more; got {space}.")
    policy = config or PolicyConfig()
    log = shop.log(until) if isinstance(shop, Shop) else shop
    told = forecast(
        log, by=by, horizon=_horizon(stock, by), stores=stores, top=top, among=among, promotions=promotions,
        holidays=holidays, vectors=vectors, seed=seed, progress=progress,
    )  # fmt: skip
    return plan_of(told, read_stock(stock, told.demand, log.items, categories_of(log.products)), policy,
                   budget=budget, space=space, progress=progress)  # fmt: skip


def plan_of(
    told: Forecast,
    stock: Stock,
    config: PolicyConfig,
    *,
    budget: float | None = None,
    space: float | None = None,
    progress: Progress | None = None,
) -> Plan:
    """An order proposal from a forecast and what is in stock."""
    if progress:
        progress(Stage("plan orders"))
    demand, days = told.demand, LENGTH[told.demand.calendar.by]
    attached, substitutes = ties(told)
    dear = np.ones(demand.n)
    if config.joint:
        dear = dearness(stock, attached, substitutes.sum(axis=1), config.recapture)
    extra = moved_demand(told, stock, substitutes, config, days) if config.joint else np.zeros(demand.n)
    levels = levels_of(told.prediction, stock, days, config, dear=dear, extra=extra)
    joining = attached if config.joint and config.order_cost > 0 else None
    orders = wanted_orders(levels, stock, joining, demand.closed)
    check_budget(budget, stock, orders)
    orders = within_limits(orders, levels, stock, dear, budget, space)
    notes = [*told.notes, *stock.notes]
    if not orders.fits[stock.listed].all():
        notes.append(
            f"Of {int((~orders.fits & stock.listed).sum()):,} products a case is larger than the shelf: "
            "none is ordered."
        )
    if not orders.proven:
        notes.append("The optimiser stopped at its time limit: the choice is good, not proven best.")
    for note in notes:
        if progress and note not in told.notes:
            progress(Note(note))
    reasons = reasons_of(told, stock, levels, orders, attached, extra, config)
    return Plan(told, stock, levels, orders, reasons, tuple(notes))


def ties(told: Forecast) -> tuple[csr_array, csr_array]:
    """(n, n) among the series: attached (share of the row's baskets that hold the column's), and substitutes' weights.

    Between stores nothing is tied.
    """
    demand, near = told.demand, told.neighbours
    at = near.rows(demand.items)
    share = csr_array(near.share[at][:, demand.items])
    alike = csr_array(near.substitutes[at][:, demand.items])
    if demand.by_store:
        _, store = np.unique(demand.keys["store_id"].cast(pl.String).fill_null("").to_numpy(), return_inverse=True)
        share, alike = (_within(table, store) for table in (share, alike))
    return share, alike


def moved_demand(told: Forecast, stock: Stock, substitutes: csr_array, config: PolicyConfig, days: int) -> Array:
    """(n,), units that buyers of products which will be out before their delivery ask of the substitutes."""
    lead = np.maximum(periods_protected(stock.lead_time_days, days) - 1, 0)
    expected = told.prediction.mean
    waiting = np.minimum(lead, expected.shape[1])
    coming = np.where(waiting > 0, np.cumsum(expected, axis=1)[np.arange(len(lead)), np.maximum(waiting, 1) - 1], 0.0)
    short = np.where(stock.listed, np.maximum(coming - stock.stock - stock.on_order, 0.0), 0.0)
    return np.asarray(substitutes.T @ (config.recapture * short))


def _within(table: csr_array, store: NDArray[np.int64]) -> csr_array:
    entries = table.tocoo()
    same = store[entries.row] == store[entries.col]
    return csr_array((entries.data[same], (entries.row[same], entries.col[same])), shape=table.shape)


def _horizon(stock: object, by: By) -> int:
    """Periods that the longest lead time needs."""
    table = read_table(stock, "stock")
    need(table, "inventory", ["product_id", "stock"])
    days = np.array([7.0])
    if "lead_time_days" in table.frame.columns:
        days = table.numbers("lead_time_days", 7.0)
    longest = int(periods_protected(np.maximum(days, 0.0), LENGTH[by]).max())
    return int(np.clip(longest, 2, LONGEST))
