"""Products that read alike, so that one which hardly sold may borrow what is known of those that did."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from goeswith.association.halves import in_half
from goeswith.association.largest import largest

KIN = 20
SHARPNESS = 20.0
"""On the vectors of two blocks (M, words), 10 for each."""
SLACK = 0.01
BLOCK = 256


@dataclass(frozen=True)
class Kin:
    """Sold products that speak for each product: those nearest in words and meaning, or its stand-ins.

    item : (items, k), their rows; weight : (items, k), see `shares` and `kriging.krige`; 0 where there are fewer
    """

    item: NDArray[np.int32]
    weight: NDArray[np.float32]

    def borrowed(
        self, values: NDArray[np.floating], query: NDArray[np.int64], item: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """The weighted sum of the values of each candidate's kin; (pairs,).

        Parameters
        ----------
        values : (queries, items)
        query, item : (pairs,)
        """
        kin: NDArray[np.float32] = (values[query[:, None], self.item[item]] * self.weight[item]).sum(axis=1)
        return kin


def find_kin(
    vectors: NDArray[np.float32], texts: Sequence[str] | NDArray[np.int64], sold: NDArray[np.integer], k: int = KIN
) -> Kin:
    """Look for the kin of every product.

    Parameters
    ----------
    vectors : (items, d), unit vectors
    texts : (items,), what reads alike is looked up once
    sold : (items,), baskets; among products that read alike the best sellers come first, never sold ones not at all

    Examples
    --------
    >>> same = np.ones((3, 1), np.float32)
    >>> find_kin(same, ["tea", "tea", "jam"], np.array([5, 0, 2]), k=1).item.ravel().tolist()
    [2, 0, 0]
    """
    known = np.flatnonzero(sold > 0)
    known = known[np.argsort(-sold[known], kind="stable")]
    _, kinds, place = np.unique(np.asarray(texts), return_index=True, return_inverse=True)
    width = min(k + 1, len(known))
    item = np.zeros((len(vectors), k), np.int32)
    weight = np.zeros((len(vectors), k), np.float32)
    if width < 2:
        return Kin(item, weight)
    # Sold products by what they read, the best sellers of each text first.
    members = known[np.argsort(place[known], kind="stable")]
    texts_sold, first, many = np.unique(place[members], return_index=True, return_counts=True)
    many = np.minimum(many, width)
    near = np.empty((len(kinds), width), np.int64)
    cosine = np.empty((len(kinds), width), np.float32)
    towards = vectors[kinds[texts_sold]].T
    # Other texts may have equal vectors: a hair for the best sellers decides between them.
    hair = np.empty(len(first), np.float32)
    hair[np.argsort(-sold[members[first]], kind="stable")] = np.linspace(1e-4, 0, len(first))
    for start in range(0, len(kinds), BLOCK):
        some = slice(start, start + BLOCK)
        value, text = largest(vectors[kinds[some]] @ towards + hair, width)
        # The j-th of the kin stands in the first text up to which there are more than j products.
        upto = many[text].cumsum(axis=1)  # (texts, up to width)
        at = (upto[:, None, :] <= np.arange(width)[:, None]).sum(axis=2)  # (texts, width)
        skipped = np.take_along_axis(upto - many[text], at, 1)
        near[some] = members[first[np.take_along_axis(text, at, 1)] + np.arange(width) - skipped]
        cosine[some] = np.take_along_axis(value, at, 1)
    found, alike = near[place], cosine[place]  # (items, k + 1)
    itself = found == np.arange(len(vectors))[:, None]
    last = ~itself.any(axis=1)
    itself[last, -1] = True
    item[:, : width - 1] = found[~itself].reshape(len(vectors), width - 1)
    weight[:, : width - 1] = in_half(shares(alike[~itself].reshape(len(vectors), width - 1)))
    return Kin(item, weight)


def kin_of(item: NDArray[np.integer], cosine: NDArray[np.float32], k: int = KIN) -> Kin:
    """The kin of products that are not in the catalogue, from the sold products found nearest to them.

    Parameters
    ----------
    item, cosine : (products, up to k), the nearest first

    Examples
    --------
    >>> kin = kin_of(np.array([[7]]), np.array([[0.9]], np.float32), k=2)
    >>> kin.item.tolist(), kin.weight.tolist()
    ([[7, 0]], [[1.0, 0.0]])
    """
    found, weight = np.zeros((len(item), k), np.int32), np.zeros((len(item), k), np.float32)
    found[:, : item.shape[1]] = item
    weight[:, : item.shape[1]] = shares(cosine)
    return Kin(found, weight)


def shares(cosine: NDArray[np.float32]) -> NDArray[np.float32]:
    """How much each of the kin speaks: the sharpened cosine, times what it is above the last of them.

    Where only the first few are alike, the rest, which resemble anything, fall silent.

    Parameters
    ----------
    cosine : (products, k), the largest first

    Returns
    -------
    (products, k), rows sum to 1

    Examples
    --------
    >>> shares(np.array([[0.9, 0.4, 0.4], [0.7, 0.7, 0.7]], np.float32)).astype(float).round(2).tolist()
    [[1.0, 0.0, 0.0], [0.33, 0.33, 0.33]]
    """
    raw = np.exp(SHARPNESS * (cosine - 1)) * (cosine - cosine[:, -1:] + SLACK)
    return (raw / np.maximum(raw.sum(axis=1, keepdims=True), 1e-12)).astype(np.float32)
