"""Forecasts that add up: products to their category, stores and the whole chain, each level heard by its certainty."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.sparse import csr_array, vstack

from goeswith.scenarios.inventory.prediction import Prediction

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Hierarchy:
    """names : (m,), such as ("category", "3"); sums : (m, n), ones where a series belongs to the aggregate"""

    names: list[tuple[str, str]]
    sums: csr_array


def hierarchy_of(groups: dict[str, NDArray]) -> Hierarchy:
    """One aggregate for each value of each grouping, and one for all.

    Parameters
    ----------
    groups : kind -> (n,), the value of each series

    Examples
    --------
    >>> hierarchy_of({"category": np.array(["a", "b", "a"])}).sums.toarray().astype(int).tolist()
    [[1, 1, 1], [1, 0, 1], [0, 1, 0]]
    """
    n = len(next(iter(groups.values()))) if groups else 0
    names, tables = [("all", "")], [csr_array(np.ones((1, n)))]
    for kind, values in groups.items():
        found, at = np.unique(values.astype(str), return_inverse=True)
        if 1 < len(found) < n:
            names += [(kind, str(value)) for value in found]
            tables.append(csr_array((np.ones(n), (at, np.arange(n))), shape=(len(found), n)))
    return Hierarchy(names, csr_array(vstack(tables)))


def reconcile(bottom: Array, bottom_variance: Array, top: Array, top_variance: Array, sums: csr_array) -> Array:
    """(n, H), forecasts of the series that agree best with those of the aggregates, by weighted least squares.

    minimise sum (b - bottom)^2 / bottom_variance + sum (sums b - top)^2 / top_variance

    Parameters
    ----------
    bottom : (n, H); bottom_variance : (n,), of its errors; top : (m, H); top_variance : (m,)

    References
    ----------
    Wickramasuriya, Athanasopoulos, Hyndman, "Optimal forecast reconciliation ... through trace minimization",
    JASA 2019, with the diagonal of the error covariance (WLSv).

    Examples
    --------
    Two of 10 each beside a total of 26 that is as sure as both together: the gap of 6 is shared.

    >>> reconcile(np.array([[10.0], [10.0]]), np.ones(2), np.array([[26.0]]), np.full(1, 2.0), csr_array([[1.0, 1.0]]))
    array([[11.5],
           [11.5]])
    """
    gap = top - sums @ bottom
    weighted = csr_array(sums.multiply(bottom_variance[None, :]))
    inner = (sums @ weighted.T).toarray() + np.diag(np.maximum(top_variance, 1e-9))
    return np.asarray(np.maximum(bottom + weighted.T @ cho_solve(cho_factor(inner), gap), 0.0))


def scaled_to(prediction: Prediction, mean: Array) -> Prediction:
    """The same shape around another mean; a series whose mean was zero stays as it was."""
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = np.where(prediction.mean > 1e-9, mean / prediction.mean, 1.0)
    return Prediction(prediction.mean * factor, prediction.quantiles * factor[..., None])
