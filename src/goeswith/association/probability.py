"""How likely it is that a basket with one product also holds another, and how sure we are."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

PRIOR_BASKETS = 40.0
"""What the model's opinion is worth, in baskets; as many counted baskets outweigh it."""
COVERAGE = 0.9
JEFFREYS = 0.5
"""Added to both sides of an interval, which would shrink to nothing where the opinion is next to 0 or 1."""


@dataclass(frozen=True)
class Probability:
    """Of baskets with a, the share that holds b. Stable.

    value : the estimate
    low, high : where the share lies with 90 % probability; wide where few baskets hold a
    baskets : baskets with a that were counted
    """

    value: float
    low: float
    high: float
    baskets: int

    def __str__(self) -> str:
        return f"{self.value:.1%} ({self.low:.1%} to {self.high:.1%}, from {self.baskets:,} baskets)"


def shrunk(
    both: NDArray[np.floating],
    with_a: NDArray[np.floating] | NDArray[np.integer],
    opinion: NDArray[np.floating],
    interval: bool = True,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Counts drawn towards the model's opinion: a beta posterior.

    value = (both + k * opinion) / (with_a + k), k = PRIOR_BASKETS

    Parameters
    ----------
    both, with_a : (pairs,), baskets
    opinion : (pairs,), the model's probability
    interval : False leaves low and high at the value, which is much quicker

    Returns
    -------
    value, low, high : (pairs,) each; low and high are the quantiles of the posterior, wide enough to hold the value

    References
    ----------
    Brown, Cai, DasGupta, "Interval Estimation for a Binomial Proportion", Statistical Science 2001 (Jeffreys' prior).

    Examples
    --------
    Nothing counted: the opinion, with a wide interval. Much counted: the share.

    >>> value, low, high = shrunk(np.array([0.0, 300.0]), np.array([0.0, 1000.0]), np.array([0.1, 0.1]))
    >>> value.round(3), (high - low).round(2)
    (array([0.1  , 0.292]), array([0.16, 0.05]))

    An opinion that says "never" and no basket to confirm it: it may be so, and it may be one basket in 20.

    >>> value, low, high = shrunk(np.array([0.0]), np.array([0.0]), np.array([0.0]))
    >>> value.round(3), low.round(3), high.round(2)
    (array([0.]), array([0.]), array([0.05]))
    """
    given = np.clip(opinion.astype(np.float64), 1e-7, 1 - 1e-7)
    yes = both + PRIOR_BASKETS * given
    no = np.maximum(with_a - both, 0) + PRIOR_BASKETS * (1 - given)
    value = yes / (yes + no)
    if not interval:
        return value, value, value
    tail = (1 - COVERAGE) / 2
    low, high = beta.ppf(tail, yes + JEFFREYS, no + JEFFREYS), beta.ppf(1 - tail, yes + JEFFREYS, no + JEFFREYS)
    return value, np.minimum(low, value), np.maximum(high, value)
