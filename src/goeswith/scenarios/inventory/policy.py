"""How much to have: order-up-to levels from what is asked for until the next delivery, and what running out costs."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field
from scipy.sparse import csr_array

from goeswith.scenarios.inventory.prediction import Prediction, deviation
from goeswith.scenarios.inventory.spread import count_quantile
from goeswith.scenarios.inventory.stock import Stock

Array = NDArray[np.float64]


class PolicyConfig(BaseModel, frozen=True, extra="forbid"):
    """How a shop wants to be stocked."""

    service: float = Field(default=0.95, gt=0.0, lt=1.0)
    """Share of the demand that is to be met from the shelf, for a product like most others."""
    holding: float = Field(default=0.25, ge=0.0)
    """What a year of lying on the shelf costs, as a share of the unit cost."""
    order_cost: float = Field(default=0.0, ge=0.0)
    """What one order line costs; above zero, orders are rarer and larger."""
    joint: bool = True
    """Count what the companions lose when a product is out, and let companions join an order."""
    recapture: float = Field(default=0.3, ge=0.0, le=1.0)
    """Share of the buyers who take a substitute when a product is out."""


ALIKE = 0.3
"""Correlation of forecast errors of one series over the periods: a level that is wrong stays wrong for a while."""
MOST, LEAST = 3.0, 1 / 3
"""Bounds of how many times dearer running out of one product may be than of the median one."""
JOINS = 0.1
"""A companion in this share of a product's baskets may join its order."""


@dataclass(frozen=True)
class Levels:
    """(n,) each, units.

    reorder : order when stock and what is on order are at or below; up_to : and order up to this; join : a companion's
    order is joined from here; mean, deviation : of demand over the protected time; ratio : chance of meeting all of it
    """

    reorder: Array
    up_to: Array
    join: Array
    mean: Array
    deviation: Array
    ratio: Array


def periods_protected(lead_time_days: Array, days: int) -> NDArray[np.int64]:
    """(n,), whole periods from one order to the delivery of the next: lead time and one review.

    >>> periods_protected(np.array([0.0, 7.0, 8.0]), 7).tolist()
    [1, 2, 3]
    """
    return (np.ceil(lead_time_days / days - 1e-9) + 1).astype(np.int64)


def demand_over(prediction: Prediction, periods: NDArray[np.int64], first: int = 0) -> tuple[Array, Array]:
    """Mean and standard deviation of the demand of so many periods from `first`; (n,), (n,).

    Where the forecast ends before, its last period stands for those that follow.
    """
    horizon = prediction.mean.shape[1]
    spread = deviation(prediction)
    mean, plain, straight = (np.zeros(len(prediction.mean)) for _ in range(3))
    for step in range(int(periods.max()) if len(periods) else 0):
        at = min(first + step, horizon - 1)
        within = step < periods
        mean += np.where(within, prediction.mean[:, at], 0.0)
        plain += np.where(within, spread[:, at] ** 2, 0.0)
        straight += np.where(within, spread[:, at], 0.0)
    return mean, np.sqrt((1 - ALIKE) * plain + ALIKE * straight**2)


def critical_ratio(service: float, dearness: Array) -> Array:
    """(n,), the chance of meeting all demand that is worth its stock: the newsvendor's, common to all but for dearness.

    ratio / (1 - ratio) = service / (1 - service) * dearness

    Parameters
    ----------
    dearness : (n,), what running out of a unit costs, by what keeping one costs; 1 is usual

    References
    ----------
    Arrow, Harris, Marschak, "Optimal inventory policy", Econometrica 1951.

    Examples
    --------
    >>> critical_ratio(0.9, np.array([1.0, 2.0])).round(3).tolist()
    [0.9, 0.947]
    """
    odds = service / (1 - service) * dearness
    return odds / (1 + odds)


def dearness(stock: Stock, attached: csr_array | None, substitutable: Array | None, recapture: float) -> Array:
    """(n,), what a unit short loses, by unit cost, the median product's being 1.

    A product loses its own margin, less what substitutes win back, and the margin of companions that stay in the shop.

    Parameters
    ----------
    attached : (n, n), share of the baskets with the row's product that hold the column's, above chance; None: none
    substitutable : (n,), 0 to 1, whether something alike is there
    """
    margin = np.maximum(stock.price - stock.unit_cost, 0.01 * stock.price)
    lost = margin.copy()
    if substitutable is not None:
        lost *= 1 - recapture * substitutable
    if attached is not None:
        lost += (attached @ margin) * 0.5  # half of them would have been bought alone
    relative = lost / np.maximum(stock.unit_cost, 1e-9)
    usual = float(np.median(relative[stock.listed])) if stock.listed.any() else 1.0
    return np.clip(relative / max(usual, 1e-9), LEAST, MOST)


def levels_of(
    prediction: Prediction,
    stock: Stock,
    days: int,
    config: PolicyConfig,
    *,
    dear: Array | None = None,
    extra: Array | None = None,
    first: int = 0,
) -> Levels:
    """The levels between which stock is kept.

    Parameters
    ----------
    days : in a period
    dear : (n,), see `dearness`; None: all alike
    extra : (n,), units that are asked for beside the forecast, by buyers of a product that is out
    first : the period of the forecast that begins now

    A base stock where an order line costs nothing; (s, S) with the economic order quantity where it costs something
    (Harris, 1913). A product that spoils is not stocked beyond what is likely to be asked for in its life.
    """
    protected = periods_protected(stock.lead_time_days, days)
    mean, spread = demand_over(prediction, protected, first)
    mean = mean + (0.0 if extra is None else extra)
    ratio = critical_ratio(config.service, np.ones(len(mean)) if dear is None else dear)
    reorder = _quantile(mean, spread, ratio)
    up_to = reorder.copy()
    if config.order_cost > 0:
        yearly = prediction.mean.mean(axis=1) * 365 / days
        kept = np.maximum(config.holding * stock.unit_cost, 1e-9)
        up_to = reorder + np.sqrt(2 * config.order_cost * yearly / kept)
    spoils = np.isfinite(stock.shelf_life_days)
    if spoils.any():
        life = np.maximum((np.where(spoils, stock.shelf_life_days, 0) // days).astype(np.int64), 1)
        margin = np.maximum(stock.price - stock.unit_cost, 0.01 * stock.price)
        sold_or_wasted = margin / (margin + stock.unit_cost)  # a unit short loses the margin, one over the cost
        in_life, around = demand_over(prediction, life, first)
        meanwhile, _ = demand_over(prediction, protected - 1, first)  # is sold before the delivery comes
        most = meanwhile + _quantile(in_life, around, np.maximum(sold_or_wasted, 0.5))
        up_to = np.where(spoils, np.minimum(up_to, most), up_to)
        reorder = np.minimum(reorder, up_to)
    return Levels(reorder, up_to, (reorder + up_to) / 2, mean, spread, ratio)


def _quantile(mean: Array, spread: Array, ratio: Array) -> Array:
    phi = np.where(mean > 1e-9, spread**2 / np.maximum(mean, 1e-9), 1.0)
    return count_quantile(mean, np.maximum(phi, 1.0), ratio)
