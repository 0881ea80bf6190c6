"""What the frozen lower layers of a transformer make of a text is always the same: compute it once."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from goeswith.errors import ModelError


class LowerLayers:
    """Keeps the input of the first layer that moves, for each text, in half precision.

    Parameters
    ----------
    holder, name : where the list of layers hangs
    below : how many of them are frozen
    limit : bytes; texts beyond it are computed anew each time
    """

    def __init__(self, model: nn.Module, holder: nn.Module, name: str, below: int, limit: int) -> None:
        self.model, self.holder, self.name, self.below, self.limit = model, holder, name, below, limit
        self.layers: nn.ModuleList = getattr(holder, name)
        self.kept: dict[str, NDArray[np.float16]] = {}
        self.bytes = 0

    @contextmanager
    def answering(self, texts: Sequence[str], features: dict[str, Any], exact: bool = False) -> Iterator[None]:
        """While this lasts, the model's lower layers answer for these texts from memory.

        Parameters
        ----------
        features : of these texts, padded on the right; `attention_mask` is (texts, tokens)
        exact : what has to be computed is taken as computed, and not as it is kept; a lesson that reads a text twice
            must find the same both times
        """
        mask = features["attention_mask"]
        hidden = self._hidden(texts, features, exact)  # (texts, tokens, d)
        told = nn.ModuleList([_Answer(hidden, mask.shape), *self.layers[self.below :]])
        setattr(self.holder, self.name, told)
        try:
            yield
        finally:
            setattr(self.holder, self.name, self.layers)

    def _hidden(self, texts: Sequence[str], features: dict[str, Any], exact: bool) -> Tensor:
        mask = features["attention_mask"]
        known: list[NDArray[np.floating] | None] = [self.kept.get(text) for text in texts]
        if any(own is None for own in known):
            missing = [at for at, own in enumerate(known) if own is None]
            rows = torch.tensor(missing, device=mask.device)
            computed = self._compute({n: _rows(value, rows, len(texts)) for n, value in features.items()})
            lengths = mask[rows].sum(dim=1).tolist()
            for at, states, length in zip(missing, computed.cpu().numpy(), lengths, strict=True):
                half = states[: int(length)].astype(np.float16)
                known[at] = states[: int(length)] if exact else half
                if self.bytes + half.nbytes <= self.limit and texts[at] not in self.kept:
                    self.kept[texts[at]] = half
                    self.bytes += half.nbytes
        width = next(own.shape[1] for own in known if own is not None)
        hidden = np.zeros((*mask.shape, width), dtype=np.float32)
        for at, own in enumerate(known):
            if own is not None:
                hidden[at, : len(own)] = own
        return torch.from_numpy(hidden).to(mask.device)

    def _compute(self, features: dict[str, Any]) -> Tensor:
        """What reaches the first layer that moves; the layers above are not run."""
        caught: list[Tensor] = []

        def catch(_module: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any]) -> None:
            caught.append(inputs[0] if inputs else named["hidden_states"])
            raise _Reached

        hook = self.layers[self.below].register_forward_pre_hook(catch, with_kwargs=True)
        try:
            with torch.no_grad():
                self.model(features)
        except _Reached:
            pass
        finally:
            hook.remove()
        return caught[0]


class _Reached(Exception):
    """The forward pass has come as far as was wanted."""


class _Answer(nn.Module):
    """Stands where the lower layers stood."""

    def __init__(self, hidden: Tensor, expected: torch.Size) -> None:
        super().__init__()
        self.hidden, self.expected = hidden, expected

    def forward(self, hidden_states: Tensor, *_: Any, **__: Any) -> Tensor:
        if hidden_states.shape[:2] != self.expected:
            raise RuntimeError("this transformer packs its tokens; its lower layers cannot be kept")
        return self.hidden


def layers_of(model: nn.Module) -> tuple[nn.Module, str]:
    """Where the transformer's list of layers hangs: the longest list of modules of one kind.

    Raises
    ------
    ModelError : there is no such list
    """
    found: tuple[int, nn.Module, str] | None = None
    for holder in model.modules():
        for name, child in holder.named_children():
            alike = isinstance(child, nn.ModuleList) and len({type(layer) for layer in child}) == 1
            if alike and (found is None or len(child) > found[0]):  # type: ignore[arg-type]
                found = (len(child), holder, name)  # type: ignore[arg-type]
    if found is None:
        raise ModelError('this encoder has no list of layers to move the last ones of: use method "full" or "lora".')
    return found[1], found[2]


def _rows(value: Any, rows: Tensor, n: int) -> Any:
    return value[rows] if isinstance(value, Tensor) and value.ndim and len(value) == n else value
