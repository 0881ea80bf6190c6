"""The largest values of each row, and where they stand."""

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array


def largest(block: NDArray[np.floating], n: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The n largest values of each row and their columns, the largest first; fewer where a row is shorter.

    PyTorch's search, because NumPy's argpartition is ten times slower where most values are equal, as zeros are here.

    Examples
    --------
    >>> values, columns = largest(np.array([[3.0, 1.0, 2.0]]), 2)
    >>> values.tolist(), columns.tolist()
    ([[3.0, 2.0]], [[0, 2]])
    """
    width = min(n, block.shape[1])
    values, columns = torch.topk(torch.from_numpy(np.ascontiguousarray(block, dtype=np.float32)), width, dim=1)
    return values.numpy(), columns.numpy()


def strongest(table: csr_array, per_row: int) -> csr_array:
    """The largest entries of each row; the rest becomes 0.

    Examples
    --------
    >>> strongest(csr_array([[3.0, 1.0, 2.0]]), 2).toarray()
    array([[3., 0., 2.]])
    """
    length = np.diff(table.indptr)
    bound = np.full(table.shape[0], -np.inf, table.dtype)  # the last value that is kept
    for at in np.flatnonzero(length > per_row):
        own = table.data[table.indptr[at] : table.indptr[at + 1]]
        bound[at] = np.partition(own, len(own) - per_row)[len(own) - per_row]
    bounds = np.repeat(bound, length)
    above, level = table.data > bounds, table.data == bounds
    row = np.repeat(np.arange(table.shape[0], dtype=table.indices.dtype), length)
    room = per_row - np.bincount(row[above], minlength=table.shape[0])
    before = np.cumsum(level) - level  # of those level with the bound the first ones are kept
    room += np.append(before, 0)[table.indptr[:-1]]
    kept = above | (level & (before < room[row]))
    return csr_array((table.data[kept], (row[kept], table.indices[kept])), shape=table.shape)
