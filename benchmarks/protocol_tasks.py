"""The four tasks of the published comparison, from plain frames: fit events, test events, the same rules for all data.

They differ from goeswith's own exam in naming what may be answered: products with five purchases or more, except where
the cold are ranked among themselves.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from goeswith.evaluation.protocol import Task

WARM = 5
MOST_BASKETS = 5_000


@dataclass(frozen=True)
class Slice:
    """One data set, cut once.

    products : product_id and what describes it
    fit, test : customer_id, basket_id, product_id, timestamp
    """

    data: str
    part: str
    products: pl.DataFrame
    fit: pl.DataFrame
    test: pl.DataFrame
    until: object

    @property
    def counts(self) -> pl.DataFrame:
        return self.fit.group_by("product_id").len("n")


def protocol_tasks(cut: Slice) -> list[Task]:
    """A repeats allowed, B novel, C basket (customer known, or anonymous), D cold (all, never sold, sold 1-4 times).

    Beyond the published ones: across, products of categories new to the household.
    """
    warm = cut.counts.filter(pl.col("n") >= WARM)["product_id"].sort()
    past = cut.fit.select("customer_id", "product_id").drop_nulls().unique()
    test = cut.test.join(past, on="customer_id", how="semi", maintain_order="left")
    truth = test.select("customer_id", "product_id").unique()
    novel = truth.join(past, on=["customer_id", "product_id"], how="anti")
    among_warm = novel.filter(pl.col("product_id").is_in(warm.implode()))
    return [
        ask_customers("A", "next four weeks, repeats allowed", truth, warm),
        ask_customers("B", "the same, never bought before", among_warm, warm, novel=True),
        *complete_baskets(test, warm),
        *_cold(cut, test, novel),
        *_across(cut, truth, past, warm),
    ]


def ask_customers(
    name: str, title: str, truth: pl.DataFrame, among: pl.Series, novel: bool = False, across: bool = False
) -> Task:
    """One query a customer; truth: customer_id, product_id."""
    customers = truth["customer_id"].unique().sort()
    query = pl.DataFrame({"customer_id": customers, "query": np.arange(len(customers))})
    right = truth.join(query, on="customer_id").select("query", "product_id")
    return Task(name, title, right, customers=customers, novel=novel, across=across, among=among)


def complete_baskets(test: pl.DataFrame, warm: pl.Series) -> list[Task]:
    """Baskets in the order of their ids, products in theirs: the draw of the hidden one depends on it."""
    rng = np.random.default_rng(0)
    rows = test.group_by("basket_id").agg(pl.col("customer_id").first(), pl.col("product_id").unique().sort())
    known = set(warm.to_list())
    asked = []
    for customer, products in rows.sort("basket_id").select("customer_id", "product_id").iter_rows():
        held = [product for product in products if product in known]
        if 4 <= len(held) <= 40:
            at = int(rng.integers(len(held)))
            asked.append((customer, held[:at] + held[at + 1 :], held[at]))
    if len(asked) > MOST_BASKETS:
        asked = [asked[at] for at in np.sort(rng.choice(len(asked), MOST_BASKETS, replace=False))]
    customers, baskets, hidden = (list(part) for part in zip(*asked, strict=True))
    truth = pl.DataFrame({"query": np.arange(len(hidden)), "product_id": pl.Series(hidden, dtype=warm.dtype)})
    who = pl.Series(customers, dtype=test["customer_id"].dtype)
    return [
        Task("C", "one product hidden, customer known", truth, customers=who, baskets=baskets, among=warm),
        Task("C anonymous", "one product hidden, basket alone", truth, baskets=baskets, among=warm),
    ]


def ask_newcomers(test: pl.DataFrame, among: pl.Series, known: tuple[int, ...] = (0, 1, 3)) -> list[Task]:
    """What customers without a past buy after their first purchases, so many of which are known; the same for each.

    Parameters
    ----------
    test : purchases of customers who have none before the cut
    among : what may be answered; what it lacks counts neither as known nor as right
    known : distinct products, the first ones by time and basket, within a basket by id
    """
    bought = test.filter(pl.col("product_id").is_in(among.implode())).sort("timestamp", "basket_id", "product_id")
    first = bought.unique(["customer_id", "product_id"], keep="first", maintain_order=True)
    place, size = pl.int_range(pl.len()).over("customer_id"), pl.len().over("customer_id")
    first = first.with_columns(place=place, size=size).filter(pl.col("size") > max(known))
    query = first.select(pl.col("customer_id").unique().sort()).with_row_index("query")
    rows = first.join(query.cast({"query": pl.Int64}), on="customer_id").sort("query", "place")
    tasks = []
    for n in known:
        held = rows.group_by("query").agg(pl.col("product_id").filter(pl.col("place") < n)).sort("query")
        truth = rows.filter(pl.col("place") >= n).select("query", "product_id")
        title = f"customers without a past, {n} of their purchases known"
        tasks.append(Task(f"new-{n}", title, truth, baskets=held["product_id"].to_list(), history=True, among=among))
    return tasks


def _across(cut: Slice, truth: pl.DataFrame, past: pl.DataFrame, warm: pl.Series) -> list[Task]:
    """Products of categories that the household never bought from; none where the catalogue has no categories."""
    if "product_category" not in cut.products:
        return []
    category = cut.products.select("product_id", "product_category").drop_nulls()
    known = past.join(category, on="product_id").select("customer_id", "product_category").unique()
    among = category.filter(pl.col("product_id").is_in(warm.implode()))["product_id"].sort()
    wanted = truth.join(category, on="product_id").filter(pl.col("product_id").is_in(among.implode()))
    new = wanted.join(known, on=["customer_id", "product_category"], how="anti").select("customer_id", "product_id")
    if new.is_empty():
        return []
    return [ask_customers("across", "categories new to the household", new, among, across=True)]


def _cold(cut: Slice, test: pl.DataFrame, novel: pl.DataFrame) -> list[Task]:
    wanted = test.group_by("product_id").agg(pl.col("customer_id").n_unique().alias("customers"))
    sold = wanted.filter(pl.col("customers") >= 2).join(cut.counts, on="product_id", how="left")
    cold = sold.with_columns(pl.col("n").fill_null(0)).filter(pl.col("n") < WARM).sort("product_id")
    parts = {
        "D": ("cold products", cold),
        "D never": ("cold products never sold", cold.filter(pl.col("n") == 0)),
        "D 1-4": ("cold products sold one to four times", cold.filter(pl.col("n") > 0)),
    }
    tasks = []
    for name, (title, part) in parts.items():
        truth = novel.join(part, on="product_id", how="semi")
        if not truth.is_empty():
            tasks.append(ask_customers(name, title, truth, part["product_id"], novel=True))
    return tasks
