"""Waiting for what comes about by itself."""

import time
from collections.abc import Callable


def until(holds: Callable[[], bool], seconds: float = 10.0) -> None:
    """Look until it holds.

    Raises
    ------
    AssertionError : it took longer
    """
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.02)
