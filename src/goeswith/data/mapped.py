"""Arrays in files that are mapped into memory: processes share them, and nothing is computed or copied again."""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from goeswith.data.atomic import folder_aside

FORM = "2"
"""Rises when what is kept in such a folder is computed in another way."""


def mapped_arrays(folder: Path, make: Callable[[], Mapping[str, NDArray]]) -> dict[str, NDArray]:
    """The arrays of this folder, read-only; they are made and written if they are not there yet.

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
    mark = folder / "form"
    if not mark.is_file() or mark.read_text() != FORM:
        shutil.rmtree(folder, ignore_errors=True)
        try:
            with folder_aside(folder) as aside:
                for name, array in make().items():
                    np.save(aside / f"{name}.npy", np.ascontiguousarray(array))
                (aside / "form").write_text(FORM)
        except Exception:
            if not mark.is_file():  # nobody else made it either
                raise
    return {file.stem: np.asarray(np.load(file, mmap_mode="r")) for file in sorted(folder.glob("*.npy"))}
