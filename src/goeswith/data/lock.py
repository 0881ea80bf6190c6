"""One writer at a time: a lock that the operating system drops when its holder dies."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from goeswith.errors import ShopError


@contextmanager
def folder_lock(folder: Path, work: str) -> Iterator[None]:
    """Hold `folder` for one kind of work ("fit", "add") until the block ends or the process dies.

    Raises
    ------
    ShopError : another process, or another part of this one, holds it; its process id is named
    """
    path = folder / f".{work}.lock"
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(handle, 32).decode(errors="replace").strip() or "unknown"
            raise ShopError(
                f"{folder}: another {work} is running on this shop (process {holder}). "
                f"Wait until it has ended, or stop that process, then try again."
            ) from None
        os.ftruncate(handle, 0)
        os.write(handle, str(os.getpid()).encode())
        yield
    finally:
        os.close(handle)
