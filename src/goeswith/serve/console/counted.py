"""The baskets behind a reason: which hold both products, when, and what else was in them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from goeswith.data.log import Log
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


@dataclass(frozen=True)
class Till:
    """Purchases in the order of their baskets: basket, item, customer (-1 unknown), time : (lines,)"""

    basket: NDArray[np.int64]
    item: NDArray[np.int64]
    customer: NDArray[np.int64]
    time: pl.Series

    @classmethod
    def of(cls, log: Log) -> "Till":
        lines = log.purchases.drop_nulls(["basket", "item"]).sort("basket", "time")
        known = lines["customer"].cast(pl.Int64).fill_null(-1)
        basket, item = (lines[name].cast(pl.Int64).to_numpy() for name in ("basket", "item"))
        return cls(basket, item, known.to_numpy(), lines["time"])


def baskets_with_both(work: AtWork, till: Till, a: int, b: int) -> dict[str, Any]:
    """How many there are, and the latest of them line by line.

    Customers are named only as far as the log names them; one who asked to be forgotten is not shown by whoever calls.
    """
    book, log = work.model.book, work.model.log
    both = np.intersect1d(book.baskets_of(a), book.baskets_of(b))
    start, end = np.searchsorted(till.basket, both), np.searchsorted(till.basket, both, "right")
    moments = till.time.gather(start)
    shown = []
    for place in moments.arg_sort(descending=True).head(SHOWN).to_list():
        lines = slice(int(start[place]), int(end[place]))
        items = list(dict.fromkeys(till.item[lines].tolist()))
        customer = int(till.customer[lines][0])
        others = [item for item in items if item not in (a, b)]
        shown.append(
            {
                "time": moments[place],
                "customer": None if customer < 0 else str(log.customers.ids([customer])[0]),
                "others": [work.catalogue.names[item] for item in others[:LINES]],
                "more": max(0, len(others) - LINES),
                "lines": len(items),
            }
        )
    return {"n": len(both), "n_a": book.n_with(a), "n_b": book.n_with(b), "shown": shown}
