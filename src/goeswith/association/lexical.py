"""Products as the words and attributes that describe them: TF-IDF, whole and reduced.

Where titles are rich this is the view to fear; where there are only shelf names it still says what a product is.
"""

import re
from collections.abc import Iterable
from itertools import combinations

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array
from sklearn.preprocessing import normalize
from sklearn.utils.extmath import randomized_svd

WORD = re.compile(r"[^\W\d_]{2,}|\d+(?:[.,]\d+)?|[\u4e00-\u9fff]{2}")
CROSSED = 4
"""Of the finest attributes, this many also count in pairs: a brand's crisps are neither the brand nor crisps."""

TOO_COMMON = 0.5
"""A word or value that more than this share of the products carries says nothing."""


def describe(products: pl.DataFrame, texts: list[str], attributes: Iterable[str]) -> csr_array:
    """TF-IDF over words of the text, attribute values, and pairs of neighbouring attribute values.

    Parameters
    ----------
    products : one row an item
    texts : the sentence of each item
    attributes : columns whose values count as a whole ("brand=acme"), from fine to coarse

    Returns
    -------
    (items, terms), rows of length 1 (0 for an item without any term)
    """
    terms = [words(text) for text in texts]
    columns = [products[name].cast(pl.String).to_list() for name in attributes]
    for row, values in enumerate(zip(*columns, strict=True)):
        own = [f"{at}={value}" for at, value in enumerate(values) if value is not None]
        finest = [f"{at}={value}" for at, value in enumerate(values[:CROSSED]) if value is not None]
        terms[row] += own + [f"{left}&{right}" for left, right in combinations(finest, 2)]
    return tf_idf(terms)


def words(text: str) -> list[str]:
    """Lower-case words, numbers, and pairs of Chinese characters."""
    found = WORD.findall(text.lower())
    return [piece for word in found for piece in (_pairs(word) if "\u4e00" <= word[0] <= "\u9fff" else [word])]


def _pairs(word: str) -> list[str]:
    return [word[at : at + 2] for at in range(len(word) - 1)]


def tf_idf(terms: list[list[str]]) -> csr_array:
    """(documents, terms) with rows of length 1; terms of one document alone, or of most, are left out.

    Examples
    --------
    >>> tf_idf([["oat", "milk"], ["oat", "bread"], ["milk"], ["tea"]]).shape
    (4, 2)
    """
    number: dict[str, int] = {}
    rows, columns = [], []
    for row, own in enumerate(terms):
        for term in set(own):
            rows.append(row)
            columns.append(number.setdefault(term, len(number)))
    table = csr_array((np.ones(len(rows), np.float32), (rows, columns)), shape=(len(terms), len(number)))
    seen = np.bincount(table.indices, minlength=len(number))
    kept = np.flatnonzero((seen >= 2) & (seen <= max(TOO_COMMON * len(terms), 2)))
    weighed = table[:, kept] @ diags_array(np.log(len(terms) / np.maximum(seen[kept], 1)).astype(np.float32) + 0.1)
    return csr_array(normalize(weighed))


def reduce(described: csr_array, dimensions: int, seed: int) -> NDArray[np.float32]:
    """The TF-IDF table in few dimensions, rows of length at most 1 (randomised SVD).

    Returns
    -------
    (items, dimensions or fewer)

    References
    ----------
    Halko, Martinsson, Tropp, "Finding structure with randomness", SIAM Review 2011.
    """
    wanted = min(dimensions, min(described.shape) - 1)
    if wanted < 1:
        return np.zeros((described.shape[0], 0), np.float32)
    left, strength, _ = randomized_svd(described, wanted, n_iter=2, random_state=seed)
    return np.ascontiguousarray(left * strength, dtype=np.float32)


def value_columns(products: pl.DataFrame, leave: Iterable[str] = ("product_id", "name", "description", "image")) -> list[str]:
    """Columns whose values repeat, so that they group products; finest first.

    A column counts where its values are fewer than half the products that have one, and more than one.
    """
    sizes = {}
    for name in products.columns:
        kind = products[name].dtype
        if name in set(leave) or not (kind == pl.String or kind.is_integer() or kind == pl.Categorical):
            continue
        filled, distinct = products[name].drop_nulls().len(), products[name].drop_nulls().n_unique()
        if 1 < distinct <= filled / 2 and filled >= 0.2 * len(products):
            sizes[name] = distinct
    return sorted(sizes, key=lambda name: -sizes[name])
