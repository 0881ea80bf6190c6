"""How much memory a model needs, from its configuration alone, before a weight is read."""

import json
from pathlib import Path
from typing import Any

import psutil

from goeswith.errors import ModelError

GIB = 2**30
BYTES = 4
"""Of a weight: everything is calculated in single precision here."""
GATED = ("llama", "mistral", "gemma", "qwen2", "qwen3", "phi3", "olmo")


def check_memory(folder: Path, available: int | None = None) -> None:
    """Refuse a model that the free memory does not hold.

    Raises
    ------
    ModelError : with what it needs and what there is
    """
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return  # whoever reads the folder says what is wrong with it
    needed = BYTES * n_weights(config)
    free = psutil.virtual_memory().available if available is None else available
    if needed > free:
        raise ModelError(
            f"{folder}: this model has about {n_weights(config) / 1e6:,.0f} million weights and needs "
            f"{needed / GIB:,.1f} GiB; {free / GIB:,.1f} GiB are free. Take a smaller model, or more memory."
        )


def n_weights(config: dict[str, Any]) -> int:
    """About how many weights a transformer of this configuration has; 0 where it does not say.

    Examples
    --------
    The 22.7 million of all-MiniLM-L6-v2:

    >>> sizes = {"vocab_size": 30522, "hidden_size": 384, "num_hidden_layers": 6, "intermediate_size": 1536}
    >>> round(n_weights(sizes) / 1e6, 1)
    22.3
    """
    inner = config.get("text_config")
    if isinstance(inner, dict):
        return n_weights(inner)

    def size(*names: str) -> int:
        return next((int(config[name]) for name in names if isinstance(config.get(name), int)), 0)

    width, layers = size("hidden_size", "n_embd", "dim", "d_model"), size("num_hidden_layers", "n_layer", "n_layers")
    wide = size("intermediate_size", "n_inner", "hidden_dim") or 4 * width
    gated = str(config.get("model_type", "")).startswith(GATED)
    return size("vocab_size") * width + layers * (4 * width**2 + (3 if gated else 2) * width * wide)
