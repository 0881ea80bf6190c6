"""Logs, texts and questions for measuring the language room: a tenth of the products hidden, seed 0."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

import online_retail
import scientific
from goeswith.data.log import PURCHASE, Log
from goeswith.language.item_text import item_text
from goeswith.testing.clean_log import as_log

HIDDEN_SHARE = 0.1
MOST_HISTORY = 30


@dataclass(frozen=True)
class Cold:
    """Customers who bought products that nobody had bought before the cut.

    log : without any sale of the hidden products; later : reaches beyond its last event, for the gate
    texts : (items,); hidden : rows of the products that are ranked
    histories : rows of what each customer had, newest last; truth : of what they bought of the hidden ones
    """

    name: str
    log: Log
    later: Log
    texts: list[str]
    hidden: NDArray[np.int64]
    histories: list[NDArray[np.int64]]
    truth: list[set[int]]


def cold_slice(data: str, part: str) -> Cold:
    """part : "validation" or "test" """
    if data == "online-retail":
        products, fit, _, tasks, _ = online_retail.cut(part)
        task = next(task for task in tasks if task.name == "cold")
        hidden, truth = task.among, task.truth
        customers = task.customers
        assert hidden is not None and customers is not None
        events = fit.select("timestamp", "customer_id", "basket_id", "product_id", "quantity", "price")
    else:
        products, fit, tasks = scientific.cut(part)
        codes = products["product_id"]
        drawn = np.random.default_rng(0).choice(len(codes), int(len(codes) * HIDDEN_SHARE), replace=False)
        hidden = codes.gather(np.sort(drawn))
        (task,) = tasks
        truth = task.truth.filter(pl.col("product_id").is_in(hidden.implode()))
        customers = task.customers
        assert customers is not None
        events = fit.filter(~pl.col("product_id").is_in(hidden.implode())).select(
            "timestamp", "customer_id", "product_id", basket_id=pl.col("basket_id").cast(pl.String),
            quantity=pl.lit(1), price=pl.lit(1.0),
        )  # fmt: skip
    events = events.with_columns(event=pl.lit(PURCHASE))
    log = as_log(products, events)
    times = log.purchases["time"].sort()
    cut = times[int(0.9 * (len(times) - 1))]
    if cut == times[-1]:  # everybody's last purchase at one moment: those are held out
        cut = times.filter(times < cut)[-1]
    assert isinstance(cut, datetime)
    row = {code: at for at, code in enumerate(products["product_id"])}
    place = {customer: at for at, customer in enumerate(log.customers.series)}
    bought: dict[int, list[int]] = {}
    for customer, item in log.purchases.select("customer", "item").drop_nulls().iter_rows():
        bought.setdefault(customer, []).append(item)
    wanted: dict[int, set[int]] = {}
    for query, code in truth.select("query", "product_id").iter_rows():
        wanted.setdefault(query, set()).add(row[code])
    histories, answers = [], []
    for query, right in wanted.items():
        own = bought.get(place.get(customers[query], -1), [])
        if own:
            histories.append(np.array(list(dict.fromkeys(own[::-1]))[:MOST_HISTORY][::-1]))
            answers.append(right)
    rows = np.array([row[code] for code in hidden])
    return Cold(data, log.until(cut), log, item_text(products), rows, histories, answers)


def recall_and_ndcg(scores: NDArray[np.floating], cold: Cold, k: int = 10) -> tuple[NDArray, NDArray]:
    """(queries,) each: hits / min(k, right ones), and NDCG; scores : (queries, hidden)"""
    recall, ndcg = [], []
    gain = 1 / np.log2(np.arange(2, k + 2))
    for own, right in zip(scores, cold.truth, strict=True):
        top = cold.hidden[np.argsort(-own, kind="stable")[:k]]
        hits = np.array([item in right for item in top.tolist()])
        recall.append(hits.sum() / min(k, len(right)))
        ndcg.append((hits * gain[: len(hits)]).sum() / gain[: min(k, len(right))].sum())
    return np.array(recall), np.array(ndcg)


def sharpened(source: NDArray, target: NDArray, cold: Cold, scale: float) -> NDArray[np.float32]:
    """log sum over the history of exp(scale × cosine), for each hidden product; source, target : (items, d)"""
    candidates = target[cold.hidden].T
    found = []
    for own in cold.histories:
        cosines = scale * (source[own] @ candidates)
        top = cosines.max(axis=0)
        found.append(top + np.log(np.exp(cosines - top).sum(axis=0)))
    return np.array(found, np.float32)
