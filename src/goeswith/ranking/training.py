"""Teach the rankers on a training slice: one for each question that can be asked."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, PositiveInt
from scipy.sparse import csr_array

from goeswith.association.histories import Histories
from goeswith.association.parts import Parts
from goeswith.ranking.candidates import candidates, quotas_for
from goeswith.ranking.ranker import Ranker, RankerConfig, train_ranker
from goeswith.ranking.slices import TrainingSlice
from goeswith.ranking.views import Array, Queries, catalogue_views, features

COLD = 5
"""A product with fewer baskets is cold: what is known of it is mostly its text."""
LARGEST_ASKED = 100
"""Products of a basket that examples are made of."""
MOST_TIMES = 4
"""A basket serves as an example at most so often, each time with other products hidden."""
QUESTIONS = ("recommend", "novel", "cold", "complete", "related")


class LearningConfig(BaseModel, frozen=True, extra="forbid"):
    """How many examples the rankers learn from."""

    n_customers: PositiveInt = 1_600
    n_baskets: PositiveInt = 3_000
    n_related: PositiveInt = 1_200
    strangers: float = 0.1
    """Share of customers whose history is hidden, so that the ranker knows what to say to somebody new."""
    anonymous: float = 0.5
    """Share of baskets whose customer is hidden."""
    negatives: float = 0.3
    """Share of the products not bought that the cold ranker learns from, each standing for as many more."""
    ranker: RankerConfig = RankerConfig()


@dataclass(frozen=True)
class Examples:
    """Candidates with their features. bought : (pairs,); weight : (pairs,), how many candidates each stands for."""

    features: dict[str, Array]
    bought: NDArray[np.bool_]
    weight: Array

    @classmethod
    def joined(cls, some: Sequence["Examples"]) -> "Examples":
        filled = [each for each in some if len(each.bought)]
        if not filled:
            return cls({}, np.zeros(0, bool), np.zeros(0, np.float32))
        return cls(
            {name: np.concatenate([each.features[name] for each in filled]) for name in filled[0].features},
            np.concatenate([each.bought for each in filled]),
            np.concatenate([each.weight for each in filled]),
        )


def examples_of(slice_: TrainingSlice, parts: Parts, config: LearningConfig, seed: int) -> dict[str, Examples]:
    """What one slice has to teach, by question.

    Parameters
    ----------
    parts : fitted on `slice_.seen` at `slice_.now`
    """
    return {question: make(slice_, parts, config, np.random.default_rng(seed)) for question, make in EXAMPLES.items()}


def train_rankers(
    taught: Sequence[Mapping[str, Examples]], config: LearningConfig, seed: int, told: Callable[[str], None]
) -> dict[str, Ranker]:
    """One ranker a question, by name, from the examples of all slices.

    Parameters
    ----------
    told : hears which question is next
    """
    rankers = {}
    for question in QUESTIONS:
        told(question)
        every = Examples.joined([each[question] for each in taught])
        rankers[question] = train_ranker(every.features, every.bought, config.ranker, seed, every.weight)
    return rankers


def block_size(n_items: int) -> int:
    """Queries at a time, so that a dense view of a block takes some 60 MB."""
    return int(np.clip(16e6 / max(n_items, 1), 1, 512))


def empty_histories(parts: Parts, n: int) -> Histories:
    return parts.histories.take(np.full(n, -1))


def _of_customers(slice_: TrainingSlice, parts: Parts, config: LearningConfig, rng: np.random.Generator) -> Examples:
    return _customer_examples(slice_, parts, config, rng, "recommend", only_new=False)


def _of_novel(slice_: TrainingSlice, parts: Parts, config: LearningConfig, rng: np.random.Generator) -> Examples:
    return _customer_examples(slice_, parts, config, rng, "novel", only_new=True)


def _customer_examples(
    slice_: TrainingSlice, parts: Parts, config: LearningConfig, rng: np.random.Generator, question: str, only_new: bool
) -> Examples:
    who = _some(np.unique(slice_.customer), config.n_customers, rng)
    stranger = rng.random(len(who)) < config.strangers
    allowed = ~slice_.hidden & (parts.counts.items > 0)

    def asked(rows: slice) -> tuple[Queries, csr_array | None]:
        known = np.where(stranger[rows], -1, who[rows])
        own = parts.histories.take(known)
        return Queries(own, known), bought_before(own, len(allowed)) if only_new else None

    return _gather(parts, asked, len(who), question, allowed, _bought(slice_, who, parts))


def _of_cold(slice_: TrainingSlice, parts: Parts, config: LearningConfig, rng: np.random.Generator) -> Examples:
    buyers = np.bincount(slice_.item, minlength=len(slice_.hidden))
    fewest = 2 if buyers.max(initial=0) > 1 else 1
    pool = _some(np.flatnonzero((parts.counts.items < COLD) & (buyers >= fewest)), 1_200, rng)
    who = _some(np.unique(slice_.customer[np.isin(slice_.item, pool)]), config.n_customers, rng)
    allowed = np.zeros(len(slice_.hidden), bool)
    allowed[pool] = True

    def asked(rows: slice) -> tuple[Queries, csr_array | None]:
        own = parts.histories.take(who[rows])
        return Queries(own, who[rows]), bought_before(own, len(allowed))

    return _gather(parts, asked, len(who), "cold", allowed, _bought(slice_, who, parts), (config.negatives, rng))


def _of_baskets(slice_: TrainingSlice, parts: Parts, config: LearningConfig, rng: np.random.Generator) -> Examples:
    held: list[NDArray[np.int64]] = []
    owner, left = [], []
    for at in rng.permutation(len(slice_.baskets)):
        items = slice_.baskets[at][~slice_.hidden[slice_.baskets[at]]]
        if 2 <= len(items) <= 100 and len(held) < config.n_baskets:
            rng.shuffle(items)
            known = rng.integers(max(len(items) // 2, 1), len(items))
            held.append(items[:known])
            left.append(items[known:])
            owner.append(-1 if rng.random() < config.anonymous else slice_.owners[at])
    return _basket_examples(slice_, parts, "complete", held, left, np.array(owner, np.int64))


def _known(slice_: TrainingSlice, basket: int) -> NDArray[np.bool_]:
    """Which products of a basket were left their past."""
    return ~slice_.hidden[slice_.baskets[basket]]


def _of_pairs(slice_: TrainingSlice, parts: Parts, config: LearningConfig, rng: np.random.Generator) -> Examples:
    held: list[NDArray[np.int64]] = []
    left = []
    for at in rng.permutation(len(slice_.baskets)):
        items = slice_.baskets[at]
        items = items[~slice_.hidden[items]]
        if 1 <= len(items) <= 100 and len(held) < config.n_related:
            weight = 1 / np.sqrt(parts.counts.items[items] + 1)
            one = rng.choice(len(items), p=weight / weight.sum())
            held.append(items[[one]])
            left.append(np.delete(items, one))
    return _basket_examples(slice_, parts, "related", held, left, np.full(len(held), -1))


def _basket_examples(
    slice_: TrainingSlice,
    parts: Parts,
    question: str,
    held: list[NDArray[np.int64]],
    left: list[NDArray[np.int64]],
    owner: NDArray[np.int64],
) -> Examples:
    allowed = ~slice_.hidden & (parts.counts.items > 0)

    def asked(rows: slice) -> tuple[Queries, csr_array | None]:
        inside = baskets_to_matrix(held[rows], len(allowed))
        return Queries(parts.histories.take(owner[rows]), owner[rows], inside), inside

    query = np.repeat(np.arange(len(left)), [len(items) for items in left])
    bought = np.unique(query * len(allowed) + np.concatenate([*left, np.zeros(0, np.int64)]))
    return _gather(parts, asked, len(held), question, allowed, bought)


EXAMPLES = {
    "recommend": _of_customers,
    "novel": _of_novel,
    "cold": _of_cold,
    "complete": _of_baskets,
    "related": _of_pairs,
}


def _gather(
    parts: Parts,
    asked: Callable[[slice], tuple[Queries, csr_array | None]],
    n_queries: int,
    question: str,
    allowed: NDArray[np.bool_],
    bought: NDArray[np.int64],
    thinned: tuple[float, np.random.Generator] | None = None,
) -> Examples:
    """Features of every candidate, block by block; `bought` holds query * items + item of what was."""
    found: list[Examples] = []
    size, quotas = block_size(len(allowed)), quotas_for(question, int(allowed.sum()))
    for start in range(0, n_queries, size):
        queries, barred = asked(slice(start, start + size))
        views = catalogue_views(parts, queries)
        some = candidates(parts, queries, views, quotas, allowed, barred)
        is_bought = np.isin((some.query + start) * len(allowed) + some.item, bought)
        weight = np.ones(len(is_bought), np.float32)
        if thinned is not None:
            share, rng = thinned
            kept = is_bought | (rng.random(len(is_bought)) < share)
            some = replace(some, query=some.query[kept], item=some.item[kept])
            is_bought = is_bought[kept]
            weight = np.where(is_bought, 1.0, 1 / share).astype(np.float32)
        found.append(Examples(features(parts, queries, views, some), is_bought, weight))
    return Examples.joined(found)


def _bought(slice_: TrainingSlice, who: NDArray[np.int64], parts: Parts) -> NDArray[np.int64]:
    place = np.full(int(max(slice_.customer.max(initial=0), who.max(initial=0))) + 1, -1)
    place[who] = np.arange(len(who))
    asked = place[slice_.customer] >= 0
    return np.unique(place[slice_.customer[asked]] * parts.meaning.n_items + slice_.item[asked])


def _some(values: NDArray[np.int64], most: int, rng: np.random.Generator) -> NDArray[np.int64]:
    return values if len(values) <= most else np.sort(rng.choice(values, most, replace=False))


def bought_before(own: Histories, n_items: int) -> csr_array:
    """(queries, items), ones for what each customer bought at least once."""
    table = own.matrix((own.n > 0).astype(np.float32), n_items)
    table.eliminate_zeros()
    return table


def baskets_to_matrix(baskets: list[NDArray[np.int64]], n_items: int) -> csr_array:
    """(baskets, items), ones; a product named twice counts once."""
    distinct = [np.unique(items) for items in baskets]
    row = np.repeat(np.arange(len(baskets)), [len(items) for items in distinct])
    column = np.concatenate([*distinct, np.zeros(0, np.int64)])
    return csr_array((np.ones(len(row), np.float32), (row, column)), shape=(len(baskets), n_items))
