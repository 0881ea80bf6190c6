"""Every view of how well a product suits a query, side by side: what the ranker weighs.

A query is a customer's history, a basket, or both. Views over the whole catalogue are one matrix product for a block of
queries, and are looked up for the candidates; the finer ones are computed for the candidates alone.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array

from goeswith.association.histories import Histories
from goeswith.association.parts import Parts

Array = NDArray[np.float32]
SHARPNESS = 10.0
"""Cosines are compared as exp(10 cos): one product of a history that fits is enough."""
REMEMBERED = 50
"""Of a long history, the sharpened kernel looks at this many products, those bought most and latest."""
STEP = 0.7
"""What a basket further back weighs less in the view of recent ones."""


@dataclass(frozen=True)
class Queries:
    """A block of questions.

    own : the customers' histories; empty ones for somebody unknown
    customer : (queries,), row of the customer, -1 unknown
    held : (queries, items), ones for the products in the basket, or shares of kin that stand in for one; None where
        the question has no basket
    words, source : (queries, d) and (queries, e), what the product means that is asked about; None for a basket
    """

    own: Histories
    customer: NDArray[np.int64]
    held: csr_array | None = None
    words: Array | None = None
    source: Array | None = None

    def __len__(self) -> int:
        return len(self.customer)

    @property
    def strangers(self) -> NDArray[np.bool_]:
        """(queries,), whether nothing is known of who asks."""
        none: NDArray[np.bool_] = np.diff(self.own.start) == 0
        return none


@dataclass(frozen=True)
class Candidates:
    """Pairs of a query and a product, sorted by query and product. query, item : (pairs,)"""

    query: NDArray[np.int64]
    item: NDArray[np.int64]
    n_queries: int

    def of(self, query: int) -> slice:
        return slice(*np.searchsorted(self.query, [query, query + 1]))


def catalogue_views(parts: Parts, asked: Queries) -> dict[str, Array]:
    """The views that cover the whole catalogue; each (queries, items)."""
    return _history_views(parts, asked) if asked.held is None else _basket_views(parts, asked)


def _history_views(parts: Parts, asked: Queries) -> dict[str, Array]:
    own, n, meaning = asked.own, parts.meaning.n_items, parts.meaning
    weight = own.matrix(np.log1p(own.long + 0.2 * np.maximum(own.browsed, 0)), n)
    recent = own.matrix(np.where(own.n > 0, STEP**own.steps, 0.0), n)
    return {
        "ease": parts.ease.scores(own.matrix((own.n > 0).astype(np.float32), n)),
        "ease_recent": parts.ease.scores(recent),
        "cosine": (weight @ parts.near).toarray(),
        "recent": (recent @ parts.near).toarray(),
        "window": (recent @ parts.windows).toarray(),
        "walk": (recent @ parts.walks).toarray(),
        "crowd": parts.crowd.scores(own.matrix(own.long, n), asked.customer),
        "words": (weight @ meaning.words) @ meaning.words.T,
        "text": (weight @ meaning.source) @ meaning.target.T,
    }


OF_BOTH = frozenset(
    {"basket_ease", "confidence", "lift", "basket_cosine", "basket_words", "basket_text", "kin_basket_ease"}
    | {"kin_basket_cosine", "kernel", "nearest", "nearest_words", "best", "closest", "met"}
)
"""Features that say how two products suit each other, and nothing of one of them alone."""
BORROWED = ("ease", "ease_recent", "cosine", "window", "walk", "crowd", "basket_ease", "basket_cosine")
"""Views of behaviour that a product takes from its kin as well; of a history, from its stand-ins too."""
STAND_IN = "stand_in"


def is_of_the_new(name: str) -> bool:
    """Whether a feature helps with what is new to a customer alone; what is bought again was ranked worse with it."""
    return name in ("walk", "kin_walk") or name.startswith(STAND_IN)


def _basket_views(parts: Parts, asked: Queries) -> dict[str, Array]:
    held, counts, meaning = asked.held, parts.counts, parts.meaning
    assert held is not None
    shares = _over_rows(held, _weight_of(held))
    sold = np.maximum(counts.items, 1).astype(np.float32)
    root = np.sqrt(sold + 5)
    lift = _over(_over(shares, (sold + 10) / np.float32(counts.n_baskets)) @ counts.pairs, sold + 10)
    lift.data = np.log1p(lift.data)
    words = shares @ meaning.words if asked.words is None else asked.words
    source = shares @ meaning.source if asked.source is None else asked.source
    own = asked.own
    bought = own.matrix((own.n > 0).astype(np.float32), meaning.n_items)
    nobody = np.zeros(held.shape, np.float32)
    return {
        "ease": parts.ease.scores(bought) if len(own.item) else nobody,
        "crowd": parts.crowd.scores(own.matrix(own.long, meaning.n_items), asked.customer) if len(own.item) else nobody,
        "basket_ease": parts.basket_ease.scores(held),
        "confidence": (_over(shares, sold) @ counts.pairs).toarray(),
        "lift": lift.toarray(),
        "basket_cosine": _over(_over(shares, root) @ counts.pairs, root).toarray(),
        "together": _own_baskets(parts, asked),
        **_of_who_it_may_be(parts, asked),
        "basket_words": words @ meaning.words.T,
        "basket_text": source @ meaning.target.T,
    }


def _of_who_it_may_be(parts: Parts, asked: Queries) -> dict[str, Array]:
    """Of somebody unknown, what those put into their baskets who may have filled this one; 0 for a known customer."""
    assert asked.held is not None
    unknown = diags_array(asked.strangers.astype(np.float32))
    likely = csr_array(unknown @ parts.habits.who_filled(asked.held))
    return {
        "often": (likely @ parts.habits.often).toarray(),
        "lately": (likely @ parts.habits.lately).toarray(),
    }


def _weight_of(held: csr_array) -> Array:
    """(queries,), how many products each basket holds; kin that stand in for one count as one together."""
    return np.maximum(np.asarray(held.sum(axis=1)).ravel(), 1e-6).astype(np.float32)


def _over(table: csr_array, divisor: Array) -> csr_array:
    """Every entry divided by the number of its column."""
    return csr_array((table.data / divisor[table.indices], table.indices, table.indptr), shape=table.shape)


def _over_rows(table: csr_array, divisor: Array) -> csr_array:
    """Every entry divided by the number of its row."""
    data = table.data / np.repeat(divisor, np.diff(table.indptr))
    return csr_array((data, table.indices, table.indptr), shape=table.shape)


def _own_baskets(parts: Parts, asked: Queries) -> Array:
    """What the customer's own earlier baskets held beside the products of this one, each weighed by its overlap."""
    assert asked.held is not None
    result = np.zeros(asked.held.shape, np.float32)
    order, bounds = parts.baskets_of
    for at in np.flatnonzero(asked.customer >= 0):
        mine = order[bounds[asked.customer[at]] : bounds[asked.customer[at] + 1]]
        now = asked.held.indices[asked.held.indptr[at] : asked.held.indptr[at + 1]]
        if len(mine) == 0 or len(now) == 0:
            continue
        earlier = parts.baskets[mine]
        inside = np.zeros(asked.held.shape[1], np.float32)
        inside[now] = 1.0
        overlap = (earlier @ inside) / np.sqrt(np.maximum(np.diff(earlier.indptr), 1) * len(now))
        np.add.at(result[at], earlier.indices, np.repeat(overlap, np.diff(earlier.indptr)))
    return result


def features(parts: Parts, asked: Queries, views: dict[str, Array], some: Candidates) -> dict[str, Array]:
    """Every feature of the candidates, by name; each (pairs,)."""
    found = {name: dense[some.query, some.item] for name, dense in views.items()}
    found |= _of_person(parts, asked.own, some)
    found |= _of_item(parts, some)
    found |= _of_shelf(parts, asked, some, found["long"])
    found |= _of_text(parts, asked, some)
    found |= _of_kin(parts, asked, views, some)
    if asked.held is not None:
        found |= _of_basket(parts, asked.held, some)
    return {name: np.asarray(column, np.float32) for name, column in found.items()}


def _of_person(parts: Parts, own: Histories, some: Candidates) -> dict[str, Array]:
    n_items = parts.meaning.n_items
    key = np.repeat(np.arange(len(own)), np.diff(own.start)) * n_items + own.item
    wanted = some.query * n_items + some.item
    at = np.minimum(np.searchsorted(key, wanted), max(len(key) - 1, 0))
    is_own = key[at] == wanted if len(key) else np.zeros(len(wanted), bool)

    def column(values: Array, absent: float) -> Array:
        return np.where(is_own, values[at], absent) if len(values) else np.full(len(wanted), absent, np.float32)

    n, last, first = column(own.n, 0.0), column(own.last, np.nan), column(own.first, np.nan)
    usual = parts.popularity.gap[some.item]
    usual = np.where(n > 1, (first - last + 2 * usual) / (n + 1), usual)
    n_baskets = np.maximum(own.n_baskets, 1)
    return {
        "n": n,
        "short": column(own.short, 0.0),
        "long": column(own.long, 0.0),
        "longest": column(own.longest, 0.0),
        "months": column(own.months, 0.0),
        "steps": column(own.steps, np.nan),
        "last": last,
        "gap": np.where(n > 1, (first - last) / np.maximum(n - 1, 1), np.nan),
        "due": last / np.maximum(usual, 1.0),
        "habit": n / n_baskets[some.query],
        "pace_of_it": n / np.maximum(first, 7.0),
        "browsed": column(own.browsed, 0.0),
        "price_ratio": parts.popularity.price[some.item] / _mean_price(parts, own)[some.query],
        "n_baskets": own.n_baskets[some.query],
        "age": own.age[some.query],
        "pace": (own.n_baskets / np.maximum(own.age, 1))[some.query],
        "width": (np.diff(own.start) / n_baskets)[some.query],
    }


def _mean_price(parts: Parts, own: Histories) -> Array:
    price = parts.popularity.price[own.item]
    weight = np.where(np.isnan(price), 0, own.n)
    row = np.repeat(np.arange(len(own)), np.diff(own.start))
    with np.errstate(invalid="ignore", divide="ignore"):
        paid = np.bincount(row, weight * np.nan_to_num(price), len(own)) / np.bincount(row, weight, len(own))
    return np.where(paid > 0, paid, np.nan)


def _of_item(parts: Parts, some: Candidates) -> dict[str, Array]:
    known, i = parts.popularity, some.item
    return {
        "bought": np.log1p(known.bought[i]),
        "month": np.log1p(known.month[i]),
        "people": np.log1p(known.people[i]),
        "trend": known.week[i] / np.maximum(known.month[i], 1e-3),
        "loyal": known.bought[i] / np.maximum(known.buyers[i], 1),
        "again": known.again[i],
        "usual_gap": known.gap[i],
        "on_sale_for": known.first[i],
        "price": known.price[i],
        "looked_at": np.log1p(known.browsed[i]),
    }


def _of_shelf(parts: Parts, asked: Queries, some: Candidates, long: Array) -> dict[str, Array]:
    """What the customer buys of each group that the candidate belongs to, when last, and what the basket has of it."""
    own, held, q, i, n_items = asked.own, asked.held, some.query, some.item, parts.meaning.n_items
    row = np.repeat(np.arange(len(own)), np.diff(own.start))
    weight = own.matrix(own.long, n_items)
    total = np.maximum(np.asarray(weight.sum(axis=1)).ravel(), 1e-6)
    found = {}
    for at, shelf in enumerate(parts.meaning.shelves):
        size = int(shelf.max()) + 1
        onto = csr_array((np.ones(n_items, np.float32), (np.arange(n_items), shelf)), shape=(n_items, size))
        mine = (weight @ onto).toarray()[q, shelf[i]]
        sold = np.bincount(shelf, parts.popularity.month, size)[shelf[i]]
        found[f"shelf{at}"] = mine
        found[f"shelf{at}_share"] = mine / total[q]
        found[f"shelf{at}_own"] = long / np.maximum(mine, 1e-6)
        found[f"shelf{at}_sold"] = np.log1p(sold)
        found[f"shelf{at}_part"] = parts.popularity.month[i] / np.maximum(sold, 1e-6)
        last = np.full((len(own), size), np.inf, np.float32)
        np.fmin.at(last, (row, shelf[own.item]), own.last)
        found[f"shelf{at}_last"] = np.where(np.isfinite(last), last, np.nan)[q, shelf[i]]
        found[f"shelf{at}_short"] = (own.matrix(own.short, n_items) @ onto).toarray()[q, shelf[i]]
        if held is not None:
            found[f"shelf{at}_held"] = (held @ onto).toarray()[q, shelf[i]]
    return found


def _of_text(parts: Parts, asked: Queries, some: Candidates) -> dict[str, Array]:
    """log Σ exp(10 cos) of the query's products, and the nearest of them; by F and by words."""
    meaning = parts.meaning
    kernel, nearest, lexical = (np.full(len(some.item), np.nan, np.float32) for _ in range(3))
    for query in range(some.n_queries):
        pairs = some.of(query)
        if asked.source is not None and asked.words is not None:
            source, words = asked.source[[query]], asked.words[[query]]
        else:
            items = _remembered(asked, query)
            source, words = meaning.source[items], meaning.words[items]
        if len(source) == 0 or pairs.start == pairs.stop:
            continue
        item = some.item[pairs]
        cosines = source @ meaning.target[item].T  # (history, candidates)
        nearest[pairs] = cosines.max(axis=0)
        kernel[pairs] = np.log(np.exp(SHARPNESS * (cosines - 1)).mean(axis=0))
        lexical[pairs] = (words @ meaning.words[item].T).max(axis=0)
    return {"kernel": kernel, "nearest": nearest, "nearest_words": lexical}


def _of_kin(parts: Parts, asked: Queries, views: dict[str, Array], some: Candidates) -> dict[str, Array]:
    """What is known of the sold products nearest in text: their views, and how much the customer bought of them.

    For a history also what the best sellers that are like it predict together.
    """
    known = {name: view for name, view in views.items() if name in BORROWED}
    known["own"] = asked.own.matrix(asked.own.long, parts.meaning.n_items).toarray()
    kin = {"kin": parts.kin} if asked.held is not None else {"kin": parts.kin, STAND_IN: parts.stand_ins}
    return {
        f"{of}_{name}": which.borrowed(view, some.query, some.item)
        for of, which in kin.items()
        for name, view in known.items()
    }


def _remembered(asked: Queries, query: int) -> NDArray[np.int64]:
    if asked.held is not None:
        return asked.held.indices[asked.held.indptr[query] : asked.held.indptr[query + 1]][:REMEMBERED]
    rows = slice(asked.own.start[query], asked.own.start[query + 1])
    weight = asked.own.long[rows] + 0.2 * np.maximum(asked.own.browsed[rows], 0)
    if len(weight) <= REMEMBERED:
        return asked.own.item[rows]
    return asked.own.item[rows][np.argpartition(-weight, REMEMBERED)[:REMEMBERED]]


def _of_basket(parts: Parts, held: csr_array, some: Candidates) -> dict[str, Array]:
    """The closest product of the basket, and how many of them were ever seen with the candidate."""
    counts = parts.counts
    best, closest, met = (np.zeros(len(some.item), np.float32) for _ in range(3))
    size = _weight_of(held)
    for query in range(some.n_queries):
        pairs = some.of(query)
        items = held.indices[held.indptr[query] : held.indptr[query + 1]]
        if len(items) == 0 or pairs.start == pairs.stop:
            continue
        item = some.item[pairs]
        together = np.zeros((len(items), counts.pairs.shape[1]), np.float32)
        for row, own in enumerate(items):
            span = slice(counts.pairs.indptr[own], counts.pairs.indptr[own + 1])
            together[row, counts.pairs.indices[span]] = counts.pairs.data[span]
        together = together[:, item]
        sold = counts.items[items][:, None]
        best[pairs] = (together / (sold + 5)).max(axis=0)
        closest[pairs] = (together / np.sqrt((sold + 5) * (counts.items[item] + 5))).max(axis=0)
        met[pairs] = (together > 0).sum(axis=0)
    price = np.nan_to_num(np.log1p(parts.popularity.price))
    known = _over_rows(held, np.maximum(held @ (price > 0).astype(np.float32), 1e-6))
    return {
        "best": best,
        "closest": closest,
        "met": met,
        "basket_size": size[some.query],
        "basket_price": (known @ price)[some.query],
    }
