"""A product as a question: what goes with it, be it sold daily, hardly, never, or only a text."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from goeswith.association.kin import Kin, nearest_kin
from goeswith.association.parts import Meaning, Parts
from goeswith.ranking.views import Array, Queries

ENOUGH = 5.0
"""Baskets of its own that weigh as much as all its kin."""


def of_products(parts: Parts, rows: NDArray[np.int64]) -> Queries:
    """Products of the catalogue; the fewer baskets hold one, the more its kin speak for it."""
    sold = parts.counts.items[rows]
    own = (sold / (sold + ENOUGH)).astype(np.float32)
    kin = Kin(parts.kin.item[rows], parts.kin.weight[rows] * (1 - own[:, None]))
    meaning = parts.meaning
    return _queries(parts, kin, meaning.words[rows], meaning.source[rows], rows, own)


def of_texts(parts: Parts, meaning: Meaning) -> Queries:
    """Products that are not in the catalogue, of which only the meaning is known."""
    kin = nearest_kin(meaning.plain, parts.meaning.plain, parts.counts.items)
    n = meaning.n_items
    return _queries(parts, kin, meaning.words, meaning.source, np.zeros(n, np.int64), np.zeros(n, np.float32))


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
    held = csr_array((weight[some], (query[some], item[some])), shape=(n, parts.meaning.n_items))
    held.sum_duplicates()
    nobody = np.full(n, -1)
    return Queries(parts.histories.take(nobody), nobody, held, words, source)
