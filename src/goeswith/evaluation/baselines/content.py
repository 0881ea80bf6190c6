"""Products alike in words, attributes or meaning to what a customer bought: all there is for a product never sold."""

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array

from goeswith.data.log import Log
from goeswith.evaluation.baselines.baseline import Block
from goeswith.evaluation.baselines.past import Rows, customer_items

HALF_LIFE = 90.0  # days
KERNEL_ROWS = 1_024  # products of histories compared at once


def tf_idf(terms: Sequence[Iterable[str]]) -> csr_array:
    """Terms weighed by how rare they are, each product a vector of length one.

    Parameters
    ----------
    terms : (items,), the distinct words or attribute values of each product

    Returns
    -------
    (items, distinct terms), float32
    """
    own = [sorted(set(each)) for each in terms]
    often = Counter(term for each in own for term in each)
    column = {term: at for at, term in enumerate(often)}
    ends = np.cumsum([0, *map(len, own)])
    places = np.array([column[term] for each in own for term in each], dtype=np.int64)
    weight = np.log(len(own) / np.array(list(often.values()), dtype=np.float64)) if often else np.zeros(0)
    table = csr_array((weight[places].astype(np.float32), places, ends), shape=(len(own), len(column)))
    length = np.sqrt(table.multiply(table).sum(axis=1))
    return csr_array(diags_array(1 / np.where(length > 0, length, 1)) @ table).astype(np.float32)


def tastes(log: Log) -> csr_array:
    """(customers, items): log(1 + purchases), of a half-life of 90 days."""
    table = customer_items(log, HALF_LIFE)
    table.data = np.log1p(table.data)
    return table


class WordProfile:
    """TF-IDF over words or attributes: the mean of what a customer bought against every product.

    Parameters
    ----------
    terms : (items,), words and attribute values of each product
    """

    def __init__(self, log: Log, terms: Sequence[Iterable[str]]) -> None:
        self.name = "TF-IDF text"
        self._tastes, self._words = tastes(log), tf_idf(terms)

    def customers(self, rows: Rows, columns: Rows) -> Block:
        return self.baskets(self._tastes[rows], None, columns)

    def baskets(self, baskets: csr_array, customers: Rows | None, columns: Rows) -> Block:
        block: Block = ((baskets @ self._words) @ self._words[columns].T).toarray()
        return block


class MeaningProfile:
    """A language model's vectors as they come: no training, no behaviour beyond the customer's own purchases.

    Parameters
    ----------
    vectors : (items, d), of length one
    sharpness : None scores by the mean cosine; 0.1 by the sum of exp((cosine - 1) / 0.1), in which one close product
        says more than many distant ones
    """

    def __init__(self, log: Log, vectors: NDArray[np.float32], sharpness: float | None = 0.1) -> None:
        self.name = "zero-shot encoder" + (" (mean)" if sharpness is None else "")
        self._tastes, self._sharpness = tastes(log), sharpness
        # Products that read alike have one vector: a shop of 90,000 products may hold 20,000 of them.
        self._vectors, self._place = np.unique(vectors, axis=0, return_inverse=True)

    def customers(self, rows: Rows, columns: Rows) -> Block:
        return self.baskets(self._tastes[rows], None, columns)

    def baskets(self, baskets: csr_array, customers: Rows | None, columns: Rows) -> Block:
        alike, back = np.unique(self._place[columns], return_inverse=True)
        return self._of_kinds(self._by_kind(baskets), alike)[:, back]

    def _by_kind(self, baskets: csr_array) -> csr_array:
        """(queries, distinct vectors): what each query holds of each."""
        n_items, n_kinds = len(self._place), len(self._vectors)
        onto = csr_array((np.ones(n_items, np.float32), self._place, np.arange(n_items + 1)), shape=(n_items, n_kinds))
        return csr_array(baskets @ onto)

    def _of_kinds(self, baskets: csr_array, columns: Rows) -> Block:
        towards = self._vectors[columns].T  # (d, columns)
        if self._sharpness is None:
            mean: Block = (baskets @ self._vectors) @ towards
            known = np.float32(1e-6) * (np.diff(baskets.indptr) > 0)[:, None]
            return mean - mean.min(axis=1, keepdims=True) + known  # above 0 where anything is known; same order
        block = np.zeros((baskets.shape[0], len(columns)), np.float32)
        held = np.unique(baskets.indices)
        for start in range(0, len(held), KERNEL_ROWS):
            part = held[start : start + KERNEL_ROWS]
            kernel = self._vectors[part] @ towards  # (part, columns)
            kernel -= 1
            kernel /= self._sharpness
            np.exp(kernel, out=kernel)
            block += baskets[:, part].toarray() @ kernel
        return block
