"""Where the published protocol lies beside the checkout: are these its queries, its truth, its metric?"""

import importlib.util
from types import ModuleType

import numpy as np
import polars as pl

from data_sets import SHARED
from goeswith.evaluation.metrics import capped_recall, hit_table, ndcg
from trials import Trial


def check_against_shared(trial: Trial) -> str:
    """One line of what was compared.

    Raises
    ------
    AssertionError : names the task that differs
    """
    module = _load()
    task = module.Task(skip_last=0 if trial.part == "test" else 4)
    ours = {each.name: each for each in trial.exam.tasks}
    for name in "ABD":
        theirs = {(int(task.users[u]), int(task.items[i])) for u, held in getattr(task, name).items() for i in held}
        customers = ours[name].customers
        assert customers is not None
        asked = customers.gather(ours[name].truth["query"]).to_list()
        mine = set(zip(asked, ours[name].truth["product_id"], strict=True))
        assert mine == theirs, f"Task {name}: {len(mine)} answers here, {len(theirs)} in the protocol."
    baskets = ours["C"].baskets
    assert baskets is not None
    hidden = ours["C"].truth["product_id"].to_list()
    assert [([int(task.items[i]) for i in held], int(task.items[one])) for _, held, one in task.C] == list(
        zip(baskets, hidden, strict=True)
    ), "Task C: other baskets or other hidden products."
    _same_metric(module, ours["A"].truth)
    return f"agrees with the published protocol: tasks {', '.join('ABCD')}, recall and NDCG"


def _same_metric(module: ModuleType, truth: pl.DataFrame) -> None:
    rng = np.random.default_rng(0)
    pool = truth["product_id"].value_counts(sort=True)["product_id"].head(40).to_numpy()
    answers = {query: rng.choice(pool, 15).tolist() for query in truth["query"].unique().to_list()}
    right = {query: set(held) for query, held in truth.group_by("query").agg("product_id").iter_rows()}
    lists = pl.DataFrame(
        [(query, product, at) for query, held in answers.items() for at, product in enumerate(held, 1)],
        schema={"query": pl.Int64, "product_id": truth["product_id"].dtype, "rank": pl.Int64},
        orient="row",
    )
    hits, theirs = hit_table(lists, truth, 10), module.metrics(answers, right, 10)
    assert round(float(capped_recall(hits).mean()), 4) == theirs["recall"]
    assert round(float(ndcg(hits).mean()), 4) == theirs["ndcg"]


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("shared_protocol", SHARED / "protocol.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
