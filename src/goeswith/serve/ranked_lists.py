"""One model version's ranked lists: prepared, remembered, or computed when they are asked for.

A list holds the best KEPT products as the model has them. Filters and business rules are applied to it afterwards, so
that one list serves many questions; where too little is left, the model is asked among what is allowed.
"""

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from goeswith.association.histories import Histories, histories_from
from goeswith.model import Model
from goeswith.ranking.answering import Answerer, Answers, Limits
from goeswith.ranking.rules import Rules
from goeswith.ranking.sources import of_products, of_texts
from goeswith.ranking.training import baskets_to_matrix
from goeswith.ranking.views import Queries
from goeswith.serve.live import Past
from goeswith.serve.newcomers import Newcomer
from goeswith.serve.prepared import Prepared
from goeswith.serve.store.event_log import Told

KEPT = 100
REMEMBERED = 20_000
SEEN_FOR_KINDS = 200
"""Of a long history, so many products are looked at to tell what kind an answer is."""


@dataclass(frozen=True)
class Ranked:
    """The best products of one question. row, probability : (answers,); source : where they come from

    kinds : row -> complement, substitute or both; those that were shown once, see `RankedLists.label`
    held : rows of what was bought, is in the basket or was asked about
    """

    row: NDArray[np.int64]
    probability: NDArray[np.float64]
    kinds: dict[int, str]
    source: str
    held: NDArray[np.int64]


@dataclass(frozen=True)
class Asked:
    """A question in rows of one version.

    verb : related, complete, recommend
    product : row, for related; newcomer or text where the model does not know it
    basket, history : rows; customer : row, -1 unknown; live : what the customer did since
    """

    verb: str
    product: int | None = None
    text: str | None = None
    newcomer: Newcomer | None = None
    kind: str = "any"
    basket: tuple[int, ...] = ()
    customer: int = -1
    history: tuple[int, ...] | None = None
    live: Sequence[Told] = ()
    live_state: str = ""
    novel: bool = False
    across: bool = False

    @property
    def key(self) -> Hashable:
        return (
            self.verb, self.product, self.text, self.newcomer.product_id if self.newcomer else None, self.kind,
            self.basket, self.customer, self.history, self.live_state, self.novel, self.across,
        )  # fmt: skip


class RankedLists:
    """All that one version answers.

    shown : (items,), products that no rule hides
    """

    def __init__(self, model: Model, past: Past, prepared: Prepared | None, shown: NDArray[np.bool_]) -> None:
        self._model, self._past, self._shown = model, past, shown
        self._prepared = prepared if prepared is not None and prepared.serves(shown) else None
        rules = Rules({"hidden": ~shown}, np.zeros(0, np.int64))
        self._answerer = Answerer(
            model.parts, model.rankers, rules, model._categories, model.calibrators, model.config.diversity
        )
        self._answerer.__dict__["kinds"] = model.answerer.kinds
        self._remembered: OrderedDict[Hashable, Ranked] = OrderedDict()
        self._lock = Lock()

    def at_hand(self, asked: Asked) -> Ranked | None:
        """What needs no model; None where it must be asked."""
        key = asked.key
        with self._lock:
            found = self._remembered.get(key)
            if found is not None:
                self._remembered.move_to_end(key)
                return found
        if self._prepared is None:
            return None
        if asked.verb == "related" and asked.kind == "any" and asked.product is not None:
            return self._from_prepared("related", asked.product)
        is_plain = not (asked.live_state or asked.novel or asked.across) and asked.history is None
        if asked.verb == "recommend" and is_plain and asked.customer >= 0:
            return self._from_prepared("recommend", asked.customer)
        return None

    def ask(self, asked: Asked, allowed: NDArray[np.bool_] | None = None) -> Ranked:
        """What the model says; remembered unless it was asked among few.

        allowed : (items,), only these; None: all that no rule hides
        """
        limits = Limits(KEPT, np.ones(len(self._shown), bool) if allowed is None else allowed, allowed is not None)
        ranked = getattr(self, f"_{asked.verb}")(asked, limits)
        if allowed is None:
            self._remember(asked.key, ranked)
        return ranked

    def forget(self, customer: int) -> None:
        """Let go of everything about a customer."""
        with self._lock:
            for key in [key for key in self._remembered if key[6] == customer]:  # type: ignore[index]
                del self._remembered[key]

    def _from_prepared(self, verb: str, number: int) -> Ranked | None:
        assert self._prepared is not None
        found = self._prepared.list_of(verb, number)
        if found is None:
            return None
        row, probability, kind = found
        stay = self._shown[row]
        held = np.array([number]) if verb == "related" else self._held(self._own_of(number))
        return Ranked(row[stay], probability[stay], dict(zip(row.tolist(), kind, strict=False)), "prepared", held)

    def _related(self, asked: Asked, limits: Limits) -> Ranked:
        model, answerer = self._model, self._answerer
        if asked.product is not None:
            rows = np.array([asked.product])
            answers = answerer.related(of_products(model.parts, rows), rows, limits, asked.kind)
            return self._ranked(answers, rows)
        assert asked.newcomer is not None
        meaning = asked.newcomer.meaning
        answers = answerer.related_to_text(
            of_texts(model.parts, meaning, model.sold), meaning.plain[0], limits, asked.kind
        )
        labels = answerer.kinds.labels_beside_text(meaning.plain[0], answers.item)
        kinds = dict(zip(answers.item.tolist(), labels.tolist(), strict=True))
        return Ranked(answers.item, answers.probability, kinds, "model", np.zeros(0, np.int64))

    def _complete(self, asked: Asked, limits: Limits) -> Ranked:
        rows = np.array(asked.basket, dtype=np.int64)
        held = baskets_to_matrix([rows], len(self._shown))
        queries = Queries(self._own(asked), np.array([asked.customer]), held)
        return self._ranked(self._answerer.answer("complete", queries, limits, barred=held), rows)

    def _recommend(self, asked: Asked, limits: Limits) -> Ranked:
        own = self._own(asked)
        answers = self._answerer.recommend(Queries(own, np.array([asked.customer])), limits, asked.novel, asked.across)
        return self._ranked(answers, self._held(own))

    def _own(self, asked: Asked) -> Histories:
        parts = self._model.parts
        if asked.history is not None:
            return histories_from([[[item] for item in asked.history]], parts.now)
        if asked.live:
            return self._past.history(asked.customer, asked.live, parts.now)
        return self._own_of(asked.customer)

    def _own_of(self, customer: int) -> Histories:
        return self._model.parts.histories.take(np.array([customer]))

    @staticmethod
    def _held(own: Histories) -> NDArray[np.int64]:
        return own.item[own.n > 0]

    def label(self, ranked: Ranked, rows: Sequence[int]) -> None:
        """Tell what kinds these answers of a list are; most answers of a list are never shown."""
        wanted = np.array([row for row in rows if row not in ranked.kinds and row < len(self._shown)], np.int64)
        labels = self._answerer.kinds.labels(ranked.held[:SEEN_FOR_KINDS], wanted)
        ranked.kinds.update(zip(wanted.tolist(), labels.tolist(), strict=True))

    def _ranked(self, answers: Answers, held: NDArray[np.int64]) -> Ranked:
        return Ranked(answers.item, answers.probability, {}, "model", held)

    def _remember(self, key: Hashable, ranked: Ranked) -> None:
        with self._lock:
            self._remembered[key] = ranked
            while len(self._remembered) > REMEMBERED:
                self._remembered.popitem(last=False)
