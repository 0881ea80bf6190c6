"""Files on their way into a shop: sent piece by piece, so that a large one can be resumed and none fills the memory."""

import json
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from fastapi import Request
from fastapi.responses import JSONResponse

from goeswith.data.atomic import disk_errors
from goeswith.errors import DataError, UsageError
from goeswith.serve.console.holding import Console
from goeswith.serve.problems import Refused

Table = Literal["products", "events"]
TABLES: tuple[str, ...] = ("products", "events")
LARGEST = 4 * 1024**3
"""Bytes of one file. What is larger can be named by its path on the machine, or read with `goeswith init`."""
PIECE = 512 * 1024
SPARE = 256 * 1024**2
"""Bytes of the disk that an upload leaves free."""


@dataclass(frozen=True)
class Staged:
    """A file that waits to be read."""

    table: str
    name: str
    path: Path
    bytes: int
    by_path: bool = False


class Uploads:
    """What waits, in a folder of the console, by the table that it becomes."""

    def __init__(self, folder: Path, tables: tuple[str, ...] = TABLES) -> None:
        self.folder, self.tables = folder, tables

    def staged(self) -> list[Staged]:
        found = []
        for table in self.tables:
            home = self.folder / table
            for file in sorted(home.iterdir()) if home.is_dir() else []:
                if file.suffix != ".part":
                    found.append(Staged(table, file.name, file, file.stat().st_size))
        for table, paths in self._named().items():
            for text in paths:
                path = Path(text)
                size = path.stat().st_size if path.exists() else 0
                found.append(Staged(table, path.name, path, size, by_path=True))
        return found

    def paths(self, table: str) -> list[Path]:
        return [one.path for one in self.staged() if one.table == table]

    def has(self, table: str, name: str) -> int:
        """Bytes that are here of an upload that has not ended."""
        part = self._part(table, name)
        return part.stat().st_size if part.is_file() else 0

    def take(self, table: str, name: str, at: int, total: int, piece: bytes) -> int:
        """Append one piece, and say how many bytes are here.

        Raises
        ------
        Refused : too large, no room on the disk, or not the piece that comes next
        """
        if total > LARGEST or at + len(piece) > LARGEST:
            raise Refused(
                413,
                f"{name}: a file may have {LARGEST // 1024**3} GB, and this one has {total / 1024**3:.1f} GB. "
                "Split it, or name its path on this machine, or read it with: goeswith init SHOP --events FILE",
            )
        self.folder.mkdir(parents=True, exist_ok=True)
        if at == 0 and shutil.disk_usage(self.folder).free < total + SPARE:
            raise Refused(
                413, f"{name}: the disk has no room for {total / 1024**2:,.0f} MB. Free some space, try again."
            )
        part = self._part(table, name)
        with disk_errors(self.folder):
            part.parent.mkdir(parents=True, exist_ok=True)
            with part.open("r+b" if part.exists() and at else "wb") as file:
                size = file.seek(0, os.SEEK_END)
                if at != size:
                    raise Refused(409, f"{size} bytes are here, and the piece begins at {at}.", here=size)
                file.write(piece)
                size += len(piece)
            if size >= total:
                os.replace(part, part.parent / safe_name(name))
        return size

    def name_path(self, table: str, text: str) -> None:
        """Use a file where it lies.

        Raises
        ------
        DataError : there is none
        """
        path = Path(text.strip()).expanduser()
        if not path.is_absolute():
            raise UsageError(f"{text}: give the whole path, from / on.")
        if not path.exists():
            raise DataError(f"{path}: there is no such file on this machine.")
        named = self._named()
        if str(path) not in named[table]:
            named[table].append(str(path))
        self._keep(named)

    def drop(self, table: str, name: str) -> None:
        named = self._named()
        named[table] = [text for text in named[table] if Path(text).name != name]
        self._keep(named)
        (self.folder / table / safe_name(name)).unlink(missing_ok=True)
        self._part(table, name).unlink(missing_ok=True)

    def clear(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def _part(self, table: str, name: str) -> Path:
        return self.folder / table / (safe_name(name) + ".part")

    def _named(self) -> dict[str, list[str]]:
        file = self.folder / "paths.json"
        told = json.loads(file.read_text()) if file.is_file() else {}
        return {table: list(told.get(table, [])) for table in self.tables}

    def _keep(self, named: dict[str, list[str]]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "paths.json").write_text(json.dumps(named))


async def received(
    console: Console, uploads: Uploads, request: Request, table: str, name: str, at: int, total: int
) -> JSONResponse:
    """Take the piece that a request brings; a piece that is not the next one is refused with how much is here."""
    try:
        here = await console.run(uploads.take, table, name, at, total, await request.body())
    except Refused as error:
        return JSONResponse({"detail": error.detail, **error.more}, error.status)
    return JSONResponse({"here": here})


def safe_name(name: str) -> str:
    """A file name that stays in its folder.

    >>> safe_name("../../etc/passwd"), safe_name("Mai 2024 (neu).csv"), safe_name("..")
    ('passwd', 'Mai 2024 (neu).csv', 'file')
    """
    last = re.split(r"[/\\]", name)[-1]
    kept = "".join(c for c in last if c.isalnum() or c in " ._-()[]+,").strip(" .")[-120:]
    return kept.removesuffix(".part") or "file"
