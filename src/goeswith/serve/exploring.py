"""A bounded share of places for products that hardly sold, so that it becomes known whether they would.

The policies are a dozen lines over counts that all workers share through the database; a library with a state of its
own would have to be kept in step between processes, and brings nothing for that.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DRAWS = 256
"""Draws from which Thompson's propensities are estimated."""
PRIOR = (1.0, 20.0)
"""One reward in twenty is what a product is believed to bring before it was ever shown."""


@dataclass(frozen=True)
class Choice:
    """Which of the pool gets a place. place : in the pool; propensity : (pool,), how likely each was to get it."""

    place: int
    propensity: NDArray[np.float64]


def places(n: int, share: float, rng: np.random.Generator) -> int:
    """How many of n places are explored: n * share on average, never more than that rounded up.

    >>> places(10, 0.2, np.random.default_rng(0))
    2
    """
    whole, rest = divmod(n * share, 1.0)
    return int(whole) + int(rng.random() < rest)


def thompson(shown: NDArray[np.floating], rewarded: NDArray[np.floating], rng: np.random.Generator) -> Choice:
    """Draw a rate for each from what is known of it, and take the best.

    The propensities are the shares of draws that each wins, with half a win added so that none is 0.

    Parameters
    ----------
    shown, rewarded : (pool,), how often each had a place, and what came of it

    References
    ----------
    Thompson, "On the likelihood that one unknown probability exceeds another", Biometrika 1933.
    """
    better = PRIOR[0] + rewarded
    worse = PRIOR[1] + np.maximum(shown - rewarded, 0)
    drawn = rng.beta(better, worse, size=(DRAWS, len(shown)))
    wins = np.bincount(drawn.argmax(axis=1), minlength=len(shown)) + 0.5
    propensity = wins / wins.sum()
    return Choice(int(rng.choice(len(shown), p=propensity)), propensity)


def epsilon_greedy(
    shown: NDArray[np.floating], rewarded: NDArray[np.floating], epsilon: float, rng: np.random.Generator
) -> Choice:
    """The best so far, and with probability ε any.

    Examples
    --------
    >>> choice = epsilon_greedy(np.array([9.0, 9.0]), np.array([0.0, 5.0]), 0.2, np.random.default_rng(1))
    >>> choice.propensity
    array([0.1, 0.9])
    """
    rate = (PRIOR[0] + rewarded) / (sum(PRIOR) + shown)
    best = rate == rate.max()
    propensity = epsilon / len(shown) + (1 - epsilon) * best / best.sum()
    return Choice(int(rng.choice(len(shown), p=propensity)), propensity)


@dataclass(frozen=True)
class OffPolicy:
    """What another policy would have brought. ips, snips : reward a place; effective : observations it rests on"""

    ips: float
    snips: float
    effective: float


def off_policy(reward: NDArray[np.floating], logged: NDArray[np.floating], target: NDArray[np.floating]) -> OffPolicy:
    """Estimate a policy from the log of another one.

    Parameters
    ----------
    reward : (shown,), what came of each
    logged : (shown,), how likely the policy of the log was to show what it showed; above 0
    target : (shown,), how likely the other policy is to show the same

    References
    ----------
    Horvitz & Thompson, JASA 1952 (IPS); Swaminathan & Joachims, "The Self-Normalized Estimator for Counterfactual
    Learning", NIPS 2015 (SNIPS).

    Examples
    --------
    Two products shown by chance; only the first was ever rewarded. A policy that always shows the first:

    >>> off_policy(np.array([1.0, 0.0, 1.0, 0.0]), np.full(4, 0.5), np.array([1.0, 0.0, 1.0, 0.0]))
    OffPolicy(ips=1.0, snips=1.0, effective=2.0)
    """
    weight = target / logged
    total = float(weight.sum())
    if not len(reward) or total == 0:
        return OffPolicy(float("nan"), float("nan"), 0.0)
    return OffPolicy(
        float((weight * reward).mean()), float((weight * reward).sum() / total), float(total**2 / (weight**2).sum())
    )
