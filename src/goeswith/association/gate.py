"""The gate: fine-tuning is used only where warm and cold products, each apart, are foretold better than before it."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from goeswith.association.loop import Course
from goeswith.association.pairs import Threads

COLD = 5
"""A product that was bought less often than this before the held-out slice is cold."""
FEWEST = 30
"""A part with fewer held-out purchases than this decides nothing: its figure would be chance."""


def warm_and_cold(held: Threads, bought: NDArray[np.integer]) -> dict[str, Threads]:
    """What is held out, in two parts; a part too small to tell is left out, and "all" stands where both are.

    Parameters
    ----------
    held : purchases that are held out
    bought : (groups,), purchases of each group before them
    """
    parts = {"warm": held.aimed_at(bought >= COLD), "cold": held.aimed_at(bought < COLD)}
    return {name: part for name, part in parts.items() if len(part) >= FEWEST} or {"all": held}


class Gate:
    """How much better held-out purchases are foretold than at the start: of warm and cold products the smaller gain.

    Parameters
    ----------
    measure : -> a figure for each part as things stand, higher is better
    start : the same before anything was learnt

    Attributes
    ----------
    tried : what was measured, epoch by epoch

    Examples
    --------
    Warm products gained, cold ones lost: it does not pass.

    >>> gate = Gate(lambda: {"warm": 0.5, "cold": 0.1}, {"warm": 0.4, "cold": 0.2})
    >>> gate()
    -0.1
    """

    def __init__(self, measure: Callable[[], dict[str, float]], start: dict[str, float]) -> None:
        self.measure, self.start = measure, start
        self.tried: list[dict[str, float]] = []

    def __call__(self) -> float:
        """The smaller of the gains; 0 at the start, and what is used has more."""
        reached = self.measure()
        self.tried.append(reached)
        return min(reached[name] - self.start[name] for name in self.start)

    def passed(self, course: Course) -> bool:
        """Whether the best epoch, or what came before the first, beats the start in every part."""
        return course.best_metric is not None and course.best_metric > 0

    def reason(self, course: Course) -> str:
        """Why what was learnt is used or not, in a sentence."""
        ended = f" It ended early: {course.stopped}." if course.stopped else ""
        after = [one for one in self.tried if one != self.start] or [self.start]
        best = max(after, key=lambda one: min(one[name] - self.start[name] for name in self.start))
        figures = ", ".join(f"{name} {best[name]:.4f} ({self.start[name]:.4f} as it came)" for name in self.start)
        if self.passed(course):
            return f"held out, {figures}.{ended}"
        return f"held out, at best {figures}: not better in every part, so the start is kept.{ended}"


def reason_of_judge(course: Course) -> str:
    """The same where somebody else's metric decided."""
    ended = f" It ended early: {course.stopped}." if course.stopped else ""
    if course.start_metric is None or course.best_metric is None:
        return f"nothing was held out to judge it by, so the model stays as it came.{ended}"
    start = course.start_metric
    if course.improved:
        return f"held out, {course.best_metric:.4f} where the model as it came has {start:.4f}.{ended}"
    tried = max((epoch.metric for epoch in course.epochs if epoch.metric is not None), default=float("nan"))
    return f"held out, at best {tried:.4f} where the model as it came has {start:.4f}: the start is kept.{ended}"
