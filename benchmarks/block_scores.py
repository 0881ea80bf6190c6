"""From numbers of any size to what a Baseline reads: above 0 where something is known, -inf where nothing can be."""

import numpy as np
from numpy.typing import NDArray

from goeswith.evaluation.baselines.baseline import Block


def readable(block: Block, known: NDArray[np.bool_], judged: NDArray[np.bool_]) -> Block:
    """The same order in every row.

    Parameters
    ----------
    block : (queries, columns)
    known : (queries,), of whom the model knows something; the others get the best sellers
    judged : (columns,), products that the model was fitted on

    Examples
    --------
    >>> two = np.array([[-3.0, -1.0], [5.0, 6.0]], np.float32)
    >>> readable(two, np.array([True, False]), np.array([True, True])).astype(float).tolist()
    [[1.0, 3.0], [0.0, 0.0]]
    """
    shifted = (block - block.min(axis=1, keepdims=True) + 1) * known[:, None]
    return np.where(judged, shifted, -np.inf).astype(np.float32)
