"""The last periods played again with real demand: what a policy would have held, sold, missed and thrown away."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.stats import norm

from goeswith.data.log import Log
from goeswith.data.shop import Shop
from goeswith.errors import UsageError
from goeswith.progress import Progress, Stage
from goeswith.scenarios.inventory.blend import Lesson
from goeswith.scenarios.inventory.calendar import LENGTH, By
from goeswith.scenarios.inventory.companions import categories_of, text_vectors
from goeswith.scenarios.inventory.demand import RECENT, Demand, demand_of
from goeswith.scenarios.inventory.forecast import Forecast, Vectors, forecast_demand, log_until, past_lessons
from goeswith.scenarios.inventory.learned import Trees
from goeswith.scenarios.inventory.policy import PolicyConfig, dearness, levels_of, periods_protected
from goeswith.scenarios.inventory.prediction import Prediction
from goeswith.scenarios.inventory.promotions import Promotions, read_promotions
from goeswith.scenarios.inventory.stock import Stock, assumed_stock, read_stock
from goeswith.scenarios.inventory.tables import read_holidays

Array = NDArray[np.float64]
Targets = Callable[[float], Array]
"""Service asked for -> (n, W), order-up-to level of each series in each period."""
ASKED = (0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.84, 0.87, 0.9, 0.925, 0.95, 0.965, 0.98, 0.99, 0.995, 0.998, 0.9995)
REFIT = 4


@dataclass(frozen=True)
class Played:
    """What came of a policy, over all series and periods.

    service : units sold of units asked for; out : share of series and periods that ended empty with demand unmet
    held : mean units on the shelf; waste : units that spoilt; holding : money; turnover : times a year
    """

    policy: str
    asked: float
    service: float
    out: float
    held: float
    waste: float
    holding: float
    turnover: float


@dataclass(frozen=True)
class Simulation:
    """Curves of policies, and what each holds at the same service.

    curves : policy -> what came of it at each level asked for; equal : at the service that was wanted
    """

    curves: dict[str, list[Played]]
    equal: list[Played]
    service: float
    periods: int
    series: int
    notes: tuple[str, ...] = field(default=())

    def to_frame(self) -> pl.DataFrame:
        """One row a policy, at the same service: service, out, held, waste, holding, turnover, less_held (share)."""
        naive = next((each.held for each in self.equal if each.policy == NAIVE), float("nan"))
        return pl.DataFrame([vars(each) for each in self.equal]).with_columns(less_held=1 - pl.col("held") / naive)


OURS, ALONE, NAIVE, COVER = "goeswith", "goeswith, each product alone", "base stock on a window mean", "weeks of cover"


def simulate(
    shop: Shop | Log,
    *,
    weeks: int = 8,
    by: By = "week",
    stores: bool = False,
    top: int = 500,
    among: Sequence[object] | None = None,
    until: datetime | date | str | None = None,
    stock: object | None = None,
    lead_time_days: float = 7.0,
    promotions: object | None = None,
    holidays: object | None = None,
    vectors: Vectors | None = None,
    config: PolicyConfig | None = None,
    refit: int = REFIT,
    seed: int = 0,
    progress: Progress | None = None,
) -> Simulation:
    """Play the last periods against what was really asked for. Experimental.

    Parameters
    ----------
    weeks : periods that are played (days, where by is "day")
    stock : an inventory file or frame, for lead times, shelf lives and costs; its stock is not used. None: one
        lead time for all, nothing spoils
    refit : periods after which the forecast is made anew, from nothing but what was known then

    Raises
    ------
    UsageError : weeks below 1, or as many as the history has
    """
    if weeks < 1:
        raise UsageError(f"A simulation needs at least 1 period; got {weeks}. Pass --weeks 8, for example.")
    if not lead_time_days >= 0:
        raise UsageError(f"The lead time cannot be negative; got {lead_time_days} days. Pass 0 or more.")
    policy = config or PolicyConfig()
    log = shop.log(until) if isinstance(shop, Shop) else shop
    tell = progress or (lambda event: None)
    tell(Stage("count demand"))
    plan = Promotions.none() if promotions is None else read_promotions(promotions, log.items)
    days = read_holidays(holidays) if holidays is not None else []
    rows = None if among is None else log.items.rows(among)
    lead = int(np.ceil(lead_time_days / LENGTH[by]))
    horizon = refit + lead
    demand = demand_of(log, by, horizon=horizon, stores=stores, top=0, among=rows, promotions=plan, holidays=days)
    if demand.periods - weeks < 2:
        raise UsageError(
            f"The log has {demand.periods} whole {by}s: too few to play {weeks} of them and learn from the others. "
            "Pass a smaller --weeks."
        )
    demand = best_before(demand, demand.periods - weeks, top)
    categories = categories_of(log.products)
    held = (
        assumed_stock(demand, categories, lead_time_days)
        if stock is None
        else read_stock(stock, demand, log.items, categories)
    )
    texts = text_vectors(log) if vectors is None else vectors
    forecasts = forecasts_as_of(log, demand, texts, weeks, refit, seed, tell)
    tell(Stage("play"))
    return play(demand, forecasts, held, policy, weeks, refit)


def forecasts_as_of(
    log: Log, demand: Demand, texts: Vectors, weeks: int, refit: int, seed: int, tell: Progress
) -> list[Forecast]:
    """One forecast every `refit` periods of the last ones, each from what was known then.

    The methods are weighed once, before the first of them.
    """
    forecasts: list[Forecast] = []
    lessons: list[Lesson] | None = None
    for start in range(demand.periods - weeks, demand.periods, refit):
        past = demand.until(start)
        then = log_until(log, past)
        tell(Stage(f"forecast as of {past.calendar.start(start)}"))
        if lessons is None:
            lessons = past_lessons(then, past, texts, association=True, trees=Trees(seed=seed))
        forecasts.append(forecast_demand(then, past, texts, lessons=lessons, seed=seed))
    return forecasts


def best_before(demand: Demand, period: int, top: int) -> Demand:
    """The best sellers of the 13 periods before a period: what follows does not choose who is judged."""
    late = demand.units[:, max(period - RECENT, 0) : period].sum(axis=1)
    order = np.argsort(-late, kind="stable")
    return demand.only(np.sort(order[:top] if top else order[late[order] > 0]))


def play(
    demand: Demand, forecasts: list[Forecast], stock: Stock, config: PolicyConfig, weeks: int, refit: int
) -> Simulation:
    """Every policy at every level asked for, and each at the service that is wanted."""
    from goeswith.scenarios.inventory.plan import ties

    start = demand.periods - weeks
    days = LENGTH[demand.calendar.by]
    joint = []
    for told in forecasts:
        attached, substitutes = ties(told)
        joint.append(dearness(stock, attached, substitutes.sum(axis=1), config.recapture))

    def ours(with_others: bool) -> Targets:
        def targets(asked: float) -> Array:
            levels = []
            for week in range(weeks):
                at = week // refit
                wanted = config.model_copy(update={"service": asked})
                dear = joint[at] if with_others else None
                told: Prediction = forecasts[at].prediction
                levels.append(levels_of(told, stock, days, wanted, dear=dear, first=week - at * refit).up_to)
            return np.stack(levels, axis=1)

        return targets

    policies: dict[str, Targets] = {
        OURS: ours(True),
        ALONE: ours(False),
        NAIVE: naive_base_stock(demand, stock, start, days),
        COVER: weeks_of_cover(demand, stock, start, days),
    }
    curves = {
        name: [run(name, asked, targets(asked), demand, stock, config, start) for asked in ASKED]
        for name, targets in policies.items()
    }
    equal = [at_service(curve, config.service) for curve in curves.values()]
    short = [each.policy for each in equal if each.service < config.service - 1e-6]
    notes = list(stock.notes)
    if short:
        notes.append(
            f"A service of {config.service:.0%} was out of reach for {', '.join(short)}: the nearest that each reached "
            "is shown."
        )
    return Simulation(curves, equal, config.service, weeks, demand.n, tuple(notes))


def naive_base_stock(demand: Demand, stock: Stock, start: int, days: int) -> Targets:
    """Mean and deviation of the last 13 periods, as a normal: the textbook's base stock."""
    protected = periods_protected(stock.lead_time_days, days)[:, None]
    past = [demand.units[:, max(at - RECENT, 0) : at] for at in range(start, demand.periods)]
    mean = np.stack([each.mean(axis=1) for each in past], axis=1)
    spread = np.stack([each.std(axis=1) for each in past], axis=1)
    return lambda asked: np.maximum(mean * protected + norm.ppf(asked) * spread * np.sqrt(protected), 0.0)


def weeks_of_cover(demand: Demand, stock: Stock, start: int, days: int) -> Targets:
    """The same cover for every product: so many times the mean of the last 13 periods."""
    protected = periods_protected(stock.lead_time_days, days)[:, None]
    mean = np.stack(
        [demand.units[:, max(at - RECENT, 0) : at].mean(axis=1) for at in range(start, demand.periods)], axis=1
    )
    return lambda asked: mean * protected * (1 - np.log(1 - asked) / 2)


def run(
    name: str, asked: float, targets: Array, demand: Demand, stock: Stock, config: PolicyConfig, start: int
) -> Played:
    """One policy, period by period: receive, throw away, order, sell.

    Parameters
    ----------
    targets : (n, W), order-up-to levels

    The shelf begins at its level. An order of a lead time L arrives as period t + L begins; what is not there is lost.
    Units of all ages are kept apart where something spoils; the oldest are sold first.
    """
    days = LENGTH[demand.calendar.by]
    wanted = demand.units[:, start:]
    n, weeks = wanted.shape
    lead = np.ceil(stock.lead_time_days / days - 1e-9).astype(np.int64)
    spoils = np.isfinite(stock.shelf_life_days)
    life = np.where(spoils, np.maximum(np.floor(np.where(spoils, stock.shelf_life_days, 0) / days), 1), np.inf)
    ages = int(min(life[spoils].max(initial=0.0), weeks)) + 1
    shelf = np.zeros((n, ages))  # by age, the freshest first
    coming = np.zeros((n, weeks + int(lead.max(initial=0)) + 1))
    sold = held = waste = empty = money = 0.0
    weekly_cost = config.holding * stock.unit_cost * days / 365
    for week in range(weeks):
        if week:
            shelf, spoilt = _older(shelf, spoils, life)
            waste += spoilt
        position = shelf.sum(axis=1) + coming[:, week:].sum(axis=1)
        goal = np.minimum(np.round(targets[:, week]), stock.shelf)
        need = np.maximum(goal - position, 0.0)
        if week == 0:  # the shelf begins as the policy would have it
            shelf[:, 0] += need
        else:
            order = np.ceil(need / stock.case_size - 1e-9) * stock.case_size
            np.add.at(coming, (np.arange(n), week + lead), np.where(demand.closed, 0, order))
        shelf[:, 0] += coming[:, week]
        coming[:, week] = 0.0
        opening = shelf.sum(axis=1)
        went = np.minimum(opening, wanted[:, week])
        shelf = _sell(shelf, went)
        closing = opening - went
        sold += float(went.sum())
        held += float((opening + closing).sum() / 2)
        empty += float((wanted[:, week] > opening + 1e-9).sum())
        money += float(((opening + closing) / 2 * weekly_cost).sum())
    mean_held = held / weeks
    return Played(
        name, asked, sold / max(float(wanted.sum()), 1e-9), empty / (n * weeks), mean_held, waste, money,
        sold / weeks * 365 / days / max(mean_held, 1e-9),
    )  # fmt: skip


def at_service(curve: list[Played], service: float) -> Played:
    """Where a curve crosses a service, read off between two of its points; the nearest end where it never does."""
    ordered = sorted(curve, key=lambda each: each.service)
    got = np.array([each.service for each in ordered])
    values = {
        name: float(np.interp(service, got, [getattr(each, name) for each in ordered]))
        for name in ("asked", "service", "out", "held", "waste", "holding", "turnover")
    }
    return Played(ordered[0].policy, **values)


def _older(shelf: Array, spoils: NDArray[np.bool_], life: Array) -> tuple[Array, float]:
    """A period later: everything one age up; what has outlived its life is thrown away."""
    if shelf.shape[1] == 1:
        return shelf, 0.0
    aged = np.concatenate([np.zeros((len(shelf), 1)), shelf[:, :-1]], axis=1)
    aged[:, -1] += np.where(spoils, 0.0, shelf[:, -1])
    gone = np.where(spoils, shelf[:, -1], 0.0)
    over = (np.arange(shelf.shape[1]) >= life[:, None]) & spoils[:, None]
    gone = gone + np.where(over, aged, 0.0).sum(axis=1)
    return np.where(over, 0.0, aged), float(gone.sum())


def _sell(shelf: Array, units: Array) -> Array:
    """The oldest first."""
    left = units.copy()
    kept = shelf.copy()
    for age in range(shelf.shape[1] - 1, -1, -1):
        taken = np.minimum(kept[:, age], left)
        kept[:, age] -= taken
        left -= taken
    return kept
