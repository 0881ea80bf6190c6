"""Ways of letting an encoder learn: which weights move, and how a text passes through them meanwhile."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from goeswith.errors import UsageError
from goeswith.language.encoder import SentenceEncoder, length_buckets
from goeswith.language.lower_layers import LowerLayers, layers_of


@dataclass(frozen=True)
class Reach:
    """How far a method may go. One object for all methods; each reads what concerns it.

    top_layers : for "last-k"
    lora_rank : for "lora"
    cache_bytes : memory for what the frozen layers made of each text
    """

    top_layers: int = 2
    lora_rank: int = 16
    cache_bytes: int = 1_500_000_000


class Tuning:
    """A copy of an encoder whose weights may move; the encoder it was made of stays as it was.

    It is an encoder itself, so whatever judges encoders can judge it at any moment.

    Parameters
    ----------
    parameters : those that move
    lower : answers for the frozen lower layers, or None where all are run
    finish : turns the tuned copy into plain weights
    """

    def __init__(
        self,
        encoder: SentenceEncoder,
        parameters: list[nn.Parameter],
        lower: LowerLayers | None = None,
        finish: Callable[[SentenceEncoder], SentenceEncoder] = lambda tuned: SentenceEncoder(tuned.model, tuned.prompt),
    ) -> None:
        self.encoder, self.parameters, self.lower, self._finish = encoder, parameters, lower, finish

    @property
    def dimensions(self) -> int:
        return self.encoder.dimensions

    @property
    def fingerprint(self) -> str:
        return f"{SentenceEncoder(self.encoder.model, self.encoder.prompt).fingerprint}-tuning"

    @property
    def device(self) -> torch.device:
        return self.encoder.model.device

    def embed(self, texts: Sequence[str]) -> Tensor:
        """Unit vectors with their gradient, (texts, dimensions); give texts of like length together."""
        features = self.encoder.tokens(texts)
        if self.lower is None:
            return self.encoder.embed(features)
        with self.lower.answering(texts, features):
            return self.encoder.embed(features)

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors as they are at this moment, (texts, dimensions)."""
        distinct = list(dict.fromkeys(texts))
        row = {text: at for at, text in enumerate(distinct)}
        vectors = np.zeros((len(distinct), self.dimensions), dtype=np.float32)
        for rows in length_buckets(distinct):
            with torch.no_grad():
                vectors[rows] = self.embed([distinct[at] for at in rows]).cpu().numpy()
        return vectors[[row[text] for text in texts]]

    def finish(self) -> SentenceEncoder:
        """The tuned encoder, with plain weights that any library reads."""
        for weight in self.encoder.model.parameters():
            weight.requires_grad_(False)
        return self._finish(self.encoder)


def full(encoder: SentenceEncoder, reach: Reach) -> Tuning:
    """Every weight moves."""
    copy = _copy(encoder, moves=True)
    return Tuning(copy, [weight for weight in copy.model.parameters() if weight.is_floating_point()])


def last_k(encoder: SentenceEncoder, reach: Reach) -> Tuning:
    """The top layers move; what the lower ones make of a text is computed once and kept."""
    copy = _copy(encoder, moves=False)
    holder, name = layers_of(copy.model)
    layers = getattr(holder, name)
    top = list(layers)[-min(reach.top_layers, len(layers)) :]
    parameters = [weight for layer in top for weight in layer.parameters()]
    for weight in parameters:
        weight.requires_grad_(True)
    below = len(layers) - len(top)
    lower = LowerLayers(copy.model, holder, name, below, reach.cache_bytes) if below else None
    tuning = Tuning(copy, parameters, lower)
    return tuning if lower is None or _agrees(tuning) else Tuning(copy, parameters)


def lora(encoder: SentenceEncoder, reach: Reach) -> Tuning:
    """Low-rank additions to every linear layer move; at the end they are added into the weights.

    References
    ----------
    Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", ICLR 2022.
    """
    from peft import LoraConfig, get_peft_model

    copy = _copy(encoder, moves=False)
    transformer: Any = copy.model[0]
    config = LoraConfig(
        r=reach.lora_rank, lora_alpha=2 * reach.lora_rank, lora_dropout=0.0, target_modules="all-linear",
        task_type="FEATURE_EXTRACTION",
    )  # fmt: skip
    # PEFT draws its first weights from the global generator.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        adapted: Any = get_peft_model(transformer.model, config)
    transformer.model = adapted

    def merge(tuned: SentenceEncoder) -> SentenceEncoder:
        tuned.model[0].model = adapted.merge_and_unload()
        return SentenceEncoder(tuned.model, tuned.prompt)

    copy.model.eval()
    return Tuning(copy, [weight for weight in copy.model.parameters() if weight.requires_grad], finish=merge)


METHODS: dict[str, Callable[[SentenceEncoder, Reach], Tuning]] = {"full": full, "last-k": last_k, "lora": lora}
"""A further method is one function here: it copies the encoder and says what moves."""


def prepare(method: str, encoder: SentenceEncoder, reach: Reach) -> Tuning:
    """A copy of the encoder, ready to learn in this way.

    Raises
    ------
    UsageError : no such method
    """
    if method not in METHODS:
        raise UsageError(
            f"method {method!r}: there is {', '.join(sorted(METHODS))}, and frozen to leave the encoder as it is."
        )
    return METHODS[method](encoder, reach)


def _copy(encoder: SentenceEncoder, moves: bool) -> SentenceEncoder:
    # Kept in evaluation mode: without dropout, two passes over a text give the same vector.
    copy = SentenceEncoder(deepcopy(encoder.model), encoder.prompt)
    for weight in copy.model.parameters():
        weight.requires_grad_(moves and weight.is_floating_point())
    return copy


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
