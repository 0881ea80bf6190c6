"""Reasons for a pair of products, each counted from the events or read from the catalogue.

Evidence holds numbers; `wording` turns them into text and adds no facts. A function answers None where there is
nothing to say.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from goeswith.association.counts import Counts
from goeswith.explain.book import EvidenceBook, Trips
from goeswith.explain.wording import Language, phrase

DAY = 86_400  # seconds
WINDOW_DAYS = 28
N_WORDS, N_NEIGHBOURS, NEIGHBOURS_SEARCHED = 3, 3, 20
NEAR_SHARE = 0.7  # a neighbour that is not this near, measured by the nearest, lends nothing

Similar = Callable[[int, int], tuple[NDArray[np.integer], NDArray[np.floating]]]
"""(item, k) -> rows and cosines of the k products whose text is nearest, best first."""


class ProbabilityLike(Protocol):
    """value, low and high between 0 and 1."""

    @property
    def value(self) -> float: ...
    @property
    def low(self) -> float: ...
    @property
    def high(self) -> float: ...


@dataclass(frozen=True)
class Evidence:
    """One reason.

    kind : baskets, unsold, later, attribute, words, price, similarity, borrowed, probability; of a customer: own,
        carried, companion, resembles, category, browsed, returned, popular
    text : the reason in words
    numbers : what was counted, by name; every number of the text is here
    words : the names in the text: products, attributes
    short : a few words for a table; empty where the reason does not fit one
    """

    kind: str
    text: str
    numbers: dict[str, Any]
    words: dict[str, str] = field(default_factory=dict)
    short: str = ""

    @classmethod
    def of(cls, kind: str, numbers: dict[str, Any], words: dict[str, str], language: Language) -> "Evidence":
        text, short = phrase(kind, numbers, words, language)
        return cls(kind, text, numbers, words, short)

    def to_dict(self) -> dict[str, Any]:
        return {"kind": self.kind, "text": self.text, "numbers": dict(self.numbers), "words": dict(self.words)}


def baskets_together(book: EvidenceBook, a: int, b: int, language: Language = "en") -> Evidence:
    """How many of the baskets with a have b, and how that compares with chance. Both have been sold.

    numbers : both, with_a, with_b, n_baskets, confidence = both / with_a, lift = n_baskets * both / (with_a * with_b)
    """
    with_a, with_b, both = book.n_with(a), book.n_with(b), book.n_with_both(a, b)
    numbers = {
        "both": both,
        "with_a": with_a,
        "with_b": with_b,
        "n_baskets": book.n_baskets,
        "confidence": both / with_a,
        "lift": book.n_baskets * both / (with_a * with_b),
    }
    return Evidence.of("baskets", numbers, _names(book, a, b), language)


def never_sold(book: EvidenceBook, item: int, language: Language = "en") -> Evidence:
    """numbers : baskets = 0."""
    return Evidence.of("unsold", {"baskets": book.n_with(item)}, {"product": book.names[item]}, language)


def bought_later(
    book: EvidenceBook, a: int, b: int, window_days: int = WINDOW_DAYS, language: Language = "en"
) -> Evidence | None:
    """Which of the two follows the other: customers who bought b in a later basket than a, and the reverse.

    numbers : after = customers with b later than some a by at most window_days, before = with a later than some b,
        buyers_a and buyers_b = customers who ever bought each, window_days
    """
    first, second = book.trips_for(a), book.trips_for(b)
    after, before = (_n_following(*pair, window_days) for pair in ((first, second), (second, first)))
    if not after and not before:
        return None
    buyers_a, buyers_b = (len(np.unique(trips.customer)) for trips in (first, second))
    numbers = {
        "after": after,
        "before": before,
        "buyers_a": buyers_a,
        "buyers_b": buyers_b,
        "window_days": window_days,
    }
    return Evidence.of("later", numbers, _names(book, a, b), language)


def _n_following(first: Trips, then: Trips, window_days: int) -> int:
    """Customers with a trip of `then` later than one of `first`, by at most the window."""
    if not len(first.second) or not len(then.second):
        return 0
    start = min(first.second.min(), then.second.min())
    # Customers lie further apart than the window, so that one sorted line of moments holds them all.
    span = max(first.second.max(), then.second.max()) - start + window_days * DAY + 1
    moments = first.customer * span + (first.second - start)
    later = then.customer * span + (then.second - start)
    follows = np.searchsorted(moments, later, "left") > np.searchsorted(moments, later - window_days * DAY, "left")
    return len(np.unique(then.customer[follows]))


def shared_attributes(book: EvidenceBook, a: int, b: int, language: Language = "en") -> list[Evidence]:
    """Category, brand and other attributes that both have, the rarest first; not what most products have.

    numbers : n_with = products that have the value, n_products
    """
    n_products, found = book.log.n_items, []
    for attribute, values in book.attributes.items():
        value = values[a]
        if value and value == values[b] and (n_with := book.n_with_value[attribute][value]) <= max(2, n_products / 2):
            found.append((n_with, attribute, value))
    return [
        Evidence.of(
            "attribute",
            {"n_with": n_with, "n_products": n_products},
            {**_names(book, a, b), "attribute": attribute, "value": value},
            language,
        )
        for n_with, attribute, value in sorted(found)
    ]


def shared_words(book: EvidenceBook, a: int, b: int, language: Language = "en") -> Evidence | None:
    """Words that both names have, the rarest first, at most three.

    numbers : n_with = word -> products whose name has it, n_products
    """
    shared = book.words_of(a) & book.words_of(b) & book.n_with_word.keys()
    if not shared:
        return None
    rarest = sorted(shared, key=lambda word: (book.n_with_word[word], word))[:N_WORDS]
    numbers = {"n_with": {word: book.n_with_word[word] for word in rarest}, "n_products": book.log.n_items}
    return Evidence.of("words", numbers, _names(book, a, b), language)


def price_ratio(book: EvidenceBook, a: int, b: int, language: Language = "en") -> Evidence | None:
    """numbers : price_a, price_b, ratio = price_b / price_a; the catalogue's price, else the median paid."""
    price_a, price_b = book.price(a), book.price(b)
    if price_a is None or price_b is None:
        return None
    numbers = {"price_a": price_a, "price_b": price_b, "ratio": price_b / price_a}
    return Evidence.of("price", numbers, _names(book, a, b), language)


def text_similarity(book: EvidenceBook, a: int, b: int, cosine: float, language: Language = "en") -> Evidence:
    """numbers : cosine, as given."""
    return Evidence.of("similarity", {"cosine": float(cosine)}, _names(book, a, b), language)


def borrowed(
    book: EvidenceBook, counts: Counts, unsold: int, other: int, similar: Similar, language: Language = "en"
) -> list[Evidence]:
    """For a product never sold: which products near it by text are bought with the other one, at most three.

    `counts` chooses them among the near (cosine times baskets shared); their numbers are counted from the events.

    numbers : cosine, both = baskets with neighbour and other, with_other
    """
    rows, cosines = near(unsold, similar)
    rows, cosines = rows[rows != other], cosines[rows != other]
    weights = counts.pairs[[other]].toarray()[0, rows] * cosines
    best = np.argsort(-weights, kind="stable")[:N_NEIGHBOURS]
    found = []
    for row, cosine in ((int(rows[at]), float(cosines[at])) for at in best if weights[at] > 0):
        numbers = {"cosine": cosine, "both": book.n_with_both(row, other), "with_other": book.n_with(other)}
        names = dict(zip(("product", "neighbour", "other"), book.names_of(unsold, row, other), strict=True))
        found.append(Evidence.of("borrowed", numbers, names, language))
    return found


def near(item: int, similar: Similar) -> tuple[NDArray[np.integer], NDArray[np.floating]]:
    """Neighbours by text whose cosine is not far below the best one's; never the product itself."""
    rows, cosines = similar(item, NEIGHBOURS_SEARCHED)
    others = (rows != item) & (rows >= 0) & (cosines > 0)
    rows, cosines = rows[others], cosines[others]
    close = cosines >= NEAR_SHARE * cosines.max(initial=0.0)
    return rows[close], cosines[close]


def probability_given(book: EvidenceBook, item: int, given: ProbabilityLike, language: Language = "en") -> Evidence:
    """numbers : value, low, high, as given."""
    numbers = {"value": float(given.value), "low": float(given.low), "high": float(given.high)}
    return Evidence.of("probability", numbers, {"b": book.names[item]}, language)


def _names(book: EvidenceBook, a: int, b: int) -> dict[str, str]:
    return dict(zip("ab", book.names_of(a, b), strict=True))
