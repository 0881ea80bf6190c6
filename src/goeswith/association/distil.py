"""From a pair classifier to two vectors: the student learns to order what the teacher has read."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from goeswith.association.labelled_pairs import HARDNESSES, PairSource
from goeswith.language.pair_classifier import PairClassifier

LIST = 6
"""Candidates that the teacher orders for each product: what followed it, and one or two of each hardness."""


@dataclass(frozen=True)
class Lists:
    """Products, candidates beside each, and how the teacher shares out its belief among them.

    first : (lists,), groups; second : (lists, candidates), groups; belief : (lists, candidates), rows sum to 1
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    belief: NDArray[np.float32]

    @property
    def named(self) -> NDArray[np.int64]:
        return np.unique(np.concatenate([self.first, self.second.ravel()]))

    @property
    def n_pairs(self) -> int:
        return self.second.size

    def take(self, rows: NDArray[np.int64]) -> "Lists":
        return Lists(self.first[rows], self.second[rows], self.belief[rows])


def taught(teacher: PairClassifier, texts: list[str], source: PairSource, n: int, rng: np.random.Generator) -> Lists:
    """Let the teacher read n lists once; a student may go over them as often as it likes.

    Parameters
    ----------
    texts : (groups,)
    """
    first, second = source.positives(n, rng)
    columns = [second]
    while len(columns) < LIST:
        hardness = HARDNESSES[(len(columns) - 1) % len(HARDNESSES)]
        other = source.negatives(first, second, hardness, rng)
        # Where a shop is too small for a negative, the product that followed stands there once more.
        columns.append(np.where(other >= 0, other, second))
    table = np.column_stack(columns)
    odds = teacher.log_odds(
        [texts[a] for a in np.repeat(first, LIST)], [texts[b] for b in table.ravel()]
    ).reshape(table.shape)  # fmt: skip
    belief = torch.from_numpy(odds).softmax(dim=1).numpy()
    return Lists(first, table, belief)


def list_loss(lists: Lists, groups: NDArray[np.int64], source: Tensor, target: Tensor, scale: float) -> Tensor:
    """Cross-entropy between the teacher's belief and the softmax of the student's cosines, mean over lists.

    References
    ----------
    Hinton et al., "Distilling the Knowledge in a Neural Network", 2015; Hofstätter et al., "Improving Efficient Neural
    Ranking Models with Cross-Architecture Knowledge Distillation", 2020.

    Examples
    --------
    A student that cannot tell two candidates apart pays log 2.

    >>> lists = Lists(np.array([0]), np.array([[1, 2]]), np.float32([[1, 0]]))
    >>> loss = list_loss(lists, np.arange(3), torch.eye(3), torch.eye(3), scale=10.0)
    >>> round(loss.item(), 4)
    0.6931
    """
    first = torch.from_numpy(np.searchsorted(groups, lists.first)).to(source.device)
    second = torch.from_numpy(np.searchsorted(groups, lists.second)).to(source.device)
    cosines = (source[first][:, None, :] * target[second]).sum(dim=-1)  # (lists, candidates)
    belief = torch.from_numpy(lists.belief).to(source.device)
    return -(belief * (scale * cosines).log_softmax(dim=1)).sum(dim=1).mean()
