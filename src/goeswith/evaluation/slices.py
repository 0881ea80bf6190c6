"""Parts of a task's truth that deserve a number of their own."""

from dataclasses import replace

import polars as pl

from goeswith.data.log import Log
from goeswith.evaluation.protocol import Task

FEWEST_QUERIES = 5  # below this an interval says nothing
MOST_CATEGORIES = 6


def slices_of(task: Task, log: Log, past: pl.DataFrame, sold: pl.DataFrame, cold_below: int) -> Task:
    """The task with its slices: repeat, novel, cold product, new customer, and the categories asked for most.

    Parameters
    ----------
    log : the past
    past : customer, item; distinct
    sold : item, purchases before the cut; one row an item, in item order
    """
    item = pl.Series("item", log.items.rows(task.truth["product_id"].to_list()), pl.Int32)
    truth = task.truth.with_columns(item, sold["purchases"].gather(item).alias("purchases"))
    parts = {} if task.among is not None else {"cold product": truth.filter(pl.col("purchases") < cold_below)}
    if task.customers is not None and not task.novel:
        customer = pl.Series("customer", log.customers.rows(task.customers.to_list()), pl.Int32)
        owned = truth.with_columns(customer.gather(truth["query"]))
        parts["repeat"] = owned.join(past, on=["customer", "item"], how="semi", maintain_order="left")
        parts["novel"] = owned.join(past, on=["customer", "item"], how="anti", maintain_order="left")
        parts["new customer"] = owned.join(past, on="customer", how="anti", maintain_order="left")
    parts.update(_by_category(truth, log))
    whole = truth["query"].n_unique(), truth.height
    kept = {
        name: part.select("query", "product_id")
        for name, part in parts.items()
        if part["query"].n_unique() >= FEWEST_QUERIES and (part["query"].n_unique(), part.height) != whole
    }
    return replace(task, slices=kept)


def _by_category(truth: pl.DataFrame, log: Log) -> dict[str, pl.DataFrame]:
    if "category" not in log.products:
        return {}
    labelled = truth.with_columns(log.products["category"].cast(pl.String).gather(truth["item"]).alias("category"))
    counted = labelled.drop_nulls("category").group_by("category").len()
    common = counted.sort(["len", "category"], descending=[True, False])
    names = common["category"].head(MOST_CATEGORIES).to_list()
    return {f"category {name}": labelled.filter(pl.col("category") == name) for name in names}
