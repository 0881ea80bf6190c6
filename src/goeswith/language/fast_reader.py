"""The catalogue's reader: M in the form that was chosen for it."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from goeswith.data.atomic import folder_replaced
from goeswith.errors import ModelError
from goeswith.language.encoder import Encoder, SentenceEncoder, load_encoder
from goeswith.language.onnx_encoder import export_onnx, load_onnx_encoder
from goeswith.language.static_student import StudentConfig, distil


def int8_reader(encoder: SentenceEncoder, cache: Path) -> Encoder:
    """The same encoder in int8; exported once, kept in the cache."""
    folder = cache / "onnx" / encoder.fingerprint
    try:
        return load_onnx_encoder(folder, of=encoder.fingerprint, precision="int8")
    except ModelError:  # not there yet, or damaged: it is only a cache
        with folder_replaced(folder) as aside:
            export_onnx(encoder, aside, precisions=("int8",))
        return load_onnx_encoder(folder, of=encoder.fingerprint, precision="int8")


def student_of(
    encoder: SentenceEncoder, teacher: Encoder, texts: Sequence[str], cache: Path, config: StudentConfig | None = None
) -> SentenceEncoder:
    """A static student as an encoder like any other: it is stored with the model, and answers for new texts."""
    student = distil(teacher, texts, config)
    folder = cache / "static" / student.fingerprint
    with folder_replaced(folder) as aside:
        student.save(aside)
    return load_encoder(folder, str(encoder.model.device), prompt="")


def is_static(encoder: SentenceEncoder) -> bool:
    """Whether this encoder is a mean of word vectors, with no layers above them."""
    from sentence_transformers.models import StaticEmbedding

    return isinstance(encoder.model[0], StaticEmbedding)


def exported_reader(folder: Path, encoder: SentenceEncoder, precise: str) -> Encoder:
    """The ONNX form of an encoder if one was exported into this folder, else the encoder itself.

    Parameters
    ----------
    precise : the encoder's fingerprint, as its manifest has it

    Raises
    ------
    ModelError : what lies there is the export of another encoder, or damaged
    """
    if not folder.is_dir() or any(find_spec(name) is None for name in ("onnxruntime", "tokenizers")):
        return encoder
    return load_onnx_encoder(folder, of=precise)
