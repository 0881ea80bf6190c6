"""The contrastive objective: a product that was bought, against all that might have been."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import torch
from numpy.typing import NDArray
from torch import Tensor

from goeswith.association.pairs import Batch

Part = TypeVar("Part")

SCALE = 10.0
"""Multiplies cosines before the exponential; larger is stricter."""


def history_scores(sources: Tensor, history: Tensor, targets: Tensor, scale: float = SCALE) -> Tensor:
    """How well each candidate goes with each history: log sum_j exp(scale * cos(source(h_j), target(i))).

    The sum lets one fitting product of the history explain the next one. A mean would ask that all of them fit, and
    pull together what does not belong together. A product of several histories meets the candidates once.

    Parameters
    ----------
    sources : (products, d), unit vectors
    history : (batch, history), rows of `sources`, -1 where a history is shorter
    targets : (candidates, d), unit vectors

    Returns
    -------
    (batch, candidates); of an empty history, 0

    Examples
    --------
    Two products of the history point to the candidate, one at a right angle to it.

    >>> past = torch.eye(2)
    >>> round(history_scores(past, torch.tensor([[0, 1]]), torch.tensor([[1.0, 0.0]]), scale=1.0).item(), 4)
    1.3133
    """
    cosines = scale * (sources @ targets.T)  # (products, candidates)
    unknown = cosines.new_full((1, len(targets)), torch.finfo(cosines.dtype).min)  # the last row, which -1 stands for
    scores = torch.cat([cosines, unknown])[history].logsumexp(dim=1)  # (batch, candidates)
    return scores.masked_fill((history < 0).all(dim=1)[:, None], 0.0)


def sampled_softmax(scores: Tensor, target: Tensor, negatives: Tensor, log_q: Tensor) -> Tensor:
    """Mean negative log-likelihood of each target among the batch's targets and the drawn negatives.

    Each candidate's score is lessened by the log of how often it is expected among the candidates; without this the
    popular, who are drawn most, would be pushed down most. A candidate that is the row's own target once more is no
    negative and is left out.

    Parameters
    ----------
    scores : (batch, batch + drawn), column r of the first `batch` is the target of row r
    target : (batch,), what counts as the same product
    negatives : (drawn,)
    log_q : (batch + drawn,)

    References
    ----------
    Bengio and Senécal, "Adaptive Importance Sampling", IEEE TNN 2008; Yi et al., "Sampling-Bias-Corrected Neural
    Modeling", RecSys 2019.

    Examples
    --------
    One row, one negative, equal scores, equal chances: the target is a coin's toss.

    >>> zero = torch.zeros
    >>> loss = sampled_softmax(zero(1, 2), torch.tensor([3]), torch.tensor([5]), zero(2))
    >>> round(loss.item(), 4)
    0.6931
    """
    corrected = scores - log_q[None, :]  # (batch, candidates)
    same = target[:, None] == torch.cat([target, negatives])[None, :]  # (batch, candidates)
    own = torch.eye(len(target), same.shape[1], dtype=torch.bool, device=scores.device)
    masked = corrected.masked_fill(same & ~own, torch.finfo(corrected.dtype).min)
    return -(masked.diagonal() - masked.logsumexp(dim=1)).mean()


def batch_softmax(batch: Batch, sources: Tensor, history: Tensor, targets: Tensor, scale: float) -> Tensor:
    """Sampled softmax over a batch whose vectors are there.

    Parameters
    ----------
    sources : (products, d)
    history : (batch, history), rows of `sources`, -1 where a history is shorter
    targets : (batch + drawn, d)
    """

    def tensor(values: NDArray) -> Tensor:
        return torch.from_numpy(values).to(targets.device)

    # How common a product is belongs to log F (design §1): were it left to the text, every product that reads like
    # milk would be taken for as popular as milk, the ones that nobody has bought first of all.
    scores = history_scores(sources, history, targets, scale) + tensor(batch.log_prior)  # (batch, candidates)
    return sampled_softmax(scores, tensor(batch.target), tensor(batch.negatives), tensor(batch.log_q))


def two_pass_backward(
    parts: Sequence[Part], embed: Callable[[Part], Tensor], loss_of: Callable[[Tensor], Tensor]
) -> Tensor:
    """Backward through any number of texts with the memory of one part.

    First all parts are embedded without a graph and the loss is taken; then each part is embedded again, alone, and
    sent back the gradient that its vectors received. The sum of these is the plain gradient. `embed` must give the
    same vectors both times (no dropout).

    Parameters
    ----------
    parts : for instance batches of token ids
    embed : part -> (rows, d)
    loss_of : (all rows, d) -> scalar

    Returns
    -------
    the loss, detached; gradients are added to the parameters

    References
    ----------
    Gao et al., "Scaling Deep Contrastive Learning Batch Size under Memory Limited Setup", RepL4NLP 2021; Vančura et
    al., "beeFormer", RecSys 2024.
    """
    with torch.no_grad():
        embedded = [embed(part) for part in parts]
    vectors = torch.cat(embedded).requires_grad_()
    loss = loss_of(vectors)
    loss.backward()
    gradient = vectors.grad if vectors.grad is not None else torch.zeros_like(vectors)
    for part, received in zip(parts, gradient.split([len(rows) for rows in embedded]), strict=True):
        embed(part).backward(received)
    return loss.detach()
