"""What comes next in a history, read in its order by a small transformer over F's vectors."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field, NonNegativeInt, PositiveFloat, PositiveInt

from goeswith.association.histories import Histories

Array = NDArray[np.float32]
FEWEST = 200
"""With fewer steps of which the next one is known, nothing is learnt."""


class SequenceConfig(BaseModel, frozen=True, extra="forbid"):
    """How the transformer is built and taught."""

    steps: NonNegativeInt = 1_500
    """At most; 0 leaves it out. A small shop takes `epochs`."""
    epochs: PositiveInt = 20
    dimensions: PositiveInt = 64
    heads: PositiveInt = 2
    blocks: PositiveInt = 2
    length: PositiveInt = 50
    """Products of a history that are read, the newest."""
    batch: PositiveInt = 64
    drawn: PositiveInt = 1_000
    """Negatives of a step, shared by the batch."""
    rate: PositiveFloat = 1e-3
    dropout: float = Field(default=0.2, ge=0, lt=1)
    unnamed: float = Field(default=0.3, ge=0, lt=1)
    """Share of the products that are read by their vectors alone, as those that nobody has bought."""


@dataclass(frozen=True)
class Sequence:
    """The trained transformer, as NumPy calculates with it.

    weights : by name, as PyTorch names them
    place : (items,), row of a product in `own` of the weights; -1 where it was never bought
    heads, length : as its settings say

    A history is a customer's distinct products in the order of their last purchase. Each is read as a linear map of
    F's source vector, and a vector of its own where it was sold; what is expected next is compared with F's target
    vectors and those own ones, so that products which nobody has bought can be read and be answers.

    References
    ----------
    Kang and McAuley, "Self-attentive sequential recommendation", ICDM 2018. Klenitskiy and Vasilev, "Turning dross
    into gold loss: is BERT4Rec really better than SASRec?", RecSys 2023, for the softmax over drawn negatives.
    """

    weights: Mapping[str, Array]
    place: NDArray[np.int64]
    heads: int
    length: int

    def expected(self, own: Histories, source: Array) -> Array:
        """What each customer is expected to take next; (queries, d), zeros without a history.

        Parameters
        ----------
        source : (items, e), F's source vectors
        """
        width = self.weights["places"].shape[1]
        result: Array = np.zeros((len(own), width), np.float32)
        for query, items in enumerate(in_order(own)):
            if len(items):
                result[query] = self._last_state(items[-self.length :], source)
        return result

    def scores(self, own: Histories, source: Array, target: Array) -> Array:
        """(queries, items)."""
        state = self.expected(own, source)
        said = np.asarray((state @ self.weights["towards"].T) @ target.T, np.float32)
        bought = np.flatnonzero(self.place >= 0)
        said[:, bought] += state @ self.weights["own"][self.place[bought]].T
        said[np.diff(own.start) == 0] = 0.0
        return said

    def _last_state(self, items: NDArray[np.int64], source: Array) -> Array:
        w = self.weights
        x = source[items] @ w["reads.weight"].T + w["reads.bias"] + w["places"][: len(items)]
        named = self.place[items] >= 0
        x[named] += w["own"][self.place[items[named]]]
        n_blocks = sum(name.endswith("linear1.weight") for name in w)
        for at in range(n_blocks):
            x += self._attended(_normed(x, w, f"layers.{at}.norm1"), f"layers.{at}.self_attn.")
            inner = _normed(x, w, f"layers.{at}.norm2") @ w[f"layers.{at}.linear1.weight"].T
            inner = np.maximum(inner + w[f"layers.{at}.linear1.bias"], 0)
            x += inner @ w[f"layers.{at}.linear2.weight"].T + w[f"layers.{at}.linear2.bias"]
        last: Array = _normed(x[-1:], w, "norm")[0]
        return last

    def _attended(self, x: Array, name: str) -> Array:
        w, (n, d) = self.weights, x.shape
        read = x @ w[f"{name}in_proj_weight"].T + w[f"{name}in_proj_bias"]
        asks, has, says = (
            part.reshape(n, self.heads, d // self.heads).transpose(1, 0, 2) for part in np.split(read, 3, 1)
        )
        looks = asks @ has.transpose(0, 2, 1) / np.float32(np.sqrt(d // self.heads))  # (heads, n, n)
        looks[:, np.triu(np.ones((n, n), bool), 1)] = -np.inf
        looks = np.exp(looks - looks.max(axis=2, keepdims=True))
        looks /= looks.sum(axis=2, keepdims=True)
        heard = (looks @ says).transpose(1, 0, 2).reshape(n, d)
        said: Array = heard @ w[f"{name}out_proj.weight"].T + w[f"{name}out_proj.bias"]
        return said


def in_order(own: Histories) -> list[NDArray[np.int64]]:
    """Of each query the products it bought, the latest last.

    Examples
    --------
    >>> from datetime import datetime
    >>> from goeswith.association.histories import histories_from
    >>> [items.tolist() for items in in_order(histories_from([[[2], [0], [1]], []], datetime(2024, 1, 1)))]
    [[2, 0, 1], []]
    """
    row = np.repeat(np.arange(len(own)), np.diff(own.start))
    bought = own.n > 0
    order = np.lexsort((-own.steps[bought], row[bought]))
    ends = np.cumsum(np.bincount(row[bought], minlength=len(own)))
    return np.split(own.item[bought][order], ends[:-1]) if len(own) else []


def _normed(x: Array, w: Mapping[str, Array], name: str) -> Array:
    moved = x - x.mean(axis=1, keepdims=True)
    scale = np.sqrt((moved * moved).mean(axis=1, keepdims=True) + np.float32(1e-5))
    result: Array = moved / scale * w[f"{name}.weight"] + w[f"{name}.bias"]
    return result
