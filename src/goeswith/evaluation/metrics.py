"""How good a ranked list is, query by query, against what really happened.

Lists and truth become one table of hits (`hit_table`); every metric is a short function of that table and answers one
number per query, so that means, slices and intervals all stand on the same values.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from goeswith.errors import UsageError

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Hits:
    """Which places of each list hold a product of the truth.

    queries : (queries,), ascending; those that have a truth
    hit : (queries, k), True where the product at this place is right
    n_true : (queries,), distinct right products, at least 1
    """

    queries: NDArray[np.int64]
    hit: NDArray[np.bool_]
    n_true: NDArray[np.int64]

    @property
    def k(self) -> int:
        return self.hit.shape[1]


def ranked(lists: pl.DataFrame, k: int) -> pl.DataFrame:
    """The first k distinct products of each list; a product that is named twice counts once, at its better place.

    Parameters
    ----------
    lists : query, product_id, rank (from 1, gaps allowed)

    Returns
    -------
    query, product_id, place (from 0, no gaps)
    """
    distinct = lists.sort("query", "rank").unique(["query", "product_id"], keep="first", maintain_order=True)
    place = pl.int_range(pl.len()).over("query").alias("place")
    return distinct.select("query", "product_id", place).filter(pl.col("place") < k)


def hit_table(lists: pl.DataFrame, truth: pl.DataFrame, k: int) -> Hits:
    """Look every listed product up in the truth.

    Parameters
    ----------
    lists : query, product_id, rank (from 1); queries without a truth are not judged
    truth : query, product_id; a pair that stands twice counts once
    k : places that count

    Raises
    ------
    UsageError : k is below 1

    Examples
    --------
    >>> lists = pl.DataFrame({"query": [0, 0], "product_id": ["tea", "jam"], "rank": [1, 2]})
    >>> truth = pl.DataFrame({"query": [0], "product_id": ["jam"]})
    >>> hit_table(lists, truth, k=3).hit
    array([[False,  True, False]])
    """
    if k < 1:
        raise UsageError(f"k must be at least 1, it is {k}.")
    right = truth.select("query", "product_id").unique()
    counted = right.group_by("query").len().sort("query")
    queries = counted["query"].cast(pl.Int64).to_numpy()
    found = ranked(lists, k).join(right, on=["query", "product_id"], how="semi")
    hit = np.zeros((len(queries), k), dtype=np.bool_)
    hit[np.searchsorted(queries, found["query"].to_numpy()), found["place"].to_numpy()] = True
    return Hits(queries, hit, counted["len"].cast(pl.Int64).to_numpy())


def precision(hits: Hits) -> Values:
    """Right products among the k places; an empty place counts as wrong."""
    return hits.hit.mean(axis=1)


def recall(hits: Hits) -> Values:
    """The share of all right products that the list holds; below 1 by nature where there are more than k of them."""
    return hits.hit.sum(axis=1) / hits.n_true


def capped_recall(hits: Hits) -> Values:
    """Hits divided by what k places could hold at best: hits / min(k, right products)."""
    return hits.hit.sum(axis=1) / np.minimum(hits.k, hits.n_true)


def hit_rate(hits: Hits) -> Values:
    """1 where at least one product is right."""
    return np.asarray(hits.hit.any(axis=1), np.float64)


def ndcg(hits: Hits) -> Values:
    """Discounted gain over the best possible: a hit at place p (from 1) is worth 1 / log2(p + 1).

    References
    ----------
    Järvelin and Kekäläinen, "Cumulated gain-based evaluation of IR techniques", TOIS 2002.
    """
    discount = 1 / np.log2(np.arange(2, hits.k + 2))
    ideal = np.cumsum(discount)[np.minimum(hits.k, hits.n_true) - 1]
    return (hits.hit @ discount) / ideal


def reciprocal_rank(hits: Hits) -> Values:
    """1 / place of the first right product, 0 without one; its mean over queries is MRR."""
    first = hits.hit.argmax(axis=1) + 1
    return np.where(hits.hit.any(axis=1), 1 / first, 0.0)


def average_precision(hits: Hits) -> Values:
    """Precision at each right place, summed over min(k, right products); its mean over queries is MAP."""
    so_far = hits.hit.cumsum(axis=1) / np.arange(1, hits.k + 1)
    return (so_far * hits.hit).sum(axis=1) / np.minimum(hits.k, hits.n_true)


METRICS = {
    "capped_recall": capped_recall,
    "ndcg": ndcg,
    "recall": recall,
    "precision": precision,
    "hit_rate": hit_rate,
    "mrr": reciprocal_rank,
    "map": average_precision,
}
