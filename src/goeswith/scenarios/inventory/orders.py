"""Which order to place: whole cases within shelf, minimum, budget and space."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.stats import norm

from goeswith.errors import MissingExtra, UsageError
from goeswith.scenarios.inventory.policy import JOINS, Levels
from goeswith.scenarios.inventory.stock import Stock

Array = NDArray[np.float64]
SECONDS = 20.0
"""That the optimiser may take; what it has found by then is used, and said to be."""
CASES = 60
"""Cases of one product beyond which the rest are counted in one lump."""


@dataclass(frozen=True)
class Orders:
    """cases, units : (n,); joined : (n,), ordered because a companion is; fits : (n,), a case fits on the shelf

    cut : (n,), units that were wanted and did not fit the budget or the space; proven : the choice is the best
    """

    cases: NDArray[np.int64]
    units: Array
    joined: NDArray[np.bool_]
    fits: NDArray[np.bool_]
    cut: Array
    proven: bool = True


def wanted_orders(levels: Levels, stock: Stock, attached: csr_array | None, closed: NDArray[np.bool_]) -> Orders:
    """What each series wants, in whole cases, as far as shelf and minimum order let it.

    Parameters
    ----------
    attached : (n, n), who goes with whom; those who may join an order. None: nobody joins
    """
    position = stock.stock + stock.on_order
    below = (position < levels.up_to) & (position <= levels.reorder)
    joined = np.zeros(len(position), bool)
    if attached is not None and below.any():
        strong = attached.copy()
        strong.data = (strong.data >= JOINS).astype(float)
        called = (strong.T @ below.astype(float)) > 0
        joined = called & ~below & (position <= levels.join) & (position < levels.up_to)
    need = np.where(below | joined, levels.up_to - position, 0.0)
    room = np.where(np.isinf(stock.shelf), np.inf, np.maximum(stock.shelf - position, 0.0))
    fits = stock.case_size <= stock.shelf
    most = np.where(np.isinf(room), np.inf, np.floor(room / stock.case_size + 1e-9))
    cases = np.minimum(np.ceil(need / stock.case_size - 1e-9), most)
    least = np.ceil(stock.minimum_order / stock.case_size - 1e-9)
    cases = np.where((cases > 0) & (cases < least), np.where(least <= most, least, 0), cases)
    cases = np.where(stock.listed & ~closed & fits, cases, 0).astype(np.int64)
    return Orders(cases, cases * stock.case_size, joined & (cases > 0), fits, np.zeros(len(cases)))


def check_budget(budget: float | None, stock: Stock, orders: Orders) -> None:
    """Raise UsageError for a budget that buys not one case of what is wanted."""
    if budget is None:
        return
    costs = (stock.unit_cost * stock.case_size)[orders.cases > 0]
    if budget < 0 or (len(costs) and budget < costs.min()):
        cheapest = f"; the cheapest case that is wanted costs {costs.min():,.2f}" if len(costs) else ""
        raise UsageError(f"A budget of {budget:,.2f} buys no case{cheapest}. Raise --budget, or leave it out.")


def within_limits(
    orders: Orders, levels: Levels, stock: Stock, dear: Array, budget: float | None, space: float | None
) -> Orders:
    """The cases that are worth most within a budget and a shelf, by OR-Tools.

    The k-th case of a product is worth what it is likely to sell of it: the expected units of a normal demand between
    the stock without and with it, times margin and dearness.

    Parameters
    ----------
    budget : money; space : in the unit of the stock's `space`; None: no limit

    Raises
    ------
    MissingExtra : OR-Tools is not installed
    """
    cost, room = stock.unit_cost * stock.case_size, stock.space * stock.case_size
    over = (budget is not None and (orders.cases * cost).sum() > budget) or (
        space is not None and (orders.cases * room).sum() > space
    )
    if not over:
        return orders
    try:
        from ortools.sat.python import cp_model
    except ImportError as missing:
        raise MissingExtra("Ordering within a budget", "inventory") from missing
    model = cp_model.CpModel()
    chosen: list[tuple[int, Any, int]] = []
    paid, filled, worth = [], [], []
    for at in np.flatnonzero(orders.cases > 0).tolist():
        n = int(orders.cases[at])
        steps = np.unique(np.linspace(0, n, min(n, CASES) + 1).astype(int))
        least = int(np.ceil(stock.minimum_order[at] / stock.case_size[at] - 1e-9))
        steps = steps[(steps == 0) | (steps >= least)]
        values = _worth(at, steps, levels, stock, dear)
        last = None
        for left, right, value in zip(steps[:-1], steps[1:], values, strict=True):
            one = model.new_bool_var(f"{at}:{right}")
            if last is not None:
                model.add_implication(one, last)
            last = one
            size = int(right - left)
            chosen.append((at, one, size))
            paid.append((one, size * cost[at]))
            filled.append((one, size * room[at]))
            worth.append((one, value))
    if budget is not None:
        model.add(sum(one * int(np.ceil(each * 100)) for one, each in paid) <= int(budget * 100))
    if space is not None:
        model.add(sum(one * int(np.ceil(each * 1000)) for one, each in filled) <= int(space * 1000))
    model.maximize(sum(one * round(value * 1000) for one, value in worth))
    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = SECONDS
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 0
    status = solver.solve(model)
    cases = np.zeros(len(orders.cases), np.int64)
    if status in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        for where, each, size in chosen:
            cases[where] += size * int(solver.value(each))
    units = cases * stock.case_size
    return Orders(
        cases, units, orders.joined & (cases > 0), orders.fits, orders.units - units, status == cp_model.OPTIMAL
    )


def _worth(at: int, steps: NDArray[np.int64], levels: Levels, stock: Stock, dear: Array) -> Array:
    """What each step up is worth: expected units sold of it, times what a unit short loses."""
    position = stock.stock[at] + stock.on_order[at] + steps * stock.case_size[at]
    spread = max(float(levels.deviation[at]), 1e-6)
    z = (position - levels.mean[at]) / spread
    short = spread * (norm.pdf(z) - z * (1 - norm.cdf(z)))  # expected units short with this position
    margin = max(float(stock.price[at] - stock.unit_cost[at]), 0.01 * float(stock.price[at]))
    return np.asarray(-np.diff(short) * margin * dear[at])
