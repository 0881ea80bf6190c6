"""Complement or substitute: do two products go together, or stand in for each other?"""

import numpy as np
from numpy.typing import NDArray

from goeswith.association.parts import Parts

COMPLEMENT, SUBSTITUTE = "complement", "substitute"
ALIKE = 0.6
"""Mean cosine of words and of F's targets from which two products are taken to be of one sort."""
TOGETHER = 3.0
"""Damped lift from which products of one sort are bought for each other's sake all the same."""


def is_substitute(parts: Parts, a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether products b read like a product of a and are not bought beside it more than chance allows.

    Parameters
    ----------
    a : (have,), rows; a substitute of any of them counts
    b : (items,), rows

    Returns
    -------
    (items,)
    """
    if len(a) == 0:
        return np.zeros(len(b), bool)
    words = parts.meaning.words
    alike: NDArray[np.floating] = _cosine(words[a], words[b])  # (have, items)
    if parts.meaning.target.shape[1]:
        alike = (alike + _cosine(parts.meaning.target[a], parts.meaning.target[b])) / 2
    counts = parts.counts
    both = counts.pairs[a][:, b].toarray()
    chance = (counts.items[a][:, None] + 5.0) * (counts.items[b][None, :] + 5.0) / max(counts.n_baskets, 1)
    other = a[:, None] != b[None, :]  # a product is no substitute of itself
    found: NDArray[np.bool_] = (other & (alike >= ALIKE) & (both / chance < TOGETHER)).any(axis=0)
    return found


def _cosine(left: NDArray[np.float32], right: NDArray[np.float32]) -> NDArray[np.float32]:
    def unit(x: NDArray[np.float32]) -> NDArray[np.float32]:
        length: NDArray[np.float32] = np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-9)
        return x / length

    return unit(left) @ unit(right).T
