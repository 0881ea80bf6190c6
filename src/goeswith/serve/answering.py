"""From a question over HTTP to an answer: the version, its list, the rules, a place for the new, the words."""

import asyncio
import json
import secrets
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from goeswith.errors import GoesWithError, UnknownId
from goeswith.serve.at_work import AtWork
from goeswith.serve.exploring import Choice, epsilon_greedy, places, thompson
from goeswith.serve.newcomers import read_text
from goeswith.serve.problems import Refused
from goeswith.serve.ranked_lists import Asked, Ranked
from goeswith.serve.rewards import Rewards
from goeswith.serve.schemas import CompleteQuery, RecommendQuery, RelatedQuery
from goeswith.serve.service import Service
from goeswith.serve.store.event_log import Told

Query = RelatedQuery | CompleteQuery | RecommendQuery
NOTHING = np.zeros(0, np.int64)
PRESENT, MOST_WARMED = 5_000, 20
"""Customers who were answered lately, and of how many the next answer is computed at once when they do something."""
AROUND = 5
"""Cold products compete for a place on the shelves of so many first answers."""


@dataclass(frozen=True)
class Question:
    """A query that was looked up in one version.

    allowed : (products,), what its filter and exclusions leave; None: everything
    barred : rows that cannot be an answer
    """

    query: Query
    verb: str
    work: AtWork
    asked: Asked
    allowed: NDArray[np.bool_] | None
    barred: NDArray[np.int64]
    customer: str | None
    arm: str | None

    @property
    def key(self) -> tuple[Any, ...]:
        return (self.query.model_dump_json(), self.work.epoch, self.asked.live_state, self.verb)


class Answering:
    """Answers queries with what a service holds."""

    def __init__(self, service: Service) -> None:
        self.service, self.rewards = service, Rewards(service.database)
        self._rng = np.random.default_rng()
        self._present: OrderedDict[str, None] = OrderedDict()
        self._warming: dict[str, asyncio.Task[None]] = {}
        service.after_events = self.warm

    def warm(self, told: Sequence[Told]) -> None:
        """Have the next answer ready for customers who were answered lately and have just done something."""
        for customer in {one.customer_id for one in told if one.customer_id in self._present} - self._warming.keys():
            if customer is not None and len(self._warming) < MOST_WARMED:
                self._warming[customer] = asyncio.get_running_loop().create_task(self._warm(customer))

    async def _warm(self, customer: str) -> None:
        try:
            question = await self._question("recommend", RecommendQuery(customer=customer))
            if question.work.lists.at_hand(question.asked) is None:
                await self.service.run(question.work.lists.ask, question.asked)
        except (GoesWithError, Refused):
            pass  # whoever asks will be told
        finally:
            del self._warming[customer]

    async def body(self, verb: str, query: Query) -> bytes:
        """One answer, as it is sent."""
        service, known = self.service, self.service.known
        is_tested = known.experiment is not None or known.exploration is not None
        if known.exploration is not None and self.rewards.is_old:
            await service.store(self.rewards.refresh)
        question = await self._question(verb, query)
        if not is_tested and (found := service.bodies.get(question.key)) is not None:
            return found
        answer = await self._answer(question)
        if is_tested:
            self._log(question, answer)
        for product in answer["products"]:
            product.pop("_pool", None)
        body = json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode()
        if not is_tested:
            service.remember_body(question.key, body)
        service.metrics.answers.labels(verb, answer["products"][0]["source"] if answer["products"] else "none").inc()
        if not answer["products"]:
            service.metrics.empty.labels(verb).inc()
        return body

    async def under(self, verb: str, query: Query, work: AtWork) -> dict[str, Any]:
        """An answer of this version under its rules, of which nothing is logged or remembered."""
        question = replace(await self._question(verb, query), work=work)
        return await self._answer(question, explore=False)

    async def _question(self, verb: str, query: Query) -> Question:
        service = self.service
        customer = query.customer
        test, arm, work = service.known.experiment, None, None
        if test is not None and customer is not None:
            arm = test.arm_of(customer)
            work = service.works.get(test.version_b if arm == "b" else test.version_a)
            arm = arm if work is not None else None
        work = work or service.work()
        asked = Asked(verb)
        if customer is not None and verb == "recommend":
            self._present[customer] = None
            if len(self._present) > PRESENT:
                self._present.popitem(last=False)
        if customer is not None:
            asked = self._with_customer(asked, work, customer, needed=verb == "recommend")
        barred = NOTHING
        if isinstance(query, RelatedQuery):
            asked = replace(asked, kind=query.kind, customer=-1, live=(), live_state="")
            if query.text is not None:
                asked = replace(asked, text=query.text, newcomer=await service.run(read_text, work.model, query.text))
            else:
                row = work.catalogue.row(query.product)
                newcomer = work.newcomer(row)
                asked = replace(asked, newcomer=newcomer) if newcomer else replace(asked, product=row)
                barred = np.array([row])
        elif isinstance(query, CompleteQuery):
            rows = work.catalogue.rows(query.basket)
            inside = tuple(int(row) for row in rows if row < work.catalogue.n_items)
            asked, barred = replace(asked, basket=inside), rows
        else:
            asked = replace(asked, novel=query.novel, across=query.across)
            if query.history is not None:
                rows = work.catalogue.rows(query.history)
                asked = replace(asked, history=tuple(int(row) for row in rows if row < work.catalogue.n_items))
                barred = rows if query.novel or query.across else NOTHING
        return Question(query, verb, work, asked, self._allowed(query, work), barred, customer, arm)

    def _with_customer(self, asked: Asked, work: AtWork, customer: str, needed: bool) -> Asked:
        service = self.service
        row = None if service.is_forgotten(customer, work) else work.model.log.customers._find(customer)
        live = service.live.of(customer)
        if row is None and not live and needed:
            raise UnknownId("customer", [customer], service.near_customers(customer, work))
        return replace(
            asked, customer=-1 if row is None else row, live=live, live_state=service.live.state_of(customer)
        )

    def _allowed(self, query: Query, work: AtWork) -> NDArray[np.bool_] | None:
        if query.filter is None and not query.exclude:
            return None
        allowed = (
            work.catalogue.met(query.filter).copy() if query.filter is not None else np.ones(len(work.catalogue), bool)
        )
        allowed[work.catalogue.rows(query.exclude)] = False
        return allowed

    async def _answer(self, question: Question, explore: bool = True) -> dict[str, Any]:
        work, asked, n = question.work, question.asked, question.query.n
        ranked = work.lists.at_hand(asked)
        if ranked is None:
            ranked = await self.service.run(work.lists.ask, asked)
        row, chance = self._widened(question, ranked)
        bought = self._bought_lately(question, work)
        ordered = work.rules.apply(row, chance, question.allowed, n, bought, question.barred)
        if len(ordered.row) < n and question.allowed is not None:
            ranked = await self.service.run(work.lists.ask, asked, question.allowed[: work.catalogue.n_items])
            row, chance = self._widened(question, ranked)
            ordered = work.rules.apply(row, chance, question.allowed, n, bought, question.barred)
        first = work.catalogue.n_items
        if any(row not in ranked.kinds for row in ordered.row.tolist() if row < first):
            await self.service.run(work.lists.label, ranked, ordered.row.tolist())
        products = [
            {
                "rank": place,
                "product_id": work.catalogue.ids[one],
                "name": work.catalogue.names[one],
                "probability": round(float(p), 6) if p == p else None,
                "kind": ranked.kinds.get(one, "complement"),
                "source": "rule" if p != p else "newcomer" if one >= first else ranked.source,
                "reasons": [],
                "rules": ordered.told.get(one, []),
            }
            for place, (one, p) in enumerate(zip(map(int, ordered.row), ordered.probability, strict=True), start=1)
        ]
        if explore and self.service.known.exploration is not None and products:
            self._explore(question, products, ordered.row)
        if question.query.why:
            await self.service.run(self._reasons, question, ranked, products)
        is_tested = self.service.known.experiment is not None or self.service.known.exploration is not None
        return {
            "products": products,
            "model": work.version,
            "rules": work.rules.version,
            "hidden": ordered.hidden,
            "answer_id": secrets.token_hex(12) if is_tested and explore else None,
            "arm": question.arm,
        }

    def _widened(self, question: Question, ranked: Ranked) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        if question.verb == "recommend" and (question.asked.novel or question.asked.across) and ranked.row.size == 0:
            return ranked.row, ranked.probability
        row, chance = question.work.widened(ranked)
        keep = ~np.isin(row, question.barred) if len(question.barred) else np.ones(len(row), bool)
        return row[keep], chance[keep]

    def _bought_lately(self, question: Question, work: AtWork) -> NDArray[np.int64]:
        """Rows of what the customer bought within the days that a rule names, for the model's moment and since."""
        days = work.rules.rules.hide_bought_days
        if not days or question.customer is None:
            return NOTHING
        live = [
            work.catalogue.find(t.product_id) for t in self.service.live.of(question.customer) if t.kind == "purchase"
        ]
        found = [row for row in live if row is not None]
        customer = work.model.log.customers._find(question.customer)
        if customer is not None and not self.service.is_forgotten(question.customer, work):
            own = work.model.parts.histories.take(np.array([customer]))
            found += own.item[(own.n > 0) & (own.last <= days)].tolist()
        return np.unique(np.array(found, dtype=np.int64))

    def _reasons(self, question: Question, ranked: Ranked, products: Sequence[dict[str, Any]]) -> None:
        work, asked, model = question.work, question.asked, question.work.model
        for product in products:
            row = work.catalogue.find(product["product_id"])
            assert row is not None
            newcomer = work.newcomer(row)
            if newcomer is not None:
                names = [work.catalogue.names[kin] for kin in newcomer.kin[:2]]
                product["reasons"] = [f"new; reads like {' and '.join(names)}"] if names else ["new"]
            elif question.verb == "related":
                product["reasons"] = model._why_pair(asked.product, row) if asked.product is not None else []
            elif question.verb == "complete":
                product["reasons"] = model._why_history(np.array(asked.basket), row)
            else:
                own = work.lists._own(asked)
                rows = np.repeat(own.item, own.n.astype(int))
                product["reasons"] = model._why_customer(asked.customer, rows, row)

    # --- exploration and tests

    def _explore(self, question: Question, products: list[dict[str, Any]], row: NDArray[np.int64]) -> None:
        """Give some of the last places to products that hardly sold."""
        assert self.service.known.exploration is not None
        settings = self.service.known.exploration[1]
        count = min(places(question.query.n, settings["share"], self._rng), len(products) - 1)
        for slot in range(count):
            taken = {product["product_id"] for product in products}
            pool = [
                one
                for one in self._pool(question, row, settings["pool"])
                if question.work.catalogue.ids[one] not in taken
            ]
            if len(pool) < 2:
                return
            ids = [str(question.work.catalogue.ids[one]) for one in pool]
            choice = self._choice(settings, ids)
            place = len(products) - 1 - slot
            chosen = pool[choice.place]
            products[place] = {
                "rank": place + 1,
                "product_id": question.work.catalogue.ids[chosen],
                "name": question.work.catalogue.names[chosen],
                "probability": None,
                "kind": "complement",
                "source": "exploration",
                "reasons": [],
                "rules": [],
                "_pool": {one: round(float(p), 6) for one, p in zip(ids, choice.propensity, strict=True)},
            }

    def _choice(self, settings: Any, ids: list[str]) -> Choice:
        shown, rewarded = self.rewards.of(ids)
        if settings["policy"] == "epsilon":
            return epsilon_greedy(shown, rewarded, settings["epsilon"], self._rng)
        return thompson(shown, rewarded, self._rng)

    def _pool(self, question: Question, row: NDArray[np.int64], size: int) -> list[int]:
        """Newcomers, then cold products on the shelves of the first answers; only what may be shown."""
        work = question.work
        may = work.rules.shown if question.allowed is None else work.rules.shown & question.allowed
        new = [one for one in range(work.catalogue.n_items, len(work.catalogue)) if may[one]]
        found = new + [int(one) for one in work.cold_beside(row[:AROUND], size * 3) if may[one]]
        barred = set(map(int, question.barred))
        return [one for one in found if one not in barred][:size]

    def _log(self, question: Question, answer: dict[str, Any]) -> None:
        test = self.service.known.experiment
        self.service.exposures.add(
            [
                {
                    "answer_id": answer["answer_id"],
                    "customer_id": question.customer,
                    "product_id": str(product["product_id"]),
                    "place": product["rank"],
                    "model": answer["model"],
                    "experiment_id": test.experiment_id if test and question.arm else None,
                    "arm": question.arm,
                    "propensity": product["_pool"][str(product["product_id"])] if "_pool" in product else None,
                    "pool": product.get("_pool"),
                }
                for product in answer["products"]
            ]
        )


def model_rows(work: AtWork, products: Sequence[str]) -> NDArray[np.int64]:
    """Rows of products that the model knows.

    Raises
    ------
    UnknownId : not in the shop; Refused : newer than the model
    """
    rows = work.catalogue.rows(products)
    fresh = [product for product, row in zip(products, rows, strict=True) if row >= work.catalogue.n_items]
    if fresh:
        raise Refused(409, f"{fresh[0]} came after the model was fitted: nothing was counted of it yet. Fit again.")
    return rows
