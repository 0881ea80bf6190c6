"""What one recommender reached in one task, query by query."""

from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from goeswith.evaluation.exposure import category_diversity, coverage, gini, novelty, times_shown
from goeswith.evaluation.metrics import METRICS, capped_recall, hit_table
from goeswith.evaluation.protocol import Exam, Recommender, Task

MAIN = ("capped_recall", "ndcg")
EXPOSURE = ("coverage", "gini", "novelty", "diversity")


@dataclass(frozen=True)
class Outcome:
    """Values per query, so that means, intervals and paired differences need no second run.

    values : metric to (queries,), in ascending order of query
    exposure : coverage, gini, novelty (bits), diversity (by category); of all lists together
    slices : name to (queries of the slice,), capped recall
    seconds : time to answer all queries
    """

    system: str
    task: str
    k: int
    values: dict[str, NDArray[np.float64]]
    exposure: dict[str, float]
    slices: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    seconds: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        return {
            "system": self.system,
            "task": self.task,
            "k": self.k,
            "values": {name: np.round(each, 6).tolist() for name, each in self.values.items()},
            "exposure": self.exposure,
            "slices": {name: np.round(each, 6).tolist() for name, each in self.slices.items()},
            "seconds": self.seconds,
        }

    @classmethod
    def from_dict(cls, kept: dict[str, Any]) -> "Outcome":
        arrays = {part: {name: np.array(each) for name, each in kept[part].items()} for part in ("values", "slices")}
        return cls(**{**kept, **arrays})


def sit(recommender: Recommender, task: Task, exam: Exam, k: int = 10) -> Outcome:
    """Put a task's queries to a recommender and mark the answers."""
    started = perf_counter()
    lists = task.ask(recommender, n=k)
    seconds = perf_counter() - started
    hits = hit_table(lists, task.truth, k)
    shown = times_shown(lists, k)
    n_products = len(task.among) if task.among is not None else exam.products.height
    exposure = {
        "coverage": coverage(shown.height, n_products),
        "gini": gini(shown["shown"].to_numpy(), n_products),
        "novelty": novelty(shown, exam.products.select("product_id", "purchases")),
        "diversity": category_diversity(lists, exam.products.select("product_id", "category"), k),
    }
    values = {name: metric(hits) for name, metric in METRICS.items()}
    slices = {name: capped_recall(hit_table(lists, part, k)) for name, part in task.slices.items()}
    return Outcome(recommender.name, task.name, k, values, exposure, slices, seconds)
