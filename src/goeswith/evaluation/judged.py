"""Probabilities beside what came of them later: pairs of products, the purchases of customers, baskets half filled."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import expit

Numbers = NDArray[np.float64]
Cases = tuple[Numbers, Numbers, Numbers]
"""probability, outcome (0 or 1), weight : (n,), what the functions of `reliability` take"""
BESIDE = 20
"""Answers to each query that are judged, and random products beside each product."""
FEWEST_LATER = 20
"""A product in fewer later baskets says too little of what goes with it."""
MOST_SOURCES = 300
MOST_QUERIES = 300
LARGEST = 100
LAST_ONE = 0.5


class Believed(Protocol):
    """A model whose scores are log odds."""

    def related_many(self, products: pl.Series, n: int) -> pl.DataFrame: ...
    def probability_many(self, pairs: pl.DataFrame) -> pl.DataFrame: ...
    def recommend_many(self, customers: pl.Series, n: int, novel: bool) -> pl.DataFrame: ...
    def complete_many(self, baskets: Sequence[Any], customers: Sequence[Any] | None, n: int) -> pl.DataFrame: ...


def judged_probabilities(model: Believed, later: pl.DataFrame, sold: pl.Series, known: pl.Series) -> dict[str, Cases]:
    """Every kind of probability with its cases, by what it is; a kind without a query is left out.

    Parameters
    ----------
    later : customer_id, basket_id, product_id of the time that the model has not seen; distinct lines
    sold, known : the products sold and the customers seen before
    """
    pairs = judged_pairs(model, later, sold)
    if pairs.is_empty():
        return {}
    judged = {
        f"pairs: the {BESIDE} related": as_cases(pairs.filter("top")),
        f"pairs: {BESIDE} at random": as_cases(pairs.filter(~pl.col("top"))),
    }
    seen = later.filter(pl.col("customer_id").is_in(known.implode()))
    for title, told in (judged_customers(model, seen) | judged_baskets(model, later, seen)).items():
        if not told.is_empty():
            judged[title] = (told["said"].to_numpy(), told["right"].to_numpy(), np.ones(len(told)))
    return judged


def judged_pairs(
    model: Believed, later: pl.DataFrame, sold: pl.Series, fewest: int = FEWEST_LATER, most: int | None = MOST_SOURCES
) -> pl.DataFrame:
    """The products of most later baskets, each with those that the model relates to it and others at random.

    Returns
    -------
    source_id, product_id, top (related, not drawn), value, low, high; cases, came (later baskets with the first, with
    both)
    """
    lines = later.select("basket_id", "product_id").unique(maintain_order=True)
    counted = lines.group_by(source_id="product_id").len("cases").filter(pl.col("source_id").is_in(sold.implode()))
    common = counted.filter(pl.col("cases") >= fewest).sort(["cases", "source_id"], descending=[True, False])[:most]
    sources = common["source_id"]
    if len(sources) == 0:
        return pl.DataFrame()
    top = model.related_many(sources, n=BESIDE).select("source_id", "product_id", top=pl.lit(value=True))
    at = np.random.default_rng(0).choice(len(sold), len(sources) * BESIDE)
    drawn = pl.DataFrame({"source_id": sources.gather(np.arange(len(at)) // BESIDE), "product_id": sold.gather(at)})
    drawn = drawn.filter(pl.col("source_id") != pl.col("product_id")).unique(maintain_order=True)
    drawn = drawn.join(top, on=["source_id", "product_id"], how="anti", maintain_order="left")
    pairs = pl.concat([top, drawn.with_columns(top=pl.lit(value=False))])
    told = model.probability_many(pairs.select("source_id", "product_id"))
    pairs = pairs.with_columns(told["value"], told["low"], told["high"])
    first = lines.rename({"product_id": "source_id"}).filter(pl.col("source_id").is_in(sources.implode()))
    both = first.join(lines, on="basket_id").group_by("source_id", "product_id").len("came")
    pairs = pairs.join(common, on="source_id", how="left", maintain_order="left")
    pairs = pairs.join(both, on=["source_id", "product_id"], how="left", maintain_order="left")
    return pairs.with_columns(pl.col("came").fill_null(0))


def as_cases(pairs: pl.DataFrame, column: str = "value") -> Cases:
    """Two rows a pair, for the later baskets that held both and for those that did not."""
    came, cases = pairs["came"].to_numpy().astype(np.float64), pairs["cases"].to_numpy().astype(np.float64)
    weight = np.stack([came, cases - came], axis=1).ravel()
    return pairs[column].to_numpy().repeat(2), np.tile([1.0, 0.0], len(pairs)), weight


def judged_customers(model: Believed, seen: pl.DataFrame, most: int | None = MOST_QUERIES) -> dict[str, pl.DataFrame]:
    """query, said, right : of the first answers to customers who came again, whether they bought them."""
    who = seen["customer_id"].unique().sort()
    who = who.gather(_some(len(who), most))
    bought = seen.select(query="customer_id", product_id="product_id").unique()
    asked = {"recommend": False, "recommend, novel": True}
    return {title: _marked(model.recommend_many(who, n=BESIDE, novel=novel), bought) for title, novel in asked.items()}


def judged_baskets(
    model: Believed, later: pl.DataFrame, seen: pl.DataFrame, most: int | None = MOST_QUERIES
) -> dict[str, pl.DataFrame]:
    """query, said, right : of the first answers to cut baskets, whether they were still to come."""
    found = {}
    if not seen.is_empty():
        held, left, customers = cut_baskets(seen, most)
        found["complete, customer known"] = _marked(model.complete_many(held, customers, n=BESIDE), left)
    held, left, _ = cut_baskets(later, most)
    return {**found, "complete, basket alone": _marked(model.complete_many(held, None, n=BESIDE), left)}


def cut_baskets(
    lines: pl.DataFrame, most: int | None = MOST_QUERIES
) -> tuple[list[list[Any]], pl.DataFrame, list[Any]]:
    """Baskets of which one product is still to come, or as often up to a half.

    Returns
    -------
    what each holds; query and product_id of what is still to come; the customers
    """
    rng = np.random.default_rng(0)
    by_basket = lines.group_by("basket_id").agg(pl.col("customer_id").first(), pl.col("product_id").unique().sort())
    fitting = by_basket.filter(pl.col("product_id").list.len().is_between(2, LARGEST)).sort("basket_id")
    drawn = fitting[_some(len(fitting), most)]
    held, left = [], []
    for query, products in enumerate(drawn["product_id"].to_list()):
        mixed = [products[at] for at in rng.permutation(len(products))]
        last = len(mixed) - 1
        n = last if rng.random() < LAST_ONE else int(rng.integers(max(len(mixed) // 2, 1), last + 1))
        held.append(mixed[:n])
        left += [(query, product) for product in mixed[n:]]
    truth = pl.DataFrame({"query": [query for query, _ in left], "product_id": [product for _, product in left]})
    truth = truth.cast({"query": pl.Int64, "product_id": lines["product_id"].dtype})
    return held, truth, drawn["customer_id"].to_list()


def _marked(told: pl.DataFrame, truth: pl.DataFrame) -> pl.DataFrame:
    told = told.rename({told.columns[0]: "query"})
    right = truth.with_columns(right=pl.lit(1.0))
    marked = told.join(right, on=["query", "product_id"], how="left", maintain_order="left")
    return marked.select("query", pl.col("right").fill_null(0.0), said=pl.Series(expit(told["score"].to_numpy())))


def _some(n: int, most: int | None) -> NDArray[np.int64]:
    return np.sort(np.random.default_rng(0).permutation(n)[:most]).astype(np.int64)
