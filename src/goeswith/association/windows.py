"""What a customer takes next: pairs of products over a customer's steps in time, with their direction."""

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_array

from goeswith.association.counts import LARGEST_BASKET, basket_matrix, capped
from goeswith.data.log import Log

DECAY = 0.7
"""What each further step between two purchases takes from a pair's weight (STAR, arXiv 2410.16458)."""
REACH = 8
MOST_PAIRS = 40_000_000
"""Pairs counted at most; where baskets are large, fewer steps are looked at."""


def window_counts(log: Log) -> csr_array:
    """`follow` over the baskets of all known customers, each customer's in the order of time."""
    lines = log.purchases.select("basket", "customer", "time").drop_nulls()
    steps = lines.group_by("basket").agg(pl.col("customer").first(), pl.col("time").min())
    steps = steps.sort("customer", "time", "basket")
    known = log.purchases["basket"].drop_nulls().unique().sort()  # a row of the matrix each
    row = known.search_sorted(steps["basket"]).to_numpy()
    return follow(csr_array(basket_matrix(log)[row]), steps["customer"].to_numpy().astype(np.int64))


def follow(
    baskets: csr_array,
    owner: NDArray[np.int64],
    decay: float = DECAY,
    reach: int = REACH,
    most_pairs: int = MOST_PAIRS,
) -> csr_array:
    """How much of what was bought with i came in the same customer's next steps.

    counts[i, j] = sum over customers and steps s < t <= s + reach of decay^(t - s - 1), for i in step s and j in t.

    A step is a basket. Where baskets hold one product each, these are all the pairs there are.

    Parameters
    ----------
    baskets : (baskets, items), ones; sorted by customer, then time
    owner : (baskets,), whose they are

    Returns
    -------
    (items, items), float32; direction matters, the diagonal is empty

    Examples
    --------
    Somebody buys a printer (0), then toner (1), then paper (2).

    >>> baskets, owner = csr_array(np.eye(3, dtype=np.float32)), np.array([7, 7, 7])
    >>> follow(baskets, owner).toarray().round(2)
    array([[0. , 1. , 0.7],
           [0. , 0. , 1. ],
           [0. , 0. , 0. ]], dtype=float32)
    """
    size = np.minimum(np.diff(baskets.indptr), LARGEST_BASKET)
    before, after, weight, pairs = [], [], [], 0
    for step in range(1, reach + 1):
        earlier = np.flatnonzero(owner[:-step] == owner[step:]) if len(owner) > step else np.zeros(0, np.int64)
        pairs += int((size[earlier] * size[earlier + step]).sum())
        if step > 1 and pairs > most_pairs:
            break
        before.append(earlier)
        after.append(earlier + step)
        weight.append(np.full(len(earlier), decay ** (step - 1), np.float32))
    if not before:
        return csr_array((baskets.shape[1], baskets.shape[1]), dtype=np.float32)
    links = csr_array(
        (np.concatenate(weight), (np.concatenate(before), np.concatenate(after))), shape=(len(owner), len(owner))
    )
    held = capped(baskets)
    counts = csr_array(held.T @ (links @ held))
    counts.setdiag(0)
    counts.eliminate_zeros()
    return counts
