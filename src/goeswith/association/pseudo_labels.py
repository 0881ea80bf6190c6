"""Labels for pairs that nobody has bought yet, with a confidence that comes from counts."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from goeswith.association.labelled_pairs import LabelledPairs

FEW = 5.0
"""Cases of doubt: a share of n cases counts n / (n + FEW)."""


def pseudo_labels(
    counts: csr_array,
    bought: NDArray[np.integer],
    vectors: NDArray[np.float32],
    most: int,
    nearest: int = 5,
    least: float = 0.5,
) -> LabelledPairs:
    """A product that hardly sold goes with what follows the products that read like it.

    label = cosine × share × n / (n + 5): how alike the two read, in what share of the purchases of the known one the
    partner followed it (1 at most), and in how many cases, n.

    Parameters
    ----------
    counts : (groups, groups), how often the second followed the first
    bought : (groups,), purchases of each
    vectors : (groups, d), unit vectors
    most : pairs at most, the surest first
    nearest : known products that each borrows from
    least : cosine from which two read alike

    Examples
    --------
    Oat milk (0) is followed by coffee (2) five times of five; rice milk (1) is new and reads like it.

    >>> counts = csr_array(np.array([[0, 0, 5], [0, 0, 0], [0, 0, 0]]))
    >>> vectors = np.float32([[1, 0], [0.8, 0.6], [0, 1]])
    >>> found = pseudo_labels(counts, np.array([5, 0, 5]), vectors, most=1)
    >>> found.first.tolist(), found.second.tolist(), found.label.astype(float).round(2).tolist()
    ([1], [2], [0.4])
    """
    cold, known = np.flatnonzero(bought < FEW), np.flatnonzero(bought >= FEW)
    nothing = np.zeros(0, np.int64)
    if not len(cold) or not len(known):
        return LabelledPairs(nothing, nothing, np.zeros(0, np.float32))
    k = min(nearest, len(known))
    cosine = vectors[cold] @ vectors[known].T  # (cold, known)
    top = np.argpartition(-cosine, k - 1, axis=1)[:, :k]
    first, second, label = [], [], []
    for row, one in enumerate(cold):
        for place in top[row]:
            alike = float(cosine[row, place])
            if alike < least:
                continue
            kin = known[place]
            begin, end = counts.indptr[kin], counts.indptr[kin + 1]
            partners, n = counts.indices[begin:end], counts.data[begin:end]
            sure = alike * np.minimum(n / max(bought[kin], 1), 1.0) * n / (n + FEW)
            kept = partners != one
            first.append(np.full(int(kept.sum()), one))
            second.append(partners[kept])
            label.append(sure[kept])
    if not first:
        return LabelledPairs(nothing, nothing, np.zeros(0, np.float32))
    a, b, sure = np.concatenate(first), np.concatenate(second).astype(np.int64), np.concatenate(label)
    order = np.argsort(-sure, kind="stable")
    _, surest = np.unique(np.column_stack([a, b])[order], axis=0, return_index=True)
    kept = order[np.sort(surest)][:most]
    return LabelledPairs(a[kept].astype(np.int64), b[kept], sure[kept].astype(np.float32))
