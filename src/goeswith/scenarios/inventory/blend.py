"""An average of methods, weighed by what each was worth at earlier origins."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from goeswith.scenarios.inventory.demand import Demand
from goeswith.scenarios.inventory.metrics import pinball
from goeswith.scenarios.inventory.prediction import HIGH, LEVELS, LOW, MEDIAN, Prediction, tidy

Array = NDArray[np.float64]
STEPS = 400
TRUST = 0.003
"""How strongly weights are drawn to equal ones, as a share of the loss: few origins teach little."""
BAND = LEVELS[HIGH] - LEVELS[LOW]
WIDTHS = np.linspace(0.5, 2.0, 76)


@dataclass(frozen=True)
class Blend:
    """Weights per method and class of series; widths of the band.

    groups : classes of series, 0 .. g - 1
    median, mean : (g, methods), each row sums to 1
    width : (g,), what the distance of a quantile from the median is multiplied by, on the root scale
    """

    names: tuple[str, ...]
    median: Array
    mean: Array
    width: Array

    def apply(self, told: dict[str, Prediction], group: NDArray[np.int64]) -> Prediction:
        """The weighed average of the methods, quantile by quantile."""
        mean = sum(self.mean[group, at][:, None] * told[name].mean for at, name in enumerate(self.names))
        averaged = sum(
            self.median[group, at][:, None, None] * told[name].quantiles for at, name in enumerate(self.names)
        )
        return widened(tidy(np.asarray(mean), np.asarray(averaged)), self.width[group])


@dataclass(frozen=True)
class Lesson:
    """What methods said at one earlier origin, and what then came; nan where it is not over yet.

    actual : (n, H); group : (n,); past : what was sold until then
    """

    told: dict[str, Prediction]
    actual: Array
    group: NDArray[np.int64]
    past: Demand


def equal_blend(names: tuple[str, ...], groups: int) -> Blend:
    weights = np.full((groups, len(names)), 1 / len(names))
    return Blend(names, weights, weights, np.ones(groups))


def learn_blend(lessons: list[Lesson], names: tuple[str, ...], groups: int) -> Blend:
    """Weights that would have lost least, pinball over all levels for the quantiles and squares for the mean.

    Parameters
    ----------
    lessons : of earlier origins; none gives equal weights

    References
    ----------
    Kivinen, Warmuth, "Exponentiated gradient versus gradient descent for linear predictors", 1997.
    """
    blend = equal_blend(names, groups)
    if not lessons:
        return blend
    median, mean, width = blend.median.copy(), blend.mean.copy(), blend.width.copy()
    for group in range(groups):
        actual, quantiles, means = _stacked(lessons, names, group)
        if len(actual) < 100:
            continue
        unit = max(float(actual.mean()), 1e-9)
        median[group] = _weights(quantiles / unit, actual / unit)
        mean[group] = _square_weights(means / unit, actual / unit)
        averaged = np.tensordot(median[group], quantiles, axes=1)
        width[group] = _width(Prediction(averaged[:, MEDIAN], averaged), actual)
    return Blend(names, median, mean, width)


def widened(prediction: Prediction, width: Array) -> Prediction:
    """Quantiles moved away from the median, or towards it, on the root scale. width : (n,)"""
    roots = np.sqrt(prediction.quantiles)
    middle = roots[..., [MEDIAN]]
    factor = width.reshape(-1, *[1] * (roots.ndim - 1))
    return Prediction(prediction.mean, np.maximum(middle + (roots - middle) * factor, 0.0) ** 2)


def _stacked(lessons: list[Lesson], names: tuple[str, ...], group: int) -> tuple[Array, Array, Array]:
    """actual (rows,), quantiles (methods, rows, levels), means (methods, rows)"""
    actual, quantiles, means = [], [], []
    for lesson in lessons:
        over = np.isfinite(lesson.actual) & (lesson.group == group)[:, None]
        actual.append(lesson.actual[over])
        quantiles.append(np.stack([lesson.told[name].quantiles[over] for name in names]))
        means.append(np.stack([lesson.told[name].mean[over] for name in names]))
    return np.concatenate(actual), np.concatenate(quantiles, axis=1), np.concatenate(means, axis=1)


def _weights(quantiles: Array, actual: Array) -> Array:
    """Exponentiated gradient on the pinball loss of the averaged quantiles."""
    levels = np.array(LEVELS)
    start = np.full(len(quantiles), 1 / len(quantiles))
    weights, kept = start.copy(), np.zeros(len(quantiles))
    worst = np.mean([pinball(actual[:, None], quantiles[0], levels)])
    for step in range(STEPS):
        averaged = np.tensordot(weights, quantiles, axes=1)
        slope = np.where(actual[:, None] > averaged, -levels, 1 - levels)
        gradient = (quantiles * slope).mean(axis=(1, 2)) + TRUST * worst * np.log(weights / start)
        weights = weights * np.exp(-gradient * 2.0 / np.sqrt(1 + step / 20))
        weights /= weights.sum()
        if step >= STEPS // 2:
            kept += weights
    return kept / kept.sum()


def _square_weights(means: Array, actual: Array) -> Array:
    """Exponentiated gradient on squared error, errors beyond the 99th percentile cut."""
    start = np.full(len(means), 1 / len(means))
    weights = start.copy()
    most = float(np.quantile(np.abs(actual - means.mean(axis=0)), 0.99)) + 1e-9
    scale = float(np.mean(np.minimum((actual - means.mean(axis=0)) ** 2, most**2))) + 1e-9
    for step in range(STEPS):
        error = np.clip(np.tensordot(weights, means, axes=1) - actual, -most, most)
        gradient = 2 * (means * error).mean(axis=1) / scale + TRUST * np.log(weights / start)
        weights = weights * np.exp(-np.clip(gradient, -5, 5) * 0.3 / np.sqrt(1 + step / 20))
        weights /= weights.sum()
    return weights


def _width(prediction: Prediction, actual: Array) -> float:
    """The width at which the band would have covered what it promises."""
    shares = []
    for width in WIDTHS:
        band = widened(prediction, np.array([width])[[0] * len(actual)]).quantiles
        inside = ((actual >= band[:, LOW]) & (actual <= band[:, HIGH])).mean()
        shares.append(abs(float(inside) - BAND))
    return float(WIDTHS[int(np.argmin(shares))])
