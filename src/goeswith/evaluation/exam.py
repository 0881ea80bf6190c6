"""Turn a split log into an exam: the tasks that this shop allows, and for the others the reason why not."""

from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import polars as pl
from pydantic import BaseModel, PositiveInt

from goeswith.data.cut import Split
from goeswith.data.log import Log
from goeswith.evaluation.protocol import Exam, Task
from goeswith.evaluation.slices import slices_of


class ExamConfig(BaseModel, frozen=True, extra="forbid"):
    """How large the exam is and what counts as cold."""

    n_customers: PositiveInt = 600
    """At most so many customers a task, drawn at random."""
    n_baskets: PositiveInt = 1_000
    cold_below: PositiveInt = 5
    """A product with fewer purchases before the cut is cold."""
    cold_customers: PositiveInt = 2
    """A cold product is asked for if at least so many customers bought it after the cut."""
    basket_sizes: tuple[PositiveInt, PositiveInt] = (4, 40)
    """Distinct products of a basket that is asked about; from 2 where fewer than 100 baskets are so large."""
    first_purchases: tuple[int, ...] = (0, 1, 3)
    """How many purchases of a new customer are known."""
    seed: int = 0


@dataclass
class _Shop:
    """The split log as the builders need it; rows, not ids."""

    log: Log
    past: pl.DataFrame  # customer, item, distinct
    held: pl.DataFrame  # purchases that are asked about
    future: pl.DataFrame  # customer, item, distinct, of customers with a past
    new: pl.DataFrame  # held purchases of customers without a past
    sold: pl.DataFrame  # item, purchases before the cut
    config: ExamConfig
    missing: dict[str, str] = field(default_factory=dict)


def build_exam(split: Split, config: ExamConfig | None = None) -> Exam:
    """Every task of one cut, in general form.

    next: what a customer buys, repeats allowed. novel: what they buy for the first time. basket: one product of a
    basket hidden, the customer known. basket-anonymous: the same, only the basket known. cold: products hardly sold
    before. new-0, new-1, new-3: customers without a past, of whom so many purchases are known.
    """
    shop = _shop(split, config or ExamConfig())
    tasks = [*_of_customers(shop), *_of_baskets(shop), *_of_new_customers(shop)]
    sliced = [slices_of(task, shop.log, shop.past, shop.sold, shop.config.cold_below) for task in tasks]
    category = pl.col("category").cast(pl.String) if "category" in shop.log.products else pl.lit(None, pl.String)
    products = shop.log.products.select("product_id", category.alias("category")).with_columns(shop.sold["purchases"])
    starts = split.after.purchases["time"].min()
    return Exam(products, sliced, starts if isinstance(starts, datetime) else None, split.how, shop.missing)


def _shop(split: Split, config: ExamConfig) -> _Shop:
    known = split.before.purchases
    past = known.select("customer", "item").drop_nulls().unique()
    held = split.after.purchases
    named = held.filter(pl.col("customer").is_not_null())
    future = named.join(past, on="customer", how="semi").select("customer", "item").unique()
    new = named.join(past, on="customer", how="anti", maintain_order="left")
    counts = np.bincount(known["item"].to_numpy(), minlength=split.before.n_items)
    sold = pl.DataFrame({"item": np.arange(len(counts), dtype=np.int32), "purchases": counts})
    return _Shop(split.before, past, held, future, new, sold, config)


def _of_customers(shop: _Shop) -> list[Task]:
    if shop.future.is_empty():
        if shop.held.is_empty():
            reason = "nothing was bought after the cut"
        elif shop.held["customer"].null_count() == shop.held.height:
            reason = "the purchases after the cut name no customer"
        else:
            reason = "no customer bought before and after the cut"
        shop.missing.update(dict.fromkeys(("next", "novel", "cold"), reason))
        return []
    novel = shop.future.join(shop.past, on=["customer", "item"], how="anti")
    tasks = []
    if novel.height == shop.future.height:
        shop.missing["next"] = "nobody bought a product again, so it would repeat novel"
    else:
        tasks.append(_customer_task(shop, "next", "what comes next, repeats allowed", shop.future))
    if novel.is_empty():
        shop.missing["novel"] = "after the cut customers bought only what they had bought before"
    else:
        tasks.append(_customer_task(shop, "novel", "what comes next, never bought before", novel, novel=True))
    wanted = shop.held.drop_nulls("customer").group_by("item").agg(pl.col("customer").n_unique())
    wanted = wanted.filter(pl.col("customer") >= shop.config.cold_customers)
    rare = shop.sold.filter(pl.col("purchases") < shop.config.cold_below)
    cold = rare.join(wanted, on="item", how="semi").sort("item")
    hidden = novel.join(cold, on="item", how="semi")
    if hidden.is_empty():
        shop.missing["cold"] = (
            f"no product with fewer than {shop.config.cold_below} purchases before the cut "
            f"was bought by {shop.config.cold_customers} customers after it"
        )
    else:
        counted = _stated(cold.height, cold.height, "products")
        title = f"{counted} with fewer than {shop.config.cold_below} purchases, only these ranked"
        among = shop.log.items.ids(cold["item"].to_numpy())
        tasks.append(_customer_task(shop, "cold", title, hidden, novel=True, among=among))
    return tasks


def _customer_task(
    shop: _Shop, name: str, title: str, right: pl.DataFrame, novel: bool = False, among: pl.Series | None = None
) -> Task:
    everyone = right["customer"].unique().sort().to_numpy()
    chosen = _drawn(everyone, shop.config.n_customers, shop.config.seed)
    query = pl.DataFrame({"customer": chosen, "query": np.arange(len(chosen))})
    truth = right.join(query, on="customer").sort("query", "item")
    return Task(
        name,
        f"{title}; {_stated(len(chosen), len(everyone), 'customers')}",
        pl.DataFrame({"query": truth["query"], "product_id": shop.log.items.ids(truth["item"].to_numpy())}),
        customers=shop.log.customers.ids(chosen),
        novel=novel,
        among=among,
    )


def _of_baskets(shop: _Shop) -> list[Task]:
    rows = shop.held.filter(pl.col("basket").is_not_null()).group_by("basket", "item").agg(pl.col("customer").first())
    rows = rows.with_columns(size=pl.len().over("basket")).sort("basket", "item")
    low, high = shop.config.basket_sizes
    if rows.filter(pl.col("size").is_between(low, high))["basket"].n_unique() < 100:
        low = 2
    rows = rows.filter(pl.col("size").is_between(low, high))
    if rows.is_empty():
        reason = f"no basket after the cut holds {low} to {high} different products"
        shop.missing.update(dict.fromkeys(("basket", "basket-anonymous"), reason))
        return []
    form = f"{low} to {high} products, one hidden"
    anonymous = _basket_task(shop, "basket-anonymous", f"only the basket known, {form}", rows)
    named = rows.join(shop.past, on="customer", how="semi")  # somebody without a past is not known, only named
    if named.is_empty():
        nobody = rows["customer"].null_count() == len(rows)
        known = "" if nobody else " who bought before it"
        shop.missing["basket"] = f"the baskets after the cut name no customer{known}"
        return [anonymous]
    return [_basket_task(shop, "basket", f"customer known, {form}", named, with_customer=True), anonymous]


def _basket_task(shop: _Shop, name: str, title: str, rows: pl.DataFrame, with_customer: bool = False) -> Task:
    everyone = rows["basket"].unique().sort().to_numpy()
    chosen = _drawn(everyone, shop.config.n_baskets, shop.config.seed)
    kept = rows.filter(pl.col("basket").is_in(pl.Series(chosen).implode()))
    sizes = kept.group_by("basket", maintain_order=True).len()["len"].to_numpy().astype(np.int64)
    starts = np.cumsum(sizes) - sizes
    hidden = starts + np.random.default_rng(shop.config.seed).integers(sizes)
    ids = shop.log.items.ids(kept["item"].to_numpy())
    mask = np.ones(len(ids), dtype=np.bool_)
    mask[hidden] = False
    shown = ids.filter(pl.Series(mask)).to_list()
    ends = np.cumsum(sizes - 1)
    return Task(
        name,
        f"{title}; {_stated(len(chosen), len(everyone), 'baskets')}",
        pl.DataFrame({"query": np.arange(len(sizes)), "product_id": ids.gather(hidden)}),
        customers=shop.log.customers.ids(kept["customer"].gather(starts).to_numpy()) if with_customer else None,
        baskets=[shown[end - size + 1 : end] for size, end in zip(sizes, ends, strict=True)],
    )


def _of_new_customers(shop: _Shop) -> list[Task]:
    names = [f"new-{n}" for n in shop.config.first_purchases]
    first = shop.new.unique(["customer", "item"], keep="first", maintain_order=True)
    most = max(shop.config.first_purchases, default=0)
    place = pl.int_range(pl.len()).over("customer").alias("place")
    first = first.with_columns(place, size=pl.len().over("customer")).filter(pl.col("size") > most)
    if first.is_empty():
        reason = f"no customer without a past bought more than {most} different products after the cut"
        shop.missing.update(dict.fromkeys(names, reason))
        return []
    everyone = first["customer"].unique().sort().to_numpy()
    chosen = _drawn(everyone, shop.config.n_customers, shop.config.seed)
    query = pl.DataFrame({"customer": chosen, "query": np.arange(len(chosen))})
    rows = first.join(query, on="customer").sort("query", "place")
    rows = rows.with_columns(shop.log.items.ids(rows["item"].to_numpy()).alias("product_id"))
    stated = _stated(len(chosen), len(everyone), "new customers")
    tasks = []
    for name, n in zip(names, shop.config.first_purchases, strict=True):
        held = rows.filter(pl.col("place") < n).group_by("query").agg("product_id")
        known = query.select("query").join(held, on="query", how="left", maintain_order="left")["product_id"].to_list()
        truth = rows.filter(pl.col("place") >= n).select("query", "product_id")
        title = f"customers without a past, {n} purchases known; {stated}"
        tasks.append(Task(name, title, truth, baskets=[basket or [] for basket in known], history=True))
    return tasks


def _drawn(everyone: np.ndarray, most: int, seed: int) -> np.ndarray:
    if len(everyone) <= most:
        return everyone
    return np.sort(np.random.default_rng(seed).choice(everyone, most, replace=False))


def _stated(n: int, of: int, what: str) -> str:
    noun = what.removesuffix("s") if of == 1 else what
    return f"{n:,} {noun}" if n == of else f"{n:,} of {of:,} {noun}"
