"""From texts to source and target vectors with a gradient, for the steps that move theta."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import normalize

from goeswith.association.features import FeatureLayer
from goeswith.association.losses import batch_softmax, two_pass_backward
from goeswith.association.pairs import Batch
from goeswith.language.adapters import Tuning
from goeswith.language.encoder import length_buckets

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

    def backward(self, batch: Batch, scale: float, memory: Literal["plain", "two-pass", "auto"] = "auto") -> float:
        """Add the gradient of the objective on this batch to the parameters; returns the loss."""
        groups, parts = self._parts(batch)
        characters = sum(len(self.texts[group]) for group in groups)
        if memory == "two-pass" or (memory == "auto" and characters > LONG_BATCH):
            loss = two_pass_backward(parts, self._embed, lambda vectors: self._loss(batch, groups, vectors, scale))
        else:
            loss = self._loss(batch, groups, torch.cat([self._embed(part) for part in parts]), scale)
            loss.backward()
        return float(loss.detach())

    def loss(self, batch: Batch, scale: float) -> float:
        """The objective on this batch."""
        groups, parts = self._parts(batch)
        with torch.no_grad():
            vectors = torch.cat([self._embed(part) for part in parts])
            return float(self._loss(batch, groups, vectors, scale))

    def vectors(self, groups: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """Source and target vectors of these groups as they are at this moment, each (groups, d)."""
        with torch.no_grad():
            encoded = self.tuning.encode([self.texts[group] for group in groups])
            return self._heads(groups, torch.from_numpy(encoded).to(self.tuning.device))

    def _parts(self, batch: Batch) -> tuple[NDArray[np.int64], list[NDArray[np.int64]]]:
        """The distinct groups of a batch, and the same in parts of like length; both in the order of the parts."""
        named = np.concatenate([batch.history.ravel(), batch.target, batch.negatives])
        distinct = np.unique(named[named >= 0])
        buckets = length_buckets([self.texts[group] for group in distinct], PART)
        parts = [distinct[rows] for rows in buckets]
        return np.concatenate(parts), parts

    def _embed(self, groups: NDArray[np.int64]) -> Tensor:
        return self.tuning.embed([self.texts[group] for group in groups])

    def _heads(self, groups: NDArray[np.int64], encoded: Tensor) -> tuple[Tensor, Tensor]:
        if self.layer is None:
            return encoded, encoded
        joined = encoded
        if self.lexical is not None:
            words = torch.from_numpy(self.lexical[groups]).to(encoded.device)
            joined = normalize(torch.cat([encoded, words], dim=1), dim=-1)  # (groups, d)
        return self.layer.source(joined), self.layer.target(joined)

    def _loss(self, batch: Batch, groups: NDArray[np.int64], encoded: Tensor, scale: float) -> Tensor:
        source, target = self._heads(groups, encoded)
        place = np.zeros(len(self.texts), dtype=np.int64)
        place[groups] = np.arange(len(groups))
        known = torch.from_numpy(batch.history >= 0).to(source.device)  # (batch, history)
        past = source[torch.from_numpy(place[np.maximum(batch.history, 0)]).to(source.device)]  # (batch, history, d)
        candidates = place[np.concatenate([batch.target, batch.negatives])]
        return batch_softmax(batch, past, known, target[torch.from_numpy(candidates).to(source.device)], scale)
