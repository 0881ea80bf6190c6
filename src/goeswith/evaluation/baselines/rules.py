"""What shares a basket, or a customer, with what is already there: pair rules and item neighbours."""

import numpy as np
from scipy.sparse import csr_array, diags_array

from goeswith.association.counts import basket_matrix
from goeswith.association.largest import largest, strongest
from goeswith.data.log import Log
from goeswith.errors import UsageError
from goeswith.evaluation.baselines.baseline import Block
from goeswith.evaluation.baselines.past import Rows, customer_items, purchases

NORMS = ("cosine", "confidence")
BLOCK_CELLS = 16_000_000  # similarities held at once: 64 MB


def nearest_by_cosine(seen: csr_array, n: int) -> csr_array:
    """The n products of largest cosine for each; in blocks, because all pairs of a long history would fill memory.

    Parameters
    ----------
    seen : (customers, items), 1 where the customer bought it

    Returns
    -------
    (items, items), at most n values a row; empty diagonal
    """
    length = np.sqrt(np.maximum(seen.sum(axis=0), 1))
    unit = csr_array(seen @ diags_array(1 / length)).astype(np.float32)
    sides, n_items = csr_array(unit.T), seen.shape[1]
    width = min(n, n_items)
    size = max(1, BLOCK_CELLS // max(1, n_items))
    rows, columns, values = [], [], []
    for start in range(0, n_items if width else 0, size):
        block = (sides[start : start + size] @ unit).toarray()
        at = np.arange(len(block))
        block[at, start + at] = 0
        found, near = largest(block, width)
        row, place = np.nonzero(found > 0)
        rows.append(start + row)
        columns.append(near[row, place])
        values.append(found[row, place])
    if not rows:
        return csr_array((n_items, n_items), dtype=np.float32)
    where = np.concatenate(rows), np.concatenate(columns)
    return csr_array((np.concatenate(values), where), shape=(n_items, n_items))


def pairs_of(seen: csr_array) -> csr_array:
    """(items, items): how many rows of (baskets or customers, items) hold both; on the diagonal, how many hold one."""
    together = csr_array(seen.T @ seen)
    together.indices, together.indptr = together.indices.astype(np.int32), together.indptr.astype(np.int32)
    return together


def pair_weights(together: csr_array, norm: str) -> csr_array:
    """How strongly one product points to another, from what was seen together.

    cosine: both / sqrt(one * other). confidence: both / one, "of baskets with one, the share that holds the other".

    Parameters
    ----------
    together : (items, items), see `pairs_of`

    Returns
    -------
    (items, items), row points to column; empty diagonal
    """
    if norm not in NORMS:
        raise UsageError(f"norm is one of {', '.join(NORMS)}; it is {norm!r}.")
    row = np.repeat(np.arange(together.shape[0], dtype=np.int32), np.diff(together.indptr))
    column = together.indices
    alone = np.maximum(together.diagonal(), 1)
    divisor = alone[row] if norm == "confidence" else np.sqrt(alone[row] * alone[column])
    weight = (together.data / divisor).astype(np.float32)
    other = row != column
    return csr_array((weight[other], (row[other], column[other])), shape=together.shape)


class _Neighbours:
    """Adds up what each product of a customer or basket points to."""

    def __init__(self, name: str, bought: csr_array, weights: csr_array) -> None:
        self.name, self._bought, self._weights = name, bought, weights
        self._narrow: tuple[Rows, csr_array] | None = None

    def customers(self, rows: Rows, columns: Rows) -> Block:
        return self.baskets(self._bought[rows], None, columns)

    def baskets(self, baskets: csr_array, customers: Rows | None, columns: Rows) -> Block:
        block: Block = (baskets @ self._towards(columns)).toarray()
        return block

    def _towards(self, columns: Rows) -> csr_array:
        if self._narrow is None or not np.array_equal(self._narrow[0], columns):  # one task asks for one set, often
            self._narrow = columns, self._weights[:, columns]
        return self._narrow[1]


class BasketRules(_Neighbours):
    """Pairwise association rules over baskets.

    Parameters
    ----------
    norm : "cosine" or "confidence"
    at_least : products with fewer purchases give and receive no rule
    n_rules : of each product, the strongest only; None keeps all, which is slow for long histories
    pairs : counted before, by `basket_pairs` with the same `at_least`

    References
    ----------
    Agrawal, Imieliński and Swami, "Mining association rules between sets of items", SIGMOD 1993.
    """

    def __init__(
        self,
        log: Log,
        norm: str = "cosine",
        at_least: int = 1,
        n_rules: int | None = None,
        pairs: csr_array | None = None,
    ) -> None:
        weights = pair_weights(basket_pairs(log, at_least) if pairs is None else pairs, norm)
        kept = weights if n_rules is None else strongest(weights, n_rules)
        super().__init__(f"basket rules ({norm})", customer_items(log, binary=True), kept)


def basket_pairs(log: Log, at_least: int = 1) -> csr_array:
    """(items, items): baskets that hold both, of products with so many purchases."""
    kept = (purchases(log) >= at_least).astype(np.float32)
    return pairs_of(csr_array(basket_matrix(log) @ diags_array(kept)))


class ItemNeighbours(_Neighbours):
    """Item kNN: cosine of the sets of customers who bought two products, the strongest neighbours only.

    Parameters
    ----------
    n_neighbours : kept of each product
    at_least : products with fewer purchases are left out

    References
    ----------
    Sarwar et al., "Item-based collaborative filtering recommendation algorithms", WWW 2001.
    """

    def __init__(self, log: Log, n_neighbours: int = 200, at_least: int = 1) -> None:
        bought = customer_items(log, binary=True)
        kept = np.flatnonzero(purchases(log) >= at_least)
        near = nearest_by_cosine(bought[:, kept], n_neighbours).tocoo()
        weights = csr_array((near.data, (kept[near.row], kept[near.col])), shape=(log.n_items, log.n_items))
        super().__init__("item kNN", bought, weights)
