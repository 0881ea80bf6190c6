"""Every view of how well a product suits a query, side by side: what the ranker weighs.

A query holds products (a customer's history, a basket, or both). Each view is computed for a block of queries over the
whole catalogue where that is one matrix product, and looked up for the candidates alone; the finer ones are computed
for the candidates only.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from goeswith.association.behaviour import Popularity
from goeswith.association.counts import Counts
from goeswith.association.histories import Histories
from goeswith.association.linear import DualEase

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Parts:
    counts: Counts
    near: csr_array
    ease: DualEase
    popularity: Popularity
    words: Array
    source: Array
    target: Array
    shelves: list[NDArray[np.int64]]


@dataclass(frozen=True)
class Candidates:
    """Pairs of a query and a product, sorted by query. query, item : (pairs,); n_queries"""

    query: NDArray[np.int64]
    item: NDArray[np.int64]
    n_queries: int


def history_scores(parts: Parts, own: Histories) -> dict[str, Array]:
    """Dense views of a block of histories, each (queries, items)."""
    n = parts.words.shape[0]
    weight = own.matrix(np.log1p(own.long), n)
    recent = own.matrix(np.where(own.n > 0, 0.7**own.steps, 0.0), n)
    taste = weight @ parts.words
    meaning = weight @ parts.source
    return {
        "ease": parts.ease.scores(own.matrix((own.n > 0).astype(np.float32), n)),
        "cosine": (weight @ parts.near).toarray(),
        "recent": (recent @ parts.near).toarray(),
        "words": taste @ parts.words.T,
        "text": meaning @ parts.target.T,
    }


def history_features(parts: Parts, own: Histories, scores: dict[str, Array], some: Candidates) -> dict[str, Array]:
    """Every feature of the candidates of a block of histories; each (pairs,)."""
    q, i = some.query, some.item
    n_items = parts.words.shape[0]
    features: dict[str, Array] = {}
    for name, dense in scores.items():
        values = dense[q, i]
        features[name] = values
        features[name + "_rank"] = rank_within(values, some)
    features |= _personal(parts, own, some)
    features |= _of_item(parts, some)
    baskets = np.maximum(own.n_baskets, 1)
    long = own.matrix(own.long, n_items)
    total = np.maximum(np.asarray(long.sum(axis=1)).ravel(), 1e-6)
    for at, shelf in enumerate(parts.shelves):
        size = int(shelf.max()) + 1
        onto = csr_array((np.ones(n_items, np.float32), (np.arange(n_items), shelf)), shape=(n_items, size))
        by_shelf = (long @ onto).toarray()
        mine = by_shelf[q, shelf[i]]
        features[f"shelf{at}"] = mine
        features[f"shelf{at}_share"] = mine / total[q]
        features[f"shelf{at}_own"] = features["long"] / np.maximum(mine, 1e-6)
        sold = np.bincount(shelf, parts.popularity.month, size)
        features[f"shelf{at}_sold"] = np.log1p(sold)[shelf[i]]
        features[f"shelf{at}_part"] = parts.popularity.month[i] / np.maximum(sold[shelf[i]], 1e-6)
    paid = _mean_price(parts, own)
    features["price_ratio"] = parts.popularity.price[i] / paid[q]
    features["n_baskets"] = own.n_baskets[q]
    features["age"] = own.age[q]
    features["pace"] = (own.n_baskets / np.maximum(own.age, 1))[q]
    features["width"] = np.diff(own.start)[q] / baskets[q]
    return {name: np.asarray(column, np.float32) for name, column in features.items()}


def _personal(parts: Parts, own: Histories, some: Candidates) -> dict[str, Array]:
    n_items = parts.words.shape[0]
    key = np.repeat(np.arange(len(own)), np.diff(own.start)) * n_items + own.item
    wanted = some.query * n_items + some.item
    at = np.searchsorted(key, wanted) if len(key) else np.zeros(len(wanted), np.int64)
    at = np.minimum(at, max(len(key) - 1, 0))
    held = (key[at] == wanted) if len(key) else np.zeros(len(wanted), bool)

    def column(values: Array, absent: float) -> Array:
        return np.where(held, values[at], absent) if len(values) else np.full(len(wanted), absent, np.float32)

    n = column(own.n, 0.0)
    last, first = column(own.last, np.nan), column(own.first, np.nan)
    gap = np.where(n > 1, (first - last) / np.maximum(n - 1, 1), np.nan)
    usual = np.where(n > 1, (first - last + 2 * parts.popularity.gap[some.item]) / (n + 1), parts.popularity.gap[some.item])
    return {
        "n": n,
        "short": column(own.short, 0.0),
        "long": column(own.long, 0.0),
        "steps": column(own.steps, np.nan),
        "last": last,
        "gap": gap,
        "due": last / np.maximum(usual, 1.0),
        "habit": n / np.maximum(own.n_baskets[some.query], 1),
        "since_first": n / np.maximum(first, 7.0),
        "browsed": column(own.browsed, 0.0),
    }


def _of_item(parts: Parts, some: Candidates) -> dict[str, Array]:
    popularity, i = parts.popularity, some.item
    return {
        "bought": np.log1p(popularity.bought[i]),
        "month": np.log1p(popularity.month[i]),
        "trend": popularity.week[i] / np.maximum(popularity.month[i], 1e-3),
        "loyal": popularity.bought[i] / np.maximum(popularity.buyers[i], 1),
        "again": popularity.again[i],
        "usual_gap": popularity.gap[i],
        "on_sale_for": popularity.first[i],
        "price": popularity.price[i],
        "looked_at": np.log1p(popularity.browsed[i]),
    }


def _mean_price(parts: Parts, own: Histories) -> Array:
    price = parts.popularity.price[own.item]
    weight = np.where(np.isnan(price), 0, own.n)
    row = np.repeat(np.arange(len(own)), np.diff(own.start))
    total = np.bincount(row, weight, len(own))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.bincount(row, weight * np.nan_to_num(price), len(own)) / total


def rank_within(values: Array, some: Candidates) -> Array:
    """Place of each candidate among those of its query, 0 the highest."""
    order = np.lexsort((-values, some.query))
    length = np.bincount(some.query, minlength=some.n_queries)
    start = np.concatenate([[0], np.cumsum(length)[:-1]])
    place = np.empty(len(order), np.float32)
    place[order] = np.arange(len(order)) - start[some.query[order]]
    return place


def best_of(scores: Array, k: int) -> NDArray[np.int64]:
    """(queries, k) columns of the k largest in each row, unordered."""
    if k >= scores.shape[1]:
        return np.tile(np.arange(scores.shape[1]), (scores.shape[0], 1))
    return np.argpartition(-scores, k - 1, axis=1)[:, :k]


def gather(lists: list[tuple[NDArray[np.int64], NDArray[np.int64]]], n_queries: int, n_items: int) -> Candidates:
    """Join (query, item) lists into distinct pairs sorted by query."""
    keys = np.unique(np.concatenate([query * n_items + item for query, item in lists]))
    return Candidates(query=keys // n_items, item=keys % n_items, n_queries=n_queries)
