"""Counting what sells together; the one place where baskets become numbers."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_array

from goeswith.data.log import Log

LARGEST_BASKET = 200
"""Distinct products of one basket that are counted in pairs; the rest of a longer one (a wholesaler's order, a year
without a basket id) would add millions of pairs that mean nothing."""


@dataclass(frozen=True)
class Counts:
    """How many baskets hold a product, and how many hold a pair of them.

    pairs : (items, items), symmetric, empty diagonal
    items : (items,)
    n_baskets : baskets in total, those of one product included
    """

    pairs: csr_array
    items: NDArray[np.int64]
    n_baskets: int

    def both(self, a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.float32]:
        """(pairs,), how many baskets hold both; a, b : (pairs,), rows."""
        if not len(a):
            return np.zeros(0, np.float32)  # an empty selection would stay sparse
        return np.asarray(self.pairs[a, b], np.float32).ravel()


def basket_matrix(log: Log) -> csr_array:
    """Which products each basket holds.

    Returns
    -------
    (baskets, items), ones; a row is a basket in order of its number
    """
    lines = log.purchases.select("basket", "item").drop_nulls().unique(maintain_order=True)
    rows = lines["basket"].rank("dense").to_numpy().astype(np.int64) - 1
    shape = (int(rows.max()) + 1 if len(rows) else 0, log.n_items)
    return csr_array((np.ones(len(rows), np.float32), (rows, lines["item"].to_numpy())), shape=shape)


def count_pairs(baskets: csr_array, largest: int = LARGEST_BASKET, seed: int = 0) -> Counts:
    """Count products and pairs of products over baskets.

    Parameters
    ----------
    baskets : (baskets, items), ones
    largest : of a longer basket this many products, drawn at random, are counted in pairs

    Examples
    --------
    Bread and butter share two of three baskets.

    >>> counts = count_pairs(csr_array([[1, 1, 0], [1, 1, 0], [0, 0, 1]], dtype=np.float32))
    >>> counts.pairs.toarray()
    array([[0., 2., 0.],
           [2., 0., 0.],
           [0., 0., 0.]], dtype=float32)
    >>> counts.items, counts.n_baskets
    (array([2, 2, 1]), 3)
    """
    within = capped(baskets, largest, seed)
    pairs = csr_array(within.T @ within)
    pairs.setdiag(0)
    pairs.eliminate_zeros()
    items = np.bincount(baskets.indices, minlength=baskets.shape[1]).astype(np.int64)
    return Counts(pairs=pairs, items=items, n_baskets=baskets.shape[0])


def capped(baskets: csr_array, largest: int = LARGEST_BASKET, seed: int = 0) -> csr_array:
    """Baskets of which none holds more than so many products; of a longer one, some are drawn at random."""
    sizes = np.diff(baskets.indptr)
    if not (sizes > largest).any():
        return baskets
    lines = pl.DataFrame({"row": np.repeat(np.arange(len(sizes)), sizes), "item": baskets.indices})
    kept = lines.sample(fraction=1.0, shuffle=True, seed=seed).filter(pl.int_range(pl.len()).over("row") < largest)
    where = kept["row"].to_numpy(), kept["item"].to_numpy()
    return csr_array((np.ones(len(kept), np.float32), where), shape=baskets.shape)
