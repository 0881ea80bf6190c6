"""Who goes with whom, as forecasting needs it: companions, substitutes and kin of each series, from the past alone."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_array

from goeswith.association.counts import basket_matrix, capped
from goeswith.association.largest import largest
from goeswith.association.lexical import fit_lexicon, terms_of, value_columns
from goeswith.data.log import Log

COMPANIONS, SUBSTITUTES, KIN = 10, 10, 20
TOGETHER = 1.5
"""Times as often in one basket as by chance, from which two products are companions; below it, not."""
SEEN = 5
"""Baskets that must hold both."""
DAMPING = 10.0
BLOCK = 512


@dataclass(frozen=True)
class Neighbours:
    """For each of m products: others with weights; each row of a table sums to 1, or is empty.

    item : (m,), rows of the catalogue
    companions, substitutes, kin : (m, items)
    share : (m, items), of the baskets with the product, the share that holds the companion
    """

    item: NDArray[np.int64]
    companions: csr_array
    substitutes: csr_array
    kin: csr_array
    share: csr_array

    def rows(self, items: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where these items stand; all must be there."""
        order = np.argsort(self.item, kind="stable")
        return order[np.searchsorted(self.item[order], items)]


def find_neighbours(log: Log, items: NDArray[np.int64], vectors: NDArray[np.float32]) -> Neighbours:
    """Count and compare. The log must end where the forecast begins: what it holds is learnt.

    Parameters
    ----------
    items : rows of the products that are forecast
    vectors : (items of the catalogue, d), unit vectors of the texts

    A companion shares at least SEEN baskets and TOGETHER times what chance predicts; its weight is the damped cosine.
    A substitute reads alike, is of the same category where there are categories, and is no companion; its weight is the
    likeness of the texts. Kin reads alike, whether it sells together or not.
    """
    wanted = np.unique(items)
    baskets = capped(basket_matrix(log))
    sold = np.bincount(baskets.indices, minlength=log.n_items).astype(np.float64)
    both = csr_array(baskets[:, wanted].T @ baskets).tocoo()
    row, column, n = both.row, both.col, both.data.astype(np.float64)
    own, other = sold[wanted[row]], sold[column]
    chance = own * other / max(baskets.shape[0], 1)
    keep = (wanted[row] != column) & (n >= SEEN) & (n >= TOGETHER * chance)
    cosine = n / np.sqrt((own + DAMPING) * (other + DAMPING))
    shape = (len(wanted), log.n_items)
    together = csr_array((cosine[keep], (row[keep], column[keep])), shape=shape)
    companions = _strongest(together, COMPANIONS)
    shares = csr_array((n[keep] / np.maximum(own[keep], 1), (row[keep], column[keep])), shape=shape)
    chosen = companions.copy()
    chosen.data[:] = 1.0
    kin, substitutes = _alike(log.products, wanted, vectors, sold, together)
    return Neighbours(wanted, _normal(companions), substitutes, kin, csr_array(shares * chosen))


def text_vectors(log: Log, dimensions: int = 64) -> NDArray[np.float32]:
    """(items, d), unit vectors of the words and attributes of each product; nothing is learnt from what was sold."""
    texts = log.products["name"].cast(pl.String).fill_null("").to_list()
    documents = terms_of(log.products, texts, value_columns(log.products))
    vectors = fit_lexicon(documents, dimensions).vectors(documents).astype(np.float32)
    if vectors.shape[1] == 0:
        return np.ones((log.n_items, 1), np.float32)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)


def categories_of(products: pl.DataFrame) -> NDArray[np.int64]:
    """(items,), the number of each product's category; all one where the catalogue names none."""
    if "category" not in products.columns:
        return np.zeros(len(products), np.int64)
    return products["category"].cast(pl.String).fill_null("").rank("dense").to_numpy().astype(np.int64) - 1


def _alike(
    products: pl.DataFrame,
    wanted: NDArray[np.int64],
    vectors: NDArray[np.float32],
    sold: NDArray[np.float64],
    together: csr_array,
) -> tuple[csr_array, csr_array]:
    known = np.flatnonzero(sold > 0)
    shape = (len(wanted), len(sold))
    if not len(known):
        return csr_array(shape), csr_array(shape)
    category = categories_of(products)
    popular = 1e-3 * np.log1p(sold[known]) / np.log1p(sold.max())  # of equal texts the best seller
    kin, substitutes = [], []
    for start in range(0, len(wanted), BLOCK):
        some = wanted[start : start + BLOCK]
        likeness = vectors[some] @ vectors[known].T
        likeness[some[:, None] == known] = -1.0
        kin.append(_top(likeness + popular, known, KIN, shape[1]))
        companion = together[start : start + BLOCK][:, known].toarray() > 0
        likeness[companion | (category[some][:, None] != category[known])] = -1.0
        substitutes.append(_top(likeness + popular, known, SUBSTITUTES, shape[1]))
    return _stacked(kin, shape), _stacked(substitutes, shape)


def _top(likeness: NDArray[np.floating], known: NDArray[np.int64], k: int, n_items: int) -> csr_array:
    width = min(k, likeness.shape[1])
    value, at = largest(likeness.astype(np.float32), width)
    weight = np.exp(10.0 * (value - value.max(axis=1, keepdims=True))) * (value > 0.2)
    rows = np.repeat(np.arange(len(value)), width)
    return csr_array((weight.ravel().astype(np.float64), (rows, known[at].ravel())), shape=(len(value), n_items))


def _stacked(blocks: list[csr_array], shape: tuple[int, int]) -> csr_array:
    from scipy.sparse import vstack

    table = csr_array(vstack(blocks)) if blocks else csr_array(shape)
    table.eliminate_zeros()
    return _normal(table)


def _strongest(table: csr_array, k: int) -> csr_array:
    """The k largest of each row."""
    rows = np.repeat(np.arange(table.shape[0]), np.diff(table.indptr))
    order = np.lexsort((-table.data, rows))
    place = np.arange(len(rows)) - table.indptr[:-1][rows]  # rank within the row, once sorted
    kept = order[place < k]
    return csr_array((table.data[kept], (rows[kept], table.indices[kept])), shape=table.shape)


def _normal(table: csr_array) -> csr_array:
    total = np.asarray(table.sum(axis=1)).ravel()
    scaled = csr_array(table, copy=True)
    scaled.data = scaled.data / np.repeat(np.maximum(total, 1e-12), np.diff(scaled.indptr))
    return scaled
