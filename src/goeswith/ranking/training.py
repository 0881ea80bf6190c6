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
from goeswith.ranking.sources import of_products, themselves
from goeswith.ranking.views import OF_BOTH, Array, Queries, catalogue_views, features

COLD = 5
"""A product with fewer baskets is cold: what is known of it is mostly its text."""
MOST_COLD = 1_200
LARGEST_ASKED = 100
"""Products of a basket that examples are made of."""
LAST_ONE = 0.5
"""Share of the baskets of which one product alone is still to come."""
MOST_TIMES = 4
"""A basket serves as an example at most so often, each time with other products hidden."""
COLD_SOURCES = 0.25
"""Share of the products asked about that lost their past."""
QUESTIONS = ("recommend", "novel", "cold", "complete", "related", "related-cold")


class LearningConfig(BaseModel, frozen=True, extra="forbid"):
    """How many examples the rankers learn from."""

    slices: PositiveInt = 3
    """Cuts of a small log that examples are taken from; a large one is cut once."""
    n_customers: PositiveInt = 1_600
    n_baskets: PositiveInt = 6_000
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
    """Queries at a time, so that a dense view of a block takes some 30 MB."""
    return int(np.clip(8e6 / max(n_items, 1), 1, 512))


def _of_customers(slice_: TrainingSlice, parts: Parts, config: LearningConfig, rng: np.random.Generator) -> Examples:
    return _customer_examples(slice_, parts, config, rng, "recommend", only_new=False)


def _of_novel(slice_: TrainingSlice, parts: Parts, config: LearningConfig, rng: np.random.Generator) -> Examples:
    return _customer_examples(slice_, parts, config, rng, "novel", only_new=True)


def _customer_examples(
    slice_: TrainingSlice, parts: Parts, config: LearningConfig, rng: np.random.Generator, question: str, only_new: bool
) -> Examples:
    who = _some(np.unique(slice_.customer), config.n_customers, rng)
    stranger = rng.random(len(who)) < config.strangers
    allowed = _warm(slice_, parts)

    def asked(rows: slice) -> tuple[Queries, csr_array | None]:
        known = np.where(stranger[rows], -1, who[rows])
        own = parts.histories.take(known)
        return Queries(own, known), bought_before(own, len(allowed)) if only_new else None

    return _gather(parts, asked, len(who), question, allowed, _bought(slice_, who, parts))


def _of_cold(slice_: TrainingSlice, parts: Parts, config: LearningConfig, rng: np.random.Generator) -> Examples:
    allowed = _cold_pool(slice_, parts, rng)
    who = _some(np.unique(slice_.customer[allowed[slice_.item]]), config.n_customers, rng)

    def asked(rows: slice) -> tuple[Queries, csr_array | None]:
        own = parts.histories.take(who[rows])
        return Queries(own, who[rows]), bought_before(own, len(allowed))

    return _gather(parts, asked, len(who), "cold", allowed, _bought(slice_, who, parts), (config.negatives, rng))


def _of_baskets(slice_: TrainingSlice, parts: Parts, config: LearningConfig, rng: np.random.Generator) -> Examples:
    """Baskets of which one product, or up to a half, is still to come; of few baskets each is asked several times."""
    baskets = [items[~slice_.hidden[items]] for items in slice_.baskets]
    fitting = [at for at, items in enumerate(baskets) if 2 <= len(items) <= LARGEST_ASKED]
    times = min(MOST_TIMES, -(-config.n_baskets // max(len(fitting), 1)))
    held: list[NDArray[np.int64]] = []
    left, owner = [], []
    for at in rng.permutation(np.repeat(np.array(fitting, dtype=np.int64), times))[: config.n_baskets]:
        items = rng.permutation(baskets[at])
        last = len(items) - 1
        known = last if rng.random() < LAST_ONE else int(rng.integers(max(len(items) // 2, 1), last + 1))
        held.append(items[:known])
        left.append(items[known:])
        owner.append(-1 if rng.random() < config.anonymous else slice_.owners[at])
    who = np.array(owner, np.int64)

    def asked(rows: slice) -> tuple[Queries, csr_array | None]:
        inside = baskets_to_matrix(held[rows], parts.meaning.n_items)
        return Queries(parts.histories.take(who[rows]), who[rows], inside), inside

    return _gather(parts, asked, len(held), "complete", _warm(slice_, parts), _still_to_come(left, parts))


def _of_pairs(slice_: TrainingSlice, parts: Parts, config: LearningConfig, rng: np.random.Generator) -> Examples:
    """One product of a basket, now and then one that lost its past, and the others that were in it."""
    return _pair_examples(slice_, parts, config, rng, "related", _warm(slice_, parts))


def _of_cold_pairs(slice_: TrainingSlice, parts: Parts, config: LearningConfig, rng: np.random.Generator) -> Examples:
    """The same, answered with products that hardly sold. They are few, so trees would learn each by its price."""
    found = _pair_examples(slice_, parts, config, rng, "related-cold", _cold_pool(slice_, parts, rng))
    return replace(found, features={name: column for name, column in found.features.items() if name in OF_BOTH})


def _pair_examples(
    slice_: TrainingSlice,
    parts: Parts,
    config: LearningConfig,
    rng: np.random.Generator,
    question: str,
    allowed: NDArray[np.bool_],
) -> Examples:
    source: list[int] = []
    left = []
    for at in rng.permutation(len(slice_.baskets)):
        items = slice_.baskets[at]
        others = allowed[items].sum()
        if len(items) > LARGEST_ASKED or len(source) >= config.n_related or (question != "related" and not others):
            continue
        weight = (slice_.hidden[items] == (rng.random() < COLD_SOURCES)) / np.sqrt(parts.counts.items[items] + 1.0)
        if not weight.sum():
            continue
        one = rng.choice(len(items), p=weight / weight.sum())
        source.append(int(items[one]))
        left.append(np.delete(items, one))
    rows = np.array(source, dtype=np.int64)

    def asked(some: slice) -> tuple[Queries, csr_array | None]:
        return of_products(parts, rows[some]), themselves(parts, rows[some])

    return _gather(parts, asked, len(rows), question, allowed, _still_to_come(left, parts))


def _warm(slice_: TrainingSlice, parts: Parts) -> NDArray[np.bool_]:
    warm: NDArray[np.bool_] = ~slice_.hidden & (parts.counts.items > 0)
    return warm


def _cold_pool(slice_: TrainingSlice, parts: Parts, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Products that hardly sold before the cut and were bought by two customers after it; at most 1,200."""
    buyers = np.bincount(slice_.item, minlength=len(slice_.hidden))
    wanted = buyers >= (2 if buyers.max(initial=0) > 1 else 1)
    pool = np.zeros(len(slice_.hidden), bool)
    pool[_some(np.flatnonzero((parts.counts.items < COLD) & wanted), MOST_COLD, rng)] = True
    return pool


def _still_to_come(left: list[NDArray[np.int64]], parts: Parts) -> NDArray[np.int64]:
    """query * items + item of what each basket held besides."""
    query = np.repeat(np.arange(len(left)), [len(items) for items in left])
    return np.unique(query * parts.meaning.n_items + np.concatenate([*left, np.zeros(0, np.int64)]))


EXAMPLES = {
    "recommend": _of_customers,
    "novel": _of_novel,
    "cold": _of_cold,
    "complete": _of_baskets,
    "related": _of_pairs,
    "related-cold": _of_cold_pairs,
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
