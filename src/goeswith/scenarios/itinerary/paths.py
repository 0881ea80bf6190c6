"""Ways of a given length between two points: all that are likely, and the one that most of them resemble."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from goeswith.errors import UsageError
from goeswith.scenarios.itinerary.next_point import Here, NextPoint

BEAM = 400


def likely_paths(chain: NextPoint, here: Here, length: int, beam: int = BEAM) -> list[tuple[tuple[int, ...], float]]:
    """Ways of `length` points from here to its end, with their log-probabilities; the likeliest `beam` at each step."""
    if length < 2 or here.end is None or length > chain.n_points:
        raise UsageError(f"A way between two points has 2 to {chain.n_points} points and an end; got {length}.")
    if here.end == here.visited[-1]:
        raise UsageError("A way needs a start and an end that differ.")
    alive: list[tuple[tuple[int, ...], float]] = [(here.visited, 0.0)]
    for step in range(length - 2):
        grown = []
        for path, so_far in alive:
            hour = None if here.hour is None else here.hour + 1.5 * step
            log_p = chain.log_probabilities(replace(here, visited=path, hour=hour))
            grown += [((*path, int(j)), so_far + float(log_p[j])) for j in np.flatnonzero(np.isfinite(log_p))]
        alive = sorted(grown, key=lambda one: -one[1])[:beam]
    return [((*path, here.end), so_far) for path, so_far in alive]


def best_path(chain: NextPoint, here: Here, length: int) -> tuple[int, ...]:
    """The way that shares most points, and most pairs in order, with what is likely.

    The likeliest single way may be a rare one among many; this one maximises the expected overlap.
    """
    paths = likely_paths(chain, here, length)
    weight = softmax([log_p for _, log_p in paths])
    inside, before = np.zeros(chain.n_points), np.zeros((chain.n_points, chain.n_points))
    for (path, _), one in zip(paths, weight, strict=True):
        inside[list(path)] += one
        for at, a in enumerate(path):
            before[a, list(path[at + 1 :])] += one
    return max((path for path, _ in paths), key=lambda path: _overlap(path, inside, before))


def _overlap(path: Sequence[int], inside: NDArray[np.float64], before: NDArray[np.float64]) -> float:
    pairs = sum(float(before[a, list(path[at + 1 :])].sum()) for at, a in enumerate(path))
    return float(inside[list(path)].mean()) + pairs / (len(path) * (len(path) - 1) / 2)


def inclusion(
    chain: NextPoint, here: Here, steps: int, n: int = 300, seed: int = 0, closed: Sequence[int] = ()
) -> NDArray[np.float64]:
    """(points,) how likely each is among the next `steps`, from `n` ways drawn at random.

    Parameters
    ----------
    closed : points where nobody can go
    """
    rng = np.random.default_rng(seed)
    found = np.zeros(chain.n_points)
    shut = np.zeros(chain.n_points)
    shut[list(closed)] = -np.inf
    for _ in range(n):
        path = here.visited
        for step in range(steps):
            hour = None if here.hour is None else here.hour + 1.5 * step
            log_p = chain.log_probabilities(replace(here, visited=path, hour=hour)) + shut
            if not np.isfinite(log_p).any():
                break
            chosen = int(np.argmax(log_p + rng.gumbel(size=len(log_p))))
            path = (*path, chosen)
            found[chosen] += 1 / n
    return found
