"""How good a forecast was: WAPE, MASE, RMSSE, pinball, coverage, and whether counts were told as they fell."""

import numpy as np
from numpy.typing import NDArray

from goeswith.scenarios.inventory.prediction import HIGH, LEVELS, LOW, Prediction

Array = NDArray[np.float64]


def wape(actual: Array, told: Array) -> float:
    """Absolute error by units sold.

    >>> wape(np.array([2.0, 4.0]), np.array([3.0, 2.0]))
    0.5
    """
    return float(np.abs(actual - told).sum() / max(np.abs(actual).sum(), 1e-9))


def mase(actual: Array, told: Array, past: Array) -> float:
    """Mean over series of absolute error by that of the naive forecast on its past (Hyndman, Koehler, 2006).

    Parameters
    ----------
    actual, told : (n, H); past : (n, T)
    """
    scale = np.abs(np.diff(past, axis=1)).mean(axis=1) if past.shape[1] > 1 else np.zeros(len(past))
    fit = scale > 0
    return float((np.abs(actual - told).mean(axis=1)[fit] / scale[fit]).mean()) if fit.any() else float("nan")


def rmsse(actual: Array, mean: Array, past: Array) -> float:
    """Mean over series of root mean squared error by that of the naive forecast on its past (M5, 2022)."""
    scale = (np.diff(past, axis=1) ** 2).mean(axis=1) if past.shape[1] > 1 else np.zeros(len(past))
    fit = scale > 0
    errors = ((actual - mean) ** 2).mean(axis=1)
    return float(np.sqrt(errors[fit] / scale[fit]).mean()) if fit.any() else float("nan")


def pinball(actual: Array, told: Array, level: float | Array) -> Array:
    """The loss that a quantile forecast keeps least; of the shape of `actual`.

    >>> pinball(np.array([10.0]), np.array([8.0]), 0.9), pinball(np.array([8.0]), np.array([10.0]), 0.9).round(1)
    (array([1.8]), array([0.2]))
    """
    over = actual - told
    return np.maximum(level * over, (level - 1) * over)


def mean_pinball(actual: Array, prediction: Prediction) -> float:
    """Twice the pinball loss, mean over the levels, by units sold: on the scale of WAPE."""
    losses = [pinball(actual, prediction.quantiles[..., at], level).sum() for at, level in enumerate(LEVELS)]
    return float(2 * np.mean(losses) / max(actual.sum(), 1e-9))


def coverage(actual: Array, prediction: Prediction) -> float:
    """The share of outcomes within the 80 % band, both ends counted half where a whole number meets one.

    A band of whole numbers cannot have exactly 80 %: an outcome on an end is neither in nor out.
    """
    low, high = prediction.quantiles[..., LOW], prediction.quantiles[..., HIGH]
    return float(((actual >= low) & (actual <= high)).mean())


def randomised_pit(actual: Array, prediction: Prediction, seed: int = 0) -> Array:
    """Where in its forecast each count fell, evenly from 0 to 1 if the forecast is right.

    A count lies between F(y - 1) and F(y); a uniform draw between them is returned (Czado, Gneiting, Held, 2009). F is
    read off the quantiles, straight between them; beyond the outermost it is drawn out by half a band.
    """
    rng = np.random.default_rng(seed)
    upper, lower = _below(prediction, actual + 0.5), _below(prediction, actual - 0.5)
    lower = np.where(actual <= 0, 0.0, lower)
    return np.asarray(lower + rng.random(actual.shape) * np.maximum(upper - lower, 0.0))


def _below(prediction: Prediction, value: Array) -> Array:
    """(n, H), the probability of less than the value."""
    q = prediction.quantiles
    width = (q[..., -1] - q[..., 0])[..., None] / 2 + 0.5
    points = np.concatenate([q[..., :1] - width, q, q[..., -1:] + width], axis=-1)
    points += np.linspace(0, 1e-6, points.shape[-1])  # equal quantiles: a step, taken at its end
    levels = np.array([0.0, *LEVELS, 1.0])
    right = np.clip((points <= value[..., None]).sum(axis=-1), 1, points.shape[-1] - 1)
    a = np.take_along_axis(points, right[..., None] - 1, axis=-1)[..., 0]
    b = np.take_along_axis(points, right[..., None], axis=-1)[..., 0]
    share = np.clip((value - a) / (b - a), 0, 1)
    return levels[right - 1] + share * (levels[right] - levels[right - 1])
