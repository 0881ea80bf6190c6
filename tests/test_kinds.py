"""Complement, substitute, or both: baskets that can be counted by hand, and likeness that is written out."""

from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from goeswith.association.counts import basket_matrix, count_pairs
from goeswith.association.histories import histories_of
from goeswith.association.kin import Kin
from goeswith.association.kinds import Kinds, of_kind
from goeswith.testing import corner_shop
from goeswith.testing.corner_shop import as_log, big_corner_shop

LOG = corner_shop.log()


def shop(*alike: tuple[str, str, float], log=LOG, kin: dict[str, str] | None = None) -> SimpleNamespace:
    """A log's counts; products share no word, but for these pairs with their cosines."""
    n = log.n_items
    likeness = np.eye(n)
    for one, other, cosine in alike:
        a, b = rows(one, other, log=log)
        likeness[a, b] = likeness[b, a] = cosine
    plain = np.linalg.cholesky(likeness + 1e-6 * np.eye(n)).astype(np.float32)
    near = Kin(np.zeros((n, 1), np.int32), np.zeros((n, 1), np.float32))
    for one, other in (kin or {}).items():
        a, b = rows(one, other, log=log)
        near.item[a], near.weight[a] = b, 1.0
    return SimpleNamespace(
        meaning=SimpleNamespace(plain=plain, n_items=n),
        counts=count_pairs(basket_matrix(log)),
        histories=histories_of(log, log.events["time"].max()),
        kin=near,
    )


def rows(*products: str, log=LOG) -> np.ndarray:
    return log.items.rows(list(products))


def label(parts: SimpleNamespace, a: str, b: str, log=LOG) -> str:
    (found,) = Kinds(parts).labels(rows(a, log=log), rows(b, log=log))
    return str(found)


def evidence(parts: SimpleNamespace, a: str, b: str, log=LOG):
    return Kinds(parts).evidence(rows(a, log=log), rows(b, log=log))


def test_what_reads_alike_and_is_never_together_is_a_substitute():
    assert label(shop(("oat-milk", "milk", 0.6)), "oat-milk", "milk") == "substitute"


def test_what_does_not_read_alike_is_a_complement():
    assert label(shop(), "bread", "butter") == "complement"


def test_what_reads_alike_and_is_taken_along_is_both():
    assert label(shop(("bread", "butter", 0.9)), "bread", "butter") == "both"


def test_together_is_counted_against_chance():
    parts = shop()

    # 7 baskets with both, of 11 with bread and 7 with butter; chance deals out the shop's pairs as they are
    pairs, lines = parts.counts.pairs.sum(), parts.counts.items.sum()
    expected = np.log((7 + 1) / (11 * 7 * pairs / lines**2 + 1))
    assert evidence(parts, "bread", "butter").together == pytest.approx([expected], abs=1e-5)


def turns(order: str, events=()) -> tuple[SimpleNamespace, object]:
    """Twenty customers: each buys the letters of `order` one a week; every second one in the other order if it says so.

    Ten more buy c and d, so that chance has something to deal out.
    """
    lines = []
    for customer in range(20):
        own = order[::-1] if order.islower() and customer % 2 else order.lower()
        lines += [(customer, week, product, "purchase") for week, product in enumerate(own)]
    lines += [(customer, week, "cd"[week], "purchase") for customer in range(20, 50) for week in range(2)]
    lines += list(events)
    frame = pl.DataFrame(lines, schema=["customer_id", "week", "product_id", "event"], orient="row").select(
        "customer_id",
        "product_id",
        "event",
        timestamp=pl.lit(corner_shop.FIRST_DAY) + pl.duration(days=7 * pl.col("week")),
        basket_id=pl.when(pl.col("event") == "purchase").then(pl.col("customer_id") * 100 + pl.col("week")),
        quantity=pl.lit(1),
        price=pl.lit(1.0),
    )
    products = pl.DataFrame({"product_id": list("abcdvw"), "name": list("abcdvw")})
    log = as_log(products, frame.sort("timestamp", maintain_order=True))
    return shop(log=log), log


def test_bought_in_turn_counts_one_order_as_often_as_the_other():
    parts, log = turns("ab")

    # 10 customers took a first and 10 b; of 50 customers with two products each, chance gives a and b
    # 20 * 20 * (50 * 2) / 100 ** 2 = 4 customers
    assert evidence(parts, "a", "b", log).in_turn == pytest.approx([np.log((20 + 1) / (4 + 1))], abs=1e-5)


def test_a_customer_who_comes_back_to_the_first_has_taken_both_in_turn():
    parts, log = turns("ABA")

    assert evidence(parts, "a", "b", log).in_turn > 1.0
    assert evidence(parts, "a", "b", log).along < 0


def test_what_always_comes_second_is_no_substitute_for_the_first():
    parts, log = turns("AB")  # a printer, and then its toner

    found = evidence(parts, "a", "b", log)
    assert found.in_turn == pytest.approx([np.log(1 / 5)], abs=1e-5)
    assert found.along == pytest.approx([np.log((20 + 1) / 5)], abs=1e-5)
    assert evidence(parts, "b", "a", log).along == pytest.approx([np.log(1 / 5)], abs=1e-5)  # direction matters


def test_a_little_likeness_is_enough_where_products_are_bought_in_turn():
    weak = (("a", "b", 0.3),)
    parts, log = turns("ab")
    parts.meaning = shop(*weak, log=log).meaning

    assert Kinds(parts).evidence(*(rows(x, log=log) for x in "ab")).substitute.all()
    parts_one_way, log = turns("AB")
    parts_one_way.meaning = parts.meaning
    assert not Kinds(parts_one_way).evidence(*(rows(x, log=log) for x in "ab")).substitute.any()


@pytest.fixture(scope="module")
def planted():
    """The larger shop, whose texts are alike by the words that they share."""
    big = big_corner_shop(n_customers=150)
    log = big.log()
    words = [set(name.split()) for name in log.products["product_id"]]
    every = sorted(set().union(*words))
    bags = np.array([[word in own for word in every] for own in words], np.float32)
    parts = shop(log=log)
    parts.meaning.plain = bags / np.linalg.norm(bags, axis=1, keepdims=True)
    return big, log, parts


@pytest.mark.parametrize(
    ("pairs", "kind"), [("directed", "complement"), ("together", "complement"), ("substitutes", "substitute")]
)
def test_planted_kinds_are_found(planted, pairs, kind):
    big, log, parts = planted

    for one, other in getattr(big, pairs):
        assert label(parts, one, other, log) == label(parts, other, one, log) == kind


def test_what_is_looked_at_together_and_not_both_bought_speaks_for_a_substitute():
    views = [(customer, 5, product, "view") for customer in range(20) for product in "vw"]
    apart = [(customer, 5 + 9 * (product == "w"), product, "view") for customer in range(20) for product in "vw"]
    (parts, log), (later, other) = turns("ab", views), turns("ab", apart)

    assert evidence(parts, "v", "w", log).looked > 0.5
    assert evidence(later, "v", "w", other).looked < 0  # nine weeks between two looks are no choice between two


def test_a_product_that_never_sold_is_taken_along_as_its_kin_are():
    alone = shop(("honey", "butter", 0.9))
    through_jam = shop(("honey", "butter", 0.9), kin={"honey": "jam"})

    assert label(alone, "honey", "butter") == "substitute"
    assert evidence(alone, "honey", "butter").kin_together == pytest.approx([0.0])
    assert evidence(through_jam, "honey", "butter").kin_together > 0  # jam and butter share three baskets


def test_texts_that_are_all_the_same_say_nothing():
    parts = shop()
    parts.meaning.plain = np.ones((LOG.n_items, 1), np.float32)

    assert evidence(parts, "oat-milk", "bread").alike == pytest.approx([0.0])


def test_each_product_is_judged_beside_the_one_it_resembles_most():
    parts = shop(("oat-milk", "milk", 0.9))

    found = Kinds(parts).labels(rows("bread", "oat-milk"), rows("milk", "coffee"))

    assert found.tolist() == ["substitute", "complement"]


def test_a_product_is_no_substitute_of_itself_and_nothing_is_one_of_nothing():
    kinds = Kinds(shop())

    assert kinds.labels(rows("milk"), rows("milk")).tolist() == ["complement"]
    assert kinds.labels(np.zeros(0, np.int64), rows("milk")).tolist() == ["complement"]


def test_a_text_is_judged_by_its_likeness():
    parts = shop()
    milk = parts.meaning.plain[rows("milk")[0]]

    assert Kinds(parts).labels_beside_text(milk, rows("milk", "bread")).tolist() == ["substitute", "complement"]


def test_both_passes_either_filter():
    labels = np.array(["complement", "substitute", "both"])

    assert of_kind(labels, "substitute").tolist() == [False, True, True]


def test_a_pair_asked_about_twice_is_answered_twice():
    parts, log = turns("ab")

    found = Kinds(parts).evidence(rows("a", "a", "a", log=log), rows("b", "c", "b", log=log))

    assert found.in_turn[0] == found.in_turn[2] == evidence(parts, "a", "b", log).in_turn[0] > 1


def test_of_many_customers_a_part_is_counted_for_all(monkeypatch):
    parts, log = turns("AB")
    whole = evidence(parts, "a", "b", log).along
    monkeypatch.setattr("goeswith.association.kinds.CUSTOMERS", 10)

    assert evidence(parts, "a", "b", log).along == pytest.approx(whole)  # 10 of the 20, each counted twice
