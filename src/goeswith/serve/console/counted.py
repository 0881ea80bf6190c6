"""The baskets behind a reason: which hold both products, when, and what else was in them."""

from typing import Any

import numpy as np
import polars as pl

from goeswith.explain.explanation import Explanation, explain_pair
from goeswith.explain.wording import Language
from goeswith.serve.at_work import AtWork

SHOWN = 12
LINES = 12


def why_pair(work: AtWork, a: int, b: int, language: Language) -> Explanation:
    """Why b goes with a, in the visitor's language."""
    model = work.model
    alike = float(model.encoded[a] @ model.encoded[b])
    ids = work.catalogue.ids
    chance = model.probability(ids[a], ids[b])
    return explain_pair(model.book, model.parts.counts, a, b, alike, chance, model._similar, language=language)


def baskets_with_both(work: AtWork, a: int, b: int) -> dict[str, Any]:
    """How many there are, and the latest of them line by line.

    Customers are named only as far as the log names them; one who asked to be forgotten is not shown by whoever calls.
    """
    book = work.model.book
    both = np.intersect1d(book.baskets_of(a), book.baskets_of(b))
    if not len(both):
        return {"n": 0, "n_a": book.n_with(a), "n_b": book.n_with(b), "shown": []}
    log = work.model.log
    lines = log.purchases.filter(pl.col("basket").is_in(both.tolist()))
    latest = lines.group_by("basket").agg(pl.col("time").min()).sort("time", "basket", descending=True).head(SHOWN)
    shown = []
    for basket, time in latest.iter_rows():
        own = lines.filter(pl.col("basket") == basket)
        items = own["item"].unique(maintain_order=True).to_list()
        customer = own["customer"][0]
        others = [int(item) for item in items if item not in (a, b)]
        shown.append(
            {
                "time": time,
                "customer": None if customer is None else str(log.customers.ids(np.array([customer]))[0]),
                "others": [work.catalogue.names[item] for item in others[:LINES]],
                "more": max(0, len(others) - LINES),
                "lines": len(items),
            }
        )
    return {"n": len(both), "n_a": book.n_with(a), "n_b": book.n_with(b), "shown": shown}
