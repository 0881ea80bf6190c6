"""Products that the same customers buy, together or months apart: a step to a product's customers, and one back."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, vstack

from goeswith.association.histories import Histories
from goeswith.association.largest import strongest

HALF_LIFE = 60.0
"""Days after which a customer's last purchase of a product counts half."""
DAMPING = 0.25
"""Power of what a product sells that its pairs are divided by, on both sides."""
FEW = 5.0
"""Purchases added to that, so that a product sold once or twice does not go with everything beside it."""
LATEST = (500, 300, 200, 100, 50, 20)
"""Products of one customer that are counted in pairs, the last bought first: the most that MOST_PAIRS allows."""
MOST_PAIRS = 100_000_000
ROWS_AT_ONCE = 4_096


def walk_counts(histories: Histories, n_items: int, per_row: int) -> csr_array:
    """How often one comes from a product, over the customers who bought it, to each other one.

    counts[i, j] = (s_i s_j)^-DAMPING · Σ over customers of w_i w_j / sqrt(Σ w), w_i how recent a customer's last
    purchase of i is and s_i its sum over customers: it says less of who buys much, and less of what everybody buys.

    Parameters
    ----------
    per_row : so many are kept for each product, the largest

    Returns
    -------
    (items, items), float32, the diagonal empty

    References
    ----------
    Paudel, Christoffel, Newell, Bernstein, "Updatable, Accurate, Diverse, and Scalable Recommendations for Interactive
    Applications", ACM TiiS 2017 (RP3β); the damping here is shared by both ends.

    Examples
    --------
    Somebody bought tea (0) and later a cup (1), another one tea and bread (2), a year before.

    >>> from datetime import datetime
    >>> from goeswith.association.histories import histories_from
    >>> table = walk_counts(histories_from([[[0], [1]], [[0], [2]]], datetime(2026, 1, 1)), 3, 9).toarray()
    >>> bool(table[0, 1] > 0 and table[1, 2] == 0 and (table == table.T).all())
    True
    """
    kept = histories.n > 0
    customer = np.repeat(np.arange(len(histories), dtype=np.int32), np.diff(histories.start))[kept]
    item, age = histories.item[kept].astype(np.int32), histories.last[kept]
    some = _latest(customer, age)
    customer, item = customer[some], item[some]
    recency = (0.5 ** (age[some] / HALF_LIFE)).astype(np.float32)
    bought = csr_array((recency, (customer, item)), shape=(len(histories), n_items))
    said = csr_array((recency / np.sqrt(_sums(bought, 1))[customer], (customer, item)), shape=bought.shape)
    scale = (_sums(bought, 0) + FEW) ** -DAMPING
    by_item, kept_of = csr_array(said.T), []
    for start in range(0, max(n_items, 1), ROWS_AT_ONCE):  # all pairs at once would take gigabytes
        block = csr_array(by_item[start : start + ROWS_AT_ONCE] @ bought)
        row = start + np.repeat(np.arange(block.shape[0]), np.diff(block.indptr))
        block.data *= np.where(row == block.indices, np.float32(0), scale[row] * scale[block.indices])
        block.eliminate_zeros()
        kept_of.append(strongest(block, per_row))
    return csr_array(vstack(kept_of, format="csr"))


def _latest(customer: NDArray[np.int32], age: NDArray[np.floating]) -> NDArray[np.int64]:
    """Rows of what each customer bought last, as many as there is room for."""
    order = np.lexsort((age, customer))
    first = np.searchsorted(customer[order], customer[order])
    place = np.arange(len(order)) - first  # 0 is the customer's newest
    sizes = np.bincount(customer)
    fitting = [most for most in LATEST if (np.minimum(sizes, most).astype(np.float64) ** 2).sum() <= MOST_PAIRS]
    return np.sort(order[place < (fitting[0] if fitting else LATEST[-1])])


def _sums(table: csr_array, axis: int) -> NDArray[np.float32]:
    return np.asarray(table.sum(axis=axis), np.float32).ravel()
