"""A set of distinct products, encoded once, with every co-purchase among them as positives."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch import Tensor

from goeswith.association.pairs import Threads

NEXT = 5
"""How many purchases back a product still goes with the next one."""


@dataclass(frozen=True)
class ProductSet:
    """
    named : (set,), distinct groups, sorted
    together : (set, set), weight of the second having followed the first
    log_prior : (set,), log of the share of purchases that each is
    """

    named: NDArray[np.int64]
    together: NDArray[np.float32]
    log_prior: NDArray[np.float32]

    @property
    def n_pairs(self) -> int:
        return int(np.count_nonzero(self.together))


class ProductSets:
    """Draws sets in which much was bought together: all of a few customers' purchases in a row.

    A step of text pairs encodes a product as often as it is drawn, and learns one thing of each pair. A set of n
    products encodes n texts and learns from up to n² pairs.

    References
    ----------
    Vančura et al., "beeFormer: Bridging the Gap Between Semantic and Interaction Similarity in Recommender Systems",
    RecSys 2024.
    """

    def __init__(self, purchases: Threads) -> None:
        self.purchases = purchases

    @cached_property
    def counts(self) -> csr_array:
        """(groups, groups), how often the second was bought within a few purchases after the first."""
        purchases = self.purchases
        group = purchases.group[purchases.item]
        n = int(purchases.group.max()) + 1
        here = np.arange(len(group))
        table = csr_array((n, n), dtype=np.float32)
        for back in range(1, NEXT + 1):
            later = here[here - back >= purchases.start]
            later = later[purchases.weight[later] > 0]
            ones = np.ones(len(later), np.float32)
            table = table + csr_array((ones, (group[later - back], group[later])), shape=(n, n))
        table.setdiag(0)
        table.eliminate_zeros()
        return csr_array(table)

    def draw(self, size: int, rng: np.random.Generator) -> ProductSet:
        """A set of at most `size` products."""
        purchases = self.purchases
        found: dict[int, None] = {}
        for _ in range(10 * size):
            at = purchases.draw(1, rng)[0]
            begin = max(int(purchases.start[at]), int(at) - 4 * NEXT)
            found |= dict.fromkeys(purchases.group[purchases.item[begin : at + 1]].tolist())
            if len(found) >= size:
                break
        named = np.sort(np.array(list(found)[:size], dtype=np.int64))
        together = self.counts[named][:, named].toarray()
        # The square root keeps the commonest pair from being most of what is learnt.
        return ProductSet(named, np.sqrt(together).astype(np.float32), purchases.log_prior[named])


def set_softmax(products: ProductSet, source: Tensor, target: Tensor, scale: float) -> Tensor:
    """Mean negative log-likelihood of what followed each product of the set, among the set.

    Parameters
    ----------
    source, target : (set, d), unit vectors

    Examples
    --------
    Two products that followed each other; each has only the other to be followed by.

    >>> two = ProductSet(np.array([0, 1]), np.float32([[0, 1], [1, 0]]), np.zeros(2, np.float32))
    >>> abs(set_softmax(two, torch.eye(2), torch.eye(2), scale=10.0).item())
    0.0
    """
    scores = scale * (source @ target.T) + torch.from_numpy(products.log_prior).to(source.device)  # (set, set)
    itself = torch.eye(len(scores), dtype=torch.bool, device=scores.device)
    chance = scores.masked_fill(itself, torch.finfo(scores.dtype).min).log_softmax(dim=1)
    weight = torch.from_numpy(products.together).to(scores.device)
    return -(weight * chance.masked_fill(itself, 0.0)).sum() / weight.sum().clamp(min=1e-9)
