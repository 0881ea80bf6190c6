"""The likelihood objective of an encoder: the softmax over the whole catalogue, not over a sample of it."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from goeswith.association.losses import history_scores
from goeswith.association.pairs import Batch, rows_of
from goeswith.association.towers import Towers


class CatalogueSoftmax:
    """−log P(r | u) with every product of the catalogue below the line.

    The products of a step carry a gradient; of all others the vectors count as they were at the last refresh, for to
    encode a whole catalogue in every step would take minutes. Nothing is sampled, so nothing needs correcting.

    Parameters
    ----------
    log_prior : (groups,), log of how often each is bought whatever came before
    refresh : steps between two encodings of the whole catalogue
    """

    def __init__(self, log_prior: NDArray[np.float32], scale: float, refresh: int) -> None:
        self.log_prior, self.scale, self.refresh = torch.from_numpy(log_prior), scale, refresh
        self._table: Tensor | None = None

    def prepare(self, towers: Towers, step: int) -> None:
        """To be called before each step: encodes the catalogue when it is time to."""
        if self._table is None or step % self.refresh == 0:
            self._table = towers.vectors(np.arange(len(self.log_prior)))[1]

    def __call__(self, batch: Batch, groups: NDArray[np.int64], source: Tensor, target: Tensor) -> Tensor:
        """Mean negative log-likelihood; source, target : (groups, d) of the products of the step."""
        assert self._table is not None
        place = torch.from_numpy(groups).to(source.device)
        table = self._table.to(source.device).index_copy(0, place, target)  # (catalogue, d)
        history = torch.from_numpy(rows_of(groups, batch.history)).to(source.device)  # (batch, history)
        scores = history_scores(source, history, table, self.scale)  # (batch, catalogue)
        scores = scores + self.log_prior.to(scores.device)
        return torch.nn.functional.cross_entropy(scores, torch.from_numpy(batch.target).to(scores.device))
