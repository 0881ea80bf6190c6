"""Whether probabilities can be believed: of what was given 20 %, does 20 % happen?

Plain functions of (probability, outcome, weight); all are (n,), outcomes are 0 or 1, and a weight says how many cases a
row stands for (None: one).
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from goeswith.errors import UsageError

Numbers = NDArray[np.float64]
SMALLEST = 1e-6  # probabilities are held this far from 0 and 1 where a logarithm is taken


def _checked(probability: Numbers, outcome: Numbers, weight: Numbers | None = None) -> tuple[Numbers, Numbers, Numbers]:
    p, y = np.asarray(probability, dtype=np.float64), np.asarray(outcome, dtype=np.float64)
    w = np.ones(len(p)) if weight is None else np.asarray(weight, dtype=np.float64)
    if len(p) != len(y) or len(p) != len(w) or len(p) == 0:
        raise UsageError(f"Each probability needs one outcome: {len(p)} probabilities, {len(y)} outcomes.")
    if not ((p >= 0) & (p <= 1)).all():
        raise UsageError("Probabilities lie between 0 and 1.")
    return p, y, w


def equal_mass(probability: Numbers, weight: Numbers | None = None, bins: int = 10) -> list[NDArray[np.int64]]:
    """Rows of each bin, from the least to the most probable; the bins stand for about as many cases each.

    Examples
    --------
    >>> [rows.tolist() for rows in equal_mass(np.array([0.3, 0.1, 0.2]), np.array([2.0, 1.0, 1.0]), bins=2)]
    [[1, 2], [0]]
    """
    p, _, w = _checked(probability, probability, weight)
    order = np.argsort(p, kind="stable")
    middle = np.cumsum(w[order]) - w[order] / 2
    number = np.minimum((bins * middle / max(w.sum(), 1e-12)).astype(np.int64), bins - 1)
    return [part for part in (order[number == at] for at in range(bins)) if w[part].sum() > 0]


def reliability_curve(
    probability: Numbers, outcome: Numbers, bins: int = 10, weight: Numbers | None = None
) -> pl.DataFrame:
    """Bins of equal mass, from the least to the most probable.

    Returns
    -------
    predicted, happened (means of the bin), n, error (one standard error of `happened` if the predictions were true)

    Examples
    --------
    >>> curve = reliability_curve(np.array([0.1, 0.1, 0.9, 0.9]), np.array([0, 0, 1, 1]), bins=2)
    >>> curve["happened"].to_list()
    [0.0, 1.0]
    """
    p, y, w = _checked(probability, outcome, weight)
    parts = equal_mass(p, w, bins)
    return pl.DataFrame(
        {
            "predicted": [float(np.average(p[part], weights=w[part])) for part in parts],
            "happened": [float(np.average(y[part], weights=w[part])) for part in parts],
            "n": [round(w[part].sum()) for part in parts],
            "error": [float(np.sqrt((w * p * (1 - p))[part].sum()) / w[part].sum()) for part in parts],
        }
    )


def expected_calibration_error(
    probability: Numbers, outcome: Numbers, bins: int = 10, weight: Numbers | None = None
) -> float:
    """The mean distance between predicted and happened over equal-mass bins, weighted by their size.

    References
    ----------
    Naeini, Cooper and Hauskrecht, "Obtaining well calibrated probabilities using Bayesian binning", AAAI 2015.
    """
    curve = reliability_curve(probability, outcome, bins, weight)
    gap = (curve["predicted"] - curve["happened"]).abs().to_numpy()
    return float(np.average(gap, weights=curve["n"].to_numpy()))


def brier(probability: Numbers, outcome: Numbers, weight: Numbers | None = None) -> float:
    """Mean squared distance between probability and outcome; 0 is perfect.

    Examples
    --------
    >>> brier(np.array([1.0, 0.5]), np.array([1, 0]))
    0.125
    """
    p, y, w = _checked(probability, outcome, weight)
    return float(np.average((p - y) ** 2, weights=w))


def log_loss(probability: Numbers, outcome: Numbers, weight: Numbers | None = None) -> float:
    """Mean negative log-likelihood of the outcomes, in nats."""
    p, y, w = _checked(probability, outcome, weight)
    p = p.clip(SMALLEST, 1 - SMALLEST)
    return float(np.average(-(y * np.log(p) + (1 - y) * np.log1p(-p)), weights=w))


def calibration_slope(
    probability: Numbers, outcome: Numbers, steps: int = 50, weight: Numbers | None = None
) -> tuple[float, float]:
    """Slope and intercept of a logistic regression of the outcome on the log-odds of the probability.

    (1, 0) is calibrated; a slope below 1 says that the probabilities are too extreme.

    References
    ----------
    Cox, "Two further applications of a model for binary regression", Biometrika 1958.
    """
    p, y, w = _checked(probability, outcome, weight)
    p = p.clip(SMALLEST, 1 - SMALLEST)
    design = np.column_stack([np.log(p / (1 - p)), np.ones_like(p)])  # (n, 2)
    weights = np.array([1.0, 0.0])
    ridge = 1e-6 * np.eye(2)  # keeps the step finite where all log-odds are equal
    for _ in range(steps):
        fitted = 1 / (1 + np.exp(-np.clip(design @ weights, -30, 30)))
        slope = design.T @ (w * (y - fitted))
        curvature = (design * (w * fitted * (1 - fitted))[:, None]).T @ design + ridge
        step = np.linalg.solve(curvature, slope)
        weights = weights + np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-8:
            break
    return float(weights[0]), float(weights[1])
