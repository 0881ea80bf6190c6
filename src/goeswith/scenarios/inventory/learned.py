"""One LightGBM for all series, with lags by mlforecast and what the companions, substitutes and kin do."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_array

from goeswith.errors import MissingExtra
from goeswith.scenarios.inventory.companions import Neighbours
from goeswith.scenarios.inventory.demand import Demand
from goeswith.scenarios.inventory.prediction import HIGH, LEVELS, LOW, MEDIAN, Prediction, tidy

Array = NDArray[np.float64]
WARM_UP = 13
"""First periods that only feed the lags."""
FEWEST = 2_000
"""Rows below which one model for all is not worth fitting."""
MOST = 160_000
"""Rows that the trees learn from; of more, some are drawn."""
FLOOR = 0.3
"""Units added to a series' level before anything is divided by it."""


@dataclass(frozen=True)
class Trees:
    """Settings of LightGBM, the same for all shops."""

    rounds: int = 150
    rate: float = 0.07
    leaves: int = 16
    least: int = 60
    features: float = 0.5
    seed: int = 0

    def parameters(self, objective: str, **more: float) -> dict[str, object]:
        return {
            "objective": objective, "learning_rate": self.rate, "num_leaves": self.leaves, "verbosity": -1,
            "min_data_in_leaf": self.least, "feature_fraction": self.features, "bagging_fraction": 0.8,
            "bagging_freq": 1, "seed": self.seed, "deterministic": True, "force_row_wise": True, "lambda_l2": 1.0,
            **more,
        }  # fmt: skip


@dataclass(frozen=True)
class Design:
    """What the trees see: features as of a period, and features of the period that is asked for.

    known : name -> (n, T + 1), at t what was known before period t began
    asked : name -> (n, T + H), of the period itself, known in advance
    promised : name -> (without, with, plan): what was sold without a promotion and with one, (n, T + 1) each, by the
        level, and the strength of the promotions of the period that is asked for, (n, T + H)
    level : (n, T + 1), units a period; targets and lags are divided by it
    """

    known: dict[str, Array]
    asked: dict[str, Array]
    level: Array
    promised: dict[str, tuple[Array, Array, Array]]
    names: list[str] = field(default_factory=list)

    def table(self, at: int, step: int) -> NDArray[np.float32]:
        """(n, features) for the forecast of period `at + step`, made before period `at`."""
        columns = [values[:, at] for values in self.known.values()]
        columns += [values[:, at + step] for values in self.asked.values()]
        for without, during, plan in self.promised.values():
            strength = plan[:, at + step]
            columns.append(without[:, at] * (1 - strength) + during[:, at] * strength)
        columns.append(np.full(len(self.level), float(step)))
        return np.stack(columns, axis=1).astype(np.float32)


def can_learn(demand: Demand) -> bool:
    """Whether the history is long and the series many enough for one model of all."""
    rows = demand.n * max(demand.periods - WARM_UP - demand.horizon + 1, 0)
    return rows >= FEWEST


def predict_learned(
    demand: Demand, neighbours: Neighbours | None, categories: NDArray[np.int64], trees: Trees = Trees()
) -> Prediction:
    """Means and quantiles of all series, every horizon directly.

    Parameters
    ----------
    neighbours : None leaves the association features out
    categories : (items,), for the momentum of a product's category

    The target is units by the series' level, weighted by the level, so that a unit counts the same everywhere. The
    quantiles 0.1, 0.5 and 0.9 are fitted; others are read off the root scale through them.

    Raises
    ------
    MissingExtra : mlforecast is not installed
    """
    import lightgbm as lgb

    design = design_of(demand, neighbours, categories)
    total, horizon = demand.periods, demand.horizon
    rows, targets, weights = [], [], []
    first = min(WARM_UP, max(total - horizon - 1, 1))
    share = MOST / max(demand.n * (total - first) * horizon, 1)
    rng = np.random.default_rng(trees.seed)
    for at in range(first, total):
        for step in range(min(horizon, total - at)):
            alive = (demand.units[:, :at].sum(axis=1) > 0) & ~demand.out[:, at + step]
            if share < 1:
                alive &= rng.random(demand.n) < share
            rows.append(design.table(at, step)[alive])
            level = design.level[alive, at]
            targets.append(demand.units[alive, at + step] / level)
            weights.append(level * 0.98 ** (total - 1 - at - step))
    x, y, w = np.concatenate(rows), np.concatenate(targets), np.concatenate(weights)
    data = lgb.Dataset(x, y, weight=w, free_raw_data=False, params={"verbosity": -1})
    ask = np.concatenate([design.table(total, step) for step in range(horizon)])
    level = design.level[:, total]

    def answer(objective: str, **more: float) -> Array:
        model = lgb.train(trees.parameters(objective, **more), data, trees.rounds)
        told = np.asarray(model.predict(ask)).reshape(horizon, demand.n).T
        return np.maximum(told, 0.0) * level[:, None]

    mean = answer("tweedie", tweedie_variance_power=1.3)
    low, middle, high = (answer("quantile", alpha=LEVELS[at]) for at in (LOW, MEDIAN, HIGH))
    return tidy(mean, through(low, middle, high))


def through(low: Array, middle: Array, high: Array) -> Array:
    """(n, H, levels), all levels through those of 0.1, 0.5 and 0.9 on the root scale.

    >>> through(np.zeros((1, 1)), np.full((1, 1), 4.0), np.full((1, 1), 16.0))[0, 0, [1, 3, 5]].tolist()
    [0.0, 4.0, 16.0]
    """
    from scipy.special import ndtri

    z = ndtri(np.array(LEVELS)) / ndtri(LEVELS[HIGH])  # -1 and 1 at the ends of the band
    root_low, root, root_high = (np.sqrt(np.maximum(each, 0.0))[..., None] for each in (low, middle, high))
    below = root + np.minimum(z, 0) * np.maximum(root - root_low, 0)
    return np.maximum(below + np.maximum(z, 0) * np.maximum(root_high - root, 0), 0.0) ** 2


def design_of(demand: Demand, neighbours: Neighbours | None, categories: NDArray[np.int64]) -> Design:
    """Lay the features out; association features only where neighbours are given."""
    lags = _lags(demand)
    level = np.nan_to_num(lags.pop("mean_13")) + FLOOR
    total, horizon = demand.periods, demand.horizon
    known: dict[str, Array] = {name: values / level for name, values in lags.items()}
    known["log_level"] = np.log(level)
    known["empty"] = _moving(demand.units == 0, 13)
    known["out"] = _shifted(demand.out)
    known["price"] = _relative_price(demand.price)
    known["discount"] = _shifted(demand.discount)
    known["discount_4"] = _moving(demand.discount, 4)
    whole = demand.whole.toarray()
    chain = whole.sum(axis=0, keepdims=True)
    known["chain"] = np.repeat(_momentum(chain), demand.n, axis=0)
    sums = np.zeros((int(categories.max()) + 1, total))
    np.add.at(sums, categories, whole)
    known["category"] = _momentum(sums)[categories[demand.items]]
    for name, plan in (("display", demand.display), ("mailer", demand.mailer)):
        known[f"{name}_1"] = _shifted(plan[:, :total])
        known[f"{name}_4"] = _moving(plan[:, :total], 4)
        known[f"{name}_13"] = _moving(plan[:, :total], 13)
    asked: dict[str, Array] = {
        "display": demand.display,
        "mailer": demand.mailer,
        "holiday": np.repeat(demand.holiday[None].astype(float), demand.n, axis=0),
    }
    if demand.calendar.by == "day":
        days = (demand.calendar.first.weekday() + np.arange(total + horizon)) % 7
        asked["weekday"] = np.repeat(days[None].astype(float), demand.n, axis=0)
    promised: dict[str, tuple[Array, Array, Array]] = {}
    plan = np.maximum(demand.display, demand.mailer)
    promoted = bool(plan.any())
    if promoted:
        without, uplift = _uplift(demand.units, plan[:, :total])
        promised["promised"] = without / level, without * uplift / level, plan
        known["uplift"] = uplift
    if neighbours is not None:
        at = neighbours.rows(demand.items)
        for name, table in (
            ("companions", neighbours.companions[at]),
            ("substitutes", neighbours.substitutes[at]),
            ("kin", neighbours.kin[at]),
        ):
            known |= _of_neighbours(name, table, whole)
            for promotion, theirs in (("display", demand.whole_display), ("mailer", demand.whole_mailer)):
                if theirs.nnz:
                    told = np.asarray((table @ theirs).toarray())
                    asked[f"{name}_{promotion}"] = told
                    known[f"{name}_{promotion}_4"] = _moving(told[:, :total], 4)
        if promoted:
            borrowed = _uplift_of(neighbours.kin[at], demand)
            known["kin_uplift"] = borrowed
            promised["kin_promised"] = without / level, without * borrowed / level, plan
    return Design(known, asked, level, promised, [*known, *asked, *promised, "step"])


def _uplift(units: Array, plan: Array) -> tuple[Array, Array]:
    """Units a period without a promotion, and times as many with one, as far as was known; (rows, T + 1) each.

    A product with few promotions so far is drawn to no uplift, as if it had had one period of it.
    """
    on, off = _running(units * plan), _running(units * (1 - plan))
    n_on, n_off = _running(plan), _running(1 - plan)
    without = (off + FLOOR) / (n_off + 1)
    return without, (on + without) / ((n_on + 1) * without)


def _uplift_of(table: csr_array, demand: Demand) -> Array:
    """(n, T + 1), the uplift that neighbours had, by the promotions that each of them had."""
    used = np.unique(table.indices)
    total = demand.periods
    plan = np.maximum(demand.whole_display[used].toarray()[:, :total], demand.whole_mailer[used].toarray()[:, :total])
    _, uplift = _uplift(demand.whole[used].toarray(), plan)
    heard = _running(plan)
    part = csr_array(table[:, used])
    return (part @ (uplift * heard) + 0.1) / (part @ heard + 0.1)


def _running(values: Array) -> Array:
    """(rows, T + 1), at t the sum before t."""
    return np.concatenate([np.zeros((len(values), 1)), np.cumsum(values, axis=1)], axis=1)


def _of_neighbours(name: str, table: csr_array, whole: Array) -> dict[str, Array]:
    """Their momentum over one and four periods, and whether they were out of stock."""
    scale = 1.0 / (_moving(whole, 13) + FLOOR)  # (items, T + 1): each neighbour counts by its own level
    used = np.unique(table.indices)
    part = csr_array(table[:, used])
    total = np.maximum(np.asarray(part.sum(axis=1)).ravel(), 1e-9)[:, None]
    one, four = _shifted(whole[used]) * scale[used], _moving(whole[used], 4) * scale[used]
    empty = _shifted((whole[used] == 0) & (scale[used, :-1] < 0.3))
    return {
        f"{name}_1": np.asarray(part @ one) / total,
        f"{name}_4": np.asarray(part @ four) / total,
        f"{name}_out": np.asarray(part @ empty) / total,
    }


def _lags(demand: Demand) -> dict[str, Array]:
    """name -> (n, T + 1), by mlforecast; the row of period T carries what is known after the last one."""
    try:
        from mlforecast import MLForecast
        from mlforecast.lag_transforms import ExponentiallyWeightedMean, RollingMax, RollingMean, RollingStd
    except ImportError as missing:
        raise MissingExtra("Forecasting", "inventory") from missing
    n, total = demand.units.shape
    padded = np.concatenate([demand.units, np.zeros((n, 1))], axis=1)  # the next period's own value is never read
    frame = pl.DataFrame(
        {
            "unique_id": np.repeat(np.arange(n), total + 1),
            "ds": np.tile(np.arange(total + 1), n),
            "y": padded.ravel(),
        }
    )
    lags = [lag for lag in _wanted_lags(demand) if lag < total]
    moving: list[Any] = [
        RollingMean(4, min_samples=1), RollingMean(8, min_samples=1), RollingMean(13, min_samples=1),
        RollingMean(26, min_samples=1), RollingStd(8, min_samples=2), RollingMax(8, min_samples=1),
        ExponentiallyWeightedMean(0.1), ExponentiallyWeightedMean(0.3),
    ]  # fmt: skip
    made: Any = MLForecast(models=[], freq=1, lags=lags, lag_transforms={1: moving}).preprocess(
        frame, dropna=False, static_features=[]
    )
    values = made.sort("unique_id", "ds").drop("unique_id", "ds", "y")
    tables = {name: values[name].to_numpy().astype(float).reshape(n, total + 1) for name in values.columns}
    (own,) = (name for name in tables if "rolling_mean" in name and "size13" in name)
    tables["mean_13"] = tables.pop(own)
    return tables


def _wanted_lags(demand: Demand) -> list[int]:
    lags = [1, 2, 3, 4, 7, 14, 28] if demand.calendar.by == "day" else [1, 2, 3, 4, 6, 8]
    year = demand.calendar.season()
    return [*lags, year] if demand.calendar.by == "week" and demand.periods >= year + WARM_UP and year > 8 else lags


def _shifted(values: NDArray) -> Array:
    """(rows, T + 1), at t the value of period t - 1."""
    return np.concatenate([np.zeros((len(values), 1)), values.astype(float)], axis=1)


def _moving(values: NDArray, width: int) -> Array:
    """(rows, T + 1), at t the mean of the last `width` periods before t, or of as many as there are.

    >>> _moving(np.array([[2.0, 4.0, 6.0]]), 2).tolist()
    [[0.0, 2.0, 3.0, 5.0]]
    """
    sums = np.concatenate([np.zeros((len(values), 1)), np.cumsum(values.astype(float), axis=1)], axis=1)
    at = np.arange(sums.shape[1])
    since = np.maximum(at - width, 0)
    return (sums - sums[:, since]) / np.maximum(at - since, 1)


def _momentum(values: Array) -> Array:
    return _moving(values, 2) / (_moving(values, 13) + FLOOR)


def _relative_price(price: Array) -> Array:
    """The last price by the mean of the last 13 periods; 1 where no price is known."""
    known = np.nan_to_num(price)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = _shifted(known) / _moving(known, 13)
    return np.where(np.isfinite(ratio) & (ratio > 0), ratio, 1.0)
