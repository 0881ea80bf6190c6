"""From a block of questions to ranked rows: candidates, views, the ranker, rules, diversity, in this order."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from goeswith.association.given_labels import GivenLabels
from goeswith.association.kinds import Kinds, of_kind
from goeswith.association.parts import Parts
from goeswith.association.probability import Calibrators
from goeswith.ranking.candidates import candidates, quotas_for
from goeswith.ranking.diversity import mmr
from goeswith.ranking.head import Head
from goeswith.ranking.ranker import Ranker
from goeswith.ranking.rules import Rules, apply_rules
from goeswith.ranking.sources import themselves
from goeswith.ranking.training import COLD, block_size, bought_before
from goeswith.ranking.views import Array, Candidates, Queries, catalogue_views, features

MOSTLY = 0.5
LIVES_FROM = 0.25
"""Products of so much of all sales are what a shop lives from, however little each of them sells."""
Labels = Callable[[int, NDArray[np.int64]], NDArray[np.str_]]
"""What kinds some products are of, for the query of this number."""
Keep = Callable[[int, NDArray[np.int64]], NDArray[np.bool_]]
OF_PAIRS, OF_CUSTOMERS = ("related", "related-cold"), ("recommend", "novel")


@dataclass(frozen=True)
class Limits:
    """How many answers, and which products may be one.

    allowed : (items,)
    named : the user said which; else the whole catalogue may answer
    """

    n: int
    allowed: NDArray[np.bool_]
    named: bool


@dataclass(frozen=True)
class Answers:
    """Ranked rows of all queries. query, item, rank (from 1), score (log odds), probability : (answers,)"""

    query: NDArray[np.int64]
    item: NDArray[np.int64]
    rank: NDArray[np.int64]
    score: NDArray[np.float64]
    probability: NDArray[np.float64]


@dataclass(frozen=True)
class Answerer:
    """Everything an answer is made of.

    categories : (items,), numbers
    calibrators : what makes the rankers' probabilities come true; they leave the order as it is
    diversity : strength of maximal marginal relevance, 0 to 1
    given : what was said of pairs; None where nothing was
    head : reads the first candidates once more; None where no reader has proved its worth
    """

    parts: Parts
    rankers: Mapping[str, Ranker]
    rules: Rules
    categories: NDArray[np.int64]
    calibrators: Calibrators = field(default_factory=Calibrators)
    diversity: float = 0.0
    head: Head | None = None
    given: GivenLabels | None = None

    def answer(
        self,
        question: str,
        asked: Queries,
        limits: Limits,
        barred: csr_array | None = None,
        sources: NDArray[np.int64] | None = None,
        kind: str = "any",
        labels: Labels | None = None,
    ) -> Answers:
        """Rank for every query.

        Parameters
        ----------
        barred : (queries, items), what may not be an answer to one query
        sources : (queries,), the product each query asks about, for `related`
        kind, labels : answers of this kind only; labels tell the kinds
        """
        size = block_size(self.parts.meaning.n_items)
        blocks = []
        for start in range(0, len(asked), size):
            rows = np.arange(start, min(start + size, len(asked)))
            some = None if sources is None else sources[rows]
            keep = None if kind == "any" or labels is None else _keeping(kind, labels, start)
            blocks.append(self._block(question, part_of(asked, rows), limits, _rows(barred, rows), some, keep, start))
        return _joined(blocks)

    def recommend(self, asked: Queries, limits: Limits, novel: bool, across: bool) -> Answers:
        """For customers: anything, only what is new to them, or only categories that are new to them."""
        barred = bought_before(asked.own, self.parts.meaning.n_items) if novel or across else None
        if across and barred is not None:
            barred = self._whole_categories(barred)
        return self.answer(self._question(limits, novel or across), asked, limits, barred)

    def related(self, asked: Queries, sources: NDArray[np.int64], limits: Limits, kind: str) -> Answers:
        """What goes with products; sources : (queries,), their rows."""

        def labels(query: int, items: NDArray[np.int64]) -> NDArray[np.str_]:
            return self.kinds.labels(sources[[query]], items)

        itself = themselves(self.parts, sources)
        return self.answer(self._related_question(limits), asked, limits, itself, sources, kind, labels)

    def related_to_text(self, asked: Queries, plain: Array, limits: Limits, kind: str) -> Answers:
        """What goes with one product of which only a text is known; plain : (d,), what it reads like."""

        def labels(_: int, items: NDArray[np.int64]) -> NDArray[np.str_]:
            return self.kinds.labels_beside_text(plain, items)

        return self.answer(self._related_question(limits), asked, limits, kind=kind, labels=labels)

    @cached_property
    def kinds(self) -> Kinds:
        return Kinds(self.parts, self.given)

    def opinion(self, question: str, asked: Queries, query: NDArray[np.int64], item: NDArray[np.int64]) -> Array:
        """What the ranker alone thinks of given pairs, in the order given; (pairs,)."""
        n_items = self.parts.meaning.n_items
        keys, back = np.unique(query * n_items + item, return_inverse=True)
        result = np.zeros(len(keys), np.float32)
        size = block_size(n_items)
        for start in range(0, len(asked), size):
            rows = np.arange(start, min(start + size, len(asked)))
            inside = slice(*np.searchsorted(keys, [start * n_items, (rows[-1] + 1) * n_items]))
            some = Candidates(keys[inside] // n_items - start, keys[inside] % n_items, len(rows))
            block = part_of(asked, rows)
            table = features(self.parts, block, catalogue_views(self.parts, block), some)
            result[inside] = self.rankers[question].probability(table)
        return result[back]

    def audience(self, item: int, most: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Customers worth offering a product to, and their probabilities; those whose taste is nearest are weighed."""
        histories = self.parts.histories
        known = np.flatnonzero(histories.n_baskets > 0)
        if len(known) > most:
            weight = histories.matrix(np.log1p(histories.long), self.parts.meaning.n_items)
            taste = weight @ (self.parts.meaning.words @ self.parts.meaning.words[item])
            sold_with = np.asarray(weight @ self.parts.near[:, [item]].toarray()).ravel()
            own = weight[:, [item]].toarray().ravel()
            rough = 10 * own + _unit(taste) + _unit(sold_with)
            known = np.sort(known[np.argsort(-rough[known], kind="stable")[:most]])
        question = "cold" if self.parts.counts.items[item] < COLD else "recommend"
        asked = Queries(histories.take(known), known)
        said = self.opinion(question, asked, np.arange(len(known)), np.full(len(known), item))
        return known, self.calibrators.of(question)(said)

    def _question(self, limits: Limits, novel: bool) -> str:
        if self._asks_for_the_cold(limits):
            return "cold"
        return "novel" if novel else "recommend"

    def _related_question(self, limits: Limits) -> str:
        return "related-cold" if self._asks_for_the_cold(limits) else "related"

    def _asks_for_the_cold(self, limits: Limits) -> bool:
        """Whether most of the products that the user named hardly sold. In a small shop that is so of all products."""
        sold = self.parts.counts.items[limits.allowed]
        hardly = len(sold) > 0 and np.mean(sold < COLD) >= MOSTLY
        return limits.named and bool(hardly and sold.sum() < LIVES_FROM * self.parts.counts.items.sum())

    def _whole_categories(self, bought: csr_array) -> csr_array:
        """Bar every product of the categories that a query has bought from."""
        n_items = len(self.categories)
        onto = csr_array(
            (np.ones(n_items, np.float32), (np.arange(n_items), self.categories)),
            shape=(n_items, int(self.categories.max(initial=0)) + 1),
        )
        return csr_array((bought @ onto) @ onto.T)

    def _block(
        self,
        question: str,
        asked: Queries,
        limits: Limits,
        barred: csr_array | None,
        sources: NDArray[np.int64] | None,
        keep: Keep | None,
        start: int,
    ) -> Answers:
        parts = self.parts
        views = catalogue_views(parts, asked)
        quotas = quotas_for(question, int(limits.allowed.sum()))
        shown = self.rules.shown if self.rules.hidden else np.ones(parts.meaning.n_items, bool)
        also = self.rules.pinned
        if self.given is not None and question in (*OF_PAIRS, "complete"):
            also = np.union1d(also, self.given.together_with(_haves(asked, sources)))  # counts may not know them
        some = candidates(parts, asked, views, quotas, limits.allowed & shown, barred, also)
        table = features(parts, asked, views, some)
        chance = self.rankers[question].probability(table)
        if question in OF_CUSTOMERS and asked.held is None:
            chance = _as_people_buy(chance, some, asked.strangers, parts.popularity.lately)
        # A text that nobody sells is known by its kin alone here, whose texts are not its own.
        if self.head is not None and (sources is not None or question not in OF_PAIRS):
            chance = self.head.applied(chance, some, asked, sources)
        probability = self.calibrators.of(question)(chance)
        if question in OF_PAIRS:
            both, with_a = self._counted(sources, some)
            probability = self.calibrators.pairs_of(question).value(both, with_a, chance)
            chance = probability.astype(np.float32)
        if self.given is not None and question in (*OF_PAIRS, "complete"):
            shift = self.given.shift(_haves(asked, sources), some.query, some.item, question == "complete")
            probability, chance = _moved(probability, shift), _moved(chance, shift).astype(np.float32)
        chosen = []
        for query in range(some.n_queries):
            at = np.arange(*some.of(query).indices(len(some.query)))
            if keep is not None:
                at = at[keep(query, some.item[at])]
            chosen.append(self._first(at[np.argsort(-chance[at], kind="stable")], some, chance, limits.n))
        order = np.concatenate([*chosen, np.zeros(0, np.int64)]).astype(np.int64)
        rank = np.concatenate([*(np.arange(1, len(at) + 1) for at in chosen), np.zeros(0, np.int64)]).astype(np.int64)
        answered = probability[order]
        bounded = np.clip(answered, 1e-9, 1 - 1e-9)
        return Answers(some.query[order] + start, some.item[order], rank, np.log(bounded / (1 - bounded)), answered)

    def _counted(self, sources: NDArray[np.int64] | None, some: Candidates) -> tuple[Array, Array]:
        """Baskets with both, and with the product asked about; of a text alone there are none."""
        if sources is None:
            none = np.zeros(len(some.item), np.float32)
            return none, none
        a, counts = sources[some.query], self.parts.counts
        return counts.both(a, some.item), counts.items[a].astype(np.float32)

    def _first(self, at: NDArray[np.int64], some: Candidates, chance: Array, n: int) -> NDArray[np.int64]:
        if self.diversity > 0 and len(at) > 1:
            head = at[: max(5 * n, 50)]
            at = head[mmr(chance[head], self.parts.meaning.words[some.item[head]], n, self.diversity)]
        if len(self.rules.pinned):
            place = {int(item): one for item, one in zip(some.item[at], at, strict=True)}
            kept, _ = apply_rules(some.item[at], self.rules)
            at = np.array([place[int(item)] for item in kept], dtype=np.int64)
        return at[:n]


def _as_people_buy(chance: Array, some: Candidates, strangers: NDArray[np.bool_], lately: Array) -> Array:
    """Somebody of whom nothing is known is offered what most people buy now: the ranker's chances, in that order.

    Examples
    --------
    >>> two = Candidates(np.array([0, 0, 0]), np.array([4, 5, 6]), 1)
    >>> lately = np.array([0, 0, 0, 0, 1.0, 9.0, 5.0])
    >>> _as_people_buy(np.array([0.3, 0.1, 0.2]), two, np.array([True]), lately).round(4).tolist()
    [0.1, 0.3, 0.2]
    """
    result = chance.copy()
    for query in np.flatnonzero(strangers):
        at = np.arange(*some.of(int(query)).indices(len(some.query)))
        falling = np.sort(chance[at])[::-1] * (1 - 2.0**-22 * np.arange(len(at)))  # of equal chances each a hair below
        result[at[np.argsort(-lately[some.item[at]], kind="stable")]] = falling
    return result


def _haves(asked: Queries, sources: NDArray[np.int64] | None) -> list[NDArray[np.int64]]:
    """The products that each query asks about: its source, or what its basket holds."""
    if sources is not None:
        return [sources[[at]] for at in range(len(sources))]
    held = asked.held
    if held is None:
        return [np.zeros(0, np.int64)] * len(asked)
    return [held.indices[held.indptr[at] : held.indptr[at + 1]].astype(np.int64) for at in range(len(asked))]


def _moved(probability: NDArray[np.floating], shift: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities whose log odds are moved; those that are not stay what they were to the last digit."""
    bounded = np.clip(probability.astype(np.float64), 1e-9, 1 - 1e-9)
    moved = 1 / (1 + np.exp(-(np.log(bounded / (1 - bounded)) + shift)))
    return np.where(shift == 0, probability.astype(np.float64), moved)


def _keeping(kind: str, labels: Labels, start: int) -> Keep:
    """Whether products of a block that begins at query `start` are of a kind."""
    return lambda query, items: of_kind(labels(start + query, items), kind)


def part_of(asked: Queries, rows: NDArray[np.int64]) -> Queries:
    """These queries of a block."""
    return Queries(
        asked.own.take(rows),
        asked.customer[rows],
        _rows(asked.held, rows),
        None if asked.words is None else asked.words[rows],
        None if asked.source is None else asked.source[rows],
    )


def _rows(table: csr_array | None, rows: NDArray[np.int64]) -> csr_array | None:
    return None if table is None else csr_array(table[rows])


def _unit(values: NDArray[np.floating]) -> NDArray[np.floating]:
    top = values.max(initial=0.0)
    return values / top if top > 0 else values


def _joined(blocks: list[Answers]) -> Answers:
    if not blocks:
        none = np.zeros(0, np.int64)
        return Answers(none, none, none, np.zeros(0), np.zeros(0))
    return Answers(*(np.concatenate([getattr(b, name) for b in blocks]) for name in Answers.__dataclass_fields__))
