"""What weighs the views: gradient-boosted trees that answer with a probability."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, NonNegativeInt, PositiveFloat, PositiveInt
from scipy.special import expit

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
    fewest_positives: PositiveInt = 150
    """With fewer examples of a purchase no trees are grown; a fixed mix of the views answers."""


@dataclass(frozen=True)
class TreeRanker:
    """LightGBM (Ke et al., NIPS 2017) over the views: a bag of forests (Breiman, "Bagging predictors", 1996)."""

    forests: tuple[lgb.Booster, ...]

    @property
    def names(self) -> list[str]:
        """The features, in the order of the forests."""
        return self.forests[0].feature_name()

    def probability(self, features: Mapping[str, Array]) -> Array:
        """(pairs,) from columns of (pairs,)."""
        table = np.stack([features[name] for name in self.names], axis=1)
        odds = np.mean([np.asarray(forest.predict(table, raw_score=True)) for forest in self.forests], axis=0)
        return np.asarray(expit(odds), dtype=np.float32)

    def with_share_of_trees(self, share: float) -> "TreeRanker":
        """The same ranker as it was after so much of its training; boosting only ever adds trees."""

        def shorter(forest: lgb.Booster) -> lgb.Booster:
            kept = max(1, round(share * forest.num_trees()))
            return lgb.Booster(model_str=forest.model_to_string(num_iteration=kept))

        return TreeRanker(tuple(shorter(forest) for forest in self.forests))

    def contributions(self, features: Mapping[str, Array]) -> tuple[list[str], NDArray[np.float64]]:
        """How much each feature moved the log odds of each pair (TreeSHAP, Lundberg et al. 2020); the base is last."""
        table = np.stack([features[name] for name in self.names], axis=1)
        moved = [np.asarray(forest.predict(table, pred_contrib=True)) for forest in self.forests]
        return [*self.names, "base"], np.mean(moved, axis=0)

    def save(self, file: Path) -> None:
        file.write_text(NEXT.join(forest.model_to_string() for forest in self.forests))


MIX = {
    "long": 2.0, "ease": 1.0, "cosine": 1.0, "recent": 1.0, "together": 1.0, "confidence": 1.0, "basket_cosine": 1.0,
    "basket_ease": 1.0, "words": 0.5, "basket_words": 0.5, "kernel": 1.0, "month": 0.3, "browsed": 0.5,
}  # fmt: skip
"""What each view weighs where there is too little to learn from, after each was brought between 0 and 1."""


@dataclass(frozen=True)
class MixRanker:
    """A fixed mix of the views, for shops too small to learn one.

    rate : the share of candidates that were bought, so that its answers have the size of a probability
    usual : view -> what it usually says where it says anything; that is brought to a half, nothing to 0
    """

    rate: float
    usual: Mapping[str, float] = field(default_factory=dict)

    def probability(self, features: Mapping[str, Array]) -> Array:
        """(pairs,); what is said of a pair does not depend on which others are asked about beside it."""
        known = [name for name in MIX if name in features]
        mixed = sum(MIX[name] * self._between_0_and_1(name, features[name]) for name in known)
        total = sum(MIX[name] for name in known)
        return np.asarray(np.clip(2 * self.rate * mixed / total, 0.0, 1.0), dtype=np.float32)

    def _between_0_and_1(self, name: str, values: Array) -> Array:
        said = _said(name, values)
        return said / (said + self.usual.get(name, 1.0))

    def save(self, file: Path) -> None:
        file.write_text(MIXED + json.dumps({"rate": self.rate, "usual": dict(self.usual)}))


Ranker = TreeRanker | MixRanker
MIXED = "mix "
NEXT = "\n--- next forest\n"
"""Stands between the forests of a bag, each of which is a model file of LightGBM."""


def _said(name: str, values: Array) -> Array:
    """A view as a quantity: 0 where it says nothing, or speaks against."""
    plain = np.exp(values) if name == "kernel" else values  # the kernel is a logarithm
    return np.maximum(np.nan_to_num(plain, nan=0.0), 0.0)


def _usual(features: Mapping[str, Array]) -> dict[str, float]:
    said = {name: _said(name, features[name]) for name in MIX if name in features}
    return {name: float(values[values > 0].mean()) for name, values in said.items() if (values > 0).any()}


def train_ranker(
    features: Mapping[str, Array],
    bought: NDArray[np.bool_],
    config: RankerConfig,
    seed: int,
    weight: Array | None = None,
) -> Ranker:
    """Learn to weigh the views.

    Parameters
    ----------
    features : columns of (pairs,)
    bought : (pairs,), whether the product was bought
    weight : (pairs,), how many candidates each stands for; None: one
    """
    if bought.sum() < config.fewest_positives or bought.all():
        rate = float(np.clip(bought.mean() if len(bought) else 0.01, 1e-4, 0.5))
        return MixRanker(rate, _usual(features))
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

    return TreeRanker(tuple(forest(at) for at in range(config.bag)))


def load_ranker(file: Path) -> Ranker:
    text = file.read_text()
    if text.startswith(MIXED):
        return MixRanker(**json.loads(text.removeprefix(MIXED)))
    return TreeRanker(tuple(lgb.Booster(model_str=forest) for forest in text.split(NEXT)))
