"""What weighs the views: gradient-boosted trees that answer with a probability, and what has a say beside them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
from scipy.special import expit, logit

from goeswith.ranking.nets import NetConfig, NetRanker, train_nets
from goeswith.ranking.views import Array


class RankerConfig(BaseModel, frozen=True, extra="forbid"):
    """How the trees are grown. The log loss ranks as well here as LambdaRank does, and its answer is a probability."""

    rounds: PositiveInt = 200
    leaves: PositiveInt = 24
    learning_rate: PositiveFloat = 0.05
    rows_per_leaf: PositiveInt = 100
    """For a small shop fewer: at most a five-hundredth of the examples, at least 5."""
    bag: PositiveInt = 3
    """Forests grown alike but for their seed, whose log odds are averaged: what one of them owes to chance is less."""
    randomised: NonNegativeInt = 2
    """So many of a bag draw their thresholds, where customers are asked about (Geurts, Ernst, Wehenkel, "Extremely
    randomized trees", Machine Learning 2006), and have half as many trees again; they differ more, and so do better
    together."""
    fewest_positives: PositiveInt = 50
    """With fewer examples of a purchase no trees are grown; a fixed mix of the views answers alone."""
    enough_queries: PositiveInt = 500
    """With fewer that led to a purchase neither networks nor walks stand beside the forests; the mix does."""
    at_its_word: NonNegativeFloat = 0.15
    """Share of the log odds that walks have beside the forests, for what is new to a customer."""
    nets: NetConfig | None = NetConfig()
    """Networks beside the forests, where customers are asked about; None: none."""


MIX = {
    "long": 2.0, "ease": 1.0, "cosine": 1.0, "recent": 1.0, "crowd": 1.0, "walk": 1.0, "people": 0.3, "month": 0.3,
    "together": 1.0, "confidence": 1.0, "best": 1.0, "closest": 0.5, "basket_cosine": 1.0, "basket_ease": 1.0,
    "words": 0.5, "basket_words": 0.5, "nearest_words": 0.5, "kernel": 1.0, "browsed": 0.5,
    "kin_own": 0.5, "kin_ease": 0.5, "kin_basket_ease": 1.0,
    "stand_in_own": 1.0, "stand_in_ease": 1.0, "stand_in_crowd": 0.5, "stand_in_walk": 0.5,
}  # fmt: skip
"""What each view weighs where there is too little to learn from, after each was brought between 0 and 1."""
AT_ITS_WORD = "walk"
ENOUGH, LEAST_SHARE = 1_000, 0.01
"""So many examples of a purchase leave the mix a weight of 1/e beside the forests; below LEAST_SHARE it is left out."""
TINY, LIKELIEST = 1e-6, 0.95
FAINTEST = 0.03
"""Of a view's usual value: whatever says less is as good as silent."""


@dataclass(frozen=True)
class MixRanker:
    """A fixed mix of the views, for shops too small to learn one.

    rate : the share of candidates that were bought, so that its answers have the size of a probability
    usual : view -> what it usually says where it says anything; that is brought to a half, nothing to 0. Other views
        are not asked; all of them where none is named
    """

    rate: float
    usual: Mapping[str, float] = field(default_factory=dict)

    def probability(self, features: Mapping[str, Array]) -> Array:
        """(pairs,); what is said of a pair does not depend on which others are asked about beside it."""
        known = [name for name in MIX if name in features and name in (self.usual or MIX)]
        mixed = sum(MIX[name] * self._between_0_and_1(name, features[name]) for name in known)
        total = sum(MIX[name] for name in known)
        return np.asarray(np.clip(2 * self.rate * mixed / total, 0.0, 1.0), dtype=np.float32)

    def odds(self, features: Mapping[str, Array]) -> NDArray[np.float64]:
        """(pairs,), log odds, finite."""
        return np.asarray(logit(np.clip(self.probability(features).astype(np.float64), TINY, LIKELIEST)))

    def _between_0_and_1(self, name: str, values: Array) -> Array:
        said = _said(name, values)
        return said / (said + self.usual.get(name, 1.0))

    def save(self, file: Path) -> None:
        file.write_text(MIXED + self.line())

    def line(self) -> str:
        """This ranker as one line of a file."""
        return json.dumps({"rate": self.rate, "usual": dict(self.usual)})

    @classmethod
    def from_line(cls, line: str) -> "MixRanker":
        return cls(**json.loads(line))

    @classmethod
    def of(cls, features: Mapping[str, Array], bought: NDArray[np.bool_]) -> "MixRanker":
        """The mix, in the scale of a shop's views."""
        said = ((name, _said(name, features[name])) for name in MIX if name in features)  # one view in memory at a time
        usual = {name: float(values[values > 0].mean()) for name, values in said if (values > 0).any()}
        return cls(float(np.clip(bought.mean() if len(bought) else 0.01, 1e-4, 0.5)), usual)


def _said(name: str, values: Array) -> Array:
    """A view as a quantity: 0 where it says nothing, or speaks against."""
    plain = np.exp(values) if name == "kernel" else values  # the kernel is a logarithm
    return np.maximum(np.nan_to_num(plain, nan=0.0), 0.0)


@dataclass(frozen=True)
class ViewRanker:
    """One view taken at its word: twice as much of it, twice the odds.

    Trees tell views apart by steps. Where a view has an order of its own, as walks have, it keeps it within each step.

    name : of the view
    usual : what it usually says where it says anything; odds are `rate` there
    """

    name: str
    usual: float
    rate: float

    @classmethod
    def of(cls, name: str, features: Mapping[str, Array], bought: NDArray[np.bool_]) -> "ViewRanker":
        said = _said(name, features[name])
        return cls(name, float(said[said > 0].mean()) if (said > 0).any() else 1.0, float(bought.mean()))

    def odds(self, features: Mapping[str, Array]) -> NDArray[np.float64]:
        """(pairs,), log odds."""
        said = _said(self.name, features[self.name]).astype(np.float64)
        return np.asarray(np.log(self.rate) + np.log(said / self.usual + FAINTEST))

    def line(self) -> str:
        """This ranker as one line of a file."""
        return json.dumps({"name": self.name, "usual": self.usual, "rate": self.rate})

    @classmethod
    def from_line(cls, line: str) -> "ViewRanker":
        return cls(**json.loads(line))


Beside = MixRanker | NetRanker | ViewRanker
KINDS: dict[str, type[Beside]] = {"mix": MixRanker, "nets": NetRanker, "view": ViewRanker}
"""What may stand beside forests, by its name in a file."""


@dataclass(frozen=True)
class TreeRanker:
    """LightGBM (Ke et al., NIPS 2017) over the views: a bag of forests (Breiman, "Bagging predictors", 1996).

    beside : what else has a say, each with its share in the log odds: networks, walks at their word; and a fixed mix
        where examples are few
    """

    forests: tuple[lgb.Booster, ...]
    beside: tuple[tuple[float, Beside], ...] = ()

    @property
    def names(self) -> list[str]:
        """The features, in the order of the forests."""
        return self.forests[0].feature_name()

    def probability(self, features: Mapping[str, Array]) -> Array:
        """(pairs,) from columns of (pairs,)."""
        table = np.stack([features[name] for name in self.names], axis=1)
        odds = np.mean([np.asarray(forest.predict(table, raw_score=True)) for forest in self.forests], axis=0)
        odds = odds * (1 - sum(share for share, _ in self.beside))
        for share, other in self.beside:
            odds = odds + share * other.odds(features)
        return np.asarray(expit(odds), dtype=np.float32)

    def with_share_of_trees(self, share: float) -> "TreeRanker":
        """The same ranker as it was after so much of its training; boosting only ever adds trees."""

        def shorter(forest: lgb.Booster) -> lgb.Booster:
            kept = max(1, round(share * forest.num_trees()))
            return lgb.Booster(model_str=forest.model_to_string(num_iteration=kept))

        return replace(self, forests=tuple(shorter(forest) for forest in self.forests))

    def save(self, file: Path) -> None:
        parts = [forest.model_to_string() for forest in self.forests]
        for share, other in self.beside:
            kind = next(name for name, of in KINDS.items() if isinstance(other, of))
            parts += [f"{SHARE}{share}", f"{kind} {other.line()}"]
        file.write_text(NEXT.join(parts))


Ranker = TreeRanker | MixRanker
MIXED, SHARE = "mix ", "share "
NEXT = "\n--- next forest\n"
"""Stands between the forests of a bag, each of which is a model file of LightGBM. What stands beside them follows, each
after its share."""


def train_ranker(
    features: Mapping[str, Array],
    bought: NDArray[np.bool_],
    config: RankerConfig,
    seed: int,
    weight: Array | None = None,
    query: NDArray[np.int64] | None = None,
) -> Ranker:
    """Learn to weigh the views: the fewer examples, the more a fixed mix of them has a say.

    Parameters
    ----------
    features : columns of (pairs,)
    bought : (pairs,), whether the product was bought
    weight : (pairs,), how many candidates each stands for; None: one
    query : (pairs,), a number for each query, which networks learn by; None: neither networks nor walks stand beside
    """
    if bought.sum() < config.fewest_positives or bought.all():
        return MixRanker.of(features, bought)
    table = np.stack(list(features.values()), axis=1)
    parameters = {
        "objective": "binary",
        "learning_rate": config.learning_rate,
        "num_leaves": config.leaves,
        "min_data_in_leaf": int(np.clip(len(bought) // 500, 5, config.rows_per_leaf)),
        "feature_fraction": 0.5,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "lambda_l2": 5.0,
        "max_bin": 127,
        "verbose": -1,
        "deterministic": True,
        "force_col_wise": True,
    }
    data = lgb.Dataset(table, bought.astype(np.float32), weight=weight, feature_name=list(features))

    def forest(at: int) -> lgb.Booster:
        drawn = at >= max(1, config.bag - config.randomised)
        rounds = round(1.5 * config.rounds) if drawn else config.rounds
        return lgb.train({**parameters, "seed": seed + at, "extra_trees": drawn}, data, rounds)

    forests = tuple(forest(at) for at in range(config.bag))
    return TreeRanker(forests, _beside(features, bought, config, seed, weight, query))


def _beside(
    features: Mapping[str, Array],
    bought: NDArray[np.bool_],
    config: RankerConfig,
    seed: int,
    weight: Array | None,
    query: NDArray[np.int64] | None,
) -> tuple[tuple[float, Beside], ...]:
    """Each takes its share of what those before it left."""
    wanted: list[tuple[float, Beside | None]] = []
    mixed = float(np.exp(-bought.sum() / ENOUGH))
    if mixed >= LEAST_SHARE:
        wanted.append((mixed, MixRanker.of(features, bought)))
    if query is not None and len(np.unique(query[bought])) >= config.enough_queries:
        if config.at_its_word and AT_ITS_WORD in features:
            wanted.append((config.at_its_word, ViewRanker.of(AT_ITS_WORD, features, bought)))
        if config.nets is not None:
            wanted.append((config.nets.share, train_nets(features, bought, query, config.nets, seed, weight)))
    left, found = 1.0, []
    for share, other in wanted:
        if other is not None:
            found.append((left * share, other))
            left -= left * share
    return tuple(found)


def load_ranker(file: Path) -> Ranker:
    text = file.read_text()
    if text.startswith(MIXED):
        return MixRanker.from_line(text.removeprefix(MIXED))
    parts = text.split(NEXT)
    shares = [float(part.split()[-1]) for part in parts if part.startswith(SHARE)]
    n_forests = len(parts) - 2 * len(shares)
    told = [part.split(" ", 1) for part in parts[n_forests:] if not part.startswith(SHARE)]
    beside = [KINDS[kind].from_line(line) for kind, line in told]
    forests = tuple(lgb.Booster(model_str=forest) for forest in parts[:n_forests])
    return TreeRanker(forests, tuple(zip(shares, beside, strict=True)))
