"""What customers alike buy: nearest neighbours among customers, by what they buy again and again."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from goeswith.association.largest import largest

NEIGHBOURS = 300


@dataclass(frozen=True)
class Crowd:
    """Customers to be alike with.

    who : (customers,), their rows among all
    taste : (customers, items), what each bought, of length one

    References
    ----------
    Faggioli, Polato, Aiolli, "Recency Aware Collaborative Filtering for Next Basket Recommendation", UMAP 2020.
    """

    who: NDArray[np.int64]
    taste: csr_array

    @cached_property
    def _by_item(self) -> csr_array:
        """(items, customers); made once, where each question would turn the table anew."""
        return csr_array(self.taste.T)

    def scores(self, weights: csr_array, own: NDArray[np.int64]) -> NDArray[np.float32]:
        """The mean taste of the nearest customers, each by its likeness.

        Parameters
        ----------
        weights : (queries, items), how much each product of a history counts
        own : (queries,), the customer's row, -1 unknown; nobody is a neighbour of themselves

        Returns
        -------
        (queries, items)
        """
        if not len(self.who):
            return np.zeros(weights.shape, np.float32)
        alike = (of_length_one(weights) @ self._by_item).toarray()  # (queries, customers)
        alike[own[:, None] == self.who[None, :]] = 0.0
        value, at = largest(alike, NEIGHBOURS)
        query = np.repeat(np.arange(len(own)), value.shape[1])
        near = csr_array((value.ravel(), (query, at.ravel())), shape=alike.shape)
        total = np.maximum(value.sum(axis=1, keepdims=True), 1e-6)
        mean: NDArray[np.float32] = ((near @ self.taste).toarray() / total).astype(np.float32)
        return mean


def of_length_one(table: csr_array) -> csr_array:
    """Rows divided by their length; an empty row stays empty."""
    length = np.sqrt(np.asarray(table.multiply(table).sum(axis=1)).ravel())
    scale = np.repeat(1 / np.maximum(length, 1e-9), np.diff(table.indptr)).astype(np.float32)
    return csr_array((table.data * scale, table.indices, table.indptr), shape=table.shape)
