"""From texts to source and target vectors with a gradient, for the steps that move theta."""

from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import normalize

from goeswith.association.features import FeatureLayer
from goeswith.association.losses import batch_softmax, two_pass_backward
from goeswith.association.pairs import Batch, rows_of
from goeswith.language.adapters import Tuning
from goeswith.language.encoder import length_buckets

Objective = Callable[[Any, NDArray[np.int64], Tensor, Tensor], Tensor]
"""batch, groups, and of these source and target vectors (groups, d) -> the loss."""


class Named(Protocol):
    """What a step is made of: at least, which groups it names, sorted, and how many pairs it learns from."""

    @property
    def named(self) -> NDArray[np.int64]: ...

    @property
    def n_pairs(self) -> int: ...


def sampled(scale: float) -> Objective:
    """The contrastive objective: the target among those of the batch and the drawn negatives."""

    def loss(batch: Batch, groups: NDArray[np.int64], source: Tensor, target: Tensor) -> Tensor:
        history = torch.from_numpy(rows_of(groups, batch.history)).to(source.device)  # (batch, history)
        candidates = rows_of(groups, np.concatenate([batch.target, batch.negatives]))
        return batch_softmax(batch, source, history, target[torch.from_numpy(candidates)], scale)

    return loss


LONG_BATCH = 60_000
"""Characters in one step above which two passes are taken, to bound the memory."""
PART = 4_000


class Towers:
    """Source and target vectors of texts; both are the encoder's own, unless F's heads are trained along.

    Parameters
    ----------
    texts : distinct; a group is a row of them
    layer : F on [encoder, words], or None
    lexical : (texts, d), unit vectors of words, or None
    """

    def __init__(
        self,
        tuning: Tuning,
        texts: Sequence[str],
        layer: FeatureLayer | None = None,
        lexical: NDArray[np.float32] | None = None,
    ) -> None:
        self.tuning, self.texts, self.layer, self.lexical = tuning, texts, layer, lexical
        self._put: dict[int, str] = {}

    def backward(
        self,
        batch: Named,
        objective: Objective,
        memory: Literal["plain", "two-pass", "auto"] = "auto",
        said: Callable[[str], str] | None = None,
    ) -> float:
        """Add the gradient of the objective on this batch to the parameters; returns the loss.

        Parameters
        ----------
        said : how a text is put this time (`language/augment.py`); None: as it is
        """
        groups, parts, order = self._parts(batch)
        characters = sum(len(self.texts[group]) for group in groups)
        # Chosen once a step: a second pass must read what the first one read.
        self._put = {group: said(self.texts[group]) for group in groups.tolist()} if said else {}
        if memory == "two-pass" or (memory == "auto" and characters > LONG_BATCH):
            loss = two_pass_backward(
                parts, self._embed, lambda vectors: objective(batch, groups, *self._heads(groups, vectors[order]))
            )
        else:
            vectors = torch.cat([self._embed(part) for part in parts])[order]
            loss = objective(batch, groups, *self._heads(groups, vectors))
            loss.backward()
        self._put = {}
        return float(loss.detach())

    def loss(self, batch: Named, objective: Objective) -> float:
        """The objective on this batch."""
        groups, parts, order = self._parts(batch)
        with torch.no_grad():
            vectors = torch.cat([self._embed(part) for part in parts])[order]
            return float(objective(batch, groups, *self._heads(groups, vectors)))

    def vectors(self, groups: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """Source and target vectors of these groups as they are at this moment, each (groups, d)."""
        with torch.no_grad():
            encoded = self.tuning.encode([self.texts[group] for group in groups])
            return self._heads(groups, torch.from_numpy(encoded).to(self.tuning.device))

    def _parts(self, batch: Named) -> tuple[NDArray[np.int64], list[NDArray[np.int64]], Tensor]:
        """The groups of a batch, sorted; the same in parts of like length; and how to put those in order again."""
        groups = batch.named
        parts = [groups[rows] for rows in length_buckets([self.texts[group] for group in groups], PART)]
        order = torch.from_numpy(np.argsort(np.concatenate(parts))).to(self.tuning.device)
        return groups, parts, order

    def _embed(self, groups: NDArray[np.int64]) -> Tensor:
        return self.tuning.embed([self._put.get(group, self.texts[group]) for group in groups.tolist()])

    def _heads(self, groups: NDArray[np.int64], encoded: Tensor) -> tuple[Tensor, Tensor]:
        if self.layer is None:
            return encoded, encoded
        joined = encoded
        if self.lexical is not None:
            words = torch.from_numpy(self.lexical[groups]).to(encoded.device)
            joined = normalize(torch.cat([encoded, words], dim=1), dim=-1)  # (groups, d)
        return self.layer.source(joined), self.layer.target(joined)
