"""Some encoders hold every text for much like any other; seen from the middle of a catalogue, they tell them apart."""

import hashlib
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from goeswith.data.atomic import file_aside
from goeswith.language.encoder import SentenceEncoder

NARROW = 0.5
"""Mean cosine of two texts of a catalogue from which an encoder is centred. MiniLM has 0.1 to 0.3, E5 has 0.8."""
SAMPLE = 400


def centred(encoder: SentenceEncoder, texts: Sequence[str], cache: Path | None = None) -> SentenceEncoder:
    """The encoder less the mean vector of a catalogue where its cosines lie in a narrow range; else as it is.

    The mean is one more linear layer behind the others, so that the stored folder is read by other libraries alike.

    Parameters
    ----------
    texts : of the catalogue; a few hundred of them are encoded
    cache : a folder that keeps the mean, so that a new product does not move the vectors of all others

    References
    ----------
    Mu and Viswanath, "All-but-the-Top: Simple and Effective Postprocessing for Word Representations", ICLR 2018.
    """
    from sentence_transformers.models import Dense, Normalize

    mean = _mean(encoder, texts, cache)
    # The squared length of the mean of unit vectors is the mean cosine of two of them.
    if mean is None or float(mean @ mean) < NARROW:
        return encoder
    size = len(mean)
    shift = Dense(size, size, bias=True, activation_function=torch.nn.Identity())
    with torch.no_grad():
        shift.linear.weight.copy_(torch.eye(size))
        shift.linear.bias.copy_(torch.from_numpy(-mean))
    model = deepcopy(encoder.model)
    if not isinstance(model[len(model) - 1], Normalize):
        model.append(Normalize())
    model.append(shift.to(model.device))
    model.append(Normalize())
    model.requires_grad_(False)
    return SentenceEncoder(model, encoder.prompt)


def _mean(encoder: SentenceEncoder, texts: Sequence[str], cache: Path | None) -> NDArray[np.float32] | None:
    file = None if cache is None else cache / f"mean-{encoder.fingerprint}.safetensors"
    if file is not None:
        try:
            return load_file(file)["mean"]
        except (FileNotFoundError, SafetensorError, KeyError):
            pass
    distinct = [text for text in dict.fromkeys(texts) if text]
    if len(distinct) < 2:
        return None
    drawn = sorted(distinct, key=lambda text: hashlib.blake2b(text.encode(), digest_size=8).digest())[:SAMPLE]
    mean: NDArray[np.float32] = encoder.encode(drawn).mean(axis=0)
    if file is not None:
        with file_aside(file) as aside:
            save_file({"mean": mean}, aside)
    return mean
