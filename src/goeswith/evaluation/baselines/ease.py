"""EASE: a linear model from all products to all products, solved at once."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from goeswith.association.counts import basket_matrix
from goeswith.association.linear import fit_ease
from goeswith.data.log import Log
from goeswith.errors import UsageError
from goeswith.evaluation.baselines.baseline import Block
from goeswith.evaluation.baselines.past import Rows, customer_items, purchases

OVER = {"customers": lambda log: customer_items(log, binary=True), "baskets": basket_matrix}


def best_sellers_within(memory_gb: float) -> int:
    """How many products EASE can hold in this much memory: three square tables of float32 at its peak."""
    return int(np.sqrt(memory_gb * 1e9 / (3 * 4)))


def ease_weights(seen: csr_array, ridge: float) -> NDArray[np.float32]:
    """EASE from what customers or baskets held.

    Parameters
    ----------
    seen : (customers or baskets, items), 1 where it holds the product
    ridge : added to the diagonal, in purchases

    Returns
    -------
    (items, items), row points to column; zero diagonal

    References
    ----------
    Steck, "Embarrassingly shallow autoencoders for sparse data", WWW 2019.
    """
    return fit_ease((seen.T @ seen).toarray(), ridge)


class Ease:
    """EASE on the best sellers; other products cannot be judged.

    Parameters
    ----------
    over : "customers", who buys what, or "baskets", what is bought at once
    n_items : best sellers taken; see `best_sellers_within`
    ridge : regularisation, in purchases
    """

    def __init__(self, log: Log, over: str = "customers", n_items: int = 8_000, ridge: float = 200.0) -> None:
        if over not in OVER:
            raise UsageError(f"over is one of {', '.join(OVER)}; it is {over!r}.")
        self.name = f"EASE over {over}"
        sold = purchases(log)
        best = np.argsort(-sold, kind="stable")[:n_items]
        self._items = np.sort(best[sold[best] > 0])
        self._bought = customer_items(log, binary=True)
        self._weights = ease_weights(OVER[over](log)[:, self._items], ridge)

    def customers(self, rows: Rows, columns: Rows) -> Block:
        return self.baskets(self._bought[rows], None, columns)

    def baskets(self, baskets: csr_array, customers: Rows | None, columns: Rows) -> Block:
        block = np.full((baskets.shape[0], len(columns)), -np.inf, np.float32)
        at = np.searchsorted(self._items, columns).clip(max=max(len(self._items) - 1, 0))
        known = self._items[at] == columns if len(self._items) else np.zeros(len(columns), dtype=np.bool_)
        block[:, known] = (baskets[:, self._items] @ self._weights)[:, at[known]]
        return block
