"""An encoder behind the protocol of readers: log M(r_i | r_u) is a softmax over the catalogue, log M(r_i) its mean."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from goeswith.association.losses import history_scores
from goeswith.association.score import log_given, log_marginal
from goeswith.language.encoder import Encoder


class EncoderReader:
    """What an encoder says of a history and a candidate, in the terms of the association score.

    Parameters
    ----------
    catalogue : texts that the softmax is taken over
    customers : histories over which M(r_i | r_u) is averaged to M(r_i)
    scale : multiplies cosines before the exponential

    Examples
    --------
    >>> from goeswith.testing.fake_encoder import FakeEncoder
    >>> shelf = ["laser printer", "toner for laser printer", "oat milk"]
    >>> reader = EncoderReader(FakeEncoder(), shelf, [["laser printer"], ["oat milk"]])
    >>> toner, milk = reader.lifts(["laser printer"], ["toner for laser printer", "oat milk"])
    >>> bool(toner > 0 > milk)
    True
    """

    def __init__(
        self, encoder: Encoder, catalogue: Sequence[str], customers: Sequence[Sequence[str]], scale: float = 10.0
    ) -> None:
        self.encoder, self.scale = encoder, scale
        self._row = {text: at for at, text in enumerate(dict.fromkeys(catalogue))}
        self._targets = torch.from_numpy(encoder.encode(list(self._row)))
        self._marginal = log_marginal(np.vstack([self.given(own) for own in customers]))

    def given(self, history: Sequence[str]) -> NDArray[np.floating]:
        """log M(r_i | r_u) of every text of the catalogue; (1, catalogue)"""
        sources = torch.from_numpy(self.encoder.encode(list(history)))  # (history, d)
        every = torch.arange(len(history))[None]
        return log_given(history_scores(sources, every, self._targets, self.scale).numpy())

    def lifts(self, history: Sequence[str], candidates: Sequence[str]) -> NDArray[np.float32]:
        """log M(r_i | r_u) − log M(r_i), (candidates,); each candidate must be in the catalogue."""
        if not history:
            return np.zeros(len(candidates), np.float32)
        rows = [self._row[text] for text in candidates]
        return (self.given(history)[0] - self._marginal)[rows].astype(np.float32)
