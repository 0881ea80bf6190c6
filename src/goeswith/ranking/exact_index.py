"""Nearest vectors by looking at every one: the reference that faster indexes must agree with."""

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from goeswith.errors import CorruptModel, UsageError

NOTHING = -1  # fills the places of an answer that has fewer than k rows
BLOCK_CELLS = 4_000_000  # scores held at once: 16 MB


class ExactIndex:
    """Every score computed, in blocks. Satisfies `VectorIndex`.

    Examples
    --------
    >>> index = ExactIndex.build(np.eye(3, dtype=np.float32))
    >>> rows, scores = index.search(np.array([[0.6, 0.8, 0.0]], dtype=np.float32), k=2)
    >>> rows
    array([[1, 0]])
    """

    def __init__(self, vectors: NDArray[np.float32]) -> None:
        self._vectors = vectors

    @classmethod
    def build(cls, vectors: NDArray[np.float32]) -> Self:
        return cls(checked(vectors))

    def __len__(self) -> int:
        return len(self._vectors)

    def search(
        self, queries: NDArray[np.float32], k: int, among: Sequence[int] | NDArray[np.integer] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        asked = checked_queries(queries, self._vectors.shape[1], k)
        if among is None:
            return best_of(asked, self._vectors, k)
        rows = np.unique(np.asarray(among, dtype=np.int64))
        places, scores = best_of(asked, self._vectors[rows], k)
        return named(places, rows), scores

    def add(self, vectors: NDArray[np.float32]) -> None:
        self._vectors = np.concatenate([self._vectors, checked(vectors, self._vectors.shape[1])])

    def save(self, path: str | Path) -> None:
        with open(path, "wb") as file:
            np.save(file, self._vectors, allow_pickle=False)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Memory-mapped: rows are read when they are needed.

        Raises
        ------
        CorruptModel : the file is not a saved index
        """
        try:
            return cls(np.load(path, mmap_mode="r", allow_pickle=False))
        except (ValueError, EOFError) as error:
            raise CorruptModel(f"{path}: not a saved index ({error}). Fit again to write a new one.") from error


def best_of(
    queries: NDArray[np.float32], vectors: NDArray[np.float32], k: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The k highest inner products of each query; equal scores by row.

    Returns
    -------
    rows (queries, k), -1 where there are fewer than k; scores (queries, k), -inf there
    """
    rows = np.full((len(queries), k), NOTHING, dtype=np.int64)
    scores = np.full((len(queries), k), -np.inf, dtype=np.float32)
    n = min(k, len(vectors))
    block = max(1, BLOCK_CELLS // max(1, len(vectors)))
    for start in range(0, len(queries) if n else 0, block):
        here = queries[start : start + block] @ vectors.T  # (block, vectors)
        best = np.argpartition(-here, n - 1, axis=1)[:, :n]
        found = np.take_along_axis(here, best, axis=1)
        order = np.lexsort((best, -found), axis=1)
        rows[start : start + block, :n] = np.take_along_axis(best, order, axis=1)
        scores[start : start + block, :n] = np.take_along_axis(found, order, axis=1)
    return rows, scores


def named(places: NDArray[np.int64], rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Places within `rows` as the rows themselves; -1 stays -1."""
    return np.append(rows, NOTHING)[places]


def checked(vectors: NDArray[np.float32], dimensions: int | None = None) -> NDArray[np.float32]:
    """Vectors fit for an index: two axes, finite, length 1, or 0 for a product that has no text.

    Raises
    ------
    UsageError : they are not
    """
    table = np.ascontiguousarray(vectors, dtype=np.float32)
    if table.ndim != 2 or (dimensions is not None and table.shape[1] != dimensions):
        expected = "(vectors, dimensions)" if dimensions is None else f"(vectors, {dimensions})"
        raise UsageError(f"an index takes vectors of shape {expected}, got {table.shape}")
    lengths = np.linalg.norm(table, axis=1)
    wrong = np.flatnonzero(~((np.abs(lengths - 1) < 1e-2) | (lengths < 1e-6)))
    if wrong.size:
        raise UsageError(
            f"an index takes unit vectors; row {wrong[0]} has length {lengths[wrong[0]]:.3g} "
            f"({wrong.size} such). Divide each row by its length."
        )
    return table


def checked_queries(queries: NDArray[np.float32], dimensions: int, k: int) -> NDArray[np.float32]:
    """Queries fit for an index; they may have any length."""
    asked = np.ascontiguousarray(queries, dtype=np.float32)
    if asked.ndim != 2 or asked.shape[1] != dimensions:
        raise UsageError(f"this index takes queries of shape (queries, {dimensions}), got {asked.shape}")
    if k < 1:
        raise UsageError(f"k must be 1 or more, got {k}")
    return asked
