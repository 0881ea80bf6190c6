"""A data set made ready: the exam, what ours is given, and what the peers are fitted on."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from data_sets import complete_journey, complete_journey_terms, complete_journey_texts
from peers import Material
from plain_log import plain_log
from protocol_tasks import WARM, protocol_tasks

from goeswith.evaluation.protocol import Exam

ALL_BUT_STAR = [
    "popularity", "personal", "tifu", "rules-cosine", "rules-confidence", "item-knn",
    "ease-customers", "ease-baskets", "tfidf", "zero-shot-mean", "zero-shot",
]  # fmt: skip


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


def complete_journey_trial(part: str, vector_cache: Path | None = None) -> Trial:
    cut = complete_journey(part)
    tasks = protocol_tasks(cut)
    sold = cut.products.join(cut.counts, on="product_id", how="left", maintain_order="left")
    catalogue = sold.select("product_id", pl.col("n").fill_null(0).alias("purchases"), category="product_category")
    exam = Exam(catalogue, tasks, cut.test["timestamp"].min(), f"{part}: four weeks from {cut.until}")  # type: ignore[arg-type]
    customers = pl.concat([cut.fit["customer_id"], cut.test["customer_id"]]).unique().sort()
    log = plain_log(cut.products, cut.fit, customers)
    terms, texts = complete_journey_terms(cut.products), complete_journey_texts(cut.products)
    events = pl.concat([cut.fit, cut.test])
    material = Material(log, terms, texts, WARM, vector_cache)
    return Trial(cut.data, part, exam, cut.products, events, cut.until, material, ALL_BUT_STAR)


TRIALS: dict[str, Callable[[str, Path | None], Trial]] = {"complete-journey": complete_journey_trial}
