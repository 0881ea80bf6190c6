"""A student of M without any layers: a text is the mean of its words' vectors, hundreds of times faster."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, NonNegativeInt, PositiveFloat, PositiveInt
from safetensors.numpy import load_file, save_file
from scipy.sparse import csr_array

from goeswith.errors import ModelError
from goeswith.language.encoder import Encoder

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Array = NDArray[np.float32]
UNKNOWN = "[UNK]"
WEIGHTS, TOKENIZER, CONFIG, MODULES = "model.safetensors", "tokenizer.json", "config.json", "modules.json"
TEXTS_AT_ONCE = 8_192
PART_OF_WORD = "##"


class StudentConfig(BaseModel, frozen=True, extra="forbid"):
    """How a student is taught."""

    words: PositiveInt = 30_000
    """The commonest words of the texts that get a vector of their own; rarer ones are spelt from parts."""
    texts: PositiveInt = 50_000
    """At most so many texts are shown to the teacher, drawn at random."""
    pull: PositiveFloat = 0.02
    """Draws a word's vector to what the teacher says of the word alone; in texts that hold nothing else."""
    rounds: NonNegativeInt = 60
    """Of conjugate gradients; 0 leaves the words as the teacher says them alone."""
    seed: int = 0


class StaticStudent:
    """Word vectors and a tokenizer. Satisfies `Encoder`. Stored in the form of model2vec and sentence-transformers.

    Parameters
    ----------
    vectors : (tokens, dimensions), 0 for what says nothing
    """

    def __init__(self, vectors: Array, tokenizer: "Tokenizer") -> None:
        self.vectors, self.tokenizer = np.ascontiguousarray(vectors, dtype=np.float32), tokenizer

    @property
    def dimensions(self) -> int:
        return int(self.vectors.shape[1])

    @cached_property
    def fingerprint(self) -> str:
        hasher = hashlib.blake2b(b"static", digest_size=16)
        hasher.update(str(self.tokenizer.to_str()).encode())
        hasher.update(self.vectors.tobytes())
        return hasher.hexdigest()

    def encode(self, texts: Sequence[str]) -> Array:
        """Unit vectors, (texts, dimensions)."""
        result = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        for start in range(0, len(texts), TEXTS_AT_ONCE):
            part = texts[start : start + TEXTS_AT_ONCE]
            result[start : start + len(part)] = counted(self.tokenizer, part) @ self.vectors
        return result / np.maximum(np.linalg.norm(result, axis=1, keepdims=True), 1e-9)

    def save(self, folder: Path) -> None:
        """Write a folder that sentence-transformers and model2vec load as it is."""
        folder.mkdir(parents=True, exist_ok=True)
        save_file({"embeddings": self.vectors}, folder / WEIGHTS)
        self.tokenizer.save(str(folder / TOKENIZER))
        config = {"model_type": "model2vec", "architectures": ["StaticModel"], "normalize": True}
        (folder / CONFIG).write_text(json.dumps(config, indent=2), encoding="utf-8")
        (folder / "1_Normalize").mkdir(exist_ok=True)
        parts = [("0", ".", "StaticEmbedding"), ("1", "1_Normalize", "Normalize")]
        modules = [
            {"idx": at, "name": name, "path": path, "type": f"sentence_transformers.models.{kind}"}
            for at, (name, path, kind) in enumerate(parts)
        ]
        (folder / MODULES).write_text(json.dumps(modules, indent=2), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "StaticStudent":
        """Read what `save` wrote.

        Raises
        ------
        ModelError : the folder holds no such student
        """
        from tokenizers import Tokenizer

        try:
            vectors = load_file(folder / WEIGHTS)["embeddings"]
            return cls(vectors, Tokenizer.from_file(str(folder / TOKENIZER)))
        except Exception as error:  # tokenizers and safetensors raise classes of their own
            reason = str(error).strip().split("\n")[0]
            raise ModelError(f"{folder}: no static student can be read here ({reason}). Export it again.") from error


def distil(
    teacher: Encoder, texts: Sequence[str], config: StudentConfig | None = None, vocabulary: Iterable[str] | None = None
) -> StaticStudent:
    """Teach word vectors to add up to what the teacher says of whole texts.

    The vectors E of the words minimise |X E - T|² + λ |E - A|²: X says which words a text holds (each row a mean), T
    what the teacher says of the text, A what it says of a word alone. Rare words stay near A, common ones learn how
    much they weigh: that "large" says little is found, not assumed.

    Parameters
    ----------
    texts : of the catalogue, any language; repeated ones count once
    vocabulary : words to have vectors of their own; None takes those of the texts

    References
    ----------
    The form is model2vec's (MinishLab, "Model2Vec", 2024), which takes A, reduced and weighted by rank, as it is.
    """
    settings = config or StudentConfig()
    distinct = sorted({text for text in texts if text})
    if len(distinct) > settings.texts:
        drawn = np.random.default_rng(settings.seed).choice(len(distinct), settings.texts, replace=False)
        distinct = [distinct[at] for at in np.sort(drawn)]
    tokenizer = word_tokenizer(distinct if vocabulary is None else vocabulary, settings.words)
    names = sorted(tokenizer.get_vocab(), key=tokenizer.get_vocab().get)  # type: ignore[arg-type]
    spoken = [name.removeprefix(PART_OF_WORD) for name in names]
    alone = np.array(teacher.encode(spoken), dtype=np.float32)
    alone[names.index(UNKNOWN)] = 0.0
    if not distinct or not settings.rounds:
        return StaticStudent(alone, tokenizer)
    said = np.asarray(teacher.encode(distinct), dtype=np.float32)
    held = counted(tokenizer, distinct)
    moved = ridge(held, said - held @ alone, settings.pull, settings.rounds)
    moved[names.index(UNKNOWN)] = 0.0
    return StaticStudent(alone + moved, tokenizer)


def word_tokenizer(texts: Iterable[str], most: int) -> "Tokenizer":
    """Whole words, the longest first; a word that is not known is spelt from the parts that are, down to its letters.

    Chinese signs are words of their own, as BERT reads them.

    Examples
    --------
    >>> word_tokenizer(["Green tea", "teas"], most=2).encode("green teapots").tokens
    ['green', 'tea', '##p', '##o', '##t', '##s']
    """
    from tokenizers import Tokenizer
    from tokenizers.models import WordPiece
    from tokenizers.normalizers import BertNormalizer
    from tokenizers.pre_tokenizers import BertPreTokenizer

    normalizer, splitter = BertNormalizer(lowercase=True), BertPreTokenizer()
    count: Counter[str] = Counter()
    letters: set[str] = set("abcdefghijklmnopqrstuvwxyz0123456789")
    for text in texts:
        words = [word for word, _ in splitter.pre_tokenize_str(normalizer.normalize_str(text))]
        count.update(words)
        letters.update(*words)
    words = sorted(count, key=lambda word: (-count[word], word))[:most]
    parts = [*sorted(letters), *(PART_OF_WORD + letter for letter in sorted(letters))]
    names = dict.fromkeys([UNKNOWN, *words, *parts])
    model = WordPiece({name: at for at, name in enumerate(names)}, unk_token=UNKNOWN, max_input_chars_per_word=100)
    tokenizer = Tokenizer(model)
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer, splitter
    return tokenizer


def counted(tokenizer: "Tokenizer", texts: Sequence[str]) -> csr_array:
    """(texts, tokens), the share of each token among those of a text; every row adds up to 1, or is empty."""
    rows = [each.ids for each in tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)]
    lengths = np.array([len(ids) for ids in rows], dtype=np.int64)
    ends = np.concatenate([[0], np.cumsum(lengths)])
    flat = np.fromiter((token for ids in rows for token in ids), np.int32, count=int(ends[-1]))
    share = np.repeat(1 / np.maximum(lengths, 1), lengths).astype(np.float32)
    return csr_array((share, flat, ends), shape=(len(texts), tokenizer.get_vocab_size()))


def ridge(design: csr_array, wanted: Array, pull: float, rounds: int) -> Array:
    """D that minimises |X D - R|² + λ |D|², by conjugate gradients on all columns at once.

    Parameters
    ----------
    design : X, (rows, columns); wanted : R, (rows, d); pull : λ

    Returns
    -------
    (columns, d)

    Examples
    --------
    >>> ridge(csr_array(np.eye(2, dtype=np.float32)), np.array([[2.0], [4.0]], np.float32), 1.0, 5).ravel().tolist()
    [1.0, 2.0]
    """
    across = csr_array(design.T)

    def normal(table: Array) -> Array:
        applied: Array = across @ (design @ table) + pull * table
        return applied

    solution = np.zeros((design.shape[1], wanted.shape[1]), np.float32)
    residual: Array = (across @ wanted).astype(np.float32)
    direction, square = residual.copy(), (residual**2).sum(axis=0)
    for _ in range(rounds):
        if float(square.max(initial=0.0)) < 1e-10:
            break
        applied = normal(direction)
        step = square / np.maximum((direction * applied).sum(axis=0), 1e-20)
        solution += step * direction
        residual -= step * applied
        before, square = square, (residual**2).sum(axis=0)
        direction = residual + (square / np.maximum(before, 1e-20)) * direction
    return solution
