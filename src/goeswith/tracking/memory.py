"""How much memory a stage took at most, and giving back what it no longer needs."""

import ctypes
import gc
import threading
from contextlib import suppress

import psutil

EVERY = 0.2  # seconds between two looks
MB = 1_000_000
MUCH = 1_000 * MB


class PeakMemory:
    """Looks at this process now and then, from a thread of its own.

    Examples
    --------
    >>> with PeakMemory() as memory:
    ...     peak = memory.taken()
    >>> peak > 1
    True
    """

    def __init__(self) -> None:
        self._process, self._peak = psutil.Process(), 0
        self._began_with = self._process.memory_info().rss
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True, name="peak memory")

    def __enter__(self) -> "PeakMemory":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def taken(self) -> float:
        """The most since the last call, in MB."""
        now = self._process.memory_info().rss
        peak, self._peak = max(self._peak, now), now
        return round(peak / MB, 1)

    def give_back(self) -> None:
        """Let go of what nobody refers to; glibc, which would keep it for later, returns it to the system.

        Only once the process has grown by a gigabyte: to look through all that the libraries hold takes a quarter of a
        second, and a small shop is fitted in two.
        """
        if self._process.memory_info().rss - self._began_with < MUCH:
            return
        gc.collect()
        with suppress(AttributeError, OSError):
            ctypes.CDLL(None).malloc_trim(0)

    def _look(self) -> None:
        while not self._over.wait(EVERY):
            self._peak = max(self._peak, self._process.memory_info().rss)
