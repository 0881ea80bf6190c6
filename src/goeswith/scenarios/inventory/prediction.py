"""What a method says of the periods to come: a mean and quantiles for each series and period."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
LEVELS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
MEDIAN = LEVELS.index(0.5)
LOW, HIGH = LEVELS.index(0.1), LEVELS.index(0.9)
"""The two ends of the 80 % band."""


@dataclass(frozen=True)
class Prediction:
    """mean : (n, H), units; quantiles : (n, H, levels), units, never falling with the level."""

    mean: Array
    quantiles: Array

    @property
    def median(self) -> Array:
        return self.quantiles[..., MEDIAN]

    def only(self, rows: NDArray[np.integer] | NDArray[np.bool_]) -> "Prediction":
        return Prediction(self.mean[rows], self.quantiles[rows])

    def put(self, rows: NDArray[np.integer] | NDArray[np.bool_], other: "Prediction") -> "Prediction":
        """The same with some rows answered by another prediction."""
        mean, quantiles = self.mean.copy(), self.quantiles.copy()
        mean[rows], quantiles[rows] = other.mean, other.quantiles
        return replace(self, mean=mean, quantiles=quantiles)


def tidy(mean: Array, quantiles: Array) -> Prediction:
    """No negative units, no crossing quantiles."""
    return Prediction(np.maximum(mean, 0.0), np.maximum(np.sort(quantiles, axis=-1), 0.0))


def zeros(n: int, horizon: int) -> Prediction:
    return Prediction(np.zeros((n, horizon)), np.zeros((n, horizon, len(LEVELS))))


def at_level(prediction: Prediction, level: float) -> Array:
    """(n, H), the quantile of a level between the known ones, read off on the root scale.

    Counts are near to normal after a root (Anscombe, 1948), so that a level in between, or a little beyond the last,
    is read off a straight line through its neighbours there.
    """
    from scipy.special import ndtri

    z, at = ndtri(np.array(LEVELS)), float(ndtri(level))
    roots = np.sqrt(prediction.quantiles)
    right = int(np.clip(np.searchsorted(z, at), 1, len(z) - 1))
    share = (at - z[right - 1]) / (z[right] - z[right - 1])
    return np.maximum(roots[..., right - 1] * (1 - share) + roots[..., right] * share, 0.0) ** 2


def deviation(prediction: Prediction) -> Array:
    """(n, H), the standard deviation that the quantiles speak of: that of values drawn from between them."""
    place = np.interp((np.arange(99) + 0.5) / 99, LEVELS, np.arange(len(LEVELS)))
    left = np.minimum(place.astype(int), len(LEVELS) - 2)
    q = prediction.quantiles
    values = q[..., left] + (q[..., left + 1] - q[..., left]) * (place - left)
    # A count of mean m is no calmer than Poisson, also where all quantiles are the same whole number.
    return np.maximum(values.std(axis=-1) * TAILS, np.sqrt(np.maximum(prediction.mean, 0.0)))


TAILS = 1.08
"""What the deviation of a normal loses when its tails beyond 5 and 95 % are cut, given back."""
