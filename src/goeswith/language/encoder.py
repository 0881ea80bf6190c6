"""M as an encoder: texts in, unit vectors out."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from goeswith.errors import ModelError
from goeswith.language.encoder_folder import (
    ADAPTER,
    check_encoder_folder,
    no_network,
    no_progress_bars,
    packaged_folder,
)

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from torch import Tensor

PACKAGED = "packaged:"
CHARACTERS_PER_BATCH = 8_000


@runtime_checkable
class Encoder(Protocol):
    """Anything that turns texts into vectors whose dot product is their likeness."""

    @property
    def dimensions(self) -> int: ...

    @property
    def fingerprint(self) -> str:
        """Content hash of everything that a vector depends on; equal fingerprints give equal vectors."""
        ...

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(texts, dimensions), each row of length 1."""
        ...


class SentenceEncoder:
    """An encoder of the BERT family, held by sentence-transformers.

    Parameters
    ----------
    model : tokenizer, transformer and pooling
    prompt : said before every text; E5 was trained with "query: "
    """

    def __init__(self, model: "SentenceTransformer", prompt: str = "") -> None:
        self.model, self.prompt = model.eval(), prompt

    @property
    def dimensions(self) -> int:
        return int(self.model.get_embedding_dimension() or 0)

    @cached_property
    def fingerprint(self) -> str:
        hasher = hashlib.blake2b(digest_size=16)
        parts = [type(module).__name__ for module in self.model]
        hasher.update(repr((parts, self.prompt, self.model.max_seq_length)).encode())
        hasher.update(repr(sorted(_vocabulary(self.model).items())).encode())
        for name, weight in sorted(self.model.state_dict().items()):
            hasher.update(name.encode())
            hasher.update(weight.detach().cpu().contiguous().float().numpy().tobytes())
        return hasher.hexdigest()

    def tokens(self, texts: Sequence[str]) -> dict[str, Any]:
        """What the first module reads, padded to the longest of these texts, on the model's device."""
        features = self.model.preprocess([self.prompt + text for text in texts])
        return {
            name: value.to(self.model.device) if hasattr(value, "to") else value for name, value in features.items()
        }

    def embed(self, features: dict[str, Any]) -> "Tensor":
        """Unit vectors with their gradient, (texts, dimensions)."""
        from torch.nn import functional

        return functional.normalize(self.model(features)["sentence_embedding"].float(), dim=-1)

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors, (texts, dimensions); equal texts are encoded once, texts of like length together.

        Examples
        --------
        >>> encoder = load_encoder()
        >>> milk, cheese, hammer = encoder.encode(["whole milk", "cheddar cheese", "claw hammer"])
        >>> bool(milk @ cheese > milk @ hammer)
        True
        """
        import torch

        distinct = list(dict.fromkeys(texts))
        row = {text: at for at, text in enumerate(distinct)}
        vectors = np.zeros((len(distinct), self.dimensions), dtype=np.float32)
        for rows in length_buckets(distinct):
            with torch.inference_mode():
                vectors[rows] = self.embed(self.tokens([distinct[at] for at in rows])).cpu().numpy()
        return vectors[[row[text] for text in texts]]

    def cut_short(self, texts: Sequence[str]) -> int:
        """How many distinct texts are longer than this encoder reads; of those the end is not heard."""
        most = self.model.max_seq_length
        limit = 0 if most is None or math.isinf(most) else int(most)  # a mean of word vectors reads any length
        # A token has a character at least; a shorter text always fits.
        long = [text for text in dict.fromkeys(texts) if limit and len(self.prompt) + len(text) > limit - 2]
        if not long:
            return 0
        ids = self.model.tokenizer([self.prompt + text for text in long], truncation=False, verbose=False)["input_ids"]
        return sum(len(own) > limit for own in ids)

    def save(self, folder: Path) -> None:
        """Write a sentence-transformers folder (safetensors) that others can load."""
        # The prompt travels with the weights, so that others get the same vectors.
        self.model.prompts = {**self.model.prompts, "item": self.prompt} if self.prompt else self.model.prompts
        self.model.default_prompt_name = "item" if self.prompt else self.model.default_prompt_name
        with no_network(), no_progress_bars():
            self.model.save(str(folder), create_model_card=False, safe_serialization=True)


class LateEncoder(SentenceEncoder):
    """An encoder whose weights are read when they are first needed: answers from vectors never wait for them."""

    def __init__(self, folder: str | Path, device: str = "auto") -> None:
        self._folder, self._device = folder, device

    @cached_property
    def _read(self) -> SentenceEncoder:
        return load_encoder(self._folder, self._device)

    @property
    def model(self) -> "SentenceTransformer":  # type: ignore[override]
        return self._read.model

    @property
    def prompt(self) -> str:  # type: ignore[override]
        return self._read.prompt


def length_buckets(texts: Sequence[str], characters: int = CHARACTERS_PER_BATCH) -> list[list[int]]:
    """Rows of texts of like length, so that little is spent on padding.

    Examples
    --------
    >>> length_buckets(["a long sentence", "tea", "rye", "a longer sentence"], characters=34)
    [[3, 0], [1, 2]]
    """
    order = sorted(range(len(texts)), key=lambda row: -len(texts[row]))
    buckets: list[list[int]] = []
    for row in order:
        # Special tokens cost a little too: no text is shorter than 8 characters here.
        if buckets and (len(buckets[-1]) + 1) * max(8, len(texts[buckets[-1][0]])) <= characters:
            buckets[-1].append(row)
        else:
            buckets.append([row])
    return buckets


def load_encoder(
    name: str | Path = "packaged:all-MiniLM-L6-v2", device: str = "auto", prompt: str | None = None
) -> SentenceEncoder:
    """An encoder by name: packaged weights, a folder, or a hub name where there is a network.

    Parameters
    ----------
    name : "packaged:all-MiniLM-L6-v2"; a sentence-transformers or Hugging Face folder; or a hub name "owner/name"
    device : "auto" takes CUDA, then Apple's MPS, then the CPU
    prompt : said before every text; None takes the one that the weights name

    Raises
    ------
    ModelError : no such folder or name, no weights, no tokenizer, or weights that are pickled
    """
    from sentence_transformers import SentenceTransformer

    folder = _folder(name)
    options: dict[str, Any] = {"device": _device(device), "model_kwargs": {"use_safetensors": True}}
    try:
        if folder is None:
            with no_progress_bars():
                model = SentenceTransformer(str(name), **options)
        else:
            check_encoder_folder(folder)
            with no_network(), no_progress_bars():
                model = SentenceTransformer(str(folder), local_files_only=True, **options)
    except ModelError:
        raise
    except Exception as error:
        way_out = (
            "Without a network, give a folder, or packaged:all-MiniLM-L6-v2."
            if folder is None
            else "Save it again with SentenceTransformer.save."
        )
        reason = str(error).strip().split("\n")[0]
        raise ModelError(f"{name}: the encoder could not be loaded ({reason}). {way_out}") from error
    encoder = SentenceEncoder(model, _prompt(model, str(name)) if prompt is None else prompt)
    if folder is None or not (folder / ADAPTER).is_dir():
        return encoder
    from goeswith.language.adapter_folder import put_on

    return put_on(encoder, folder / ADAPTER)


def _folder(name: str | Path) -> Path | None:
    """Where these weights lie; None means that the name is one of the hub."""
    if str(name).startswith(PACKAGED):
        return packaged_folder(str(name).removeprefix(PACKAGED))
    path = Path(name).expanduser()
    if path.is_dir():
        return path
    if isinstance(name, Path) or str(name).count("/") != 1 or str(name).startswith((".", "/", "~")):
        raise ModelError(
            f"{name}: no such encoder folder. Give a folder with weights and tokenizer, a hub name (owner/name), "
            "or packaged:all-MiniLM-L6-v2."
        )
    return None


def _device(device: str) -> str:
    import torch

    if device != "auto":
        return device
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _prompt(model: "SentenceTransformer", name: str) -> str:
    prompts: Mapping[str, str | None] = model.prompts or {}
    if model.default_prompt_name:
        return prompts.get(model.default_prompt_name) or ""
    e5 = "e5" in Path(name).name.lower().replace("_", "-").split("-")
    return "query: " if e5 else ""


def _vocabulary(model: "SentenceTransformer") -> dict[str, int]:
    tokenizer = model.tokenizer
    return dict(tokenizer.get_vocab()) if hasattr(tokenizer, "get_vocab") else {}
