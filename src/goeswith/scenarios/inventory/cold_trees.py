"""Products never sold, where many others were: trees that learnt what text, shelf and promotions say of a seller."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from goeswith.scenarios.inventory.cold import cold_weights, weighted_quantiles
from goeswith.scenarios.inventory.learned import Trees, through
from goeswith.scenarios.inventory.prediction import HIGH, LEVELS, LOW, MEDIAN, Prediction, tidy

Array = NDArray[np.float64]
ENOUGH = 500
"""Sold products from which trees are grown; below, the nearest texts answer alone."""
MOST = 6_000
AXES = 24
BLOCK = 1_000


@dataclass(frozen=True)
class Shelf:
    """Products of one kind, n of them.

    texts : (n, d), unit vectors; category : (n,); promoted : (n, periods, 2), display and mailer
    """

    texts: NDArray[np.float32]
    category: NDArray[np.int64]
    promoted: Array

    def only(self, rows: NDArray[np.integer]) -> "Shelf":
        return Shelf(self.texts[rows], self.category[rows], self.promoted[rows])


def predict_cold_learned(sold: Shelf, rate: Array, new: Shelf, trees: Trees) -> Prediction:
    """Mean and quantiles of products without a history.

    Parameters
    ----------
    sold, rate : products with a history, and their units (n, P) in the P periods of `sold.promoted`
    new : products without, with the promotions of the periods to come

    Every sold product is taken for new in turn: what its nearest texts and its category sell is read without itself,
    and the trees learn from that, from the axes of its text and from its promotions what it sold.
    """
    import lightgbm as lgb

    if len(rate) > MOST:
        kept = np.sort(np.random.default_rng(trees.seed).choice(len(rate), MOST, replace=False))
        sold, rate = sold.only(kept), rate[kept]
    usual = max(float(rate.mean()), 1e-9)
    periods, horizon = rate.shape[1], new.promoted.shape[1]
    x = np.concatenate([_features(sold, sold, rate, at, itself=True) for at in range(periods)])
    ask = np.concatenate([_features(new, sold, rate, at, itself=False) for at in range(horizon)])
    data = lgb.Dataset(x, (rate.T / usual).ravel(), free_raw_data=False, params={"verbosity": -1})
    grown = replace(trees, rounds=150, leaves=16, least=200, features=0.5)

    def answer(objective: str, **more: float) -> Array:
        model = lgb.train(grown.parameters(objective, **more), data, grown.rounds)
        return np.maximum(np.asarray(model.predict(ask)), 0.0).reshape(horizon, -1).T * usual

    mean = answer("tweedie", tweedie_variance_power=1.5)
    low, middle, high = (answer("quantile", alpha=LEVELS[at]) for at in (LOW, MEDIAN, HIGH))
    return tidy(mean, through(low, middle, high))


def _features(asked: Shelf, sold: Shelf, rate: Array, at: int, itself: bool) -> NDArray[np.float32]:
    """(asked, features) of one period."""
    level = rate.mean(axis=1)
    parts = []
    for start in range(0, len(asked.texts), BLOCK):
        some = np.arange(start, min(start + BLOCK, len(asked.texts)))
        mates = (asked.category[some][:, None] == sold.category[None]).astype(float)
        own = np.zeros((len(some), len(level)), bool)
        if itself:
            own[np.arange(len(some)), some] = True
        mates[own] = 0.0
        weights = cold_weights(asked.texts[some], sold.texts, mates > 0, own)
        n = mates.sum(axis=1)
        near = weights @ level
        shelf = np.where(n > 0, mates @ level / np.maximum(n, 1), level.mean())
        promoted = sold.promoted.mean(axis=(1, 2))
        parts.append(
            np.column_stack(
                [
                    near, weighted_quantiles(level, weights, (0.25, 0.5, 0.75)), shelf, n,
                    np.log(near + 0.1), weights @ promoted, asked.promoted[some, at],
                    asked.promoted[some].mean(axis=1), asked.promoted[some].max(axis=1), asked.texts[some, :AXES],
                ]
            )
        )  # fmt: skip
    return np.concatenate(parts).astype(np.float32)
