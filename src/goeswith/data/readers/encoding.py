"""Text files in UTF-8 (with or without a mark), UTF-16, GB18030 or Latin-1, also mixed in one file."""

import codecs
import re
from collections.abc import Iterator
from pathlib import Path

from goeswith.data.atomic import disk_errors

_PIECE = 1 << 24  # bytes; a few of these are all that is held in memory
_HIGH = re.compile(rb"[\x80-\xff]+")
_MARKS = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


def as_utf8(path: Path, scratch: Path) -> tuple[Path, dict[str, int]]:
    """The file itself if it is UTF-8, else a copy in UTF-8 in `scratch`, with a note of how many lines were changed.

    A file may mix encodings, as exports glued together do: each line is read as UTF-8 where it is, and as the other
    encoding where it is not.
    """
    with open(path, "rb") as file:
        marked = _MARKS.get(file.read(2))
    if marked:
        return _recoded(path, scratch, marked), {}
    foreign = _foreign_lines(path)
    if not foreign:
        return path, {}
    encoding = guess(foreign)
    target, changed = _mended(path, scratch, encoding)
    return target, {f"lines are not UTF-8 and were read as {encoding.upper()}": changed}


def guess(lines: list[bytes]) -> str:
    """gb18030 or latin-1 for lines that are not UTF-8.

    Chinese characters come as pairs of high bytes; in Western text a high byte stands mostly alone among ASCII.

    >>> guess(["红茶".encode("gb18030")]), guess(["Crème brûlée".encode("latin-1")])
    ('gb18030', 'latin-1')
    """
    text = b"\n".join(lines)
    runs = [len(run) for run in _HIGH.findall(text)]
    paired = sum(length for length in runs if length % 2 == 0)
    try:
        text.decode("gb18030")
    except UnicodeDecodeError:
        return "latin-1"
    return "gb18030" if paired > sum(runs) / 2 else "latin-1"


def _foreign_lines(path: Path, at_most: int = 1000) -> list[bytes]:
    found: list[bytes] = []
    for piece in _pieces(path):
        if piece.isascii() or _is_utf8(piece):
            continue
        found += [line for line in piece.split(b"\n") if not line.isascii() and not _is_utf8(line)]
        if len(found) >= at_most:
            break
    return found[:at_most]


def _mended(path: Path, scratch: Path, encoding: str) -> tuple[Path, int]:
    target, changed = scratch / f"utf8-{len(list(scratch.iterdir()))}-{path.name}", 0
    with disk_errors(scratch), open(target, "wb") as out:
        for piece in _pieces(path):
            if piece.isascii() or _is_utf8(piece):
                out.write(piece)
                continue
            lines = piece.split(b"\n")
            for at, line in enumerate(lines):
                if not line.isascii() and not _is_utf8(line):
                    lines[at] = line.decode(encoding, errors="replace").encode()
                    changed += 1
            out.write(b"\n".join(lines))
    return target, changed


def _recoded(path: Path, scratch: Path, encoding: str) -> Path:
    target = scratch / f"utf8-{len(list(scratch.iterdir()))}-{path.name}"
    with (
        disk_errors(scratch),
        open(path, encoding=encoding, errors="replace", newline="") as file,
        open(target, "w", encoding="utf-8", newline="") as out,
    ):
        while piece := file.read(_PIECE):
            out.write(piece)
    return target


def _pieces(path: Path) -> Iterator[bytes]:
    """Pieces of the file that end at line ends."""
    with open(path, "rb") as file:
        rest = b""
        while piece := file.read(_PIECE):
            head, newline, tail = (rest + piece).rpartition(b"\n")
            rest = tail
            if newline:
                yield head + newline
        if rest:
            yield rest


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
