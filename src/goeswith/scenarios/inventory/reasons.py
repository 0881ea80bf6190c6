"""Why an order line is what it is, in a sentence or three that say no more than the numbers do."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from goeswith.scenarios.inventory.forecast import Forecast
from goeswith.scenarios.inventory.orders import Orders
from goeswith.scenarios.inventory.policy import Levels, PolicyConfig, periods_protected
from goeswith.scenarios.inventory.stock import Stock

Array = NDArray[np.float64]


def reasons_of(
    told: Forecast, stock: Stock, levels: Levels, orders: Orders, attached: csr_array, extra: Array,
    config: PolicyConfig,
) -> list[str]:  # fmt: skip
    """One text a series: the forecast, the stock, the lead time, the order, and what it sells with."""
    protected = periods_protected(stock.lead_time_days, told.demand.calendar.days)
    mates = _closest(told, attached)
    return [
        _reason(at, int(protected[at]), int(mates[at]), told, stock, levels, orders, attached, extra, config)
        for at in range(told.demand.n)
    ]


def _closest(told: Forecast, attached: csr_array) -> NDArray[np.int64]:
    """(n,), the series that each goes with most beyond chance; -1 where it goes with none."""
    items = told.demand.items
    weight = csr_array(told.neighbours.companions[told.neighbours.rows(items)][:, items])
    pattern = csr_array(attached, copy=True)
    pattern.data = np.ones_like(pattern.data)
    weight = csr_array(weight.multiply(pattern))
    best = np.full(told.demand.n, -1, np.int64)
    for at in range(told.demand.n):
        own = slice(weight.indptr[at], weight.indptr[at + 1])
        if own.stop > own.start:
            best[at] = weight.indices[own][int(np.argmax(weight.data[own]))]
    return best


def _reason(
    at: int, periods: int, mate: int, told: Forecast, stock: Stock, levels: Levels, orders: Orders, attached: csr_array,
    extra: Array, config: PolicyConfig,
) -> str:  # fmt: skip
    word = told.demand.calendar.by
    how = "No history: told from products that read like it. " if told.never_sold[at] else ""
    low, high = (max(levels.mean[at] + z * levels.deviation[at], 0) for z in (-1.2816, 1.2816))
    said = [
        f"{how}About {_n(levels.mean[at])} wanted ({_n(low)} to {_n(high)}) over {periods} {_many(word, periods)} "
        f"(lead time {_n(stock.lead_time_days[at])} days and one {word} until the next order)"
    ]
    if extra[at] >= 0.5:
        said.append(f"{_n(extra[at])} of them from buyers of a substitute that runs out")
    on_order = f" and {_n(stock.on_order[at])} on order" if stock.on_order[at] else ""
    text = ", ".join(said) + f". {_n(stock.stock[at])} in stock{on_order}; "
    text += _ordered(at, stock, levels, orders, told, config)
    if config.joint and mate >= 0:
        text += f" Sells with {told.names[mate]} ({attached[at, mate]:.0%} of its baskets)."
    if np.isfinite(stock.shelf_life_days[at]):
        text += f" It keeps for {_n(stock.shelf_life_days[at])} days."
    if stock.guessed[at]:
        text += " It has no price; the median of its category stands in."
    return text


def _ordered(at: int, stock: Stock, levels: Levels, orders: Orders, told: Forecast, config: PolicyConfig) -> str:
    if told.demand.closed[at]:
        return "the store has closed: nothing is ordered."
    if not stock.listed[at]:
        return "it is not in the inventory file: nothing is ordered."
    if not orders.fits[at]:
        return (
            f"a case of {_n(stock.case_size[at])} does not fit on a shelf of {_n(stock.shelf[at])}: nothing is ordered."
        )
    if orders.cut[at] > 0 and not orders.units[at]:
        return f"{_n(orders.cut[at])} were wanted; budget or space went to products that are worth more."
    if not orders.units[at]:
        return f"that is enough: the order-up-to level is {_n(levels.up_to[at])}."
    size = stock.case_size[at]
    many = int(orders.cases[at])
    cases = f" in {many} {_many('case', many)} of {_n(size)}" if size > 1 else ""
    enough = f"enough in {levels.ratio[at]:.0%} of such times"
    text = f"order {_n(orders.units[at])}{cases} up to {_n(levels.up_to[at])} ({enough})."
    if orders.joined[at]:
        text += " Joins the order of a product that it sells with."
    if orders.cut[at] > 0:
        text += f" {_n(orders.cut[at])} more were wanted; budget or space ended."
    return text


def _n(value: float) -> str:
    """
    >>> _n(3.0), _n(0.42), _n(1234.5)
    ('3', '0.4', '1,234')
    """
    whole = abs(value - round(value)) < 0.05 or abs(value) >= 10
    return f"{value:,.0f}" if whole else f"{value:,.1f}"


def _many(word: str, n: int) -> str:
    return word if n == 1 else f"{word}s"
