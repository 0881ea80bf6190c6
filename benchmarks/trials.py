"""A data set made ready: the exam, what ours is given, and what the peers are fitted on."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl

import newcomers
import online_retail
import scientific
from data_sets import complete_journey, complete_journey_terms, complete_journey_texts
from goeswith.data.shop import Shop
from goeswith.evaluation.protocol import Exam, Task
from goeswith.language.words import words
from peer_settings import CHOSEN
from peers import Material
from plain_log import plain_log
from protocol_tasks import WARM, Slice, protocol_tasks

GROCERY = ["popularity", "personal", "tifu", "rules-cosine", "rules-confidence", "fp-growth", "item-knn", "bm25"]
LINEAR = ["ease-customers", "ease-baskets", "als", "bpr"]
MEANING = ["tfidf", "zero-shot-mean", "zero-shot"]
STRANGERS = ["popularity", "rules-cosine", "rules-confidence", "fp-growth", "item-knn", "bm25", *LINEAR, *MEANING]
"""Peers for customers of whom only a first history is known."""


@dataclass(frozen=True)
class Trial:
    """products, events, until: what gw.Shop.create and gw.fit take. peers: those that suit the data."""

    name: str
    part: str
    exam: Exam
    products: pl.DataFrame
    events: pl.DataFrame
    until: object
    material: Material
    peers: list[str]


@contextmanager
def shop_of(trial: Trial) -> Iterator[Shop]:
    """What a trial gives to ours, as a shop that is gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        yield Shop.create(Path(folder) / "shop", products=trial.products, events=trial.events)


def complete_journey_trial(part: str, vector_cache: Path | None = None) -> Trial:
    cut = complete_journey(part)
    peers = [*GROCERY, *LINEAR, *MEANING, "sasrec"]
    return _grocery_trial(cut, protocol_tasks(cut), peers, vector_cache)


def newcomers_trial(part: str, vector_cache: Path | None = None) -> Trial:
    cut, tasks = newcomers.cut(part)
    return _grocery_trial(cut, tasks, STRANGERS, vector_cache)


def _grocery_trial(cut: Slice, tasks: list[Task], peers: list[str], vector_cache: Path | None) -> Trial:
    sold = cut.products.join(cut.counts, on="product_id", how="left", maintain_order="left")
    catalogue = sold.select("product_id", pl.col("n").fill_null(0).alias("purchases"), category="product_category")
    exam = Exam(catalogue, tasks, cut.test["timestamp"].min(), f"{cut.part}: four weeks from {cut.until}")  # type: ignore[arg-type]
    customers = pl.concat([cut.fit["customer_id"], cut.test["customer_id"]]).unique().sort()
    described = cut.products.with_columns(category="product_category")  # the name that the peers know
    log = plain_log(described, cut.fit, customers)
    terms, texts = complete_journey_terms(cut.products), complete_journey_texts(cut.products)
    events = pl.concat([cut.fit, cut.test])
    material = Material(log, terms, texts, WARM, vector_cache, CHOSEN["complete-journey"])
    return Trial(cut.data, cut.part, exam, cut.products, events, cut.until, material, peers)


def online_retail_trial(part: str, vector_cache: Path | None = None) -> Trial:
    products, fit, test, tasks, until = online_retail.cut(part)
    events = pl.concat([fit, test])
    people = events["customer_id"].drop_nulls().unique().sort()
    texts = products["name"].to_list()
    log, terms = plain_log(products, fit, people), [words(text) for text in texts]
    material = Material(log, terms, texts, 1, vector_cache, CHOSEN["online-retail"])
    exam = Exam(counted(products, fit), tasks, test["timestamp"].min(), f"{part}: four weeks from {until}")  # type: ignore[arg-type]
    peers = [*GROCERY, *LINEAR, *MEANING, "star", "sasrec"]
    return Trial("online-retail", part, exam, products, events, until, material, peers)


def scientific_trial(part: str, vector_cache: Path | None = None) -> Trial:
    products, fit, tasks = scientific.cut(part)
    texts = products["name"].to_list()
    people = fit["customer_id"].unique().sort()
    log, terms = plain_log(products, fit, people), [words(text) for text in texts]
    material = Material(log, terms, texts, 1, vector_cache, CHOSEN["scientific"])
    exam = Exam(counted(products, fit), tasks, None, f"{part}: one review a user held out")
    events = fit.select("customer_id", "product_id", "position")
    counting = ["popularity", "personal", "rules-cosine", "item-knn", "bm25", "ease-customers", "als", "bpr"]
    peers = [*counting, *MEANING, "star", "sasrec"]
    return Trial("scientific", part, exam, products, events, None, material, peers)


def counted(products: pl.DataFrame, fit: pl.DataFrame) -> pl.DataFrame:
    """The catalogue as an exam wants it: product_id, purchases, and no categories."""
    sold = fit.group_by("product_id").len("purchases")
    known = products.join(sold, on="product_id", how="left", maintain_order="left")
    return known.select("product_id", pl.col("purchases").fill_null(0), category=pl.lit(None, pl.String))


TRIALS: dict[str, Callable[[str, Path | None], Trial]] = {
    "complete-journey": complete_journey_trial,
    "newcomers": newcomers_trial,
    "online-retail": online_retail_trial,
    "scientific": scientific_trial,
}
