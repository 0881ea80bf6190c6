"""Measures of going together, from counts; each keeps only the pairs that were seen."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from goeswith.errors import DataError


def confidence(pair_counts: csr_array, item_counts: NDArray[np.int64]) -> csr_array:
    """Of the baskets with i, the share that holds j.

    confidence[i, j] = pairs[i, j] / count[i]

    Parameters
    ----------
    pair_counts : (items, items), baskets holding both
    item_counts : (items,), baskets holding each

    Returns
    -------
    (items, items), from 0 to 1; rows are what one has, columns what may follow

    References
    ----------
    Agrawal, Imielinski, Swami, "Mining Association Rules between Sets of Items in Large Databases", SIGMOD 1993.
    """
    return _scaled(pair_counts, 1.0 / np.maximum(item_counts, 1), np.ones(len(item_counts)))


def cosine(pair_counts: csr_array, item_counts: NDArray[np.int64], damping: float = 0.0) -> csr_array:
    """pairs[i, j] / sqrt((count[i] + k) (count[j] + k)): symmetric, from 0 to 1.

    Parameters
    ----------
    damping : k, in baskets; draws rare pairs towards 0
    """
    root = 1.0 / np.sqrt(np.maximum(item_counts + damping, 1.0))
    return _scaled(pair_counts, root, root)


def lift(pair_counts: csr_array, item_counts: NDArray[np.int64], n_baskets: int, damping: float = 0.0) -> csr_array:
    """How much likelier two items share a basket than chance predicts.

    lift[i, j] = n * pairs[i, j] / ((count[i] + k) * (count[j] + k))

    Parameters
    ----------
    pair_counts : (items, items), baskets holding both; empty diagonal
    item_counts : (items,), baskets holding each item
    n_baskets : baskets counted in total
    damping : k, in baskets; draws rare pairs towards 0

    Returns
    -------
    (items, items), no unit; 1 means independent when undamped

    Raises
    ------
    DataError : a pair is commoner than one of its own items

    References
    ----------
    Brin et al., "Dynamic Itemset Counting and Implication Rules for Market Basket Data", SIGMOD 1997.

    Examples
    --------
    Four baskets; bread and butter fill two of them, always together.

    >>> pairs = csr_array([[0, 2], [2, 0]])
    >>> lift(pairs, np.array([2, 2]), n_baskets=4).toarray()
    array([[0., 2.],
           [2., 0.]])
    """
    pairs = pair_counts.tocoo()
    if (pairs.data > np.minimum(item_counts[pairs.row], item_counts[pairs.col])).any():
        raise DataError("A pair is counted in more baskets than one of its own products: the counts disagree.")
    scale = 1.0 / np.maximum(item_counts + damping, 1e-9)
    return _scaled(pair_counts, n_baskets * scale, scale)


def npmi(pair_counts: csr_array, item_counts: NDArray[np.int64], n_baskets: int) -> csr_array:
    """Normalised pointwise mutual information: log lift / -log P(i, j), from -1 to 1.

    0 means independent, 1 never apart. A pair that fills every basket gets 1.

    References
    ----------
    Bouma, "Normalized (Pointwise) Mutual Information in Collocation Extraction", GSCL 2009.

    Examples
    --------
    >>> npmi(csr_array([[0, 2], [2, 0]]), np.array([2, 2]), n_baskets=4).toarray()
    array([[0., 1.],
           [1., 0.]])
    """
    table = lift(pair_counts, item_counts, n_baskets)
    together = -np.log(pair_counts.tocsr().astype(float).data / n_baskets)
    table.data = np.where(together > 0, np.log(table.data) / np.maximum(together, 1e-12), 1.0)
    return table


def _scaled(pair_counts: csr_array, rows: NDArray[np.floating], columns: NDArray[np.floating]) -> csr_array:
    scaled = csr_array(pair_counts, dtype=float, copy=True)
    scaled.data *= np.repeat(rows, np.diff(scaled.indptr)) * columns[scaled.indices]
    return scaled
