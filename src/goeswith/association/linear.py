"""A closed-form linear model in which text and behaviour explain the same products.

EASE (Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019) solves
min_B |X - XB|² + λ|B|² with a zero diagonal: B_ij = -P_ij / P_jj, P = (XᵀX + λI)⁻¹. Collective EASE stacks the
products' attributes under the customers: R = [X; αTᵀ] has one row more for every attribute, so that a product nobody
bought still resembles those with its words (Jeunen, Van Balen, Goethals, "Closed-Form Models for Collaborative
Filtering with Side-Information", RecSys 2020).

Where rows (customers + attributes) are fewer than products, the inverse of a rows × rows matrix is enough
(Woodbury): P = (I - Rᵀ K R) / λ with K = (λI + R Rᵀ)⁻¹. Nothing of products × products is ever held, and the whole
catalogue takes part, at seconds where the plain form takes minutes and gigabytes.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.linalg
from numpy.typing import NDArray
from scipy.sparse import csr_array

from goeswith.errors import UsageError

Array = NDArray[np.float32]


@dataclass(frozen=True)
class DualEase:
    """Collective EASE by rows; exact over the whole catalogue.

    interactions : (customers, items), what was bought
    attributes : (items, attributes), the products' text; may have no columns
    kernel : (rows, rows), K
    precision : (items,), P_jj
    penalty : λ
    scale : α, what the text counts
    """

    interactions: csr_array
    attributes: Array
    kernel: Array
    precision: Array
    penalty: float
    scale: float = 1.0

    @cached_property
    def _by_item(self) -> csr_array:
        """(items, customers); made once, where each question would turn the table anew."""
        return csr_array(self.interactions.T)

    def scores(self, bought: csr_array) -> Array:
        """What the rest of a history says of every product; a product does not vouch for itself.

        Parameters
        ----------
        bought : (queries, items), weights of the products each query holds

        Returns
        -------
        (queries, items)
        """
        text = self.scale * (bought @ self.attributes)
        by_rows = np.hstack([(bought @ self._by_item).toarray(), text])  # (queries, rows)
        by_rows = (by_rows @ self.kernel).astype(np.float32)
        n_customers = self.interactions.shape[0]
        said: Array = (np.float32(self.scale) * by_rows[:, n_customers:]) @ self.attributes.T
        said += (self.interactions.T @ by_rows[:, :n_customers].T).T
        held = bought.toarray()
        said -= held  # in place: these blocks are the largest of an answer
        said /= self.penalty * self.precision
        said += held
        return said

    def carried(self, items: NDArray[np.int64], by: NDArray[np.int64]) -> Array:
        """What each product of a history adds to the score of others; (by, items), 0 for a product on itself."""
        rows = np.hstack(
            [self.interactions[:, items].T.toarray(), self.scale * self.attributes[items]]
        )  # (items, rows)
        past = np.hstack([self.interactions[:, by].T.toarray(), self.scale * self.attributes[by]])  # (by, rows)
        weights: Array = (past @ self.kernel @ rows.T) / (self.penalty * self.precision[items])
        weights[by[:, None] == items[None, :]] = 0.0
        return weights


def fit_dual_ease(interactions: csr_array, attributes: Array, penalty: float, scale: float = 1.0) -> DualEase:
    """Fit collective EASE where customers and attributes are fewer than some ten thousand.

    Parameters
    ----------
    interactions : (customers, items)
    attributes : (items, attributes)
    penalty : λ, in purchases
    scale : α, what the attributes are multiplied with

    Examples
    --------
    The rows form equals the textbook's.

    >>> X = csr_array(np.array([[1, 1, 0], [1, 1, 1], [0, 0, 1]], dtype=np.float32))
    >>> dual = fit_dual_ease(X, np.zeros((3, 0), np.float32), penalty=1.0)
    >>> B = fit_ease((X.T @ X).toarray(), penalty=1.0)
    >>> bool(np.allclose(dual.scores(X), X @ B, atol=1e-5))
    True
    """
    interactions = csr_array(interactions, dtype=np.float32)
    scaled = scale * attributes
    cross = interactions @ scaled  # (customers, attributes)
    gram = np.block([[(interactions @ interactions.T).toarray(), cross], [cross.T, scaled.T @ scaled]])
    gram = gram.astype(np.float64)
    gram[np.diag_indices_from(gram)] += penalty
    kernel = scipy.linalg.inv(gram, overwrite_a=True, check_finite=False).astype(np.float32, order="C")

    by_item, n_customers = csr_array(interactions.T), interactions.shape[0]
    precision = np.empty(interactions.shape[1], np.float32)
    for start in range(0, len(precision), 2048):
        own, said = by_item[start : start + 2048], scaled[start : start + 2048]
        spoken = own @ kernel[:n_customers] + said @ kernel[n_customers:]  # (items, rows)
        rows = np.hstack([own.toarray(), said])
        precision[start : start + 2048] = (1.0 - np.einsum("ij,ij->i", spoken, rows)) / penalty
    return DualEase(interactions, attributes, kernel, np.maximum(precision, 1e-6 / penalty), penalty, scale)


def fit_ease(gram: NDArray[np.floating], penalty: float) -> Array:
    """Plain EASE from a Gram matrix; memory is three times items × items × 4 bytes.

    Parameters
    ----------
    gram : (items, items), XᵀX with the counts of the items on its diagonal
    penalty : λ, above 0

    Returns
    -------
    (items, items), B: rows are what one holds, columns what it speaks for; zero diagonal

    Raises
    ------
    UsageError : λ is not above 0, or too small for the matrix to be inverted
    """
    if penalty <= 0:
        raise UsageError(f"The ridge of EASE must be above 0, it is {penalty}.")
    matrix = np.array(gram, dtype=np.float32, order="F")
    if matrix.size == 0:
        return matrix
    diagonal = np.diag_indices_from(matrix)
    matrix[diagonal] += penalty
    factor, failed = scipy.linalg.lapack.spotrf(matrix, lower=1, clean=1, overwrite_a=1)
    inverse, singular = scipy.linalg.lapack.spotri(factor, lower=1, overwrite_c=1)
    if failed or singular:
        raise UsageError(f"A ridge of {penalty} is too small for this log; try ten times as much.")
    inverse += np.tril(inverse, -1).T
    inverse /= -np.diag(inverse).copy()[None, :]
    inverse[diagonal] = 0
    return np.ascontiguousarray(inverse)
