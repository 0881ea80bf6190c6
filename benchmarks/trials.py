"""A data set made ready: the exam, what ours is given, and what the peers are fitted on."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

import online_retail
import scientific
from data_sets import complete_journey, complete_journey_terms, complete_journey_texts
from goeswith.evaluation.protocol import Exam
from goeswith.language.words import words
from peers import Material
from plain_log import plain_log
from protocol_tasks import WARM, protocol_tasks

RIDGES = {"complete-journey": (200.0, 200.0), "online-retail": (500.0, 20.0), "scientific": (200.0, 200.0)}
"""Of EASE over customers, and over baskets; chosen on validation out of 5, 20, 50, 200, 500, 1,000, by `next` and `C`.

The Complete Journey keeps the 200 of the published comparison."""

GROCERY = ["popularity", "personal", "tifu", "rules-cosine", "rules-confidence", "item-knn"]
LINEAR = ["ease-customers", "ease-baskets"]
MEANING = ["tfidf", "zero-shot-mean", "zero-shot"]


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
    material = Material(log, terms, texts, WARM, vector_cache, RIDGES["complete-journey"])
    return Trial(cut.data, part, exam, cut.products, events, cut.until, material, [*GROCERY, *LINEAR, *MEANING])


def online_retail_trial(part: str, vector_cache: Path | None = None) -> Trial:
    products, fit, test, tasks, until = online_retail.cut(part)
    events = pl.concat([fit, test])
    people = events["customer_id"].drop_nulls().unique().sort()
    texts = products["name"].to_list()
    log, terms = plain_log(products, fit, people), [words(text) for text in texts]
    material = Material(log, terms, texts, 1, vector_cache, RIDGES["online-retail"])
    exam = Exam(_counted(products, fit), tasks, test["timestamp"].min(), f"{part}: four weeks from {until}")  # type: ignore[arg-type]
    peers = [*GROCERY, *LINEAR, *MEANING, "star"]
    return Trial("online-retail", part, exam, products, events, until, material, peers)


def scientific_trial(part: str, vector_cache: Path | None = None) -> Trial:
    products, fit, tasks = scientific.cut(part)
    texts = products["name"].to_list()
    people = fit["customer_id"].unique().sort()
    material = Material(
        plain_log(products, fit, people), [words(text) for text in texts], texts, 1, vector_cache, RIDGES["scientific"]
    )
    exam = Exam(_counted(products, fit), tasks, None, f"{part}: one review a user held out")
    events = fit.select("customer_id", "product_id", "position")
    peers = ["popularity", "personal", "rules-cosine", "item-knn", "ease-customers", *MEANING, "star"]
    return Trial("scientific", part, exam, products, events, None, material, peers)


def _counted(products: pl.DataFrame, fit: pl.DataFrame) -> pl.DataFrame:
    sold = fit.group_by("product_id").len("purchases")
    counted = products.join(sold, on="product_id", how="left", maintain_order="left")
    return counted.select("product_id", pl.col("purchases").fill_null(0), category=pl.lit(None, pl.String))


TRIALS: dict[str, Callable[[str, Path | None], Trial]] = {
    "complete-journey": complete_journey_trial,
    "online-retail": online_retail_trial,
    "scientific": scientific_trial,
}
