"""Products that read alike, so that one which hardly sold may borrow what is known of those that did."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from goeswith.association.halves import in_half
from goeswith.association.largest import largest

KIN = 20
SHARPNESS = 10.0
BLOCK = 1_024


@dataclass(frozen=True)
class Kin:
    """The sold products nearest to each product in words and meaning.

    item : (items, k), their rows; weight : (items, k), exp(10 (cosine - 1)) divided by the row's sum, 0 where there are
    fewer
    """

    item: NDArray[np.int32]
    weight: NDArray[np.float32]

    def borrowed(
        self, values: NDArray[np.floating], query: NDArray[np.int64], item: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """The mean value of each candidate's kin; (pairs,).

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
    # Equal texts have equal cosines: a hair for the best sellers decides between them.
    order = np.linspace(1e-4, 0, len(known), dtype=np.float32)
    near = np.empty((len(kinds), width), np.int64)
    cosine = np.empty((len(kinds), width), np.float32)
    towards = vectors[known].T
    for start in range(0, len(kinds), BLOCK):
        some = slice(start, start + BLOCK)
        cosine[some], at = largest(vectors[kinds[some]] @ towards + order, width)
        near[some] = known[at]
    found, alike = near[place], cosine[place]  # (items, k + 1)
    itself = found == np.arange(len(vectors))[:, None]
    last = ~itself.any(axis=1)
    itself[last, -1] = True
    item[:, : width - 1] = found[~itself].reshape(len(vectors), width - 1)
    raw = np.exp(SHARPNESS * (alike[~itself].reshape(len(vectors), width - 1) - 1))
    weight[:, : width - 1] = in_half(raw / np.maximum(raw.sum(axis=1, keepdims=True), 1e-9))
    return Kin(item, weight)
