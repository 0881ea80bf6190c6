"""Products as the words and attributes that describe them: TF-IDF, reduced to few dimensions.

Where titles are rich this is the view to fear; where there are only shelf names it still says what a product is.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_array

from goeswith.association.crowd import of_length_one
from goeswith.association.halves import in_half
from goeswith.language.words import words

CROSSED = 4
"""Of the finest attributes, this many also count in pairs: a brand's crisps are neither the brand nor crisps."""

TOO_COMMON = 0.5
"""A word or value that more than this share of the products carries says nothing."""


@dataclass(frozen=True)
class Lexicon:
    """The terms that a catalogue is described by.

    terms : term to column
    weights : (terms,), inverse document frequency
    axes : (terms, dimensions), the directions that TF-IDF rows are reduced to
    """

    terms: dict[str, int]
    weights: NDArray[np.float32]
    axes: NDArray[np.float32]

    def describe(self, documents: list[list[str]]) -> csr_array:
        """TF-IDF rows of length 1 (0 for a document of unknown terms alone); (documents, terms)."""
        found = [
            (row, self.terms[term])
            for row, own in enumerate(documents)
            for term in dict.fromkeys(own)
            if term in self.terms
        ]
        rows, columns = [row for row, _ in found], [column for _, column in found]
        table = csr_array(
            (self.weights[np.array(columns, dtype=np.int64)], (rows, columns)), shape=(len(documents), len(self.terms))
        )
        return of_length_one(table)

    def vectors(self, documents: list[list[str]]) -> NDArray[np.float32]:
        """(documents, dimensions), rows of length at most 1, in half precision."""
        return in_half(np.asarray(self.describe(documents) @ self.axes))


def fit_lexicon(documents: list[list[str]], dimensions: int = 384, seed: int = 0) -> Lexicon:
    """Terms of at least two documents and of at most half of them, and the axes that tell documents apart best.

    References
    ----------
    Halko, Martinsson, Tropp, "Finding structure with randomness", SIAM Review 2011.

    Examples
    --------
    >>> lexicon = fit_lexicon([["oat", "milk"], ["oat", "bread"], ["milk"], ["tea"]], dimensions=2)
    >>> sorted(lexicon.terms)
    ['milk', 'oat']
    """
    seen: dict[str, int] = {}
    for own in documents:
        for term in dict.fromkeys(own):  # a set's order changes from process to process, and the axes with it
            seen[term] = seen.get(term, 0) + 1
    most = max(TOO_COMMON * len(documents), 2)
    kept = [term for term, n in seen.items() if 2 <= n <= most]
    weights = np.array([np.log(len(documents) / seen[term]) + 0.1 for term in kept], dtype=np.float32)
    whole = Lexicon({term: at for at, term in enumerate(kept)}, weights, np.zeros((len(kept), 0), np.float32))
    wanted = min(dimensions, len(kept) - 1, len(documents) - 1)
    if wanted < 1:
        return whole
    from sklearn.utils.extmath import randomized_svd  # a second of import, which answering does without

    _, _, axes = randomized_svd(whole.describe(documents), wanted, n_iter=1, random_state=seed)
    return Lexicon(whole.terms, weights, in_half(np.ascontiguousarray(axes.T)))


def terms_of(products: pl.DataFrame, texts: list[str], attributes: Iterable[str]) -> list[list[str]]:
    """What describes each product: its words, its attribute values, and pairs of the finest values.

    Parameters
    ----------
    products : one row an item; a column that is lacking says nothing
    texts : the sentence of each item
    attributes : columns whose values count as a whole ("brand=acme"), from fine to coarse
    """
    terms = [words(text) for text in texts]
    names = [name for name in attributes if name in products.columns]
    columns = [products[name].cast(pl.String).to_list() for name in names]
    for row, values in enumerate(zip(*columns, strict=True)):
        own = [f"{name}={value}" for name, value in zip(names, values, strict=True) if value is not None]
        finest = [
            f"{name}={value}"
            for name, value in zip(names[:CROSSED], values[:CROSSED], strict=True)
            if value is not None
        ]
        terms[row] += own + [f"{left}&{right}" for left, right in combinations(finest, 2)]
    return terms


def value_columns(products: pl.DataFrame) -> list[str]:
    """Columns whose values repeat, so that they group products; finest first.

    A column counts where a fifth of the products have a value and distinct values are at most half of those; of two
    that say the same, the first.
    """
    sizes = {}
    for name in products.columns:
        kind = products[name].dtype
        if name in NOT_VALUES or not (kind == pl.String or kind.is_integer()):
            continue
        filled = products[name].drop_nulls()
        if 1 < filled.n_unique() <= len(filled) / 2 and len(filled) >= 0.2 * len(products):
            sizes[name] = filled.n_unique()
    finest: list[str] = []
    for name in sorted(sizes, key=lambda name: -sizes[name]):
        same = [other for other in finest if sizes[other] == sizes[name]]
        if not any(products.select(name, other).n_unique() == products[name].n_unique() for other in same):
            finest.append(name)
    return finest


NOT_VALUES = frozenset(
    {"product_id", "description", "image", "stock", "lead_time_days", "opens", "closes", "available"}
)
