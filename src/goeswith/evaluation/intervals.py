"""How far a mean over queries could be chance: the bootstrap."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from goeswith.errors import UsageError

CELLS_AT_ONCE = 4_000_000  # draws are made in blocks of this many indices: 32 MB


class Interval(NamedTuple):
    """A mean and where it lies in `level` of the redrawn samples."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:.3f} [{self.low:.3f}, {self.high:.3f}]"


def bootstrap(values: NDArray[np.float64], draws: int = 1_000, level: float = 0.95, seed: int = 0) -> Interval:
    """The mean of these values and a percentile interval, from redrawing the queries with replacement.

    Parameters
    ----------
    values : (queries,), one number per query
    draws : samples redrawn
    level : share of the redrawn means that the interval holds, between 0 and 1

    Raises
    ------
    UsageError : no values, or a level outside (0, 1)

    References
    ----------
    Efron and Tibshirani, "An Introduction to the Bootstrap", 1993.

    Examples
    --------
    >>> bootstrap(np.array([0.5, 0.5, 0.5]))
    Interval(mean=0.5, low=0.5, high=0.5)
    """
    if len(values) == 0:
        raise UsageError("There is no query to take the mean of.")
    if not 0 < level < 1:
        raise UsageError(f"The level of an interval lies between 0 and 1, it is {level}.")
    rng = np.random.default_rng(seed)
    n = len(values)
    block = max(1, CELLS_AT_ONCE // n)
    sizes = [min(block, draws - start) for start in range(0, draws, block)]
    means = np.concatenate([values[rng.integers(n, size=(size, n))].mean(axis=1) for size in sizes])
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(values.mean()), float(low), float(high))


def paired_bootstrap(
    ours: NDArray[np.float64], theirs: NDArray[np.float64], draws: int = 1_000, level: float = 0.95, seed: int = 0
) -> Interval:
    """The mean difference ours - theirs on the same queries; an interval that excludes 0 is no accident.

    Raises
    ------
    UsageError : the two do not have the same queries
    """
    if len(ours) != len(theirs):
        raise UsageError(f"A paired difference needs the same queries: {len(ours)} against {len(theirs)}.")
    return bootstrap(np.asarray(ours) - np.asarray(theirs), draws, level, seed)


def mean_gain(
    ours: Sequence[NDArray[np.float64]], theirs: Sequence[NDArray[np.float64]], draws: int = 1_000, seed: int = 0
) -> Interval:
    """Mean over tasks of the mean difference, with its 95 % interval; questions are redrawn within each task.

    Parameters
    ----------
    ours, theirs : for each task (queries,)
    """
    if len(ours) == 1:
        return paired_bootstrap(ours[0], theirs[0], seed=seed)
    rng = np.random.default_rng(seed)
    differences = [a - b for a, b in zip(ours, theirs, strict=True)]
    drawn = np.mean([d[rng.integers(0, len(d), (draws, len(d)))].mean(axis=1) for d in differences], axis=0)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Interval(float(np.mean([d.mean() for d in differences])), float(low), float(high))
