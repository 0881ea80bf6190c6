"""What settings reached, task by task and question by question; each task weighs alike."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from goeswith.evaluation.intervals import Interval, mean_gain

Recalls = Mapping[str, NDArray[np.float64]]
"""Task -> (queries,), capped recall."""


def mean_recall(recalls: Recalls) -> float:
    """Mean over the tasks of the mean over their questions."""
    return float(np.mean([values.mean() for values in recalls.values()]))


def gain(found: Recalls, start: Recalls) -> Interval:
    """Mean over the tasks of found less start, the same questions."""
    return mean_gain([found[task] for task in start], list(start.values()))


def to_lists(recalls: Recalls) -> dict[str, list[float]]:
    """As JSON keeps them, in four digits."""
    return {task: np.round(values, 4).tolist() for task, values in recalls.items()}


def from_lists(kept: Mapping[str, list[float]]) -> Recalls:
    """What `to_lists` gave."""
    return {task: np.array(values) for task, values in kept.items()}
