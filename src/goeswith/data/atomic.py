"""Files and folders that are complete or absent, whatever happens while they are written."""

import errno
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import psutil
from safetensors import SafetensorError

from goeswith.errors import ShopError

_FULL = (errno.ENOSPC, errno.EDQUOT)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST, errno.ENOTEMPTY)


@contextmanager
def folder_aside(target: Path) -> Iterator[Path]:
    """An empty folder to fill; on leaving it is synced to disk and takes the place of `target`.

    `target` must be absent or an empty folder. An error, or a kill, leaves `target` as it was.

    Raises
    ------
    ShopError : the disk is full, or the place cannot be written to
    """
    with disk_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        remove_left_behind(target)
        aside = _aside(target)
        aside.mkdir()
    try:
        yield aside
        with disk_errors(target):
            sync_folder(aside)
            os.rename(aside, target)
            _sync(target.parent)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


@contextmanager
def folder_replaced(target: Path) -> Iterator[Path]:
    """As `folder_aside`, where `target` may hold an earlier one; that is removed when the new one is complete.

    Raises
    ------
    ShopError : the disk is full, or the place cannot be written to; the earlier one is still there
    """
    fresh = target.with_name(f"{target.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    with folder_aside(fresh) as aside:
        yield aside
    with disk_errors(target):
        shutil.rmtree(target, ignore_errors=True)
        os.rename(fresh, target)


@contextmanager
def file_aside(target: Path) -> Iterator[Path]:
    """A path to write to; on leaving the file is synced to disk and replaces `target` in one step.

    Raises
    ------
    ShopError : the disk is full, or the place cannot be written to
    """
    aside = _aside(target)
    try:
        with disk_errors(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            remove_left_behind(target)
            yield aside
            move_into_place(aside, target)
    finally:
        aside.unlink(missing_ok=True)


def move_into_place(written: Path, target: Path) -> None:
    """Sync a file that was written on the same disk, and let it replace `target`."""
    target.parent.mkdir(parents=True, exist_ok=True)
    _sync(written)
    os.replace(written, target)
    _sync(target.parent)


@contextmanager
def disk_errors(target: Path) -> Iterator[None]:
    """Turn a full disk or a forbidden place into a ShopError; other errors pass."""
    try:
        yield
    except (OSError, pl.exceptions.ComputeError, SafetensorError) as error:
        code = error.errno if isinstance(error, OSError) else None
        if code in _FULL or re.search(r"os error (28|122)\b|No space left|requested and \d+ written", str(error)):
            raise ShopError(f"{target}: the disk is full. Nothing was changed; free some space, try again.") from error
        if code in _FORBIDDEN and isinstance(error, OSError):
            raise ShopError(f"{target}: cannot be written ({error.strerror}). Choose another folder.") from error
        raise


def sync_folder(folder: Path) -> None:
    """Every file below this folder, and the folders themselves, are on the disk when this returns."""
    for path in folder.rglob("*"):
        _sync(path)
    _sync(folder)


def remove_left_behind(target: Path) -> None:
    """Remove what a killed process left aside while it wrote `target`; a target "*" is any of its folder."""
    for old in target.parent.glob(f".{target.name}.*.aside"):
        pid = old.name.removesuffix(".aside").rpartition(".")[2]
        if pid.isdecimal() and int(pid) != os.getpid() and not psutil.pid_exists(int(pid)):
            shutil.rmtree(old, ignore_errors=True) if old.is_dir() else old.unlink(missing_ok=True)


def _aside(target: Path) -> Path:
    return target.parent / f".{target.name}.{os.getpid()}.aside"


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
