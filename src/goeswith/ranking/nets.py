"""Small neural networks over the views: they see one query's candidates beside each other, and change smoothly.

Trees cut each view into steps and learn from pairs; they know best what holds for the products and weeks that they were
taught on. A network that was taught to prefer what was bought to the other candidates of the same query errs elsewhere,
so that both together rank better than either (docs/decisions/0035-networks-beside-the-forests.md).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, NonNegativeFloat, PositiveFloat, PositiveInt
from scipy.special import expit
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from goeswith.ranking.views import Array

KNOTS = 256
"""Quantiles that a view is measured against; where many are equal, the others share the range."""
SEEN = 200_000
"""Candidates from which a view's scale is taken."""
FARTHEST = 5.0
"""Standard deviations beyond which a value counts no more."""


class NetConfig(BaseModel, frozen=True, extra="forbid"):
    """How the networks beside the forests are trained."""

    share: NonNegativeFloat = 0.3
    """Of the log odds; 0 trains none."""
    bag: PositiveInt = 3
    hidden: tuple[PositiveInt, ...] = (64, 32)
    epochs: PositiveInt = 4
    queries: PositiveInt = 16
    """In one step."""
    learning_rate: PositiveFloat = 2e-3
    dropout: NonNegativeFloat = 0.2
    anchor: NonNegativeFloat = 0.2
    """Weight of the log loss beside that of the choice, which alone does not say how likely a purchase is at all."""


@dataclass(frozen=True)
class Scale:
    """Brings views of any size to inputs near 0, each twice: by its place among what is usual, and by its logarithm.

    knots : for each view its distinct quantiles, at most KNOTS
    size : (views,), what is multiplied before the logarithm
    mean, spread : (views,), of the logarithms
    gaps : (views,), whether the view is now and then unknown, which is an input of its own
    """

    knots: tuple[Array, ...]
    size: Array
    mean: Array
    spread: Array
    gaps: NDArray[np.bool_]

    @classmethod
    def of(cls, table: Array, rng: np.random.Generator) -> "Scale":
        """As the values of `table`, (pairs, views), want it."""
        some = table if len(table) <= SEEN else table[rng.choice(len(table), SEEN, replace=False)]
        known = ~np.isnan(some)
        at = np.linspace(0, 1, KNOTS)
        columns = [column[ok] if ok.any() else np.zeros(1) for column, ok in zip(some.T, known.T, strict=True)]
        usual = np.array([np.abs(column).mean() for column in columns])
        size = 3 / np.where(usual > 0, usual, 1)
        logs = [_signed_log(column * by) for column, by in zip(columns, size, strict=True)]
        return cls(
            tuple(np.unique(np.quantile(column, at).astype(np.float32)) for column in columns),
            size.astype(np.float32),
            np.array([log.mean() for log in logs], np.float32),
            np.array([log.std() + 1e-6 for log in logs], np.float32),
            known.mean(axis=0) < 0.999,
        )

    def __call__(self, table: Array) -> Array:
        """(pairs, inputs) from (pairs, views); what is unknown becomes 0."""
        ranks = [_place(column, knots) for column, knots in zip(table.T, self.knots, strict=True)]
        logs = np.clip((_signed_log(table * self.size) - self.mean) / self.spread, -FARTHEST, FARTHEST)
        inputs = np.concatenate([np.array(ranks, np.float32).T, logs, np.isnan(table[:, self.gaps])], axis=1)
        return np.asarray(np.nan_to_num(inputs, nan=0.0), np.float32)


def _place(values: Array, knots: Array) -> NDArray[np.float64]:
    """Where values lie between the least and the most, from -1.7 to 1.7."""
    if len(knots) < 2:
        return np.zeros(len(values))
    return np.asarray(np.interp(values, knots, np.arange(len(knots))) * (3.4 / (len(knots) - 1)) - 1.7)


def _signed_log(values: NDArray[np.floating]) -> NDArray[np.floating]:
    return np.asarray(np.sign(values) * np.log1p(np.abs(values)))


@dataclass(frozen=True)
class NetRanker:
    """A bag of multilayer perceptrons (Goodfellow, Bengio, Courville, "Deep Learning", 2016, chapter 6).

    names : the views, in the order of the inputs
    nets : of each network its layers, from the inputs on; a layer is (out, in) weights and (out,) biases
    """

    names: tuple[str, ...]
    scale: Scale
    nets: tuple[tuple[tuple[Array, Array], ...], ...]

    def odds(self, features: Mapping[str, Array]) -> NDArray[np.float64]:
        """(pairs,), log odds."""
        inputs = self.scale(np.stack([features[name] for name in self.names], axis=1))
        return np.asarray(np.mean([_forward(net, inputs) for net in self.nets], axis=0), dtype=np.float64)

    def line(self) -> str:
        """This ranker as one line of a file."""
        scale: dict[str, object] = {name: _digits(getattr(self.scale, name)) for name in ("size", "mean", "spread")}
        scale |= {"knots": [_digits(knots) for knots in self.scale.knots], "gaps": self.scale.gaps.tolist()}
        nets = [[(_digits(weight), _digits(bias)) for weight, bias in net] for net in self.nets]
        return json.dumps({"names": self.names, "scale": scale, "nets": nets})

    @classmethod
    def from_line(cls, line: str) -> "NetRanker":
        told = json.loads(line)
        scale = {name: np.array(told["scale"][name], np.float32) for name in ("size", "mean", "spread")}
        knots = tuple(np.array(each, np.float32) for each in told["scale"]["knots"])
        gaps = np.array(told["scale"]["gaps"], np.bool_)
        nets = [tuple((np.array(w, np.float32), np.array(b, np.float32)) for w, b in net) for net in told["nets"]]
        return cls(tuple(told["names"]), Scale(knots=knots, gaps=gaps, **scale), tuple(nets))


def _digits(values: Array) -> list[object]:
    """Nested lists, each number with the fewest digits that give it back."""
    return list(np.vectorize(lambda value: float(str(value)), otypes=[float])(values).tolist())


def _forward(net: Sequence[tuple[Array, Array]], inputs: Array) -> Array:
    *hidden, (last, bias) = net
    for weight, shift in hidden:
        inputs = inputs @ weight.T + shift
        inputs = inputs * expit(inputs)  # SiLU
    return np.asarray((inputs @ last.T + bias)[:, 0])


def train_nets(
    features: Mapping[str, Array],
    bought: NDArray[np.bool_],
    query: NDArray[np.int64],
    config: NetConfig,
    seed: int,
    weight: Array | None = None,
) -> NetRanker | None:
    """Teach networks to tell, of each query's candidates, those that were bought.

    The loss is the conditional logit's (McFadden, "Conditional logit analysis of qualitative choice behavior", 1974):
    of a query, the mean over its purchases of what the softmax over its candidates makes of each; every query counts
    alike, as it does in recall. A share of the plain log loss keeps the answers log odds.

    Parameters
    ----------
    features : columns of (pairs,)
    bought : (pairs,)
    query : (pairs,), a number for each query
    weight : (pairs,), how many candidates each stands for; None: one

    Returns
    -------
    None where nothing was bought, or no share is left to them.
    """
    order = np.argsort(query, kind="stable")
    _, own = np.unique(query[order], return_inverse=True)
    wanted = np.bincount(own, bought[order]) > 0 if len(own) else np.zeros(0, bool)
    if config.share == 0 or not wanted.any():
        return None
    order, own = order[wanted[own]], own[wanted[own]]
    starts = np.flatnonzero(np.diff(own, prepend=-1))
    table = np.stack([column[order] for column in features.values()], axis=1)
    scale = Scale.of(table, np.random.default_rng(seed))
    examples = _Choices(
        torch.from_numpy(scale(table)),
        torch.from_numpy(bought[order].astype(np.float32)),
        torch.from_numpy(np.ones(len(order), np.float32) if weight is None else weight[order]),
        [slice(*bounds) for bounds in zip(starts, [*starts[1:], len(own)], strict=True)],
    )
    nets = tuple(_layers(_train(examples, config, seed + at)) for at in range(config.bag))
    return NetRanker(tuple(features), scale, nets)


@dataclass(frozen=True)
class _Choices:
    """inputs (pairs, inputs), bought and weight (pairs,), sorted by query; spans : the rows of each query"""

    inputs: Tensor
    bought: Tensor
    weight: Tensor
    spans: list[slice]


def _train(examples: _Choices, config: NetConfig, seed: int) -> nn.Sequential:
    rng = np.random.default_rng(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = _network(examples, config, rng)
        steps = config.epochs * -(-len(examples.spans) // config.queries)
        optimizer = torch.optim.AdamW(net.parameters(), lr=config.learning_rate, weight_decay=1e-4)
        pace = torch.optim.lr_scheduler.OneCycleLR(optimizer, config.learning_rate, total_steps=steps + 1)
        for _ in range(config.epochs):
            turn = rng.permutation(len(examples.spans))
            for start in range(0, len(turn), config.queries):
                loss = _loss(
                    net, examples, [examples.spans[at] for at in turn[start : start + config.queries]], config.anchor
                )
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                pace.step()
    return net.eval()


class _Dropout(nn.Module):
    """Inverted dropout (Srivastava et al., JMLR 2014). On a processor PyTorch's own draws at a third of the pace, and
    half of the training went into it."""

    def __init__(self, share: float, rng: np.random.Generator) -> None:
        super().__init__()
        self.share, self.rng = share, rng

    def forward(self, inputs: Tensor) -> Tensor:
        if not self.training or self.share == 0:
            return inputs
        kept = torch.from_numpy(self.rng.random(inputs.shape, np.float32)) >= self.share
        return inputs * (kept / (1 - self.share))


def _network(examples: _Choices, config: NetConfig, rng: np.random.Generator) -> nn.Sequential:
    sizes = (examples.inputs.shape[1], *config.hidden)
    layers: list[nn.Module] = [_Dropout(config.dropout / 2, rng)]
    for before, after in pairwise(sizes):
        layers += [nn.Linear(before, after), nn.SiLU(), _Dropout(config.dropout, rng)]
    last = nn.Linear(sizes[-1], 1)
    nn.init.constant_(last.bias, float((examples.bought.sum() / examples.weight.sum()).logit()))
    return nn.Sequential(*layers, last)


def _loss(net: nn.Sequential, examples: _Choices, spans: list[slice], anchor: float) -> Tensor:
    rows = torch.cat([torch.arange(span.start, span.stop) for span in spans])
    own = torch.repeat_interleave(torch.tensor([span.stop - span.start for span in spans]))
    odds, bought, weight = net(examples.inputs[rows])[:, 0], examples.bought[rows], examples.weight[rows]
    score = odds + weight.log()  # a candidate that stands for three is three in the sum
    peak = torch.full((len(spans),), -torch.inf).scatter_reduce(0, own, score.detach(), "amax")
    total = torch.zeros(len(spans)).scatter_add(0, own, (score - peak[own]).exp()).log() + peak
    n_bought = torch.zeros(len(spans)).scatter_add(0, own, bought)
    choice = ((total[own] - score) * bought / n_bought[own]).sum() / len(spans)
    plain = binary_cross_entropy_with_logits(odds, bought, reduction="none")
    return choice + anchor * (plain * weight).sum() / bought.sum()


def _layers(net: nn.Sequential) -> tuple[tuple[Array, Array], ...]:
    linear = [layer for layer in net if isinstance(layer, nn.Linear)]
    return tuple((layer.weight.detach().numpy().copy(), layer.bias.detach().numpy().copy()) for layer in linear)
