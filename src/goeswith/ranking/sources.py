"""A product as a question: what goes with it, be it sold daily, hardly, never, or only a text."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from goeswith.association.kin import KIN, Kin, kin_of
from goeswith.association.parts import Meaning, Parts
from goeswith.ranking.exact_index import ExactIndex
from goeswith.ranking.index import GraphIndex, VectorIndex
from goeswith.ranking.views import Array, Queries

LARGE = 200_000
"""Sold products from which a text is looked up in a graph of neighbours, whose time hardly grows with the catalogue."""
ENOUGH = 5.0
"""Baskets of its own that weigh as much as all its kin."""


def of_products(parts: Parts, rows: NDArray[np.int64]) -> Queries:
    """Products of the catalogue; the fewer baskets hold one, the more its kin speak for it."""
    sold = parts.counts.items[rows]
    own = (sold / (sold + ENOUGH)).astype(np.float32)
    kin = Kin(parts.kin.item[rows], parts.kin.weight[rows] * (1 - own[:, None]))
    meaning = parts.meaning
    return _queries(parts, kin, meaning.words[rows], meaning.source[rows], rows, own)


@dataclass(frozen=True)
class SoldIndex:
    """The products that were sold, to be found by what they mean. rows : (sold,); vectors : their place in it."""

    rows: NDArray[np.int64]
    vectors: VectorIndex

    def kin(self, meaning: Meaning) -> Kin:
        """The sold products nearest to each of these texts."""
        if not len(self.rows):
            return kin_of(np.zeros((meaning.n_items, 0), np.int64), np.zeros((meaning.n_items, 0), np.float32))
        place, cosine = self.vectors.search(meaning.plain, min(KIN, len(self.rows)))
        return kin_of(self.rows[place], cosine)


def sold_index(parts: Parts) -> SoldIndex:
    """Every vector is looked at, up to LARGE of them; beyond, a graph is."""
    rows = np.flatnonzero(parts.counts.items > 0)
    if len(rows) == parts.meaning.n_items:
        return SoldIndex(rows, ExactIndex(parts.meaning.plain))  # as it lies there: others may share it
    build = ExactIndex.build if len(rows) <= LARGE else GraphIndex.build
    return SoldIndex(rows, build(parts.meaning.plain[rows]))


def of_texts(parts: Parts, meaning: Meaning, sold: SoldIndex) -> Queries:
    """Products that are not in the catalogue, of which only the meaning is known."""
    n = meaning.n_items
    nothing = np.zeros(n, np.int64), np.zeros(n, np.float32)
    return _queries(parts, sold.kin(meaning), meaning.words, meaning.source, *nothing)


def themselves(parts: Parts, rows: NDArray[np.int64]) -> csr_array:
    """(queries, items), a one for the product that each query asks about: it is no answer to itself."""
    n = len(rows)
    return csr_array((np.ones(n, np.float32), (np.arange(n), rows)), shape=(n, parts.meaning.n_items))


def _queries(
    parts: Parts, kin: Kin, words: Array, source: Array, rows: NDArray[np.int64], own: NDArray[np.float32]
) -> Queries:
    n, width = kin.item.shape
    query = np.concatenate([np.arange(n), np.repeat(np.arange(n), width)])
    item = np.concatenate([rows, kin.item.ravel()])
    weight = np.concatenate([own, kin.weight.ravel()])
    some = weight > 0
    # As narrow as the counts' own places, or every product with them would first copy millions of theirs.
    place = query[some].astype(np.int32), item[some].astype(np.int32)
    held = csr_array((weight[some], place), shape=(n, parts.meaning.n_items))
    held.sum_duplicates()
    nobody = np.full(n, -1)
    return Queries(parts.histories.take(nobody), nobody, held, words, source)
