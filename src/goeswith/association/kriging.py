"""What a product would show if it sold, said by best sellers that are like it: ordinary kriging.

The nearest few resemble each other as well: twelve colours of one mug are one witness and not twelve. So the weights
solve for what each of them adds to the others.
"""

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from goeswith.association.halves import in_half
from goeswith.association.kin import Kin
from goeswith.association.largest import largest

Array = NDArray[np.float32]
SHARPNESS = 5.0
"""Products are alike by the mean of exp(5 (cos - 1)) over the ways of being compared."""
NOISE = 0.6
"""How much a product's own behaviour differs from what its likeness would have, beside a variance of 1."""
FEW = 5.0
"""Baskets of a product of which that is twice as much."""
UNKNOWN_MEAN = 10.0
"""Variance of what all products share; so large that the weights of each product come to about 1."""
BLOCK = 256


def krige(ways: Sequence[Array], sold: NDArray[np.integer], k: int) -> Kin:
    """The weights by which what is known of some products predicts it of each other one.

    For a product with covariances c to its k nearest, of which C are the covariances among themselves and N the noise,
    the weights are (C + N)^-1 c. They may be negative, where a near one is only what a nearer one is already.

    Parameters
    ----------
    ways : (items, d1), (items, d2), ..., unit vectors, each a way of being alike; equal in the first, equal in all
    sold : (items,), baskets; those with none are not asked
    k : how many speak for each; no product speaks for itself

    References
    ----------
    Rasmussen, Williams, "Gaussian Processes for Machine Learning", 2006, sections 2.2 and 2.7; by nearest neighbours,
    Datta, Banerjee, Finley, Gelfand, JASA 2016.

    Examples
    --------
    Three are equally near to the first product; two of them are the same, and share what one would be given.

    >>> ways = np.array([[1.0, 0.0], [0.8, 0.6], [0.8, 0.6], [0.8, -0.6], [-1.0, 0.0]], np.float32)
    >>> kin = krige([ways], np.array([0, 99, 99, 99, 99]), k=3)
    >>> sorted(zip(kin.item[0].tolist(), kin.weight[0].astype(float).round(2).tolist()))
    [(1, 0.27), (2, 0.27), (3, 0.43)]
    """
    known = np.flatnonzero(sold)
    first, like = _distinct(ways[0], sold)
    item, weight = np.zeros((len(first), k), np.int32), np.zeros((len(first), k), np.float32)
    width = min(k, len(known) - 1)
    if width < 1:
        return Kin(item[like], weight[like])
    pool = [vectors[known] for vectors in ways]
    among = _covariance(pool, pool)
    noise = (NOISE * (1 + FEW / sold[known])).astype(np.float32)
    column = np.full(len(sold), -1)
    column[known] = np.arange(len(known))
    for start in range(0, len(first), BLOCK):
        some = slice(start, start + BLOCK)
        rows = first[some]
        towards = _covariance([vectors[rows] for vectors in ways], pool)
        own = np.flatnonzero(column[rows] >= 0)
        towards[own, column[rows[own]]] = -np.inf
        covariance, near = largest(towards, width)  # (rows, width)
        table = among[near[:, :, None], near[:, None, :]]  # (rows, width, width)
        table[:, np.arange(width), np.arange(width)] += noise[near]
        item[some, :width] = known[near]
        weight[some, :width] = np.linalg.solve(table, covariance[..., None])[..., 0]
    return Kin(item[like], in_half(weight)[like])


def _distinct(vectors: Array, sold: NDArray[np.integer]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows to look up, and for each product which of these is like it; one that sold is like itself alone."""
    marks = np.frombuffer(b"".join(blake2b(row.tobytes(), digest_size=8).digest() for row in vectors), np.uint64)
    kind = np.unique(marks, return_inverse=True)[1]
    kind = np.where(sold > 0, len(sold) + np.arange(len(sold)), kind)
    _, first, like = np.unique(kind, return_index=True, return_inverse=True)
    return first, like


def _covariance(some: Sequence[Array], others: Sequence[Array]) -> Array:
    """(some, others), from the vectors of both in each way of being alike."""
    total = np.full((len(some[0]), len(others[0])), UNKNOWN_MEAN, np.float32)
    for left, right in zip(some, others, strict=True):
        alike = left @ right.T
        alike -= 1
        alike *= SHARPNESS
        np.exp(alike, out=alike)
        alike /= len(some)
        total += alike
    return total
