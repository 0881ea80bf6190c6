"""M without PyTorch: the encoder as an ONNX file, in float or int8, run by ONNX Runtime."""

import json
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from goeswith.data.atomic import disk_errors
from goeswith.data.checksum import checksum
from goeswith.errors import MissingExtra, ModelError
from goeswith.language.encoder import SentenceEncoder, length_buckets

Precision = Literal["float", "int8"]
FILES: dict[str, str] = {"float": "model.onnx", "int8": "model_int8.onnx"}
ABOUT, TOKENIZER = "encoder.json", "tokenizer.json"
FORMAT, OPSET = 1, 18


class OnnxEncoder:
    """An exported encoder. Satisfies `Encoder`; its vectors are those of the weights it was made of, to rounding.

    Parameters
    ----------
    source : fingerprint of the encoder that was exported
    threads : 0 takes every core
    """

    def __init__(self, folder: Path, about: dict[str, Any], precision: Precision, threads: int = 0) -> None:
        try:
            import onnxruntime
            from tokenizers import Tokenizer
        except ImportError as error:
            raise MissingExtra("Running an exported encoder", "onnx") from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        self.source, self.prompt, self.precision = str(about["encoder"]), str(about["prompt"]), precision
        self.dimensions = int(about["dimensions"])
        try:
            self._session = onnxruntime.InferenceSession(
                str(folder / FILES[precision]), options, providers=["CPUExecutionProvider"]
            )
            self._tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
        except Exception as error:  # onnxruntime and tokenizers raise classes of their own
            reason = str(error).strip().split("\n")[0]
            raise ModelError(f"{folder}: the exported encoder cannot be read ({reason}). {WAY_OUT}") from error

    @property
    def fingerprint(self) -> str:
        """Another one than the source's: int8 vectors are near those of the source, and not equal to them."""
        return f"{self.source}-onnx-{self.precision}"

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors, (texts, dimensions); equal texts are encoded once, texts of like length together."""
        distinct = list(dict.fromkeys(texts))
        row = {text: at for at, text in enumerate(distinct)}
        vectors = np.zeros((len(distinct), self.dimensions), dtype=np.float32)
        for rows in length_buckets(distinct):
            read = self._tokenizer.encode_batch([self.prompt + distinct[at] for at in rows])
            tokens = np.array([each.ids for each in read], dtype=np.int64)
            mask = np.array([each.attention_mask for each in read], dtype=np.int64)
            vectors[rows] = self._session.run(None, {"input_ids": tokens, "attention_mask": mask})[0]
        return vectors[[row[text] for text in texts]]


def load_onnx_encoder(
    folder: str | Path, of: str | None = None, precision: Precision | None = None, threads: int = 0
) -> OnnxEncoder:
    """An encoder that `export_onnx` wrote.

    Parameters
    ----------
    of : fingerprint of the encoder whose vectors are wanted; None takes any
    precision : None takes int8 where it is there

    Raises
    ------
    ModelError : no such export, a file that was changed, or the export of another encoder
    MissingExtra : ONNX Runtime is not installed
    """
    place = Path(folder)
    try:
        about = json.loads((place / ABOUT).read_text(encoding="utf-8"))
        files = dict(about["files"])
        if about["format"] != FORMAT:
            raise ValueError(f"its format is {about['format']}, this goeswith reads {FORMAT}")
        str(about["encoder"]), str(about["prompt"]), int(about["dimensions"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{place / ABOUT}: cannot be read ({error}). {WAY_OUT}") from error
    if of is not None and about["encoder"] != of:
        raise ModelError(
            f"{place}: this is the export of another encoder ({about['encoder'][:12]}…, not {of[:12]}…). {WAY_OUT}"
        )
    chosen: Precision = precision or ("int8" if FILES["int8"] in files else "float")
    for name in (FILES[chosen], TOKENIZER):
        if not (place / name).is_file() or checksum(place / name) != files.get(name):
            raise ModelError(f"{place / name}: the file is missing or is not the one that was exported. {WAY_OUT}")
    return OnnxEncoder(place, about, chosen, threads)


def export_onnx(encoder: SentenceEncoder, folder: Path, precisions: Sequence[Precision] = ("float", "int8")) -> Path:
    """Write an encoder as ONNX into a folder that exists: tokens in, unit vectors out, pooling inside.

    int8 is dynamic quantisation of the weights of every matrix product, a scale for each column, seven bits: on
    processors without VNNI two products of eight bits may overflow the sixteen that hold their sum.

    Raises
    ------
    MissingExtra : the exporter is not installed
    ModelError : this encoder cannot be exported
    ShopError : the disk is full
    """
    try:
        import onnx
        import onnxscript  # noqa: F401 (torch's exporter needs it)
        from onnxruntime.quantization import QuantType, quantize_dynamic
    except ImportError as error:
        raise MissingExtra("Exporting to ONNX", "onnx") from error
    whole = folder / FILES["float"]
    with disk_errors(folder), _quiet():
        try:
            _write_float(encoder, whole)
        except (OSError, MissingExtra):
            raise
        except Exception as error:
            reason = str(error).strip().split("\n")[0]
            raise ModelError(f"this encoder cannot be exported to ONNX ({reason}). Use it with PyTorch.") from error
        onnx.checker.check_model(str(whole))
        if "int8" in precisions:
            quantize_dynamic(
                whole,
                folder / FILES["int8"],
                per_channel=True,
                reduce_range=True,
                weight_type=QuantType.QInt8,
                op_types_to_quantize=["MatMul", "Gemm", "Gather"],
            )
        if "float" not in precisions:
            whole.unlink()
        (folder / TOKENIZER).write_text(_tokenizer(encoder), encoding="utf-8")
        names = [*(FILES[each] for each in precisions), TOKENIZER]
        about = {
            "format": FORMAT,
            "encoder": encoder.fingerprint,
            "dimensions": encoder.dimensions,
            "prompt": encoder.prompt,
            "inputs": ["input_ids", "attention_mask"],
            "output": "unit vectors",
            "files": {name: checksum(folder / name) for name in names},
        }
        (folder / ABOUT).write_text(json.dumps(about, indent=2, ensure_ascii=False), encoding="utf-8")
    return folder


@contextmanager
def _quiet() -> Iterator[None]:
    """The exporter speaks of operators that no encoder has, and of names that nobody asked about."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _write_float(encoder: SentenceEncoder, file: Path) -> None:
    import torch
    from torch.nn.functional import normalize

    class Whole(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = encoder.model

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
            said = self.model({"input_ids": input_ids, "attention_mask": attention_mask})
            return normalize(said["sentence_embedding"].float(), dim=-1)

    probe = encoder.tokens(["milk", "a longer text of bread and butter"])
    arguments = tuple(probe[name].to("cpu") for name in ("input_ids", "attention_mask"))
    free = {0: torch.export.Dim("texts"), 1: torch.export.Dim("tokens")}
    before = encoder.model.device
    encoder.model.to("cpu")
    try:
        program: Any = torch.onnx.export(
            Whole().eval(), arguments, dynamo=True, opset_version=OPSET, dynamic_shapes=(free, free), verbose=False
        )
        program.save(str(file), external_data=False)
    finally:
        encoder.model.to(before)


def _tokenizer(encoder: SentenceEncoder) -> str:
    from tokenizers import Tokenizer

    fast = Tokenizer.from_str(encoder.model.tokenizer.backend_tokenizer.to_str())
    fast.enable_truncation(encoder.model.max_seq_length or 512)
    padding = encoder.model.tokenizer
    fast.enable_padding(pad_id=padding.pad_token_id or 0, pad_token=padding.pad_token or "[PAD]")
    return str(fast.to_str())


WAY_OUT = "Export again: goeswith export SHOP --to onnx"
