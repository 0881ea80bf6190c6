"""From a shop to a forecast: the whole road, each line one file."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from goeswith.data.log import Log
from goeswith.data.shop import Shop
from goeswith.progress import Note, Progress, Stage
from goeswith.scenarios.inventory.blend import Blend, Lesson, equal_blend, learn_blend
from goeswith.scenarios.inventory.calendar import By
from goeswith.scenarios.inventory.cold import cold_weights, predict_cold
from goeswith.scenarios.inventory.cold_trees import ENOUGH, Shelf, predict_cold_learned
from goeswith.scenarios.inventory.companions import Neighbours, categories_of, find_neighbours, text_vectors
from goeswith.scenarios.inventory.demand import INTERMITTENT, RECENT, Demand, demand_of, intermittency, pattern
from goeswith.scenarios.inventory.hierarchy import hierarchy_of, reconcile, scaled_to
from goeswith.scenarios.inventory.learned import Trees, can_learn, predict_learned
from goeswith.scenarios.inventory.prediction import LEVELS, Prediction, deviation, zeros
from goeswith.scenarios.inventory.promotions import Promotions, read_promotions
from goeswith.scenarios.inventory.statistical import STATISTICAL, predict_statistical, smoothed
from goeswith.scenarios.inventory.tables import read_holidays

Vectors = NDArray[np.float32]
LESSONS = 2
"""Earlier origins that weigh the methods; each costs as much as a forecast."""
SHORT_METHODS = ("mean of 4", "mean of 13")
"""What is asked where the history is too short to fit anything."""
LEARNED, ALONE = "LightGBM with association", "LightGBM"
LESSON_SERIES = 1_500
"""Series that the methods are weighed on; of more, some are drawn."""
GROUPS = 2


@dataclass(frozen=True)
class Forecast:
    """Demand to come, and what it was told from.

    demand : what was sold until now; prediction : of the H periods to come
    parts : what each method said, before the average; neighbours : what each product goes with
    never_sold : (n,), told from texts alone
    reconciled : whether products, categories, stores and the whole heard each other; else sums are those of products
    """

    demand: Demand
    prediction: Prediction
    parts: dict[str, Prediction]
    neighbours: Neighbours
    never_sold: NDArray[np.bool_]
    names: list[str]
    notes: tuple[str, ...] = field(default=())
    reconciled: bool = False

    def to_frame(self) -> pl.DataFrame:
        """One row a series and period: product_id, (store_id,) name, period (its first day), mean, q05 … q95, how."""
        n, horizon = self.prediction.mean.shape
        columns = ["product_id", "store_id"] if self.demand.by_store else ["product_id"]
        kinds = np.where(self.never_sold, "never sold", np.array(pattern(self.demand.units)))
        keys = self.demand.keys.select(columns).with_columns(name=pl.Series(self.names))
        return keys[np.repeat(np.arange(n), horizon)].with_columns(
            period=pl.Series(self.demand.calendar.starts(self.demand.periods, horizon) * n),
            mean=self.prediction.mean.ravel(),
            **{
                f"q{round(100 * level):02}": self.prediction.quantiles[..., at].ravel()
                for at, level in enumerate(LEVELS)
            },
            pattern=pl.Series(np.repeat(kinds, horizon)),
        )


def forecast(
    shop: Shop | Log,
    *,
    by: By = "week",
    horizon: int = 4,
    stores: bool = False,
    top: int = 1000,
    among: Sequence[object] | None = None,
    until: datetime | date | str | None = None,
    promotions: object | None = None,
    holidays: object | None = None,
    vectors: Vectors | None = None,
    association: bool = True,
    seed: int = 0,
    progress: Progress | None = None,
) -> Forecast:
    """What will be asked for. Experimental.

    Parameters
    ----------
    by : "week" (from Monday) or "day"; horizon : how many of them
    stores : one forecast per product and store
    top : so many best sellers of the last 13 periods; 0 for every product that was ever sold
    among : these products, whether they were sold or not; one that never was is told from texts
    until : as if this were the last moment; a date means the whole of that day
    promotions : a file or frame, see `read_promotions`; holidays : a file or frame with the column date
    vectors : (items of the catalogue, d), what the texts mean, such as `model.plain_vectors()`; None reads the words
    association : False leaves out what the companions, substitutes and kin do

    Raises
    ------
    UnknownId : a product that the shop has not
    DataError, UsageError : nothing was sold, a file cannot be used, a value cannot be right
    MissingExtra : mlforecast or statsforecast is not installed
    """
    tell = progress or _silent
    tell(Stage("count demand"))
    log = shop.log(until) if isinstance(shop, Shop) else shop
    rows = None if among is None else log.items.rows(among)
    plan = Promotions.none() if promotions is None else read_promotions(promotions, log.items)
    free = [] if holidays is None else read_holidays(holidays)
    demand = demand_of(log, by, horizon=horizon, stores=stores, top=top, among=rows, promotions=plan, holidays=free)
    for note in demand.notes:
        tell(Note(note))
    return forecast_demand(log, demand, vectors, association=association, seed=seed, progress=progress)


def forecast_demand(
    log: Log,
    demand: Demand,
    vectors: Vectors | None = None,
    *,
    association: bool = True,
    lessons: list[Lesson] | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Forecast:
    """Forecast demand that was counted already; the log must not reach beyond it.

    Parameters
    ----------
    lessons : of earlier origins, where they are known; None learns the weights anew
    """
    tell = progress or _silent
    tell(Stage("find what goes with what"))
    texts = text_vectors(log) if vectors is None else vectors
    categories = categories_of(log.products)
    neighbours = find_neighbours(log, demand.items, texts)
    trees = Trees(seed=seed)
    if lessons is None:
        tell(Stage("weigh the methods at earlier origins"))
        lessons = past_lessons(log, demand, texts, association=association, trees=trees)
    tell(Stage("forecast"))
    told = predict_all(demand, neighbours if association else None, categories, trees)
    group = group_of(demand)
    names = tuple(told)
    fitting = [lesson for lesson in lessons if set(names) <= set(lesson.told)]
    blend = learn_blend(fitting, names, GROUPS) if fitting else equal_blend(names, GROUPS)
    prediction = blend.apply(told, group)
    reconciled = reconciling_helps(fitting, blend, categories)
    if reconciled:
        prediction = coherent(demand, prediction, categories)
    never = demand.units.sum(axis=1) == 0
    if never.any():
        prediction = prediction.put(never, _cold(demand.only(never), texts, categories, seed))
    prediction = prediction.put(demand.closed, zeros(int(demand.closed.sum()), demand.horizon))
    names_ = log.products["name"].cast(pl.String).fill_null("").gather(demand.items).to_list()
    return Forecast(demand, prediction, told, neighbours, never, names_, demand.notes, reconciled)


def predict_all(
    demand: Demand,
    neighbours: Neighbours | None,
    categories: NDArray[np.int64],
    trees: Trees,
) -> dict[str, Prediction]:
    """Every method that this history is long enough for."""
    if demand.periods < 2:
        return predict_statistical(demand, SHORT_METHODS[:1])
    if demand.periods < RECENT:
        return predict_statistical(demand, SHORT_METHODS)
    told = predict_statistical(demand, tuple(STATISTICAL))
    if can_learn(demand):
        told[ALONE] = predict_learned(demand, None, categories, trees)
        if neighbours is not None:
            told[LEARNED] = predict_learned(demand, neighbours, categories, trees)
    return told


def past_lessons(
    log: Log, demand: Demand, texts: Vectors, *, association: bool, trees: Trees, origins: int = LESSONS
) -> list[Lesson]:
    """What the methods would have said earlier, each with nothing but what was known then."""
    found = []
    if demand.n > LESSON_SERIES:
        rng = np.random.default_rng(trees.seed)
        demand = demand.only(np.sort(rng.choice(demand.n, LESSON_SERIES, replace=False)))
    for back in range(1, origins + 1):
        at = demand.periods - back * demand.horizon
        if at < RECENT:
            break
        past = demand.until(at)
        actual = demand.units[:, at : at + demand.horizon]
        known = past.units.sum(axis=1) > 0
        then = log_until(log, past)
        near = find_neighbours(then, past.items, texts) if association else None
        told = predict_all(past, near, categories_of(log.products), trees)
        seen = np.where(known[:, None], actual, np.nan)
        found.append(Lesson(told, seen, group_of(past), past))
    return found


def log_until(log: Log, demand: Demand) -> Log:
    """The log as it was when the demand's last period was over."""
    end = datetime.combine(demand.calendar.start(demand.periods), datetime.min.time())
    return log.without(pl.col("time") >= end)


def group_of(demand: Demand) -> NDArray[np.int64]:
    """(n,), 0 for series that sell all the time, 1 for intermittent ones."""
    return (intermittency(demand.units)[0] > INTERMITTENT).astype(np.int64)


def coherent(demand: Demand, prediction: Prediction, categories: NDArray[np.int64]) -> Prediction:
    """The same forecast after products, categories, stores and the whole have heard each other."""
    if demand.n < 2 or demand.periods < RECENT:
        return prediction
    groups: dict[str, NDArray] = {"category": categories[demand.items]}
    if demand.by_store:
        groups |= {"store": demand.keys["store_id"].cast(pl.String).to_numpy(), "product": demand.items}
    sums = hierarchy_of(groups).sums
    # How far a mean of 8 was from the H periods that followed says how sure an aggregate can be of itself.
    totals = sums @ demand.units
    told = smoothed(totals, demand.horizon)
    variance = _error_of_level(totals)
    own = np.mean(deviation(prediction) ** 2, axis=1)
    mean = reconcile(prediction.mean, np.maximum(own, 1e-3), told, np.maximum(variance, 1e-3), sums)
    return scaled_to(prediction, mean)


def reconciling_helps(lessons: list[Lesson], blend: Blend, categories: NDArray[np.int64]) -> bool:
    """Whether the forecast of these methods would have lost less at earlier origins after `coherent`."""
    alone, together = 0.0, 0.0
    for lesson in lessons:
        told, over = blend.apply(lesson.told, lesson.group), np.isfinite(lesson.actual)
        alone += float(np.abs(told.median - lesson.actual)[over].sum())
        together += float(np.abs(coherent(lesson.past, told, categories).median - lesson.actual)[over].sum())
    return together < alone


def _error_of_level(totals: NDArray[np.float64], window: int = 8) -> NDArray[np.float64]:
    at = np.arange(window, totals.shape[1])
    levels = np.stack([totals[:, t - window : t].mean(axis=1) for t in at], axis=1)
    return ((totals[:, at] - levels) ** 2).mean(axis=1)


def _cold(demand: Demand, texts: Vectors, categories: NDArray[np.int64], seed: int) -> Prediction:
    """Products never sold, from those that were sold lately."""
    recent = demand.whole[:, -RECENT:]
    sold = np.flatnonzero(np.asarray(recent.sum(axis=1)).ravel() > 0)
    if not len(sold):
        return zeros(demand.n, demand.horizon)
    back = min(8, recent.shape[1])
    rate = recent[sold].toarray()[:, -back:]
    if len(sold) < ENOUGH:
        mates = categories[demand.items][:, None] == categories[sold]
        return predict_cold(rate, cold_weights(texts[demand.items], texts[sold], mates), demand.horizon)
    end = demand.periods
    past, ahead = (
        Shelf(
            texts[rows],
            categories[rows],
            np.stack([plan[rows][:, some].toarray() for plan in (demand.whole_display, demand.whole_mailer)], axis=2),
        )
        for rows, some in ((sold, slice(end - back, end)), (demand.items, slice(end, end + demand.horizon)))
    )
    return predict_cold_learned(past, rate, ahead, Trees(seed=seed))


def _silent(event: object) -> None:
    """Progress that nobody watches."""
