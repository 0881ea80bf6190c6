"""Model versions in a shop folder: complete or absent, one of them current."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from goeswith.data.atomic import disk_errors, file_aside, folder_aside, remove_left_behind
from goeswith.data.checksum import checksum
from goeswith.data.shop import Shop
from goeswith.errors import CorruptModel, ModelError

MANIFEST, METRICS, CURRENT, HISTORY = "manifest.json", "metrics.json", "current", "promoted"
FORMAT = 1


@dataclass(frozen=True)
class VersionInfo:
    """One version, as its manifest tells.

    until : the last moment that it was asked to learn from; None for all events
    """

    name: str
    created: str
    until: str | None
    current: bool
    metrics: dict[str, Any] = field(default_factory=dict)
    manifest: dict[str, Any] = field(default_factory=dict, repr=False)


def list_versions(shop: Shop) -> list[VersionInfo]:
    """Every complete version, newest first."""
    if not shop.models.is_dir():
        return []
    found = [folder.name for folder in shop.models.iterdir() if (folder / MANIFEST).is_file() and folder.name[0] != "."]
    return [show_version(shop, name) for name in sorted(found, reverse=True)]


def show_version(shop: Shop, name: str | None = None) -> VersionInfo:
    """One version; the current one if no name is given.

    Raises
    ------
    ModelError : there is none of that name, or no model yet
    """
    folder = folder_of(shop, name)
    manifest = json.loads((folder / MANIFEST).read_text())
    metrics = folder / METRICS
    return VersionInfo(
        name=folder.name,
        created=manifest["created"],
        until=manifest["until"],
        current=folder.name == current(shop),
        metrics=json.loads(metrics.read_text()) if metrics.is_file() else {},
        manifest=manifest,
    )


def current(shop: Shop) -> str | None:
    """The name of the version that answers."""
    pointer = shop.models / CURRENT
    return pointer.read_text().strip() if pointer.is_file() else None


def promoted(shop: Shop) -> list[str]:
    """The versions that answered, in order; the last one answers."""
    file = shop.models / HISTORY
    return file.read_text().split() if file.is_file() else []


def promote(shop: Shop, name: str) -> None:
    """Let this version answer from now on; the pointer changes in one step."""
    folder_of(shop, name)
    line = [*promoted(shop), name]
    with file_aside(shop.models / HISTORY) as file:
        file.write_text("\n".join(line) + "\n")
    with file_aside(shop.models / CURRENT) as file:
        file.write_text(name + "\n")


def rollback(shop: Shop) -> str:
    """Let the version that answered before answer again, and return its name.

    Raises
    ------
    ModelError : no earlier version is there
    """
    line = [name for name in promoted(shop) if (shop.models / name / MANIFEST).is_file()]
    now = current(shop)
    while line and line[-1] == now:
        line.pop()
    if not line:
        raise ModelError(
            f"{shop.folder}: no version answered before {now or 'any'}, so there is nothing to go back to."
        )
    with file_aside(shop.models / HISTORY) as file:
        file.write_text("\n".join(line) + "\n")
    with file_aside(shop.models / CURRENT) as file:
        file.write_text(line[-1] + "\n")
    return line[-1]


def folder_of(shop: Shop, name: str | None = None) -> Path:
    """Where a version lies."""
    wanted = name or current(shop)
    if wanted is None:
        raise ModelError(f"{shop.folder} has no model yet. Fit one: goeswith fit {shop.folder}")
    folder = shop.models / wanted
    if not (folder / MANIFEST).is_file():
        known = [f.name for f in shop.models.iterdir() if (f / MANIFEST).is_file()] if shop.models.is_dir() else []
        raise ModelError(f"{shop.folder} has no model version {wanted}. It has: {', '.join(sorted(known)) or 'none'}.")
    return folder


@contextmanager
def new_version(shop: Shop, facts: dict[str, Any]) -> Iterator[Path]:
    """A folder to write a version into; complete with its manifest and in place when the block ends."""
    name = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")[:-3]
    remove_left_behind(shop.models / "*")
    with folder_aside(shop.models / name) as folder, disk_errors(shop.models / name):
        facts["version"] = name
        yield folder
        manifest = {
            "format": FORMAT,
            "version": name,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            **facts,
            "files": {str(f.relative_to(folder)): checksum(f) for f in sorted(folder.rglob("*")) if f.is_file()},
        }
        (folder / MANIFEST).write_text(json.dumps(manifest, indent=2, ensure_ascii=False, default=str))


def verified(folder: Path, remembered: Path | None = None) -> dict[str, Any]:
    """The manifest of a version whose files are all what it says.

    remembered : a file that keeps what was verified; files that were not written since are not read again

    Raises
    ------
    CorruptModel : a file is missing or was changed
    """
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
        files = manifest["files"]
    except (OSError, ValueError, KeyError) as error:
        raise CorruptModel(f"{folder / MANIFEST}: cannot be read ({error}). {WAY_OUT}") from error
    missing = [name for name in files if not (folder / name).is_file()]
    if missing:
        raise CorruptModel(f"{folder / missing[0]}: the file is missing. {WAY_OUT}")
    state = json.dumps({name: [expected, *_age(folder / name)] for name, expected in files.items()})
    if remembered is not None and remembered.is_file() and remembered.read_text() == state:
        return manifest
    for name, expected in files.items():
        if checksum(folder / name) != expected:
            raise CorruptModel(f"{folder / name}: its checksum is not the manifest's, so it was damaged. {WAY_OUT}")
    if remembered is not None:
        with file_aside(remembered) as file:
            file.write_text(state)
    return manifest


def _age(file: Path) -> tuple[int, int]:
    stat = file.stat()
    return stat.st_size, stat.st_mtime_ns


WAY_OUT = "Go back with `goeswith models rollback SHOP`, or fit again with `goeswith fit SHOP`."
