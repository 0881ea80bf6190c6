"""Vectors that were computed once are read, not computed again."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from goeswith.data.atomic import file_aside
from goeswith.language.encoder import Encoder

KEY_BYTES = 16
ROWS_PER_WRITE = 4_096
FEW = 64


class CachedEncoder:
    """An encoder that remembers: one file of vectors for each set of weights.

    A text is known by the hash of its content, the file by the fingerprint of the weights; so a second fit, or a
    changed price, encodes nothing, and other weights never answer with these vectors. The file is written aside and
    renamed, every few thousand texts; a killed run loses at most those. A damaged file is as good as none.

    Parameters
    ----------
    folder : made when there is something to write
    progress : told (encoded so far, to encode), while it encodes

    Attributes
    ----------
    encoded, reused : distinct texts that were computed, and read, since this object was made

    Examples
    --------
    >>> import tempfile
    >>> from goeswith.testing.fake_encoder import FakeEncoder
    >>> first = CachedEncoder(FakeEncoder(), Path(folder := tempfile.mkdtemp()))
    >>> _ = first.encode(["tea", "rye", "tea"])
    >>> first.encoded, first.reused
    (2, 0)
    >>> first.flush()
    >>> second = CachedEncoder(FakeEncoder(), Path(folder))
    >>> _ = second.encode(["rye", "tea"])
    >>> second.encoded, second.reused
    (0, 2)
    """

    def __init__(self, encoder: Encoder, folder: Path, progress: Callable[[int, int], None] | None = None) -> None:
        self.encoder, self.folder, self.progress = encoder, Path(folder), progress
        self.encoded = self.reused = 0
        self._vectors: dict[bytes, NDArray[np.float32]] | None = None
        self._unwritten: set[bytes] = set()

    @property
    def dimensions(self) -> int:
        return self.encoder.dimensions

    @property
    def fingerprint(self) -> str:
        return self.encoder.fingerprint

    @property
    def file(self) -> Path:
        return self.folder / f"{self.fingerprint}.safetensors"

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors, (texts, dimensions), from the cache where they are known."""
        known = self._known()
        keys = {text: _key(text) for text in texts}
        missing = [text for text, key in keys.items() if key not in known]
        self.encoded += len(missing)
        self.reused += len(keys) - len(missing)
        # Long and short texts are spread over the parts by length, so that each part is cheap to pad.
        missing.sort(key=len)
        for start in range(0, len(missing), ROWS_PER_WRITE):
            part = missing[start : start + ROWS_PER_WRITE]
            for text, vector in zip(part, self.encoder.encode(part), strict=True):
                known[keys[text]] = vector
                self._unwritten.add(keys[text])
            # A single text that somebody asks about is not worth writing the whole file.
            if len(self._unwritten) >= FEW:
                self.flush()
            if self.progress:
                self.progress(min(start + len(part), len(missing)), len(missing))
        if not texts:
            return np.zeros((0, self.dimensions), dtype=np.float32)
        return np.stack([known[keys[text]] for text in texts])

    def flush(self) -> None:
        """Write what is new, joined with what another process has written meanwhile."""
        if not self._unwritten:
            return
        known = self._known()
        merged = self._read() | {key: known[key] for key in self._unwritten}
        keys = np.frombuffer(b"".join(merged), dtype=np.uint8).reshape(-1, KEY_BYTES)
        with file_aside(self.file) as aside:
            save_file({"keys": keys, "vectors": np.stack(list(merged.values()))}, aside)
        self._unwritten.clear()

    def _known(self) -> dict[bytes, NDArray[np.float32]]:
        if self._vectors is None:
            self._vectors = self._read()
        return self._vectors

    def _read(self) -> dict[bytes, NDArray[np.float32]]:
        try:
            stored = load_file(self.file)
            keys, vectors = stored["keys"], stored["vectors"]
        except (FileNotFoundError, SafetensorError, KeyError):
            return {}
        if vectors.shape != (len(keys), self.dimensions) or keys.shape[1:] != (KEY_BYTES,):
            return {}
        return {key.tobytes(): vector for key, vector in zip(keys, vectors, strict=True)}


def _key(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=KEY_BYTES).digest()
