"""Whether probabilities can be believed: of what was given 20 %, does 20 % happen?

Plain functions of (probability, outcome); both are (n,), outcomes are 0 or 1.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from goeswith.errors import UsageError

Numbers = NDArray[np.float64]
SMALLEST = 1e-6  # probabilities are held this far from 0 and 1 where a logarithm is taken


def _checked(probability: Numbers, outcome: Numbers) -> tuple[Numbers, Numbers]:
    p, y = np.asarray(probability, dtype=np.float64), np.asarray(outcome, dtype=np.float64)
    if len(p) != len(y) or len(p) == 0:
        raise UsageError(f"Each probability needs one outcome: {len(p)} probabilities, {len(y)} outcomes.")
    if not ((p >= 0) & (p <= 1)).all():
        raise UsageError("Probabilities lie between 0 and 1.")
    return p, y


def reliability_curve(probability: Numbers, outcome: Numbers, bins: int = 10) -> pl.DataFrame:
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
    p, y = _checked(probability, outcome)
    order = np.argsort(p, kind="stable")
    parts = [part for part in np.array_split(order, min(bins, len(p))) if len(part)]
    return pl.DataFrame(
        {
            "predicted": [float(p[part].mean()) for part in parts],
            "happened": [float(y[part].mean()) for part in parts],
            "n": [len(part) for part in parts],
            "error": [float(np.sqrt((p[part] * (1 - p[part])).sum()) / len(part)) for part in parts],
        }
    )


def expected_calibration_error(probability: Numbers, outcome: Numbers, bins: int = 10) -> float:
    """The mean distance between predicted and happened over equal-mass bins, weighted by their size.

    References
    ----------
    Naeini, Cooper and Hauskrecht, "Obtaining well calibrated probabilities using Bayesian binning", AAAI 2015.
    """
    curve = reliability_curve(probability, outcome, bins)
    gap = (curve["predicted"] - curve["happened"]).abs().to_numpy()
    return float(np.average(gap, weights=curve["n"].to_numpy()))


def brier(probability: Numbers, outcome: Numbers) -> float:
    """Mean squared distance between probability and outcome; 0 is perfect.

    Examples
    --------
    >>> brier(np.array([1.0, 0.5]), np.array([1, 0]))
    0.125
    """
    p, y = _checked(probability, outcome)
    return float(((p - y) ** 2).mean())


def log_loss(probability: Numbers, outcome: Numbers) -> float:
    """Mean negative log-likelihood of the outcomes, in nats."""
    p, y = _checked(probability, outcome)
    p = p.clip(SMALLEST, 1 - SMALLEST)
    return float(-(y * np.log(p) + (1 - y) * np.log1p(-p)).mean())


def calibration_slope(probability: Numbers, outcome: Numbers, steps: int = 50) -> tuple[float, float]:
    """Slope and intercept of a logistic regression of the outcome on the log-odds of the probability.

    (1, 0) is calibrated; a slope below 1 says that the probabilities are too extreme.

    References
    ----------
    Cox, "Two further applications of a model for binary regression", Biometrika 1958.
    """
    p, y = _checked(probability, outcome)
    p = p.clip(SMALLEST, 1 - SMALLEST)
    design = np.column_stack([np.log(p / (1 - p)), np.ones_like(p)])  # (n, 2)
    weights = np.array([1.0, 0.0])
    ridge = 1e-6 * np.eye(2)  # keeps the step finite where all log-odds are equal
    for _ in range(steps):
        fitted = 1 / (1 + np.exp(-np.clip(design @ weights, -30, 30)))
        slope = design.T @ (y - fitted)
        curvature = (design * (fitted * (1 - fitted))[:, None]).T @ design + ridge
        step = np.linalg.solve(curvature, slope)
        weights = weights + np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-8:
            break
    return float(weights[0]), float(weights[1])
