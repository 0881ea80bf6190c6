"""Model: the trained parts of a shop; each method is a few lines into a room."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from goeswith.association.describer import Describer, Reading, encode, lexicon_axes, meaning_of
from goeswith.association.features import FeatureLayer
from goeswith.association.given_labels import GivenLabels
from goeswith.association.histories import histories_from
from goeswith.association.kinds import COMPLEMENT, SUBSTITUTE
from goeswith.association.parts import Meaning, Parts, shelves_of
from goeswith.association.parts_file import parts_from, read_parts, save_parts
from goeswith.association.probability import Calibrators, Probability
from goeswith.config import FitConfig
from goeswith.data.labels import LABELS, labels_of
from goeswith.data.log import Log
from goeswith.data.mapped import is_made, keep_only, mapped_arrays
from goeswith.data.shop import Shop
from goeswith.data.vocabulary import Vocabulary
from goeswith.errors import ModelError, ShopError, UsageError
from goeswith.explain.book import EvidenceBook
from goeswith.explain.explanation import Explanation, explain_pair, explain_recommendation
from goeswith.language.encoder import LateEncoder, SentenceEncoder, load_encoder
from goeswith.language.fast_reader import exported_reader
from goeswith.language.item_text import item_text
from goeswith.language.reader import kind_of, load_reader
from goeswith.language.vector_cache import CachedEncoder
from goeswith.ranking.answering import Answerer, Answers, Limits
from goeswith.ranking.head import Head
from goeswith.ranking.ranker import Ranker, load_ranker
from goeswith.ranking.ranking import Ranking
from goeswith.ranking.rules import settle
from goeswith.ranking.sources import SoldIndex, of_products, of_texts, sold_index
from goeswith.ranking.training import QUESTIONS, baskets_to_matrix
from goeswith.ranking.views import Queries
from goeswith.versions import folder_of, new_version, promote, promoted, verified

Kind = Literal["any", "complement", "substitute"]
Unknown = Literal["error", "skip"]
Ids = Sequence[Any] | pl.Series
EXPORTS = "exports"
READER = "reader"
"""The folder, in a version, of what reads the first answers once more."""
REMEMBERED = ("fine_tuning", "stages", "losses", "moved", "horizon_days", "cost", "figures")
"""Facts of a fit that a stored version keeps."""
BY_ROW = ("source", "plain", "encoded", "weights", "axes")
"""Of these an answer looks at a few rows."""


@dataclass
class Model:
    """What goes with what, for whom, and why. Stable.

    Ids go in and come out as in the user's files; unknown ids raise UnknownId, or are left out with unknown="skip".
    """

    log: Log
    parts: Parts
    rankers: dict[str, Ranker]
    describer: Describer
    encoder: SentenceEncoder
    encoded: NDArray[np.float32]
    layer: FeatureLayer
    config: FitConfig
    facts: dict[str, Any] = field(default_factory=dict)
    fitted_until: datetime | None = None
    version: str = "unsaved"
    name: str = "goeswith"
    calibrators: Calibrators = field(default_factory=Calibrators)
    head: Head | None = None
    labels: pl.DataFrame | None = None
    """a, b (rows), label: what was said of pairs; the shop keeps it, whichever version answers."""

    # --- one question

    def related(
        self,
        product: Any = None,
        *,
        text: str | None = None,
        n: int = 10,
        kind: Kind = "any",
        among: Ids | None = None,
        exclude: Ids | None = None,
        unknown: Unknown = "error",
        why: bool = False,
    ) -> Ranking:
        """What goes with a product of the catalogue, or with one that only has a text.

        The probability is that of a basket with the product also holding the other. Each answer is labelled complement
        (goes with it), substitute (instead of it) or both (of one sort, and taken along); kind="complement" gives
        complements and both, kind="substitute" substitutes and both.
        """
        if (product is None) == (text is None):
            raise UsageError("Name one product, or pass text=; not both and not neither.")
        if text is not None:
            return self._related_to_text(text, n, kind, among, exclude, unknown)
        rows = self.log.items.rows([product], unknown)
        if len(rows) == 0:
            return self._ranking(None, [])
        answers = self._related(rows, n, kind, among, exclude, unknown)
        return self._ranking(answers, rows, reasons=(lambda row: self._why_pair(rows[0], row)) if why else None)

    def complete(
        self,
        basket: Ids,
        customer: Any = None,
        n: int = 10,
        *,
        among: Ids | None = None,
        exclude: Ids | None = None,
        unknown: Unknown = "error",
        why: bool = False,
    ) -> Ranking:
        """What is still to come in a basket; the probability is that of it coming."""
        rows = self.log.items.rows(basket, unknown)
        who = self._customers([customer], unknown) if customer is not None else np.array([-1])
        asked = self._of_baskets([rows], who if len(who) else np.array([-1]))
        answers = self.answerer.answer("complete", asked, self._limits(n, among, exclude, unknown), barred=asked.held)
        return self._ranking(answers, rows, reasons=(lambda row: self._why_history(rows, row)) if why else None)

    def recommend(
        self,
        customer: Any = None,
        n: int = 10,
        *,
        history: Ids | None = None,
        novel: bool = False,
        across: bool = False,
        among: Ids | None = None,
        exclude: Ids | None = None,
        unknown: Unknown = "error",
        why: bool = False,
    ) -> Ranking:
        """What to offer a customer, or somebody of whom only a history is known (oldest first; may be empty).

        novel : only what they never bought; across : only categories that are new to them. The probability is that of
        a purchase within the model's horizon.
        """
        if (customer is None) == (history is None):
            raise UsageError("Name one customer, or pass history=[...]; not both and not neither.")
        if history is not None:
            rows = self.log.items.rows(history, unknown)
            asked, who = self._of_histories([rows]), -1
        else:
            found = self._customers([customer], unknown)
            if len(found) == 0:
                return self._ranking(None, [])
            asked, who = self._of_customers(found), int(found[0])
            rows = np.repeat(asked.own.item, asked.own.n.astype(int))
        answers = self._recommended(asked, n, novel, across, among, exclude, unknown)
        owned = asked.own.item[asked.own.n > 0]
        explained = (lambda row: self._why_customer(who, rows, row)) if why else None
        return self._ranking(answers, owned, reasons=explained)

    def probability(self, a: Any, b: Any) -> Probability:
        """Of baskets with a, the share that holds b, with an interval that widens as evidence thins."""
        rows = self.log.items.rows([a, b])
        value, low, high = self._probabilities(rows[:1], rows[1:])
        return Probability(float(value[0]), float(low[0]), float(high[0]), int(self.parts.counts.items[rows[0]]))

    def explain(self, a: Any, b: Any) -> Explanation:
        """Why b goes with a: counted evidence, and one sentence that says no more than it."""
        rows = self.log.items.rows([a, b])
        if rows[0] == rows[1]:
            raise UsageError(f"{a} is one product, and a product does not go with itself. Name two.")
        return self._explain_pair(int(rows[0]), int(rows[1]), self.probability(a, b))

    def audience(self, product: Any, n: int = 100) -> pl.DataFrame:
        """Customers to whom a product should be offered.

        Returns
        -------
        customer_id, probability (of buying it within the horizon), bought (times so far); the likeliest first
        """
        _check_n(n)
        row = self.log.items.rows([product])
        customers, chance = self.answerer.audience(int(row[0]), max(5 * n, 500))
        order = np.argsort(-chance, kind="stable")[:n]
        bought = self.parts.histories.matrix(self.parts.histories.n, self.log.n_items)[:, row].toarray().ravel()
        return pl.DataFrame(
            {
                "customer_id": self.log.customers.ids(customers[order]),
                "probability": chance[order].astype(np.float64),
                "bought": bought[customers[order]].astype(np.int64),
            }
        )

    # --- many questions

    def related_many(
        self,
        products: Ids,
        n: int = 20,
        *,
        kind: Kind = "any",
        among: Ids | None = None,
        exclude: Ids | None = None,
        unknown: Unknown = "error",
    ) -> pl.DataFrame:
        """source_id, product_id, rank (from 1), score."""
        rows = self.log.items.rows(products, unknown)
        answers = self._related(rows, n, kind, among, exclude, unknown)
        return self._frame(answers, "source_id", self.log.items.ids(rows))

    def recommend_many(
        self,
        customers: Ids,
        n: int = 20,
        novel: bool = False,
        across: bool = False,
        among: Ids | None = None,
        exclude: Ids | None = None,
        unknown: Unknown = "error",
    ) -> pl.DataFrame:
        """customer_id, product_id, rank (from 1), score."""
        found = self._customers(customers, unknown)
        answers = self._recommended(self._of_customers(found), n, novel, across, among, exclude, unknown)
        return self._frame(answers, "customer_id", self.log.customers.ids(found))

    def recommend_histories(
        self,
        histories: Sequence[Ids],
        n: int = 20,
        among: Ids | None = None,
        exclude: Ids | None = None,
        unknown: Unknown = "error",
    ) -> pl.DataFrame:
        """history (position, from 0), product_id, rank, score; never a product that the history holds."""
        asked = self._of_histories([self.log.items.rows(history, unknown) for history in histories])
        answers = self._recommended(asked, n, True, False, among, exclude, unknown)
        return self._frame(answers, "history", pl.Series(np.arange(len(histories))))

    def complete_many(
        self,
        baskets: Sequence[Ids],
        customers: Ids | None = None,
        n: int = 20,
        among: Ids | None = None,
        exclude: Ids | None = None,
        unknown: Unknown = "error",
    ) -> pl.DataFrame:
        """basket (position, from 0), product_id, rank, score; a customer may be None."""
        who = np.full(len(baskets), -1)
        if customers is not None:
            named = [at for at, customer in enumerate(customers) if customer is not None]
            known = [at for at in named if unknown != "skip" or customers[at] in self.log.customers]
            who[known] = self._customers([customers[at] for at in known], unknown)
        asked = self._of_baskets([self.log.items.rows(basket, unknown) for basket in baskets], who)
        answers = self.answerer.answer("complete", asked, self._limits(n, among, exclude, unknown), barred=asked.held)
        return self._frame(answers, "basket", pl.Series(np.arange(len(baskets))))

    def probability_many(self, pairs: Iterable[Sequence[Any]] | pl.DataFrame) -> pl.DataFrame:
        """source_id, product_id, value, low, high."""
        given = [tuple(pair)[:2] for pair in (pairs.iter_rows() if isinstance(pairs, pl.DataFrame) else pairs)]
        left, right = self.log.items.rows([a for a, _ in given]), self.log.items.rows([b for _, b in given])
        value, low, high = self._probabilities(left, right)
        ids = {"source_id": self.log.items.ids(left), "product_id": self.log.items.ids(right)}
        return pl.DataFrame({**ids, "value": value, "low": low, "high": high})

    # --- into the rooms

    @cached_property
    def answerer(self) -> Answerer:
        rules = settle(self.config.rules, self.log.products, self.log.items)
        diversity = self.config.diversity
        return Answerer(
            self.parts, self.rankers, rules, self._categories, self.calibrators, diversity, self.head, self.given
        )

    @cached_property
    def given(self) -> GivenLabels | None:
        """What was said of pairs of this shop, as rows; None where nothing was."""
        if self.labels is None or self.labels.is_empty():
            return None
        a, b = self.labels["a"].to_numpy(), self.labels["b"].to_numpy()
        kind = np.array([LABELS.index(label) for label in self.labels["label"]], dtype=np.int64)
        return GivenLabels(a, b, kind, self.parts.meaning.plain)

    @cached_property
    def sold(self) -> SoldIndex:
        return sold_index(self.parts)

    @cached_property
    def book(self) -> EvidenceBook:
        return EvidenceBook(self.log)

    @cached_property
    def texts(self) -> list[str]:
        return item_text(self.log.products, self.describer.text)

    def plain_vectors(self) -> NDArray[np.float32]:
        """(items, d): the texts as an encoder that was never fine-tuned reads them."""
        if not self.facts.get("moved", True):
            return self.encoded
        plain = load_encoder(self.config.encoder, self.config.device)
        cached = CachedEncoder(plain, self.facts["cache"] / "vectors") if "cache" in self.facts else plain
        return encode(cached, self.texts)

    @cached_property
    def _categories(self) -> NDArray[np.int64]:
        """(items,), the number of each product's category; the coarsest grouping where none is named so."""
        products = self.log.products
        if "category" in products.columns:
            return products["category"].cast(pl.String).fill_null("").rank("dense").to_numpy().astype(np.int64)
        shelves = self.parts.meaning.shelves
        return shelves[-1] if shelves else np.zeros(self.log.n_items, np.int64)

    def _customers(self, customers: Ids, unknown: Unknown) -> NDArray[np.int64]:
        return self.log.customers.rows(customers, unknown)

    def _of_customers(self, rows: NDArray[np.int64]) -> Queries:
        return Queries(self.parts.histories.take(rows), rows)

    def _of_histories(self, histories: list[NDArray[np.int64]]) -> Queries:
        own = histories_from([[[int(item)] for item in history] for history in histories], self.parts.now)
        return Queries(own, np.full(len(histories), -1))

    def _of_baskets(self, baskets: list[NDArray[np.int64]], customers: NDArray[np.int64]) -> Queries:
        held = baskets_to_matrix(baskets, self.log.n_items)
        return Queries(self.parts.histories.take(customers), customers, held)

    def _limits(self, n: int, among: Ids | None, exclude: Ids | None, unknown: Unknown) -> Limits:
        _check_n(n)
        allowed = np.ones(self.log.n_items, bool)
        if among is not None:
            allowed[:] = False
            allowed[self.log.items.rows(among, unknown)] = True
        if exclude is not None:
            allowed[self.log.items.rows(exclude, unknown)] = False
        return Limits(n, allowed, named=among is not None)

    def _recommended(
        self,
        asked: Queries,
        n: int,
        novel: bool,
        across: bool,
        among: Ids | None,
        exclude: Ids | None,
        unknown: Unknown,
    ) -> Answers:
        limits = self._limits(n, among, exclude, unknown)
        if across and not self._categories.any():
            raise UsageError(
                "across needs categories, and this catalogue has no column that groups products. "
                "Add one (goeswith add SHOP --products F), or leave across out."
            )
        return self.answerer.recommend(asked, limits, novel, across)

    def _related(
        self, rows: NDArray[np.int64], n: int, kind: Kind, among: Ids | None, exclude: Ids | None, unknown: Unknown
    ) -> Answers:
        _check_kind(kind)
        return self.answerer.related(
            of_products(self.parts, rows), rows, self._limits(n, among, exclude, unknown), kind
        )

    def _related_to_text(
        self, text: str, n: int, kind: Kind, among: Ids | None, exclude: Ids | None, unknown: Unknown
    ) -> Ranking:
        _check_kind(kind)
        if not text.strip():
            raise UsageError("text= is empty. Describe the product in a few words.")
        reading = self.describer.read(pl.DataFrame({"name": [text]}))
        meaning = meaning_of(reading, self.layer, pl.DataFrame({"name": [text]}), [])
        limits = self._limits(n, among, exclude, unknown)
        answers = self.answerer.related_to_text(
            of_texts(self.parts, meaning, self.sold), meaning.plain[0], limits, kind
        )
        return self._ranking(answers, labels=self.answerer.kinds.labels_beside_text(meaning.plain[0], answers.item))

    def _probabilities(
        self, a: NDArray[np.int64], b: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        sources, at = np.unique(a, return_inverse=True)
        opinion = self.answerer.opinion("related", of_products(self.parts, sources), at, b)
        both = self.parts.counts.both(a, b)
        estimates = np.stack(self.calibrators.pairs.estimate(both, self.parts.counts.items[a], opinion))
        value, low, high = np.where(a == b, 1.0, estimates)  # every basket with a product holds it
        return value, low, high

    def _ranking(
        self,
        answers: Answers | None,
        beside: Sequence[int] | NDArray[np.int64] = (),
        reasons: Any = None,
        labels: NDArray[np.str_] | None = None,
    ) -> Ranking:
        if answers is None:
            return Ranking([], np.zeros(0), np.zeros(0), [], [], [])
        rows = answers.item
        if labels is None:
            labels = self.answerer.kinds.labels(np.asarray(beside, dtype=np.int64)[:200], rows)
        names = self.log.products["name"].gather(rows).cast(pl.String).fill_null("").to_list()
        return Ranking(
            self.log.items.ids(rows).to_list(),
            answers.score,
            answers.probability,
            labels.tolist(),
            [reasons(int(row)) if reasons else [] for row in rows],
            names,
        )

    def _frame(self, answers: Answers, name: str, ids: pl.Series) -> pl.DataFrame:
        return pl.DataFrame(
            {
                name: ids.gather(answers.query),
                "product_id": self.log.items.ids(answers.item),
                "rank": answers.rank,
                "score": answers.score,
            }
        )

    # --- why

    def _explain_pair(self, a: int, b: int, probability: Probability | None = None) -> Explanation:
        alike = float(self.encoded[a] @ self.encoded[b])
        return explain_pair(self.book, self.parts.counts, a, b, alike, probability, self._similar)

    def _why_pair(self, a: int, b: int) -> list[str]:
        return self._explain_pair(int(a), b).reasons

    def _why_history(self, rows: NDArray[np.int64], item: int) -> list[str]:
        return explain_recommendation(self.book, self.parts.counts, rows, item, similar=self._similar).reasons

    def _why_customer(self, customer: int, rows: NDArray[np.int64], item: int) -> list[str]:
        past = np.unique(rows)
        carried = self.parts.ease.carried(np.array([item]), past).ravel() if len(past) else np.zeros(0)
        who = None if customer < 0 else customer
        explained = explain_recommendation(
            self.book, self.parts.counts, rows, item, (past, carried), who, similar=self._similar, now=self.parts.now
        )
        return explained.reasons

    def _similar(self, item: int, k: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        cosines = self.encoded @ self.encoded[item]
        cosines[item] = -1.0
        top = np.argpartition(-cosines, min(k, len(cosines) - 1))[:k]
        top = top[np.argsort(-cosines[top])]
        return top, cosines[top]

    # --- on disk

    def save_as_version(self, shop: Shop) -> "Model":
        """Write a complete version into the shop and let it answer."""
        stored = {key: value for key, value in self.facts.items() if key in REMEMBERED}
        facts: dict[str, Any] = {
            "until": self.fitted_until,
            "now": self.parts.now.isoformat(),
            "config": self.config.model_dump(mode="json"),
            "encoder": self.encoder.fingerprint,
            **stored,
        }
        if self.head is not None:
            facts["head"] = {"kind": kind_of(self.head.reader), "weight": self.head.weight, "depth": self.head.depth}
        with new_version(shop, facts) as folder:
            self.encoder.save(folder / "encoder")
            self.layer.save(folder / "features.safetensors")
            self.describer.save(folder)
            halves = {"encoded": self.encoded.astype(np.float16), "words": self.parts.meaning.words.astype(np.float16)}
            save_file({name: np.ascontiguousarray(a) for name, a in halves.items()}, folder / "vectors.safetensors")
            save_parts(self.parts, folder)
            for question in QUESTIONS:
                self.rankers[question].save(folder / _ranker_file(question))
            self.calibrators.save(folder / "calibration.json")
            if self.head is not None:
                self.head.reader.save(folder / READER)
            (folder / "log").mkdir()
            self.log.products.write_parquet(folder / "log" / "products.parquet")
            self.log.customers.series.to_frame("customer_id").write_parquet(folder / "log" / "customers.parquet")
            self.log.events.write_parquet(folder / "log" / "events.parquet")
        self.version = facts["version"]
        self.facts["cache"] = shop.folder / "cache"
        promote(shop, self.version)
        return self


def load(shop: str | Path | Shop, version: str | None = None, *, shared: bool = False) -> Model:
    """The current model of a shop, or the version named; M itself is read when a new text is asked about. Stable.

    shared : for a service: files that were verified are not read again before they change. What `leave_mapped` leaves
        is made anew where it is missing

    Raises
    ------
    ModelError : no such version, or none yet
    CorruptModel : a file is not what the manifest says
    """
    opened = shop if isinstance(shop, Shop) else Shop.open(shop)
    folder = folder_of(opened, version)
    cache = _mapped_folder(opened) / folder.name
    manifest = verified(folder, remembered=cache.with_suffix(".verified") if shared else None)
    config = FitConfig.model_validate(manifest["config"])
    encoder = LateEncoder(str(folder / "encoder"), config.device)
    # A new text is read by the exported form where there is one; the catalogue was read at the fit.
    quick = exported_reader(opened.folder / EXPORTS / folder.name / "onnx", encoder, manifest["encoder"])
    layer = FeatureLayer.load(folder / "features.safetensors")
    products = pl.read_parquet(folder / "log" / "products.parquet")
    customers = pl.read_parquet(folder / "log" / "customers.parquet")["customer_id"]
    log = Log(
        products,
        Vocabulary(products["product_id"], kind="product"),
        Vocabulary(customers, kind="customer"),
        pl.read_parquet(folder / "log" / "events.parquet"),
    )

    def calculated() -> dict[str, NDArray]:
        vectors = {name: array.astype(np.float32) for name, array in load_file(folder / "vectors.safetensors").items()}
        made = meaning_of(Reading([], vectors["encoded"], vectors["words"]), layer, products, [])
        told = {name: getattr(made, name) for name in ("words", "plain", "source", "target")}
        told |= {"encoded": vectors["encoded"], "middle": made.plain.mean(axis=0)}
        return {"axes": lexicon_axes(folder), **told, **read_parts(folder)}

    mapped = shared or is_made(cache)
    arrays = mapped_arrays(cache, calculated, BY_ROW) if mapped else calculated()
    describer = Describer.load(folder, quick, arrays["axes"])
    now = datetime.fromisoformat(manifest["now"])
    means = {name: arrays[name] for name in ("words", "plain", "source", "target")}
    meaning = Meaning(**means, shelves=shelves_of(products, describer.attributes))
    facts: dict[str, Any] = {key: manifest[key] for key in REMEMBERED if key in manifest}
    head = None
    if about := manifest.get("head"):
        reader = load_reader(about["kind"], folder / READER, config.device)
        head = Head(reader, item_text(products, describer.text), about["weight"], about["depth"])
    model = Model(
        log=log,
        parts=parts_from(arrays, meaning, now, config.parts.text_weight),
        rankers={question: load_ranker(folder / _ranker_file(question)) for question in QUESTIONS},
        describer=describer,
        encoder=encoder,
        encoded=arrays["encoded"],
        layer=layer,
        config=config,
        facts={**facts, "cache": opened.folder / "cache"},
        fitted_until=datetime.fromisoformat(manifest["until"]) if manifest["until"] else None,
        version=folder.name,
        calibrators=Calibrators.load(folder / "calibration.json"),
        head=head,
        labels=labels_of(opened, log.items),
    )
    if mapped:  # else the first answer would read every vector for it
        vars(model.answerer.kinds)["_middle"] = arrays["middle"]
    return model


def leave_mapped(shop: Shop, version: str) -> None:
    """Vectors and counts as they are calculated with, in files that processes map and share: a load takes seconds.

    Those of the version that answered before stay too. On a full disk nothing is left, and a load calculates.
    """
    with suppress(ShopError):
        load(shop, version, shared=True)
        keep_only(_mapped_folder(shop), promoted(shop)[-2:])


def _mapped_folder(shop: Shop) -> Path:
    return shop.folder / "cache" / "mapped"


def meanings_of(shop: Shop) -> NDArray[np.float32] | None:
    """(products, d), what the shop's current model makes of their texts; None without a model of this catalogue."""
    try:
        model = load(shop)
    except ModelError:
        return None
    same = model.log.products["product_id"].equals(shop.products()["product_id"])
    return model.plain_vectors() if same else None


def _ranker_file(question: str) -> str:
    return "ranker.txt" if question == "recommend" else f"ranker-{question}.txt"


def _check_n(n: int) -> None:
    if n <= 0:
        raise UsageError(f"n must be at least 1; got {n}. Ask for one answer or more.")


def _check_kind(kind: str) -> None:
    if kind not in ("any", COMPLEMENT, SUBSTITUTE):
        raise UsageError(f'kind must be "any", "complement" or "substitute"; got "{kind}".')
