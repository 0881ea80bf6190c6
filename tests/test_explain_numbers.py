"""Every number of an explanation, counted a second time: by SQL, from the frames and by ids."""

from datetime import timedelta
from itertools import combinations

import duckdb
import numpy as np
import pytest

from goeswith.association.counts import basket_matrix, count_pairs
from goeswith.explain.book import EvidenceBook
from goeswith.explain.explanation import explain_pair, explain_recommendation
from goeswith.testing import corner_shop

VIEWS = """
create table bought as select distinct basket_id, product_id from events where event = 'purchase';
create table trips as
    select distinct customer_id, basket_id, product_id,
        min(timestamp) over (partition by customer_id, basket_id) as moment
    from events where event = 'purchase' and customer_id is not null;
"""


class Shop:
    """A log, what explains it, and the same frames behind SQL."""

    def __init__(self, products, events):
        self.log = corner_shop.as_log(products, events)
        self.counts = count_pairs(basket_matrix(self.log))
        self.book = EvidenceBook(self.log)
        self.name_to_id = dict(products.select("name", "product_id").iter_rows())
        self.now = events["timestamp"].max()
        self.database = duckdb.connect(config={"threads": 1})
        self.database.register("events", events.to_arrow())
        self.database.register("products", products.to_arrow())
        self.database.execute(VIEWS)

    def ask(self, query, *values):
        (answer,) = self.database.execute(query, list(values)).fetchall()
        return answer[0] if len(answer) == 1 else answer

    def baskets(self, *products):
        """Baskets that hold all of these."""
        return self.ask(
            "select count(*) from (select basket_id from bought where list_contains(?, product_id) "
            "group by all having count(*) = ?)",
            list(products),
            len(set(products)),
        )

    def customers(self, product):
        return self.ask("select count(distinct customer_id) from trips where product_id = ?", product)

    def followers(self, first, then, days):
        """Customers who bought `then` in a later basket than `first`, within so many days."""
        return self.ask(
            "select count(distinct x.customer_id) from trips x join trips y using (customer_id) "
            "where x.product_id = ? and y.product_id = ? and y.moment > x.moment and y.moment <= x.moment + to_days(?)",
            first,
            then,
            days,
        )

    def price(self, product):
        return self.ask("select price from products where product_id = ?", product)


@pytest.fixture(scope="module")
def small():
    return Shop(corner_shop.products(), corner_shop.events())


@pytest.fixture(scope="module")
def big():
    planted = corner_shop.big_corner_shop(n_customers=120, n_weeks=16)
    return Shop(planted.products, planted.events)


@pytest.fixture(params=["small", "big"])
def shop(request):
    return request.getfixturevalue(request.param)


def pairs_of(shop):
    """Every two products of the small shop, in one of the two orders; sixty drawn in the big one."""
    every = [(a, b) if (a + b) % 2 else (b, a) for a, b in combinations(range(shop.log.n_items), 2)]
    return every if len(every) < 100 else [every[at] for at in np.random.default_rng(0).permutation(len(every))[:60]]


def same(piece, counted):
    assert piece.numbers.keys() == counted.keys(), piece
    for name, value in counted.items():
        exact = value is None or isinstance(value, (str, int, dict))
        assert piece.numbers[name] == (value if exact else pytest.approx(value)), (name, value, piece)


def test_every_number_of_a_pair(shop):
    kinds = set()
    similar = neighbours_by_words(shop)
    for a, b in pairs_of(shop):
        ids = shop.log.items.ids([a, b]).to_list()

        explanation = explain_pair(shop.book, shop.counts, a, b, similar=similar)

        for piece in explanation.evidence:
            kinds.add(piece.kind)
            same(piece, PAIR_QUERIES[piece.kind](shop, *ids, piece))
    assert {"baskets", "later", "attribute", "words", "price"} <= kinds


def baskets(shop, a, b, piece):
    both, with_a, with_b = shop.baskets(a, b), shop.baskets(a), shop.baskets(b)
    n = shop.ask("select count(distinct basket_id) from bought")
    return {
        "both": both,
        "with_a": with_a,
        "with_b": with_b,
        "n_baskets": n,
        "confidence": both / with_a,
        "lift": both * n / (with_a * with_b),
    }


def unsold(shop, a, b, piece):
    return {"baskets": shop.baskets(shop.name_to_id[piece.words["product"]])}


def later(shop, a, b, piece):
    return {
        "after": shop.followers(a, b, 28),
        "before": shop.followers(b, a, 28),
        "buyers_a": shop.customers(a),
        "buyers_b": shop.customers(b),
        "window_days": 28,
    }


def attribute(shop, a, b, piece):
    column = piece.words["attribute"]
    values = shop.database.execute(f"select {column} from products where product_id in (?, ?)", [a, b]).fetchall()
    assert values == [(piece.words["value"],)] * 2
    n = shop.ask(f"select count(*) from products where {column} = ?", piece.words["value"])
    return {"n_with": n, "n_products": shop.ask("select count(*) from products")}


def shared_words(shop, a, b, piece):
    having = "list_contains(string_split_regex(lower(name), '[^a-z0-9]+'), ?)"
    for word in piece.numbers["n_with"]:
        assert shop.ask(f"select count(*) from products where product_id in (?, ?) and {having}", a, b, word) == 2
    counted = {
        word: shop.ask(f"select count(*) from products where {having}", word) for word in piece.numbers["n_with"]
    }
    return {"n_with": counted, "n_products": shop.ask("select count(*) from products")}


def price(shop, a, b, piece):
    return {"price_a": shop.price(a), "price_b": shop.price(b), "ratio": shop.price(b) / shop.price(a)}


def borrowed(shop, a, b, piece):
    neighbour, other = (shop.name_to_id[piece.words[role]] for role in ("neighbour", "other"))
    cosine = piece.numbers["cosine"]  # given, not counted
    return {"cosine": cosine, "both": shop.baskets(neighbour, other), "with_other": shop.baskets(other)}


PAIR_QUERIES = {
    "baskets": baskets,
    "unsold": unsold,
    "later": later,
    "attribute": attribute,
    "words": shared_words,
    "price": price,
    "borrowed": borrowed,
}


def test_every_number_of_a_recommendation(shop):
    kinds = set()
    similar = neighbours_by_words(shop)
    for customer, item in customers_and_items(shop):
        who, what = shop.log.customers.ids([customer])[0], shop.log.items.ids([item])[0]
        history = shop.book.trips_of(customer).item
        rows = np.unique(history)

        counted = explain_recommendation(shop.book, shop.counts, history, item, customer=customer, similar=similar)
        carried = explain_recommendation(
            shop.book, shop.counts, history, item, (rows, np.linspace(1, 2, len(rows))), customer=customer
        )

        for piece in (*counted.evidence, *carried.evidence):
            kinds.add(piece.kind)
            same(piece, CUSTOMER_QUERIES[piece.kind](shop, who, what, piece))
    assert {"own", "carried", "companion", "category", "browsed", "popular"} <= kinds


def customers_and_items(shop):
    """All there are in the small shop; two dozen drawn, half of them bought before, in the big one."""
    n_customers, n_items = shop.log.n_customers, shop.log.n_items
    if n_customers < 10:
        return [(customer, item) for customer in range(n_customers) for item in range(n_items)]
    rng = np.random.default_rng(0)
    drawn = [(int(rng.integers(n_customers)), int(rng.integers(n_items))) for _ in range(12)]
    bought = [(customer, int(rng.choice(shop.book.trips_of(customer).item))) for customer, _ in drawn]
    viewed = shop.log.events.filter((shop.log.events["event"] == "view") & shop.log.events["customer"].is_not_null())
    return drawn + bought + viewed.select("customer", "item").head(5).rows()


def own(shop, who, what, piece):
    times, last, gap = shop.ask(
        "select count(*), max(moment), median(gap) from (select moment, "
        "epoch(moment - lag(moment) over (order by moment)) / 86400 as gap from trips "
        "where customer_id = ? and product_id = ?)",
        who,
        what,
    )
    days = (shop.now - last) // timedelta(days=1)
    return {"times": times, "last": str(last.date()), "days_since": days, "usual_gap_days": gap}


def of_history(shop, who, what, piece):
    row = shop.name_to_id[piece.words["product"]]
    times = shop.ask("select count(*) from trips where customer_id = ? and product_id = ?", who, row)
    both = None if row == what else shop.baskets(row, what)
    return {"times": times, "both": both, "with_product": shop.baskets(row)}


def carried(shop, who, what, piece):
    n = shop.ask("select count(distinct product_id) from trips where customer_id = ?", who)
    weights = np.linspace(1, 2, n)
    assert np.isclose(weights / weights.sum(), piece.numbers["share"]).any()
    return {"share": piece.numbers["share"], **of_history(shop, who, what, piece)}


def resembles(shop, who, what, piece):
    row = shop.name_to_id[piece.words["product"]]
    times = shop.ask("select count(*) from trips where customer_id = ? and product_id = ?", who, row)
    return {"cosine": piece.numbers["cosine"], "times": times}


def category(shop, who, what, piece):
    found, n = shop.ask(
        "select count(*) filter (where category = ?), count(*) from trips join products using (product_id) "
        "where customer_id = ?",
        piece.words["category"],
        who,
    )
    return {"in_category": found, "purchases": n}


def browsed(shop, who, what, piece):
    *n, last = shop.ask(
        "select count(*) filter (where event = 'view'), count(*) filter (where event = 'cart'), "
        "count(*) filter (where event = 'wish'), max(timestamp) filter (where event in ('view', 'cart', 'wish')) "
        "from events where customer_id = ? and product_id = ?",
        who,
        what,
    )
    return {**dict(zip(("view", "cart", "wish"), n, strict=True)), "last": str(last.date())}


def returned(shop, who, what, piece):
    times, last = shop.ask(
        "select count(*), max(timestamp) from events where customer_id = ? and product_id = ? and event = 'return'",
        who,
        what,
    )
    return {"times": times, "last": str(last.date())}


def popular(shop, who, what, piece):
    buyers, customers = shop.ask(
        "select count(distinct customer_id) filter (where product_id = ?), count(distinct customer_id) from events "
        "where event = 'purchase' and timestamp > (select max(timestamp) - to_days(30) from events)",
        what,
    )
    return {"buyers": buyers, "customers": customers, "days": 30}


CUSTOMER_QUERIES = {
    "own": own,
    "companion": of_history,
    "carried": carried,
    "resembles": resembles,
    "unsold": unsold,
    "borrowed": borrowed,
    "category": category,
    "browsed": browsed,
    "returned": returned,
    "popular": popular,
}


def neighbours_by_words(shop):
    """Cosine of the sets of words of two names: a plain stand-in for a text model."""

    def similar(item, k):
        mine = shop.book.words_of(item)
        others = [shop.book.words_of(row) for row in range(shop.log.n_items)]
        cosines = np.array([len(mine & other) / np.sqrt(len(mine) * len(other)) for other in others])
        rows = np.argsort(-cosines, kind="stable")[:k]
        return rows, cosines[rows]

    return similar
