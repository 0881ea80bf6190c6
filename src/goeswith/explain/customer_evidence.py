"""Reasons for a product and a customer, counted from what this customer did."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from goeswith.association.counts import Counts
from goeswith.explain.book import EvidenceBook
from goeswith.explain.evidence import DAY, Evidence, Similar, borrowed, near
from goeswith.explain.wording import Language

N_CARRIERS, N_RESEMBLING = 3, 2
POPULAR_DAYS = 30
BROWSED = ("view", "cart", "wish")

Times = Mapping[int, int] | None
"""Row of a product -> how often the customer bought it; None where nobody is known."""


def own_purchases(
    book: EvidenceBook, customer: int, item: int, now: datetime, language: Language = "en"
) -> Evidence | None:
    """How often, when last, and at which gap this customer buys this product.

    numbers : times = baskets, last = date, days_since = whole days until now, usual_gap_days = median of the days
        between one purchase and the next; None after one purchase
    """
    trips = book.trips_of(customer)
    seconds = trips.second[trips.item == item]
    if not len(seconds):
        return None
    last = datetime.fromtimestamp(int(seconds[-1]), UTC).replace(tzinfo=None)
    numbers = {
        "times": len(seconds),
        "last": last.date().isoformat(),
        "days_since": (now - last).days,
        "usual_gap_days": float(np.median(np.diff(seconds)) / DAY) if len(seconds) > 1 else None,
    }
    return Evidence.of("own", numbers, {"b": book.names[item]}, language)


def carriers(
    book: EvidenceBook,
    item: int,
    rows: NDArray[np.integer],
    weights: NDArray[np.floating],
    times: Times = None,
    language: Language = "en",
) -> list[Evidence]:
    """Which products of the history carried the score: the three that added most.

    Parameters
    ----------
    rows, weights : (contributions,), what each product of the history added to the score of the item
    times : row -> how often it was bought; None where the history is a basket or of nobody known

    numbers : share = its part of all that was added (what was taken away is left out), times, both = baskets with it
        and the item, None where it is the item, with_product
    """
    added = float(weights[weights > 0].sum())
    best = [at for at in np.argsort(-weights, kind="stable")[:N_CARRIERS] if weights[at] > 0]
    return [
        _of_history(book, "carried", int(rows[at]), item, times, language, share=float(weights[at]) / added)
        for at in best
    ]


def companions(
    book: EvidenceBook,
    counts: Counts,
    item: int,
    history: Iterable[int],
    times: Times = None,
    language: Language = "en",
) -> list[Evidence]:
    """Which products of the history sell with the item most, beyond chance: the three at most.

    Chosen by `counts`, (both - expected) / sqrt(expected); says nothing of what carried the score.

    numbers : times, both = baskets with it and the item, with_product
    """
    rows = np.array(sorted({int(row) for row in history} - {item}), dtype=np.int64)
    if not len(rows) or not counts.items[item]:
        return []
    together = counts.pairs[[item]].toarray()[0, rows]
    expected = np.maximum(counts.items[rows] * counts.items[item] / counts.n_baskets, 1e-12)
    surplus = (together - expected) / np.sqrt(expected)
    best = [int(rows[at]) for at in np.argsort(-surplus, kind="stable")[:N_CARRIERS] if surplus[at] > 0]
    return [_of_history(book, "companion", row, item, times, language) for row in best]


def _of_history(
    book: EvidenceBook, kind: str, row: int, item: int, times: Times, language: Language, **more: float
) -> Evidence:
    numbers: dict[str, Any] = {
        **more,
        "times": None if times is None else times.get(row, 0),
        "both": book.n_with_both(row, item) if row != item else None,
        "with_product": book.n_with(row),
    }
    return Evidence.of(kind, numbers, _pair(book, row, item), language)


def _pair(book: EvidenceBook, row: int, item: int) -> dict[str, str]:
    if row == item:
        return {"product": book.names[row], "b": book.names[item]}
    return dict(zip(("product", "b"), book.names_of(row, item), strict=True))


def resembling(
    book: EvidenceBook,
    counts: Counts,
    item: int,
    history: Iterable[int],
    similar: Similar,
    times: Times = None,
    language: Language = "en",
) -> list[Evidence]:
    """For a product never sold: its neighbours by text in the history, and those that sell with the history.

    numbers : cosine, times; further evidence of kind "borrowed"
    """
    bought = Counter(int(row) for row in history)
    close = [(int(row), float(cosine)) for row, cosine in zip(*near(item, similar), strict=True)]
    found = [
        Evidence.of(
            "resembles",
            {"cosine": cosine, "times": None if times is None else times.get(row, 0)},
            _pair(book, row, item),
            language,
        )
        for row, cosine in close
        if row in bought
    ][:N_RESEMBLING]
    for row, _ in bought.most_common(N_RESEMBLING):
        found += borrowed(book, counts, item, row, similar, language)[:1]
    return found


def category_share(book: EvidenceBook, customer: int, item: int, language: Language = "en") -> Evidence | None:
    """numbers : in_category, purchases = lines of the customer's baskets, a product counted once a basket."""
    category = book.attributes["category"][item] if "category" in book.attributes else None
    bought = book.trips_of(customer).item
    if category is None or not len(bought):
        return None
    n = int((book.attributes["category"][bought] == category).sum())
    numbers = {"in_category": n, "purchases": len(bought)}
    return Evidence.of("category", numbers, {"category": category}, language) if n else None


def browsed(book: EvidenceBook, customer: int, item: int, language: Language = "en") -> list[Evidence]:
    """What the customer did with the product besides buying: looking, and bringing back.

    numbers : view, cart, wish = times each, last = date; of kind "returned": times, last
    """
    rows, found = book.browsing(customer, item), []
    looks = rows.filter(pl.col("event").is_in(BROWSED))
    if looks.height:
        numbers: dict[str, Any] = {event: int((looks["event"] == event).sum()) for event in BROWSED}
        found.append(Evidence.of("browsed", numbers | {"last": _date(looks)}, {"b": book.names[item]}, language))
    returns = rows.filter(pl.col("event") == "return")
    if returns.height:
        numbers = {"times": returns.height, "last": _date(returns)}
        found.append(Evidence.of("returned", numbers, {"b": book.names[item]}, language))
    return found


def popularity(
    book: EvidenceBook, item: int, now: datetime, days: int = POPULAR_DAYS, language: Language = "en"
) -> Evidence | None:
    """numbers : buyers = customers who bought it in the last `days`, customers = who bought anything then, days."""
    buyers, customers = book.buyers_since(now - timedelta(days=days), now)
    numbers = {"buyers": int(buyers[item]), "customers": customers, "days": days}
    return Evidence.of("popular", numbers, {"b": book.names[item]}, language) if buyers[item] else None


def _date(rows: pl.DataFrame) -> str:
    return str(rows["time"].dt.date().max())
