"""Vectors that take less room: fewer dimensions, those that matter first, and fewer bits for each."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from goeswith.errors import CorruptModel, UsageError
from goeswith.ranking.exact_index import BLOCK_CELLS, best_of, checked, checked_queries, named

Array = NDArray[np.float32]
Precision = Literal["float", "half", "int8"]
BYTES: dict[str, int] = {"float": 4, "half": 2, "int8": 1}


def principal_axes(*tables: Array, weight: NDArray[np.floating] | None = None) -> Array:
    """Axes on which these vectors differ most, the first first: any head of them keeps as much of every inner product
    as so few dimensions can. What matryoshka training does to an encoder, done to its vectors.

    Parameters
    ----------
    tables : (vectors, d), each weighs alike
    weight : (vectors,), how much each vector matters, such as how often it was sold; None: all alike

    Returns
    -------
    (d, d), orthonormal columns

    References
    ----------
    Kusupati et al., "Matryoshka Representation Learning", NeurIPS 2022; Eckart & Young, Psychometrika 1936.

    Examples
    --------
    >>> principal_axes(np.array([[0.0, 1.0], [0.0, -1.0], [0.1, 0.0]], np.float32)).round(3).T.tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """
    wide = [table.astype(np.float64) for table in tables]
    energy = sum((t.T * (1.0 if weight is None else weight)) @ t / max(len(t), 1) for t in wide)
    _, axes = np.linalg.eigh(np.asarray(energy))
    ordered = axes[:, ::-1]
    # An axis has no sign of its own; the largest entry is made positive, so that two machines agree.
    signs = np.sign(ordered[np.abs(ordered).argmax(axis=0), np.arange(ordered.shape[1])])
    result: Array = (ordered * np.where(signs == 0, 1.0, signs)).astype(np.float32)
    return result


@dataclass(frozen=True)
class Compact:
    """A table of vectors in little room.

    codes : (vectors, kept), float32, float16 or int8
    scale : (vectors,), what a unit of a row's int8 codes is worth; ones otherwise
    """

    codes: NDArray[np.generic]
    scale: Array

    @classmethod
    def of(cls, vectors: Array, precision: Precision) -> Self:
        """
        >>> Compact.of(np.array([[1.27, -0.5]], np.float32), "int8").codes.tolist()
        [[127, -50]]
        """
        ones = np.ones(len(vectors), np.float32)
        if precision == "float":
            return cls(np.ascontiguousarray(vectors, np.float32), ones)
        if precision == "half":
            return cls(vectors.astype(np.float16), ones)
        scale = np.maximum(np.abs(vectors).max(axis=1, initial=0.0), 1e-12).astype(np.float32) / 127
        return cls(np.rint(vectors / scale[:, None]).astype(np.int8), scale)

    @property
    def vectors(self) -> Array:
        """(vectors, kept) as they are used."""
        opened: Array = self.codes.astype(np.float32) * self.scale[:, None]
        return opened

    @property
    def n_bytes(self) -> int:
        return int(self.codes.nbytes + (self.scale.nbytes if self.codes.dtype == np.int8 else 0))


class CompactIndex:
    """Every vector looked at, in blocks that are opened as they are read. Satisfies `VectorIndex`.

    Parameters
    ----------
    axes : (d, kept), what queries and vectors are turned by; None keeps all dimensions as they are

    Examples
    --------
    >>> index = CompactIndex.build(np.eye(3, dtype=np.float32))
    >>> index.search(np.array([[0.6, 0.8, 0.0]], dtype=np.float32), k=2)[0]
    array([[1, 0]])
    """

    def __init__(self, table: Compact, precision: Precision, dimensions: int, axes: Array | None = None) -> None:
        self._table, self._precision, self._dimensions, self._axes = table, precision, dimensions, axes

    @classmethod
    def build(cls, vectors: Array, precision: Precision = "int8", dimensions: int | None = None) -> Self:
        table = checked(vectors)
        whole = table.shape[1]
        if dimensions is not None and not 1 <= dimensions <= whole:
            raise UsageError(f"dimensions must be between 1 and {whole}, got {dimensions}")
        axes = None if dimensions is None or dimensions == whole else principal_axes(table)[:, :dimensions]
        return cls(Compact.of(table if axes is None else table @ axes, precision), precision, whole, axes)

    @property
    def n_bytes(self) -> int:
        """Of the vectors alone."""
        return self._table.n_bytes

    def __len__(self) -> int:
        return len(self._table.codes)

    def search(
        self, queries: Array, k: int, among: Sequence[int] | NDArray[np.integer] | None = None
    ) -> tuple[NDArray[np.int64], Array]:
        asked = checked_queries(queries, self._dimensions, k)
        turned = asked if self._axes is None else asked @ self._axes
        rows = np.arange(len(self)) if among is None else np.unique(np.asarray(among, dtype=np.int64))
        if len(rows) == 0:
            return best_of(turned, self._opened(rows), k)
        found, scores = [], []
        size = max(1, BLOCK_CELLS // max(1, turned.shape[1]))
        for start in range(0, len(rows), size):
            part = rows[start : start + size]
            places, values = best_of(turned, self._opened(part), k)
            found.append(named(places, part))
            scores.append(values)
        every, value = np.hstack(found), np.hstack(scores)
        order = np.lexsort((every, -value), axis=1)[:, :k]
        return np.take_along_axis(every, order, axis=1), np.take_along_axis(value, order, axis=1)

    def add(self, vectors: Array) -> None:
        table = checked(vectors, self._dimensions)
        more = Compact.of(table if self._axes is None else table @ self._axes, self._precision)
        codes = np.concatenate([self._table.codes, more.codes])
        self._table = Compact(codes, np.concatenate([self._table.scale, more.scale]))

    def save(self, path: str | Path) -> None:
        arrays = {"codes": self._table.codes, "scale": self._table.scale}
        if self._axes is not None:
            arrays["axes"] = self._axes
        about = json.dumps({"precision": self._precision, "dimensions": self._dimensions})
        save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, path, {"index": about})

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read what `save` wrote.

        Raises
        ------
        CorruptModel : the file is not a saved index
        """
        if not Path(path).is_file():
            raise FileNotFoundError(path)
        try:
            with safe_open(str(path), framework="np") as stored:
                about = json.loads((stored.metadata() or {})["index"])
                arrays = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
            table = Compact(arrays["codes"], arrays["scale"])
            return cls(table, about["precision"], int(about["dimensions"]), arrays.get("axes"))
        except (SafetensorError, KeyError, ValueError, TypeError) as error:
            raise CorruptModel(f"{path}: not a saved index ({error}). Fit again to write a new one.") from error

    def _opened(self, rows: NDArray[np.int64]) -> Array:
        return Compact(self._table.codes[rows], self._table.scale[rows]).vectors
