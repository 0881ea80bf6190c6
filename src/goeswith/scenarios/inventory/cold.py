"""Demand of a product that was never sold: what products that read like it sold, where those are alike."""

import numpy as np
from numpy.typing import NDArray

from goeswith.scenarios.inventory.prediction import LEVELS, Prediction, tidy

Array = NDArray[np.float64]
NEAREST = 30
SHARPNESS = 12.0
CATEGORY = 3.0
"""Products' worth of weight that the category as a whole has beside the nearest texts."""


def cold_weights(
    new: NDArray[np.float32],
    old: NDArray[np.float32],
    same_category: NDArray[np.bool_],
    itself: NDArray[np.bool_] | None = None,
) -> Array:
    """(cold, sold), how much each product with a history says of each without; rows sum to 1.

    Parameters
    ----------
    new : (cold, d), old : (sold, d), unit vectors of texts
    same_category : (cold, sold)
    itself : (cold, sold), where both are one product, which then says nothing
    """
    likeness = (new @ old.T).astype(float)
    if itself is not None:
        likeness[itself] = -2.0
    k = min(NEAREST, likeness.shape[1])
    least = np.partition(likeness, -k, axis=1)[:, [-k]]
    near = np.where(likeness >= least, np.exp(SHARPNESS * (likeness - likeness.max(axis=1, keepdims=True))), 0.0)
    near /= np.maximum(near.sum(axis=1, keepdims=True), 1e-12)
    mates = same_category / np.maximum(same_category.sum(axis=1, keepdims=True), 1)
    heard = np.where(same_category.any(axis=1, keepdims=True), CATEGORY / NEAREST * 3, 0.0)
    return (near + heard * mates) / (1 + heard)


def weighted_quantiles(values: Array, weights: Array, levels: tuple[float, ...] = LEVELS) -> Array:
    """(cold, levels), the quantiles of values (sold,) under each row of weights (cold, sold).

    >>> weighted_quantiles(np.array([1.0, 2.0, 9.0]), np.array([[0.2, 0.6, 0.2]]), (0.5,)).tolist()
    [[2.0]]
    """
    order = np.argsort(values, kind="stable")
    heard = np.cumsum(weights[:, order], axis=1)
    heard /= np.maximum(heard[:, -1:], 1e-12)
    at = np.stack([(heard < level - 1e-12).sum(axis=1) for level in levels], axis=1)
    return values[order][np.minimum(at, len(values) - 1)]


def predict_cold(rate: Array, weights: Array, horizon: int) -> Prediction:
    """Mean and quantiles of products without a history.

    Parameters
    ----------
    rate : (sold, windows), units a period of the products with a history, in some of their own periods
    weights : (cold, sold)
    """
    windows = rate.shape[1]
    shared = np.repeat(weights, windows, axis=1) / windows
    quantiles = weighted_quantiles(rate.ravel(), shared)
    mean = weights @ rate.mean(axis=1)
    return tidy(np.repeat(mean[:, None], horizon, axis=1), np.repeat(quantiles[:, None], horizon, axis=1))
