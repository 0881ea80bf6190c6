"""What each part of a model finds alone: the exam's questions, ranked by one view as if it were all there is."""

from typing import Any

import numpy as np
import polars as pl

from goeswith.association.largest import largest
from goeswith.evaluation.metrics import capped_recall, hit_table
from goeswith.evaluation.protocol import Exam, Task
from goeswith.model import Model
from goeswith.ranking.answering import part_of
from goeswith.ranking.training import baskets_to_matrix, block_size, bought_before
from goeswith.ranking.views import Queries, catalogue_views

K, QUERIES = 10, 300
WHOLE = "goeswith"
OF_HISTORIES = ("personal", "popularity", "ease", "crowd", "cosine", "window", "walk", "words", "text")
OF_BASKETS = ("popularity", "basket_ease", "confidence", "basket_cosine", "basket_words", "basket_text")


def ablated(model: Model, exam: Exam) -> list[dict[str, Any]]:
    """By task: each view's recall, the whole beside it, over at most QUERIES questions; the best first."""
    found: list[dict[str, Any]] = []
    for task in exam.tasks:
        if task.history or task.across:
            continue
        some = first_of(task, QUERIES)
        whole = float(capped_recall(hit_table(some.ask(model, K), some.truth, K)).mean())
        rows: list[dict[str, Any]] = [
            {"name": name, "value": round(value, 4)} for name, value in _alone(model, some).items()
        ]
        rows.append({"name": WHOLE, "value": round(whole, 4), "ours": True})
        found.append({"title": task.title, "n": some.n_queries, "rows": sorted(rows, key=lambda row: -row["value"])})
    return found


def first_of(task: Task, most: int) -> Task:
    """The same task with its first questions alone."""
    kept = task.truth["query"].unique().sort().head(most)
    place = pl.DataFrame({"query": kept, "place": np.arange(len(kept))})
    truth = task.truth.join(place, on="query", maintain_order="left")
    return Task(
        task.name,
        task.title,
        truth.drop_nulls("place").select("product_id", query="place"),
        None if task.customers is None else task.customers.gather(kept),
        None if task.baskets is None else [task.baskets[query] for query in kept],
        task.history,
        task.novel,
        task.across,
        task.among,
    )


def _alone(model: Model, task: Task) -> dict[str, float]:
    views = OF_HISTORIES if task.baskets is None else OF_BASKETS
    n_items = model.log.n_items
    asked = _questions(model, task)
    among = np.arange(n_items) if task.among is None else model.log.items.rows(task.among)
    found: dict[str, list[pl.DataFrame]] = {name: [] for name in views}
    size = min(block_size(n_items), 64)
    for start in range(0, len(asked), size):
        block = part_of(asked, np.arange(start, min(start + size, len(asked))))
        barred = block.held if block.held is not None else bought_before(block.own, n_items) if task.novel else None
        scores = catalogue_views(model.parts, block)
        if "personal" in views:
            scores["personal"] = block.own.matrix(block.own.long, n_items).toarray()
        scores["popularity"] = np.tile(model.parts.popularity.month, (len(block), 1))
        for name in views:
            view = np.asarray(scores[name])[:, among]
            if barred is not None:
                view = np.where(barred[:, among].toarray() > 0, -np.inf, view)
            value, place = largest(view, min(K, len(among)))
            query, at = np.nonzero(np.isfinite(value) & (value != 0))
            ids = model.log.items.ids(among[place[query, at]])
            found[name].append(pl.DataFrame({"query": query + start, "product_id": ids, "rank": at + 1}))
    return {
        name: float(capped_recall(hit_table(pl.concat(lists), task.truth, K)).mean()) for name, lists in found.items()
    }


def _questions(model: Model, task: Task) -> Queries:
    n = task.truth["query"].n_unique()
    who = np.full(n, -1) if task.customers is None else model.log.customers.rows(task.customers, "skip")
    if len(who) != n:
        who = np.full(n, -1)
    held = None
    if task.baskets is not None:
        held = baskets_to_matrix([model.log.items.rows(basket) for basket in task.baskets], model.log.n_items)
    return Queries(model.parts.histories.take(who), who, held)
