"""Strong simple recommenders that sit the same exam as the model."""

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from goeswith.data.log import Log
from goeswith.evaluation.baselines.baseline import Baseline, Scorer
from goeswith.evaluation.baselines.content import MeaningProfile, WordProfile
from goeswith.evaluation.baselines.ease import Ease
from goeswith.evaluation.baselines.frequency import PersonalFrequency, Popularity
from goeswith.evaluation.baselines.past import purchases
from goeswith.evaluation.baselines.rules import BasketRules, ItemNeighbours, basket_pairs
from goeswith.evaluation.protocol import Recommender
from goeswith.language.words import words

__all__ = [
    "Baseline",
    "BasketRules",
    "Ease",
    "ItemNeighbours",
    "MeaningProfile",
    "PersonalFrequency",
    "Popularity",
    "WordProfile",
    "strong_baselines",
]

N_RULES = 500  # of each product; more change the figures little and cost much
LARGE = 5_000  # sold products; above it, rules between products of fewer than five purchases cost more than they tell


def strong_baselines(
    log: Log,
    texts: Sequence[str] | None = None,
    vectors: NDArray[np.float32] | None = None,
    ease_items: int = 8_000,
) -> Iterator[Recommender]:
    """What a user would pick instead, fitted on this log one after the other: together they take gigabytes.

    Parameters
    ----------
    log : what they may know; nothing after the cut
    texts : (items,), for TF-IDF; left out without
    vectors : (items, d), of length one, from an encoder as it comes; left out without
    ease_items : best sellers that EASE takes
    """
    return map(partial(Baseline, log), _scorers(log, texts, vectors, ease_items))


def _scorers(
    log: Log, texts: Sequence[str] | None, vectors: NDArray[np.float32] | None, ease_items: int
) -> Iterator[Scorer]:
    yield Popularity(log)
    yield PersonalFrequency(log)
    at_least = 5 if (purchases(log) > 0).sum() > LARGE else 1
    pairs = basket_pairs(log, at_least)
    yield BasketRules(log, "cosine", at_least, N_RULES, pairs)
    yield BasketRules(log, "confidence", at_least, N_RULES, pairs)
    del pairs
    yield ItemNeighbours(log, at_least=at_least)
    yield Ease(log, "customers", ease_items)
    yield Ease(log, "baskets", ease_items)
    if texts is not None:
        yield WordProfile(log, [words(text) for text in texts])
    if vectors is not None:
        yield MeaningProfile(log, vectors)
