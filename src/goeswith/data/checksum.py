"""A file's content in thirty-two signs."""

import hashlib
from pathlib import Path


def checksum(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "blake2b").hexdigest()[:32]
