"""Lists whose products do not repeat each other."""

import numpy as np
from numpy.typing import NDArray

from goeswith.errors import UsageError


def mmr(scores: NDArray[np.floating], vectors: NDArray[np.floating], n: int, strength: float) -> NDArray[np.int64]:
    """Maximal marginal relevance: take the best, then again and again the best that is unlike those taken.

    each step takes argmax (1 - strength) * relevance - strength * (highest cosine to a product already taken),
    where relevance is the score moved to 0..1 so that it can be weighed against a cosine.

    Parameters
    ----------
    scores : (candidates,), higher is better
    vectors : (candidates, dimensions), unit length
    n : how many to take; all, when there are fewer
    strength : from 0 (the order of the scores stays) to 1 (unlikeness alone, after the first)

    Returns
    -------
    (min(n, candidates),), places in `scores`, in the order taken; the earlier place wins a tie

    Raises
    ------
    UsageError : strength is outside 0..1, or there is not one vector a score

    References
    ----------
    Carbonell & Goldstein, "The Use of MMR, Diversity-Based Reranking", SIGIR 1998; their lambda is 1 - strength.

    Examples
    --------
    Two printers and a toner: with some strength the second printer waits.

    >>> vectors = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    >>> mmr(np.array([0.9, 0.8, 0.5]), vectors, n=3, strength=0.0)
    array([0, 1, 2])
    >>> mmr(np.array([0.9, 0.8, 0.5]), vectors, n=3, strength=0.5)
    array([0, 2, 1])
    """
    if not 0 <= strength <= 1:
        raise UsageError(f"diversity must be between 0 and 1, got {strength}")
    if len(scores) != len(vectors):
        raise UsageError(f"diversity needs one vector a score, got {len(scores)} scores and {len(vectors)} vectors")
    n_taken = min(n, len(scores))
    if strength == 0 or n_taken <= 0:
        return np.argsort(-np.asarray(scores), kind="stable")[: max(0, n_taken)]
    relevance = _from_0_to_1(np.asarray(scores, dtype=np.float64))
    closest = np.full(len(scores), -np.inf)  # highest cosine to what was taken
    taken = [int(np.argmax(scores))]
    while len(taken) < n_taken:
        closest = np.maximum(closest, vectors @ vectors[taken[-1]])
        gain = (1 - strength) * relevance - strength * closest
        gain[taken] = -np.inf
        taken.append(int(gain.argmax()))
    return np.array(taken, dtype=np.int64)


def _from_0_to_1(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    span = scores.max() - scores.min()
    return (scores - scores.min()) / span if span > 0 else np.zeros_like(scores)
