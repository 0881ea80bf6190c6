"""Which products are worth weighing for a query: the best of every view, and what the customer buys anyway."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from goeswith.association.largest import largest
from goeswith.association.parts import Parts
from goeswith.ranking.views import Array, Candidates, Queries

OWN = "own"
POPULAR = "people"
QUOTAS: dict[str, Mapping[str, int]] = {
    "recommend": {
        OWN: 200,
        "ease": 60,
        "crowd": 60,
        POPULAR: 60,
        "cosine": 30,
        "recent": 30,
        "window": 30,
        "words": 20,
        "text": 20,
    },
    "novel": {
        "ease": 120,
        "ease_recent": 40,
        "crowd": 100,
        POPULAR: 80,
        "cosine": 60,
        "recent": 40,
        "window": 60,
        "walk": 60,
        "words": 40,
        "text": 40,
    },
    "related-cold": {"basket_words": 300, "basket_text": 300, "basket_ease": 100},
    "cold": {"ease": 300, "words": 300, "text": 300},
    "complete": {
        OWN: 80,
        "together": 40,
        "often": 40,
        "lately": 40,
        "confidence": 60,
        "basket_cosine": 40,
        "basket_ease": 60,
        "lift": 10,
        "ease": 20,
        "crowd": 30,
        POPULAR: 30,
        "basket_words": 10,
        "basket_text": 15,
    },
    "related": {
        "confidence": 60,
        "basket_cosine": 60,
        "basket_ease": 60,
        "lift": 20,
        POPULAR: 30,
        "basket_words": 40,
        "basket_text": 60,
    },
}
"""How many products each view may name, by the question asked."""
WEIGHED = {"cold": 3_000, "related-cold": 3_000}
FEW = 500
"""Of so few allowed products every one is weighed; of the cold up to WEIGHED, for no view names them well."""


def quotas_for(question: str, n_allowed: int) -> Mapping[str, int] | None:
    """How many products each view may name; None where every allowed product is weighed."""
    return None if n_allowed <= WEIGHED.get(question, FEW) else QUOTAS[question]


def candidates(
    parts: Parts,
    asked: Queries,
    views: Mapping[str, Array],
    quotas: Mapping[str, int] | None,
    allowed: NDArray[np.bool_],
    barred: csr_array | None = None,
    pinned: NDArray[np.int64] | None = None,
) -> Candidates:
    """The products to weigh for each query.

    Parameters
    ----------
    quotas : view to how many products it may name; None weighs all that are allowed
    allowed : (items,), products that may be an answer to any query
    barred : (queries, items), products that may not be an answer to one query: bought before, or in its basket
    pinned : rows that are candidates of every query where they are allowed
    """
    n_queries, n_items = len(asked), len(allowed)
    pool = np.flatnonzero(allowed)
    closed = _closed(barred, pool, n_items)
    if quotas is None:
        query, item = np.repeat(np.arange(n_queries), len(pool)), np.tile(pool, n_queries)
    else:
        lists = [_named(parts, asked, views, name, quota, pool, closed) for name, quota in quotas.items()]
        if pinned is not None and len(pinned):
            lists.append((np.repeat(np.arange(n_queries), len(pinned)), np.tile(pinned, n_queries)))
        keys = np.unique(np.concatenate([query * n_items + item for query, item in lists]))
        keys = keys[allowed[keys % n_items]]
        query, item = keys // n_items, keys % n_items
    if len(closed[0]):
        keep = ~np.isin(query * n_items + item, closed[0] * n_items + pool[closed[1]])
        query, item = query[keep], item[keep]
    return Candidates(query, item, n_queries)


Places = tuple[NDArray[np.int64], NDArray[np.int64]]


def _closed(barred: csr_array | None, pool: NDArray[np.int64], n_items: int) -> Places:
    """Queries, and places in the pool, of what may not be an answer."""
    if barred is None or not barred.nnz:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    place = np.full(n_items, -1, np.int64)
    place[pool] = np.arange(len(pool))
    query, at = np.repeat(np.arange(barred.shape[0]), np.diff(barred.indptr)), place[barred.indices]
    return query[at >= 0], at[at >= 0]


def _named(
    parts: Parts,
    asked: Queries,
    views: Mapping[str, Array],
    name: str,
    quota: int,
    pool: NDArray[np.int64],
    closed: Places,
) -> Places:
    """The best of one view among the pool, or what the customer has most; a score of 0 names nothing."""
    if name == OWN:
        own = asked.own
        row = np.repeat(np.arange(len(asked)), np.diff(own.start))
        order = np.lexsort((-(own.long + 0.2 * np.maximum(own.browsed, 0)), row))
        order = order[np.arange(len(order)) - own.start[row[order]] < quota]
        return row[order], own.item[order]
    if name == POPULAR:
        sold = parts.popularity
        view = np.where(asked.strangers[:, None], sold.lately[pool], sold.people[pool])
    else:  # choosing every column one by one takes ten times as long as a copy
        view = views[name].copy() if len(pool) == views[name].shape[1] else np.take(views[name], pool, 1)
    view[closed] = -np.inf
    scores, top = largest(view, quota)
    is_named = np.isfinite(scores) & (scores != 0)
    return np.nonzero(is_named)[0], pool[top[is_named]]
