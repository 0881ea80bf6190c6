"""From a mean to quantiles: counts that are wilder than Poisson."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import nbinom, norm

from goeswith.scenarios.inventory.prediction import LEVELS, Prediction, tidy

Array = NDArray[np.float64]
WINDOW = 8
SHRINK = 8.0
"""Periods of its own that weigh as much as what all series say together."""
MANY = 60.0
"""From this mean the root-normal form stands in for the exact count; they agree to half a unit."""


def dispersion(units: Array) -> Array:
    """Variance by mean around a moving level, (n,); 1 is Poisson, and no series is calmer.

    A short or quiet series borrows from all of them.

    Examples
    --------
    >>> dispersion(np.full((2, 20), 5.0)).tolist()
    [1.0, 1.0]
    """
    total = units.shape[1]
    if total < 2:
        return np.full(len(units), 2.0)
    summed = np.concatenate([np.zeros((len(units), 1)), np.cumsum(units, axis=1)], axis=1)
    at = np.arange(1, total)
    since = np.maximum(at - WINDOW, 0)
    level = (summed[:, at] - summed[:, since]) / (at - since)
    wild = (units[:, 1:] - level) ** 2 / (1 + 1 / np.minimum(at, WINDOW))  # the level itself is uncertain
    alive = level > 0
    n, squares, levels = alive.sum(axis=1), np.where(alive, wild, 0).sum(axis=1), np.where(alive, level, 0).sum(axis=1)
    own = np.where(levels > 0, squares / np.maximum(levels, 1e-9), 1.0)
    pooled = float(np.median(own[n >= min(WINDOW, total - 1)])) if (n >= min(WINDOW, total - 1)).any() else 1.0
    return np.maximum((n * own + SHRINK * pooled) / (n + SHRINK), 1.0)


def count_quantile(mean: Array, phi: Array, level: float | Array) -> Array:
    """The quantile of a negative binomial with variance phi * mean; whole units where the mean is small.

    Parameters
    ----------
    mean, phi, level : of shapes that broadcast

    Examples
    --------
    >>> count_quantile(np.array([2.0, 0.0, 100.0]), np.array([1.5, 1.5, 1.0]), 0.5).round(1).tolist()
    [2.0, 0.0, 99.7]
    """
    m, p, a = np.broadcast_arrays(np.maximum(mean, 0.0), np.maximum(phi, 1.001), np.asarray(level, float))
    few = (m < MANY) & (m > 1e-9)
    value = np.zeros(m.shape)
    if few.any():
        value[few] = nbinom.ppf(a[few], m[few] / (p[few] - 1), 1 / p[few])
    many = m >= MANY
    root = np.sqrt(np.maximum(m[many] - p[many] / 4, 0)) + norm.ppf(a[many]) * np.sqrt(p[many]) / 2
    value[many] = np.maximum(root, 0) ** 2
    return value


def spread(mean: Array, phi: Array) -> Prediction:
    """Quantiles around a mean. mean : (n, H); phi : (n,)"""
    return tidy(mean, count_quantile(mean[..., None], phi[:, None, None], np.array(LEVELS)))
