"""Packaged weights in another form, turned once into folders of safetensors and kept for the next time."""

import os
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from goeswith.data.atomic import folder_aside

HOME = "GOESWITH_CACHE"
"""The variable of the environment that names another place."""


def weights_home() -> Path:
    """Where converted weights are kept: $GOESWITH_CACHE, else ~/.cache/goeswith."""
    given = os.environ.get(HOME)
    return Path(given).expanduser() if given else Path.home() / ".cache" / "goeswith"


def converted(name: str, package: str, convert: Callable[[Path], None]) -> Path:
    """The folder of these weights; made by `convert` where it is not there, complete or not at all.

    Parameters
    ----------
    package : whose version is part of the folder's name, so that other weights are converted anew
    convert : writes into an empty folder
    """
    try:
        known = version(package)
    except PackageNotFoundError:
        known = "0"
    place = weights_home() / f"{name}-{known}"
    if not place.is_dir():
        place.parent.mkdir(parents=True, exist_ok=True)
        with folder_aside(place) as folder:
            convert(folder)
    return place
