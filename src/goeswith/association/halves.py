"""Numbers as a stored version keeps them, so that a model answers alike before it was stored and after."""

import numpy as np
import torch
from numpy.typing import NDArray


def in_half(values: NDArray[np.floating]) -> NDArray[np.float32]:
    """Rounded to half precision, 11 bits; still float32 to calculate with.

    PyTorch rounds, because NumPy takes twenty times as long.

    Examples
    --------
    >>> in_half(np.array([0.1, 1.0])).tolist()
    [0.0999755859375, 1.0]
    """
    rounded: NDArray[np.float32] = torch.from_numpy(np.ascontiguousarray(values)).half().float().numpy()
    return rounded
