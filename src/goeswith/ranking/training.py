"""Teach the rankers on a training slice: one for each question that can be asked."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, PositiveInt
from scipy.sparse import csr_array

from goeswith.association.histories import Histories
from goeswith.association.parts import Parts
from goeswith.association.probability import Calibration, fit_calibration
from goeswith.ranking.candidates import candidates, quotas_for
from goeswith.ranking.ranker import Ranker, RankerConfig, train_ranker
from goeswith.ranking.slices import TrainingSlice
from goeswith.ranking.sources import of_products, themselves
from goeswith.ranking.views import OF_BOTH, Array, Queries, catalogue_views, features, is_of_the_new

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
HELD_BACK = 0.1
"""Share of the queries that rankers do not learn from, for their probabilities to be calibrated on."""
FEWEST_HELD = 30
"""A slice that could hold back fewer queries holds back none."""
QUESTIONS = ("recommend", "novel", "cold", "complete", "related", "related-cold")
BAGGED = ("recommend", "novel", "cold", "complete")
"""Questions whose rankers are bagged, for the time that it takes; on the others it was not measured."""
RANDOMISED = ("recommend", "novel", "cold")
"""Questions whose bags hold randomised forests. Basket completion is no better for them."""
WITH_NETS = ("recommend", "novel")
"""Questions beside whose forests networks and walks stand. Baskets and the cold were ranked no better with them."""


class LearningConfig(BaseModel, frozen=True, extra="forbid"):
    """How many examples the rankers learn from."""

    slices: PositiveInt = 3
    """Cuts of a small log that examples are taken from; a large one is cut once."""
    n_customers: PositiveInt = 1_780
    n_baskets: PositiveInt = 5_500
    n_related: PositiveInt = 1_200
    strangers: float = 0.1
    """Share of customers whose history is hidden, so that the ranker knows what to say to somebody new."""
    anonymous: float = 0.5
    """Share of baskets whose customer is hidden."""
    candidates: PositiveInt = 500_000
    """Of one question, in all slices, about; where there are more, some of those not bought stand for the others. The
    cold ranker has `negatives` instead."""
    negatives: float = 0.3
    """Share of the products not bought that the cold ranker learns from, each standing for as many more."""
    ranker: RankerConfig = RankerConfig()


@dataclass(frozen=True)
class Examples:
    """Candidates with their features.

    bought : (pairs,)
    weight : (pairs,), how many candidates each stands for
    held : (pairs,), held back from the ranker, for its probabilities to be calibrated on
    query : (pairs,), a number for each query
    """

    features: dict[str, Array]
    bought: NDArray[np.bool_]
    weight: Array
    held: NDArray[np.bool_]
    query: NDArray[np.int64]

    def only(self, some: NDArray[np.bool_]) -> "Examples":
        columns = {name: column[some] for name, column in self.features.items()}
        return Examples(columns, self.bought[some], self.weight[some], self.held[some], self.query[some])

    def with_features(self, wanted: Callable[[str], bool]) -> "Examples":
        return replace(self, features={name: column for name, column in self.features.items() if wanted(name)})

    @classmethod
    def joined(cls, some: Sequence["Examples"]) -> "Examples":
        filled = [each for each in some if len(each.bought)]
        if not filled:
            return cls({}, np.zeros(0, bool), np.zeros(0, np.float32), np.zeros(0, bool), np.zeros(0, np.int64))
        before = np.cumsum([0, *(each.query.max() + 1 for each in filled)])
        return cls(
            {name: np.concatenate([each.features[name] for each in filled]) for name in filled[0].features},
            np.concatenate([each.bought for each in filled]),
            np.concatenate([each.weight for each in filled]),
            np.concatenate([each.held for each in filled]),
            np.concatenate([each.query + first for each, first in zip(filled, before, strict=False)]),
        )


def examples_of(
    slice_: TrainingSlice, parts: Parts, config: LearningConfig, seed: int, n_slices: int = 1
) -> dict[str, Examples]:
    """What one slice has to teach, by question.

    Parameters
    ----------
    parts : fitted on `slice_.seen` at `slice_.now`
    n_slices : of how many it is one
    """
    part = config.model_copy(update={"candidates": max(1, config.candidates // n_slices)})
    return {question: make(slice_, parts, part, np.random.default_rng(seed)) for question, make in EXAMPLES.items()}


def train_rankers(
    taught: Sequence[dict[str, Examples]],
    config: LearningConfig,
    seed: int,
    told: Callable[[int, int], None],
    judged: Callable[[str, Ranker, Examples, Array], None] | None = None,
) -> tuple[dict[str, Ranker], dict[str, Calibration]]:
    """One ranker a question, by name, from the examples of all slices; and the calibration of what it says.

    Parameters
    ----------
    taught : by slice and question; emptied on the way, for it takes a gigabyte
    told : hears how many are trained, and of how many
    judged : shown each ranker, the examples that it did not learn from, and what it says of them
    """
    rankers, calibrations = {}, {}
    for question in QUESTIONS:
        every = Examples.joined([each.pop(question) for each in taught])
        learnt, held = every.only(~every.held), every.only(every.held)
        del every
        settings = _settings(question, config.ranker)
        rankers[question] = train_ranker(learnt.features, learnt.bought, settings, seed, learnt.weight, learnt.query)
        said = rankers[question].probability(held.features) if len(held.bought) else np.zeros(0, np.float32)
        if judged is not None and len(held.bought):
            judged(question, rankers[question], held, said)
        cases = held.weight.astype(np.float64)
        calibrations[question] = fit_calibration(said, cases * held.bought, cases)
        told(len(rankers), len(QUESTIONS))
    return rankers, calibrations


def _settings(question: str, ranker: RankerConfig) -> RankerConfig:
    """What of a ranker's settings holds for this question."""
    spared: dict[str, float | None] = {}
    if question not in BAGGED:
        spared["bag"] = 1
    if question not in RANDOMISED:
        spared["randomised"] = 0
    if question not in WITH_NETS:
        spared |= {"nets": None, "at_its_word": 0.0}
    return ranker.model_copy(update=spared)


def block_size(n_items: int) -> int:
    """Queries at a time, so that a dense view of a block takes some 30 MB."""
    return int(np.clip(8e6 / max(n_items, 1), 1, 512))


def _of_customers(slice_: TrainingSlice, parts: Parts, config: LearningConfig, rng: np.random.Generator) -> Examples:
    found = _customer_examples(slice_, parts, config, rng, "recommend", only_new=False)
    return found.with_features(lambda name: not is_of_the_new(name))


def _of_novel(slice_: TrainingSlice, parts: Parts, config: LearningConfig, rng: np.random.Generator) -> Examples:
    return _customer_examples(slice_, parts, config, rng, "novel", only_new=True)


def _customer_examples(
    slice_: TrainingSlice, parts: Parts, config: LearningConfig, rng: np.random.Generator, question: str, only_new: bool
) -> Examples:
    who = _some(np.unique(slice_.customer), config.n_customers, rng)
    stranger = rng.random(len(who)) < config.strangers
    held = _held_back(len(who), rng)
    allowed = _warm(slice_, parts)

    def asked(rows: slice) -> tuple[Queries, csr_array | None]:
        known = np.where(stranger[rows], -1, who[rows])
        own = parts.histories.take(known)
        return Queries(own, known), bought_before(own, len(allowed)) if only_new else None

    return _gather(parts, asked, held, question, allowed, _bought(slice_, who, parts), config.candidates)


def _of_cold(slice_: TrainingSlice, parts: Parts, config: LearningConfig, rng: np.random.Generator) -> Examples:
    """Learnt from products that sold after all; calibrated on customers and cold products of which that is not said."""
    pool = _cold_pool(slice_, parts, rng)
    who = _some(np.unique(slice_.customer[pool[slice_.item]]), config.n_customers, rng)
    anybody = np.unique(slice_.customer)
    held = anybody[_held_back(len(anybody), rng)][: int(HELD_BACK * config.n_customers)]

    def examples(who: NDArray[np.int64], allowed: NDArray[np.bool_], held: bool) -> Examples:
        def asked(rows: slice) -> tuple[Queries, csr_array | None]:
            own = parts.histories.take(who[rows])
            return Queries(own, who[rows]), bought_before(own, len(allowed))

        bought = _bought(slice_, who, parts)
        return _gather(parts, asked, np.full(len(who), held), "cold", allowed, bought, share=config.negatives, rng=rng)

    learnt = examples(np.setdiff1d(who, held), pool, held=False)
    return Examples.joined([learnt, examples(held, _cold(slice_, parts), held=True)])


def _of_baskets(slice_: TrainingSlice, parts: Parts, config: LearningConfig, rng: np.random.Generator) -> Examples:
    """Baskets of which one product, or up to a half, is still to come; of few baskets each is asked several times."""
    baskets = [items[~slice_.hidden[items]] for items in slice_.baskets]
    fitting = [at for at, items in enumerate(baskets) if 2 <= len(items) <= LARGEST_ASKED]
    times = min(MOST_TIMES, -(-config.n_baskets // max(len(fitting), 1)))
    inside_of: list[NDArray[np.int64]] = []
    left, owner, place = [], [], []
    for at in rng.permutation(np.repeat(np.array(fitting, dtype=np.int64), times))[: config.n_baskets]:
        items = rng.permutation(baskets[at])
        last = len(items) - 1
        known = last if rng.random() < LAST_ONE else int(rng.integers(max(len(items) // 2, 1), last + 1))
        inside_of.append(items[:known])
        place.append(at)
        left.append(items[known:])
        owner.append(-1 if rng.random() < config.anonymous else slice_.owners[at])
    who = np.array(owner, np.int64)
    held = _held_back(len(baskets), rng)[np.array(place, dtype=np.int64)]

    def asked(rows: slice) -> tuple[Queries, csr_array | None]:
        inside = baskets_to_matrix(inside_of[rows], parts.meaning.n_items)
        return Queries(parts.histories.take(who[rows]), who[rows], inside), inside

    bought = _still_to_come(left, parts)
    return _gather(parts, asked, held, "complete", _warm(slice_, parts), bought, config.candidates)


def _of_pairs(slice_: TrainingSlice, parts: Parts, config: LearningConfig, rng: np.random.Generator) -> Examples:
    """One product of a basket, now and then one that lost its past, and the others that were in it."""
    some = asked_pairs(slice_, parts, config.n_related, rng)
    return _pair_examples(slice_, parts, some, "related", _warm(slice_, parts), config.candidates)


def _of_cold_pairs(slice_: TrainingSlice, parts: Parts, config: LearningConfig, rng: np.random.Generator) -> Examples:
    """The same, answered with products that hardly sold. They are few, so trees would learn each by its price.

    Learnt from baskets that hold one that sold after all; calibrated on others of which that is not said.
    """
    pool = _cold_pool(slice_, parts, rng)
    some = asked_pairs(slice_, parts, config.n_related, rng, pool)
    rest = np.setdiff1d(np.arange(len(slice_.baskets)), [at for _, at in some])
    free = set(rest[_held_back(len(rest), rng)].tolist())
    others = [pair for pair in asked_pairs(slice_, parts, len(slice_.baskets), rng) if pair[1] in free]
    learnt = _pair_examples(slice_, parts, some, "related-cold", pool, config.candidates)
    others = others[: int(HELD_BACK * config.n_related)]
    held = _pair_examples(slice_, parts, others, "related-cold", _cold(slice_, parts), config.candidates, held=True)
    found = Examples.joined([learnt, held])
    return found.with_features(OF_BOTH.__contains__)


def asked_pairs(
    slice_: TrainingSlice, parts: Parts, most: int, rng: np.random.Generator, wanted: NDArray[np.bool_] | None = None
) -> list[tuple[int, int]]:
    """(product, basket) that examples are made of, one of a basket; wanted : the basket holds one of these."""
    found: list[tuple[int, int]] = []
    for at in rng.permutation(len(slice_.baskets)):
        items = slice_.baskets[at]
        too_few = wanted is not None and not wanted[items].sum()
        if len(items) > LARGEST_ASKED or len(found) >= most or too_few:
            continue
        weight = (slice_.hidden[items] == (rng.random() < COLD_SOURCES)) / np.sqrt(parts.counts.items[items] + 1.0)
        if weight.sum():
            found.append((int(items[rng.choice(len(items), p=weight / weight.sum())]), int(at)))
    return found


def _pair_examples(
    slice_: TrainingSlice,
    parts: Parts,
    some: list[tuple[int, int]],
    question: str,
    allowed: NDArray[np.bool_],
    most: int,
    held: bool = False,
) -> Examples:
    left = [slice_.baskets[at][slice_.baskets[at] != one] for one, at in some]
    rows = np.array([one for one, _ in some], dtype=np.int64)

    def asked(block: slice) -> tuple[Queries, csr_array | None]:
        return of_products(parts, rows[block]), themselves(parts, rows[block])

    return _gather(parts, asked, np.full(len(rows), held), question, allowed, _still_to_come(left, parts), most)


def _warm(slice_: TrainingSlice, parts: Parts) -> NDArray[np.bool_]:
    warm: NDArray[np.bool_] = ~slice_.hidden & (parts.counts.items > 0)
    return warm


def _cold(slice_: TrainingSlice, parts: Parts) -> NDArray[np.bool_]:
    """Every product that hardly sold before the cut, those aside that were made to look so."""
    cold: NDArray[np.bool_] = ~slice_.hidden & (parts.counts.items < COLD)
    return cold


def _held_back(n_queries: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    drawn: NDArray[np.bool_] = rng.random(n_queries) < HELD_BACK
    return drawn & (HELD_BACK * n_queries >= FEWEST_HELD)


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
    held: NDArray[np.bool_],
    question: str,
    allowed: NDArray[np.bool_],
    bought: NDArray[np.int64],
    most: float = np.inf,
    share: float = 1.0,
    rng: np.random.Generator | None = None,
) -> Examples:
    """Features of every candidate, block by block.

    held : (queries,), held back from the ranker
    bought : query * items + item of what was
    most : candidates, about
    share : of those not bought that are taken at most, each standing for the others
    """
    found: list[Examples] = []
    size, quotas = block_size(len(allowed)), quotas_for(question, int(allowed.sum()))
    rng = rng or np.random.default_rng(len(held))
    for start in range(0, len(held), size):
        queries, barred = asked(slice(start, start + size))
        views = catalogue_views(parts, queries)
        some = candidates(parts, queries, views, quotas, allowed, barred)
        is_bought = np.isin((some.query + start) * len(allowed) + some.item, bought)
        weight = np.ones(len(is_bought), np.float32)
        if start == 0 and len(is_bought):
            share = min(share, most * len(queries) / (len(is_bought) * len(held)))
        if share < 1:
            kept = is_bought | (rng.random(len(is_bought)) < share)
            some = replace(some, query=some.query[kept], item=some.item[kept])
            is_bought = is_bought[kept]
            weight = np.where(is_bought, 1.0, 1 / share).astype(np.float32)
        columns = features(parts, queries, views, some)
        found.append(Examples(columns, is_bought, weight, held[start + some.query], some.query))
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
    row = np.repeat(np.arange(len(baskets), dtype=np.int32), [len(items) for items in distinct])
    column = np.concatenate([*distinct, np.zeros(0, np.int64)]).astype(np.int32)
    return csr_array((np.ones(len(row), np.float32), (row, column)), shape=(len(baskets), n_items))
