"""What a plan must beat: popular points, the nearest next, and what followed before."""

from collections.abc import Sequence

import numpy as np

from goeswith.scenarios.itinerary.next_point import Array
from goeswith.scenarios.itinerary.trips import Trip


def popular_path(trips: Sequence[Trip], n_points: int, start: int, end: int, length: int) -> tuple[int, ...]:
    """The start, the points that most trips hold, the end."""
    seen = np.zeros(n_points)
    for trip in trips:
        seen[list(trip.points)] += 1
    order = [int(j) for j in np.argsort(-seen, kind="stable") if j not in (start, end)]
    return (start, *order[: length - 2], end)


def nearest_path(km: Array, start: int, end: int, length: int) -> tuple[int, ...]:
    """From each point to the nearest that was not visited, the end last."""
    path = [start]
    while len(path) < length - 1:
        away = km[path[-1]].copy()
        away[[*path, end]] = np.inf
        path.append(int(np.argmin(away)))
    return (*path, end)


def markov_path(
    trips: Sequence[Trip], n_points: int, start: int, end: int, length: int, beam: int = 500
) -> tuple[int, ...]:
    """The likeliest way by how often one point followed another, each count raised by one; no point twice."""
    after = np.ones((n_points, n_points))
    for trip in trips:
        for a, b in zip(trip.points, trip.points[1:], strict=False):
            after[a, b] += 1
    log_p = np.log(after / after.sum(axis=1, keepdims=True))
    alive: list[tuple[tuple[int, ...], float]] = [((start,), 0.0)]
    for _ in range(length - 2):
        grown = [
            ((*path, j), so_far + float(log_p[path[-1], j]))
            for path, so_far in alive
            for j in range(n_points)
            if j != end and j not in path
        ]
        alive = sorted(grown, key=lambda one: -one[1])[:beam]
    return max((((*path, end), so_far + float(log_p[path[-1], end])) for path, so_far in alive), key=lambda p: p[1])[0]
