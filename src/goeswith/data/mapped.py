"""Arrays in files that are mapped into memory: processes share them, and nothing is computed or copied again."""

import mmap
import shutil
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from goeswith.data.atomic import disk_errors, folder_aside

FORM = "2"
"""Rises when what is kept in such a folder is computed in another way."""


def mapped_arrays(
    folder: Path, make: Callable[[], Mapping[str, NDArray]], by_row: Collection[str] = ()
) -> dict[str, NDArray]:
    """The arrays of this folder, read-only; they are made and written if they are not there yet.

    by_row : arrays of which a few rows are looked at: the pages around them are not read too

    Two processes may make them at once: one of the two folders stays. A folder of another form is made anew.

    Examples
    --------
    >>> import tempfile
    >>> place = Path(tempfile.mkdtemp()) / "vectors"
    >>> mapped_arrays(place, lambda: {"ones": np.ones(2)})["ones"].tolist()
    [1.0, 1.0]
    >>> mapped_arrays(place, lambda: {})["ones"].tolist()  # made once
    [1.0, 1.0]
    """
    if not is_made(folder):
        shutil.rmtree(folder, ignore_errors=True)
        try:
            with folder_aside(folder) as aside, disk_errors(folder):
                for name, array in make().items():
                    np.save(aside / f"{name}.npy", np.ascontiguousarray(array))
                (aside / "form").write_text(FORM)
        except Exception:
            if not is_made(folder):  # nobody else made it either
                raise
    return {file.stem: _mapped(file, file.stem in by_row) for file in sorted(folder.glob("*.npy"))}


def is_made(folder: Path) -> bool:
    """Whether the arrays are there, in today's form."""
    mark = folder / "form"
    return mark.is_file() and mark.read_text() == FORM


def keep_only(parent: Path, names: Collection[str]) -> None:
    """Remove other folders of arrays; whoever has mapped their files keeps them until he lets go."""
    for mark in parent.glob("*/form"):
        if mark.parent.name not in names:
            shutil.rmtree(mark.parent, ignore_errors=True)


def _mapped(file: Path, by_row: bool) -> NDArray:
    array = np.load(file, mmap_mode="r")
    if by_row and array._mmap is not None:
        array._mmap.madvise(mmap.MADV_RANDOM)
    return np.asarray(array)
