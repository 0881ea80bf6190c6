"""Products by words and filters: first what has the words in its id or name, then what means the like."""

from functools import lru_cache
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from goeswith.ranking.index import GraphIndex, VectorIndex
from goeswith.serve.at_work import AtWork
from goeswith.serve.filters import parsed
from goeswith.serve.newcomers import read_text
from goeswith.serve.prepared import GRAPH, folder_for
from goeswith.serve.service import Service
from goeswith.serve.store.pgvector import PgVectors

MOST = 500
"""What means the like is looked for so deep."""


class ProductVectors(Protocol):
    """Nearest products to a vector, among those that a filter lets pass."""

    def nearest(self, work: AtWork, vector: NDArray[np.float32], k: int, filter: str | None) -> list[int]:
        """Rows, the nearest first."""
        ...


class MemoryVectors:
    """In memory: a graph that workers map from one file once it is prepared, every vector until then."""

    def __init__(self, shop: Path) -> None:
        self._index = lru_cache(maxsize=4)(lambda version, has_graph: self._opened(shop, version))
        self._shop, self._work = shop, None

    def nearest(self, work: AtWork, vector: NDArray[np.float32], k: int, filter: str | None) -> list[int]:
        known = work.catalogue.n_items
        if filter is not None:
            rows = np.flatnonzero(work.catalogue.met(filter)[:known])
            cosines = work.model.encoded[rows] @ vector
            return rows[np.argsort(-cosines, kind="stable")[:k]].tolist()
        graph = folder_for(self._shop, work.version) / GRAPH
        if graph.is_file():
            found, _ = self._index(work.version, True).search(vector[None], min(k, known))
            return [int(row) for row in found[0] if row >= 0]
        cosines = work.model.encoded @ vector
        top = np.argpartition(-cosines, min(k, known - 1))[:k]
        return top[np.argsort(-cosines[top], kind="stable")].tolist()

    def _opened(self, shop: Path, version: str) -> VectorIndex:
        return GraphIndex.load(folder_for(shop, version) / GRAPH)


def search(service: Service, work: AtWork, q: str | None, filter: str | None, start: int, count: int) -> list[int]:
    """Rows of one page."""
    if filter is not None:
        parsed(filter)
    allowed = work.catalogue.met(filter) if filter is not None else np.ones(len(work.catalogue), bool)
    if q is None or not q.strip():
        return np.flatnonzero(allowed)[start : start + count].tolist()
    exact = work.catalogue.find(q.strip())
    named = work.catalogue.lower_names.str.contains(q.strip().lower(), literal=True).to_numpy()
    first = [] if exact is None or not allowed[exact] else [exact]
    first += [int(row) for row in np.flatnonzero(named & allowed) if row != exact]
    if len(first) >= start + count or start >= MOST:
        return first[start : start + count]
    seen = set(first)
    like = [row for row in _alike(service, work, q, filter) if row not in seen and allowed[row]]
    return [*first, *like][start : start + count]


def _alike(service: Service, work: AtWork, q: str, filter: str | None) -> list[int]:
    asked = read_text(work.model, q)
    found = vectors_of(service).nearest(work, asked.encoded, MOST, filter)
    fresh = [(float(one.encoded @ asked.encoded), work.catalogue.n_items + at) for at, one in enumerate(work.newcomers)]
    if not fresh:
        return found
    cosines = [*zip((work.model.encoded[found] @ asked.encoded).tolist(), found, strict=True), *fresh]
    return [row for _, row in sorted(cosines, key=lambda pair: -pair[0])]


def vectors_of(service: Service) -> ProductVectors:
    """Where this service looks; the memory answers while PostgreSQL is not filled yet."""
    known: ProductVectors | None = service.__dict__.get("_vectors")
    if known is None:
        memory = MemoryVectors(service.shop.folder)
        known = memory
        if service.settings.vectors == "pgvector":
            known = PgVectors(service.database)
        service.__dict__["_vectors"] = known
    return known
