"""The factor models and the neighbours of the package implicit."""

import warnings
from typing import Any

import numpy as np
from scipy.sparse import csr_array, csr_matrix

from block_scores import readable
from goeswith.data.log import Log
from goeswith.evaluation.baselines.baseline import Block
from goeswith.evaluation.baselines.past import Rows, customer_items, purchases


def _fit(model: Any, table: csr_array) -> Any:
    """One BLAS thread: implicit runs threads of its own, and the two fight."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, "blas"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it converts tables of its own, and warns of that
        model.fit(csr_matrix(table), show_progress=False)
    return model


class Als:
    """Weighted matrix factorisation; a basket, or a history, is folded in as a customer would be.

    Parameters
    ----------
    alpha : confidence of a purchase, beside the 1 of a product not bought; the n-th counts log(1 + n)

    References
    ----------
    Hu, Koren and Volinsky, "Collaborative filtering for implicit feedback datasets", ICDM 2008.
    """

    def __init__(
        self, log: Log, factors: int = 128, alpha: float = 10.0, regularization: float = 1.0, seed: int = 0
    ) -> None:
        from implicit.cpu.als import AlternatingLeastSquares

        self.name, self._sold = "ALS", purchases(log) > 0
        self._bought = customer_items(log).log1p()
        self._model = _fit(
            AlternatingLeastSquares(factors, regularization=regularization, alpha=alpha, random_state=seed),
            self._bought,
        )

    def customers(self, rows: Rows, columns: Rows) -> Block:
        return self._folded_in(self._bought[rows], columns)

    def baskets(self, baskets: csr_array, customers: Rows | None, columns: Rows) -> Block:
        return self._folded_in(with_history(baskets.log1p(), self._bought, customers), columns)

    def _folded_in(self, table: csr_array, columns: Rows) -> Block:
        taste = self._model.recalculate_user(np.arange(table.shape[0]), csr_matrix(table))  # (queries, factors)
        block = taste @ self._model.item_factors[columns].T
        return readable(block, np.diff(table.indptr) > 0, self._sold[columns])


class Bpr:
    """Factors learnt from pairs of a bought and another product; a basket stands for the mean of its products.

    References
    ----------
    Rendle et al., "BPR: Bayesian personalized ranking from implicit feedback", UAI 2009.
    """

    def __init__(
        self, log: Log, factors: int = 128, iterations: int = 100, learning_rate: float = 0.02, seed: int = 0
    ) -> None:
        from implicit.cpu.bpr import BayesianPersonalizedRanking

        self.name, self._sold = "BPR", purchases(log) > 0
        bought = customer_items(log)
        self._known = np.diff(bought.indptr) > 0
        model = BayesianPersonalizedRanking(
            factors, learning_rate=learning_rate, iterations=iterations, num_threads=1, random_state=seed
        )
        self._model = _fit(model, bought)  # one thread, or the same seed gives another model

    def customers(self, rows: Rows, columns: Rows) -> Block:
        block = self._model.user_factors[rows] @ self._model.item_factors[columns].T
        return readable(block, self._known[rows], self._sold[columns])

    def baskets(self, baskets: csr_array, customers: Rows | None, columns: Rows) -> Block:
        size = np.diff(baskets.indptr)
        taste = (baskets @ self._model.item_factors) / np.maximum(size, 1)[:, None]
        taste[:, -1] = 1  # implicit keeps a product's bias in the last factor
        block = readable(taste @ self._model.item_factors[columns].T, size > 0, self._sold[columns])
        if customers is not None:
            named = np.flatnonzero((customers >= 0) & self._known[customers])
            block[named] = self.customers(customers[named], columns)
        return block


class Bm25Neighbours:
    """Item kNN on purchases weighed by BM25: a purchase says less of whoever buys much.

    Parameters
    ----------
    n_neighbours : kept of each product
    b : how much the length of a history counts, 0 to 1
    """

    def __init__(self, log: Log, n_neighbours: int = 200, b: float = 0.75) -> None:
        from implicit.nearest_neighbours import BM25Recommender

        self.name, self._bought = "BM25 kNN", customer_items(log, binary=True)
        near = _fit(BM25Recommender(n_neighbours, B=b), customer_items(log)).similarity.tolil()
        near.setdiag(0)  # a product would name itself first
        self._near = csr_array(near)

    def customers(self, rows: Rows, columns: Rows) -> Block:
        return self.baskets(self._bought[rows], None, columns)

    def baskets(self, baskets: csr_array, customers: Rows | None, columns: Rows) -> Block:
        block: Block = (baskets @ self._near)[:, columns].toarray().astype(np.float32)
        return block


def with_history(baskets: csr_array, bought: csr_array, customers: Rows | None) -> csr_array:
    """(queries, items): each basket beside what its customer, where known, bought before."""
    if customers is None:
        return baskets
    known = csr_array((customers >= 0).astype(np.float32)[:, None])
    return csr_array(baskets + bought[np.maximum(customers, 0)].multiply(known))
