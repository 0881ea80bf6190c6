"""Training the transformer of `sequence.py`: at every step of a history it is asked what came next."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from goeswith.association.histories import Histories
from goeswith.association.loop import Schedule, run
from goeswith.association.sequence import FEWEST, Sequence, SequenceConfig, in_order

Array = NDArray[np.float32]
Pieces = list[NDArray[np.int64]]
WEIGHT_DECAY = 0.01
NOTHING = -1
SPREAD = 4.0
"""F's vectors have length one; the net reads numbers of about a quarter, and compares with vectors of this length."""


def fit_sequence(
    histories: Histories, source: Array, target: Array, config: SequenceConfig, seed: int = 0
) -> Sequence | None:
    """Taught on every history; None where there is too little to learn from.

    Parameters
    ----------
    source, target : (items, e), F's vectors
    """
    some = pieces(in_order(histories), config.length + 1)
    if not config.steps or sum(len(piece) - 1 for piece in some) < FEWEST:
        return None
    bought = np.unique(histories.item[histories.n > 0])
    place = np.full(len(source), NOTHING, np.int64)
    place[bought] = np.arange(len(bought))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = Transformer(source, target, place, config)
        _train(net, some, bought, config, seed)
    weights = {name: tensor.detach().numpy().astype(np.float32) for name, tensor in net.learnt().items()}
    return Sequence(weights, place, config.heads, config.length)


class Transformer(nn.Module):
    """SASRec over given vectors: causal blocks; the state after each step is compared with what may come next."""

    def __init__(self, source: Array, target: Array, place: NDArray[np.int64], config: SequenceConfig) -> None:
        super().__init__()
        d, self.unnamed = config.dimensions, config.unnamed
        self.spread = float(np.sqrt(source.shape[1])) / SPREAD
        self.source = torch.from_numpy(source * np.float32(self.spread))
        self.target = torch.from_numpy(target * np.float32(SPREAD))
        self.place = torch.from_numpy(place)
        self.reads = nn.Linear(source.shape[1], d)
        self.towards = nn.Linear(d, target.shape[1], bias=False)
        self.own = nn.Embedding(int(place.max(initial=0)) + 1, d)
        self.places = nn.Embedding(config.length, d)
        nn.init.normal_(self.own.weight, std=0.02)
        block = nn.TransformerEncoderLayer(d, config.heads, 2 * d, config.dropout, batch_first=True, norm_first=True)
        self.blocks = nn.TransformerEncoder(block, config.blocks, nn.LayerNorm(d), enable_nested_tensor=False)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, items: Tensor) -> Tensor:
        """(batch, steps) of items to (batch, steps, d)."""
        named = self.place[items] >= 0
        if self.training:
            named &= torch.rand(items.shape) >= self.unnamed
        n = items.shape[1]
        x = self.reads(self.source[items]) + self.own(self.place[items].clamp(min=0)) * named[..., None]
        mask = nn.Transformer.generate_square_subsequent_mask(n)
        states: Tensor = self.blocks(self.dropout(x + self.places.weight[:n]), mask=mask, is_causal=True)
        return states

    def logits(self, states: Tensor, items: Tensor) -> Tensor:
        """(steps, d) and (candidates,) to (steps, candidates)."""
        own = self.own(self.place[items].clamp(min=0)) * (self.place[items] >= 0)[:, None]
        return self.towards(states) @ self.target[items].T + states @ own.T

    def learnt(self) -> dict[str, Tensor]:
        """What `Sequence` calculates with, by its names."""
        return self.blocks.state_dict() | {
            "reads.weight": self.spread * self.reads.weight, "reads.bias": self.reads.bias,
            "towards": SPREAD * self.towards.weight, "own": self.own.weight, "places": self.places.weight,
        }  # fmt: skip


def _train(net: Transformer, some: Pieces, bought: NDArray[np.int64], config: SequenceConfig, seed: int) -> None:
    """Pieces of like length share a batch."""
    starts = np.arange(0, len(some), config.batch)
    steps = min(config.steps, config.epochs * len(starts))
    by_length: Pieces = []
    turn = np.zeros(0, np.int64)

    def backward(step: int) -> float:
        nonlocal by_length, turn
        epoch, at = divmod(step, len(starts))
        if at == 0 or not by_length:
            rng = np.random.default_rng([seed, epoch])
            by_length = sorted((some[one] for one in rng.permutation(len(some))), key=len)
            turn = rng.permutation(starts)
        rng = np.random.default_rng([seed, epoch, at])
        items = padded(by_length[turn[at] : turn[at] + config.batch])
        before, after = items[:, :-1].clamp(min=0), items[:, 1:]
        asked = after != NOTHING
        states, right = net(before)[asked], after[asked]  # (steps, d), (steps,)
        others = torch.from_numpy(rng.choice(bought, min(config.drawn, len(bought)), replace=False))
        said = net.logits(states, others)
        said = said.masked_fill(others[None, :] == right[:, None], -torch.inf)
        own = net.own(net.place[right])
        hit = (net.towards(states) * net.target[right]).sum(1, keepdim=True) + (states * own).sum(1, keepdim=True)
        loss = nn.functional.cross_entropy(torch.cat([hit, said], dim=1), torch.zeros_like(right))
        loss.backward()
        return float(loss.detach())

    net.train()
    run({"sequence": list(net.parameters())}, backward, Schedule(steps, 1, {"sequence": config.rate}, WEIGHT_DECAY))
    net.eval()


def pieces(histories: Pieces, length: int) -> Pieces:
    """Histories cut from their ends into pieces of `length`, one step shared: all but the first are asked.

    Examples
    --------
    >>> [piece.tolist() for piece in pieces([np.arange(5), np.arange(1)], 3)]
    [[2, 3, 4], [0, 1, 2]]
    """
    return [held[max(0, end - length) : end] for held in histories for end in range(len(held), 1, 1 - length)]


def padded(some: Pieces) -> Tensor:
    """(pieces, longest), filled up with `NOTHING`."""
    tensors = [torch.from_numpy(np.ascontiguousarray(held)) for held in some]
    return nn.utils.rnn.pad_sequence(tensors, batch_first=True, padding_value=NOTHING)
