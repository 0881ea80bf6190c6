"""An encoder that may learn: a copy in which some weights move, and how a text passes through them meanwhile."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from goeswith.errors import UsageError
from goeswith.language.adapter_folder import AdaptedEncoder, write_adapter
from goeswith.language.encoder import SentenceEncoder, length_buckets
from goeswith.language.lower_layers import LowerLayers, layers_of
from goeswith.language.moving import ENCODER, METHODS, Reach, set_moving

__all__ = ["METHODS", "KeepingEncoder", "Reach", "Tuning", "prepare"]


class Tuning:
    """A copy of an encoder whose weights may move; the encoder it was made of stays as it was.

    It is an encoder itself, so whatever judges encoders can judge it at any moment.

    Parameters
    ----------
    parameters : those that move
    lower : answers for the frozen lower layers, or None where all are run
    finish : turns the tuned copy into an encoder that is used and stored
    after_backward : told the step (from 0) when its gradients are there
    about : names of the parameters, method, reach and fingerprint of the base, for an adapter that is saved alone
    """

    def __init__(
        self,
        encoder: SentenceEncoder,
        parameters: list[nn.Parameter],
        lower: LowerLayers | None = None,
        finish: Callable[[SentenceEncoder], SentenceEncoder] = lambda tuned: SentenceEncoder(tuned.model, tuned.prompt),
        after_backward: Callable[[int], None] = lambda step: None,
        about: tuple[list[str], str, Reach, str] | None = None,
    ) -> None:
        self.encoder, self.parameters, self.lower, self._finish = encoder, parameters, lower, finish
        self.after_backward, self._about = after_backward, about

    @property
    def dimensions(self) -> int:
        return self.encoder.dimensions

    @property
    def fingerprint(self) -> str:
        return f"{SentenceEncoder(self.encoder.model, self.encoder.prompt).fingerprint}-tuning"

    @property
    def device(self) -> torch.device:
        return self.encoder.model.device

    @property
    def n_parameters(self) -> int:
        """How many numbers move."""
        return sum(weight.numel() for weight in self.parameters)

    def embed(self, texts: Sequence[str], exact: bool = False) -> Tensor:
        """Unit vectors with their gradient, (texts, dimensions); give texts of like length together."""
        features = self.encoder.tokens(texts)
        if self.lower is None:
            return self.encoder.embed(features)
        with self.lower.answering(texts, features, exact):
            return self.encoder.embed(features)

    def encode(self, texts: Sequence[str], exact: bool = False) -> NDArray[np.float32]:
        """Unit vectors as they are at this moment, (texts, dimensions); exact : see `LowerLayers.answering`."""
        distinct = list(dict.fromkeys(texts))
        row = {text: at for at, text in enumerate(distinct)}
        vectors = np.zeros((len(distinct), self.dimensions), dtype=np.float32)
        for rows in length_buckets(distinct):
            with torch.no_grad():
                vectors[rows] = self.embed([distinct[at] for at in rows], exact).cpu().numpy()
        return vectors[[row[text] for text in texts]]

    def save_adapter(self, folder: Path) -> None:
        """Write what has been learnt alone, without the encoder: `adapter_folder.put_on` puts it on its base again."""
        if self._about is None:
            raise UsageError("nothing moves in this encoder, so there is nothing to save.")
        names, method, reach, base = self._about
        write_adapter(folder, dict(zip(names, self.parameters, strict=True)), method, reach, base)

    def finish(self) -> SentenceEncoder:
        """The tuned encoder: plain weights that any library reads, or, where none can, an adapter on its base."""
        for weight in self.encoder.model.parameters():
            weight.requires_grad_(False)
        return self._finish(self.encoder)


class KeepingEncoder:
    """An encoder that reads a text once: what its frozen layers make of it is kept while it learns, and afterwards.

    Parameters
    ----------
    plain : the same weights without a memory; vectors agree with its own, to half precision once a text is kept
    """

    def __init__(self, tuning: Tuning, plain: SentenceEncoder) -> None:
        self._tuning, self._plain = tuning, plain

    @property
    def dimensions(self) -> int:
        return self._plain.dimensions

    @property
    def fingerprint(self) -> str:
        return self._plain.fingerprint

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return self._tuning.encode(texts, exact=True)


def prepare(method: str, encoder: SentenceEncoder, reach: Reach) -> Tuning:
    """A copy of the encoder, ready to learn in this way.

    Kept in evaluation mode: without dropout, two passes over a text give the same vector.

    Raises
    ------
    UsageError : no such method, or one that does not know this kind of transformer
    """
    copy = SentenceEncoder(deepcopy(encoder.model), encoder.prompt)
    transformer: Any = copy.model[0]
    moving = set_moving(method, transformer.model, reach, ENCODER)
    transformer.model = moving.module
    copy.model.eval()

    def finish(tuned: SentenceEncoder) -> SentenceEncoder:
        if moving.merge is None:
            return AdaptedEncoder(tuned.model, tuned.prompt, moving, method, reach, encoder.fingerprint)
        transformer.model = moving.merge()
        return SentenceEncoder(tuned.model, tuned.prompt)

    parameters = list(moving.parameters.values())
    about = (list(moving.parameters), method, reach, encoder.fingerprint)
    whole = Tuning(copy, parameters, None, finish, moving.after_backward, about)
    if method != "last-k":
        return whole
    holder, name = layers_of(copy.model)
    below = len(getattr(holder, name)) - reach.top_layers
    if below <= 0:
        return whole
    lower = LowerLayers(copy.model, holder, name, below, reach.cache_bytes)
    kept = Tuning(copy, parameters, lower, finish, about=about)
    return kept if _agrees(kept) else whole


def _agrees(tuning: Tuning) -> bool:
    """Whether kept lower layers give what the whole model gives; not every architecture is built of plain layers."""
    probe = ["bread", "a somewhat longer text about milk and honey"]
    with torch.no_grad():
        whole = tuning.encoder.embed(tuning.encoder.tokens(probe))
        try:
            kept = tuning.embed(probe)
        except (TypeError, AttributeError, RuntimeError, IndexError, ValueError):
            return False
    return bool(torch.allclose(whole, kept, atol=5e-3))
