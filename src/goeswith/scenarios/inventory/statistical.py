"""Forecasts of one series at a time, by statsforecast and by plain means; each gives a mean, spread as counts are."""

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from goeswith.errors import MissingExtra
from goeswith.scenarios.inventory.demand import Demand
from goeswith.scenarios.inventory.prediction import Prediction
from goeswith.scenarios.inventory.spread import dispersion, spread

Array = NDArray[np.float64]
Mean = Callable[[Demand], Array]
SHORTEST = 8
"""Periods since the first sale below which a series has no shape to fit; its own mean answers."""


def seasonal_naive(demand: Demand) -> Array:
    """The same period of the last season; (n, H)."""
    season = demand.calendar.season()
    return demand.units[:, -season:][:, np.arange(demand.horizon) % season]


def window_mean(periods: int) -> Mean:
    """The mean of the last periods, since the first sale."""

    def mean(demand: Demand) -> Array:
        return np.repeat(level_of(demand.units, periods)[:, None], demand.horizon, axis=1)

    return mean


def level_of(units: Array, periods: int) -> Array:
    """(n,), the mean of the last periods since the first sale, over four at least.

    >>> level_of(np.array([[0.0, 0, 0, 0, 0, 4, 2, 6, 4]]), 8).tolist()
    [4.0]
    """
    last = units[:, -periods:]
    alive = np.maximum.accumulate(units > 0, axis=1)[:, -periods:].sum(axis=1)
    return np.asarray(last.sum(axis=1) / np.maximum(alive, min(4, last.shape[1])))


def auto_ets(demand: Demand) -> Array:
    """Exponential smoothing with error and trend chosen by AICc (Hyndman et al., 2002); of days, with a week."""
    return smoothed(demand.units, demand.horizon, 7 if demand.calendar.by == "day" else 1)


def smoothed(units: Array, horizon: int, season: int = 1) -> Array:
    """(n, H), AutoETS of each row of units (n, T)."""
    from statsforecast.models import AutoETS

    fits = season > 1 and units.shape[1] >= 2 * season
    model = AutoETS(season_length=season if fits else 1, model="ZZZ" if fits else "ZZN")
    return _by_statsforecast(units, horizon, model)


def croston(demand: Demand) -> Array:
    """Croston's intermittent demand with the correction of Syntetos and Boylan (2005)."""
    from statsforecast.models import CrostonSBA

    return _by_statsforecast(demand.units, demand.horizon, CrostonSBA())


def tsb(demand: Demand) -> Array:
    """Intermittent demand that may die out (Teunter, Syntetos, Babai, 2011)."""
    from statsforecast.models import TSB

    return _by_statsforecast(demand.units, demand.horizon, TSB(alpha_d=0.1, alpha_p=0.1))


STATISTICAL: dict[str, Mean] = {
    "seasonal naive": seasonal_naive,
    "mean of 4": window_mean(4),
    "mean of 8": window_mean(8),
    "mean of 13": window_mean(13),
    "AutoETS": auto_ets,
    "Croston SBA": croston,
    "TSB": tsb,
}


def predict_statistical(demand: Demand, names: tuple[str, ...] = tuple(STATISTICAL)) -> dict[str, Prediction]:
    """Each method's mean, spread by the series' own dispersion.

    Raises
    ------
    MissingExtra : statsforecast is not installed
    """
    phi = dispersion(demand.units)
    return {name: spread(np.maximum(STATISTICAL[name](demand), 0.0), phi) for name in names}


def _by_statsforecast(units: Array, horizon: int, model: Any) -> Array:
    """One method of statsforecast on every series since its first sale; a short or empty one answers with its mean."""
    try:
        from statsforecast import StatsForecast
        from statsforecast.models import Naive
    except ImportError as missing:
        raise MissingExtra("Forecasting", "inventory") from missing
    begun = np.where((units > 0).any(axis=1), (units > 0).argmax(axis=1), units.shape[1])
    long = units.shape[1] - begun >= SHORTEST
    answer = np.repeat(level_of(units, 13)[:, None], horizon, axis=1)
    if not long.any():
        return answer
    rows = np.flatnonzero(long)
    lengths = units.shape[1] - begun[rows]
    when = np.concatenate([np.arange(units.shape[1] - length, units.shape[1]) for length in lengths])
    who = np.repeat(rows, lengths)
    frame = pl.DataFrame({"unique_id": who, "ds": when, "y": units[who, when]})
    told = StatsForecast(models=[model], freq=1, fallback_model=Naive(), n_jobs=1).forecast(df=frame, h=horizon)
    values = told.sort("unique_id", "ds")[:, 2].to_numpy().reshape(len(rows), horizon)
    answer[rows] = np.where(np.isfinite(values), values, answer[rows])
    return answer
