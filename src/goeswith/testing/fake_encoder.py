"""A working encoder without weights: words are hashed to directions, a text is their sum."""

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from goeswith.language.words import words


class FakeEncoder:
    """Texts that share words are alike; the same text gives the same vector on every machine.

    Parameters
    ----------
    seed : another seed, other directions and another fingerprint, as with other weights

    Attributes
    ----------
    seen : texts that were really encoded, in order

    Examples
    --------
    >>> oat, rice, soap = FakeEncoder().encode(["oat milk", "rice milk", "dish soap"])
    >>> bool(oat @ rice > 0.3 > abs(oat @ soap))
    True
    """

    def __init__(self, dimensions: int = 64, seed: int = 0) -> None:
        self.dimensions, self.seed = dimensions, seed
        self.seen: list[str] = []
        self._directions: dict[str, NDArray[np.float64]] = {}

    @property
    def fingerprint(self) -> str:
        return f"fake-{self.dimensions}-{self.seed}"

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors, (texts, dimensions); a text without words has one too, of its own."""
        self.seen.extend(texts)
        vectors = np.zeros((len(texts), self.dimensions))
        for at, text in enumerate(texts):
            for word in words(text) or ["\x00" + text]:
                vectors[at] += self._direction(word)
        return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)

    def _direction(self, word: str) -> NDArray[np.float64]:
        if word not in self._directions:
            digest = hashlib.blake2b(f"{self.seed} {word}".encode(), digest_size=8).digest()
            rng = np.random.default_rng(int.from_bytes(digest, "little"))
            direction = rng.standard_normal(self.dimensions)
            self._directions[word] = direction / np.linalg.norm(direction)
        return self._directions[word]
