"""Nearest vectors without looking at every one."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, NonNegativeInt, PositiveInt
from usearch.index import Index

from goeswith.errors import CorruptModel
from goeswith.ranking.exact_index import NOTHING, best_of, checked, checked_queries, named


class VectorIndex(Protocol):
    """What an index of unit vectors promises; `testing.contracts.VectorIndexContract` holds it to that.

    `search` gives rows (queries, k) and inner products (queries, k), best first, distinct within a query, only rows
    of `among` where that is given. Where there are fewer than k, row -1 and score -inf fill the rest.
    `add` appends: the first new vector becomes row len(index).
    """

    @classmethod
    def build(cls, vectors: NDArray[np.float32]) -> Self: ...
    def __len__(self) -> int: ...
    def search(
        self, queries: NDArray[np.float32], k: int, among: Sequence[int] | NDArray[np.integer] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]: ...
    def add(self, vectors: NDArray[np.float32]) -> None: ...
    def save(self, path: str | Path) -> None: ...
    @classmethod
    def load(cls, path: str | Path) -> Self: ...


class IndexConfig(BaseModel, frozen=True, extra="forbid"):
    """How wide the graph of neighbours is built and searched."""

    connectivity: PositiveInt = 16
    """Neighbours a vector is linked to; more finds more and takes more memory."""
    breadth_of_build: PositiveInt = 128
    breadth_of_search: PositiveInt = 200
    """Vectors kept in sight during a search; more finds more and takes longer."""
    threads: NonNegativeInt = 1
    """0 takes every core; the graph then depends on who came first, so two builds may differ slightly."""


class GraphIndex:
    """A hierarchical navigable small world graph (usearch). Satisfies `VectorIndex`.

    Searches that the graph cannot answer well are answered by looking at every vector asked about: those limited by
    `among`, and those that want more than a quarter of all.

    References
    ----------
    Malkov & Yashunin, "Efficient and robust approximate nearest neighbor search using Hierarchical Navigable Small
    World graphs", TPAMI 2018.
    """

    def __init__(self, graph: Index, config: IndexConfig, source: Path | None = None) -> None:
        self._graph, self._config, self._source = graph, config, source

    @classmethod
    def build(cls, vectors: NDArray[np.float32], config: IndexConfig | None = None) -> Self:
        chosen, table = config or IndexConfig(), checked(vectors)
        index = cls(_empty(max(1, table.shape[1]), chosen), chosen)
        index.add(table)
        return index

    def __len__(self) -> int:
        return len(self._graph)

    def search(
        self, queries: NDArray[np.float32], k: int, among: Sequence[int] | NDArray[np.integer] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        asked = checked_queries(queries, self._graph.ndim, k)
        if among is not None:
            return self._search_all(asked, k, np.unique(np.asarray(among, dtype=np.int64)))
        if 4 * k > len(self):
            return self._search_all(asked, k, np.arange(len(self)))
        found = self._graph.search(asked, k, threads=self._config.threads)
        rows = np.asarray(found.keys).reshape(len(asked), k).astype(np.int64)
        scores = 1 - np.asarray(found.distances, dtype=np.float32).reshape(len(asked), k)
        empty = np.arange(k) >= np.asarray(getattr(found, "counts", [k])).reshape(-1, 1)
        rows[empty], scores[empty] = NOTHING, -np.inf
        order = np.lexsort((rows, -scores), axis=1)
        return np.take_along_axis(rows, order, axis=1), np.take_along_axis(scores, order, axis=1)

    def _search_all(
        self, queries: NDArray[np.float32], k: int, rows: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        held = np.empty((len(rows), self._graph.ndim), dtype=np.float32)
        if rows.size:
            held[:] = self._graph.get(rows.astype(np.uint64))
        places, scores = best_of(queries, held, k)
        return named(places, rows), scores

    def add(self, vectors: NDArray[np.float32]) -> None:
        table = checked(vectors, self._graph.ndim)
        if not len(table):
            return
        if self._source is not None:  # a mapped file cannot grow: take it into memory first
            self._graph, self._source = _restored(self._source, self._config, view=False), None
        keys = np.arange(len(self), len(self) + len(table), dtype=np.uint64)
        self._graph.add(keys, table, threads=self._config.threads)

    def save(self, path: str | Path) -> None:
        self._graph.save(str(path))

    @classmethod
    def load(cls, path: str | Path, config: IndexConfig | None = None) -> Self:
        """Memory-mapped: the file is read as searches touch it, and must stay in place while it is open.

        Raises
        ------
        CorruptModel : the file is not a saved index
        """
        chosen = config or IndexConfig()
        return cls(_restored(Path(path), chosen, view=True), chosen, source=Path(path))


def _empty(dimensions: int, config: IndexConfig) -> Index:
    return Index(
        ndim=dimensions,
        metric="ip",
        dtype="f32",
        connectivity=config.connectivity,
        expansion_add=config.breadth_of_build,
        expansion_search=config.breadth_of_search,
    )


def _restored(path: Path, config: IndexConfig, view: bool) -> Index:
    if not path.is_file():
        raise FileNotFoundError(path)
    try:
        found = Index.metadata(str(path))
        if found is None:
            raise ValueError("no header")
        graph = _empty(int(found["dimensions"]), config)
        (graph.view if view else graph.load)(str(path))
    except (ValueError, RuntimeError) as error:
        raise CorruptModel(f"{path}: not a saved index ({error}). Fit again to write a new one.") from error
    return graph
