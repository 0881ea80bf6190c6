"""Products by a few letters of their name or id, also misspelt: names that share pairs and triples of letters."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array

GRAMS = 1 << 18
"""Places that a pair or triple of letters can have; two that share one do little harm."""
LONGEST = 60
"""Letters of a name that are looked at."""
ENOUGH = 0.34
"""A name with less of the query in it is not what was meant."""


@dataclass(frozen=True)
class SpellingIndex:
    """Which names hold which pairs and triples of letters.

    starts : (GRAMS + 1,); names : which hold the gram, each once, ordered by gram
    length : (names,), grams of each; weight : (names,), how much it sells, 0 to 1
    """

    starts: NDArray[np.int64]
    names: NDArray[np.int32]
    length: NDArray[np.int32]
    weight: NDArray[np.float32]

    @classmethod
    def of(cls, texts: Sequence[str], sold: NDArray[np.int64]) -> "SpellingIndex":
        """
        Parameters
        ----------
        texts : (names,), as they are shown
        sold : (names,), baskets; of two names that fit alike the better seller comes first
        """
        row, gram = _grams([text[:LONGEST] for text in texts])
        held = coo_array((np.ones(len(row), np.uint8), (row, gram)), shape=(len(texts), GRAMS)).tocsc()
        length = np.bincount(held.indices, minlength=len(texts)).astype(np.int32)
        weight = np.log1p(sold) / max(float(np.log1p(sold.max(initial=0))), 1.0)
        return cls(held.indptr, held.indices, length, weight.astype(np.float32))

    def find(self, query: str, most: int) -> NDArray[np.int64]:
        """Rows of the names that fit, the best first.

        Examples
        --------
        >>> index = SpellingIndex.of(["Pasta Fusilli 500 g", "Basil", "Paste"], np.array([9, 5, 1]))
        >>> index.find("pasat fusili", 3).tolist()
        [0]
        """
        grams = np.unique(_grams([query[:LONGEST]])[1])
        if not len(grams) or not len(self.length):
            return np.zeros(0, np.int64)
        held = np.concatenate([self.names[self.starts[gram] : self.starts[gram + 1]] for gram in grams])
        shared = np.bincount(held, minlength=len(self.length))
        inside = shared / len(grams)
        alike = 2 * shared / (len(grams) + self.length)
        score = inside + 0.25 * alike + 0.12 * self.weight
        fits = np.flatnonzero(inside >= ENOUGH)
        best = fits[np.argsort(-score[fits], kind="stable")[:most]]
        return best.astype(np.int64)


def _grams(texts: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Text and gram of each place; a gram that a text repeats comes as often."""
    folded = [" " + " ".join(text.casefold().split()) + " " for text in texts]
    sizes = np.array([len(text) for text in folded])
    letters = np.frombuffer("".join(folded).encode("utf-32-le", "replace"), np.uint32).astype(np.uint64)
    row = np.repeat(np.arange(len(folded)), sizes)
    found = []
    for size in (2, 3):
        if len(letters) < size:
            continue
        code = letters[: len(letters) - size + 1] * np.uint64(0x9E3779B97F4A7C15)
        for at in range(1, size):
            later = letters[at : len(letters) - size + 1 + at]
            code = (code ^ (later + np.uint64(size))) * np.uint64(0xBF58476D1CE4E5B9)
        within = row[: len(code)] == row[size - 1 :]
        gram = (code >> np.uint64(40)).astype(np.int64) % GRAMS
        found.append((row[: len(code)][within], gram[within]))
    if not found:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    return np.concatenate([rows for rows, _ in found]), np.concatenate([grams for _, grams in found])
