"""Shops with too little of something: they are fitted and answer sensibly, or say why not."""

from datetime import datetime

import numpy as np
import polars as pl
import pytest

import goeswith as gw
from goeswith.errors import DataError, UsageError
from goeswith.explain.book import EvidenceBook
from goeswith.progress import Note
from goeswith.testing import corner_shop

MONDAY = datetime(2024, 1, 1)
FROZEN = gw.FitConfig(finetune={"method": "frozen"}, features={"steps": 10}, learning={"ranker": {"rounds": 20}})
NAMES = ("bread", "butter", "jam", "honey", "pasta", "sauce", "basil", "milk", "coffee", "tea", "printer", "toner")


def catalogue(n=len(NAMES)):
    """Products p0, p1 and so on; beyond the twelfth they repeat the names."""
    return pl.DataFrame({"product_id": [f"p{at}" for at in range(n)], "name": [NAMES[at % 12] for at in range(n)]})


def purchases(rows):
    """From (customer, basket, product, day)."""
    frame = pl.DataFrame(rows, schema=["customer_id", "basket_id", "product_id", "day"], orient="row")
    return frame.with_columns(timestamp=MONDAY + pl.duration(days="day")).drop("day")


def weekly(n_customers=20, n_weeks=5, size=3, n_products=12):
    """Every customer fills a basket a week; p0 and p1 are in each, the rest is drawn."""
    rng = np.random.default_rng(0)
    rows = []
    for customer in range(n_customers):
        for week in range(n_weeks):
            drawn = 2 + rng.choice(n_products - 2, size - 2, replace=False)
            for product in (0, 1, *drawn):
                rows.append((f"c{customer}", f"b{customer}-{week}", f"p{product}", 7 * week + customer % 7))
    return purchases(rows)


LARGE = "a basket of 5,000 products"
SHOPS = {
    "one basket": (catalogue(4), purchases([("c0", "b", f"p{at}", 0) for at in range(3)])),
    "one event": (catalogue(2), purchases([("c0", "b", "p0", 0)])),
    "one product": (catalogue(1), purchases([(f"c{c}", f"b{c}-{d}", "p0", d) for c in range(8) for d in range(5)])),
    "one customer": (catalogue(), weekly(n_customers=1, n_weeks=40)),
    "one text for all products": (catalogue().with_columns(name=pl.lit("Thing")), weekly()),
    "ids without any text": (catalogue().select("product_id"), weekly()),
    "a catalogue derived from the events": (None, weekly()),
    "no customers": (catalogue(), weekly().drop("customer_id")),
    "no baskets, one product a day": (
        catalogue(),
        purchases([(f"c{c}", "", f"p{(c + d * d) % 12}", d) for c in range(20) for d in range(6)]).drop("basket_id"),
    ),
    "no repeat": (
        catalogue(),
        purchases([(f"c{c}", f"b{c}-{d}", f"p{(c + d) % 12}", d) for c in range(30) for d in range(5)]),
    ),
    "fifty events": (catalogue(), weekly(n_customers=10, n_weeks=2)[:50]),
    "one moment for all": (catalogue(), weekly().with_columns(timestamp=pl.lit(MONDAY))),
    LARGE: (
        catalogue(5000),
        pl.concat([weekly(), purchases([("c0", "huge", f"p{at}", 20) for at in range(5000)])]),
    ),
}


@pytest.fixture(
    scope="module",
    params=[pytest.param(name, marks=pytest.mark.slow if name == LARGE else ()) for name in SHOPS],
    ids=lambda name: name.replace(" ", "-"),
)
def shop(request, tmp_path_factory):
    products, events = SHOPS[request.param]
    made = gw.Shop.create(tmp_path_factory.mktemp("degenerate") / "shop", products=products, events=events)
    gw.fit(made, FROZEN)
    return made


@pytest.fixture(scope="module")
def model(shop):
    return gw.load(shop)


def first_customer(model):
    return model.log.customers.series.to_list()[:1]


def every_ranking(model):
    return {
        "related": model.related("p0", n=5, why=True),
        "related to a text": model.related(text="bread and butter", n=5),
        "complements": model.related("p0", n=5, kind="complement"),
        "completed": model.complete(["p0"], n=5, why=True),
        "for a history": model.recommend(history=["p0"], n=5, why=True),
        "for a stranger": model.recommend(history=[], n=5),
        **{f"for {customer}": model.recommend(customer, n=5, why=True) for customer in first_customer(model)},
        **{f"new for {customer}": model.recommend(customer, n=5, novel=True) for customer in first_customer(model)},
    }


def test_every_answer_is_distinct_products_of_the_shop_with_a_probability(model):
    known = set(model.log.items.series)

    for question, answer in every_ranking(model).items():
        assert set(answer.ids) <= known, question
        assert len(set(answer.ids)) == len(answer), question
        assert np.isfinite(answer.scores).all() and (np.diff(answer.scores) <= 0).all(), question
        assert ((answer.probabilities >= 0) & (answer.probabilities <= 1)).all(), question


def test_a_stranger_is_offered_something_and_nothing_goes_with_itself(model):
    n_products = model.log.n_items

    stranger = model.recommend(history=[], n=5)
    related = model.related("p0", n=5)

    assert len(stranger) == min(5, n_products)
    assert len(related) == min(5, n_products - 1)
    assert "p0" not in related.ids


def test_the_fitted_model_and_the_loaded_one_answer_alike(shop, model):
    again = gw.load(shop)

    for question, answer in every_ranking(model).items():
        other = every_ranking(again)[question]
        assert other.ids == answer.ids, question
        np.testing.assert_array_equal(other.scores, answer.scores)


def test_an_estimate_lies_in_its_interval_and_has_words(model):
    a, b = "p0", model.log.items.series[-1]

    chance = model.probability(a, b)

    assert 0 <= chance.low <= chance.value <= chance.high <= 1
    if a != b:
        assert model.book.names_of(0, model.log.n_items - 1)[1] in model.explain(a, b).sentence


def test_a_shop_is_judged_or_it_says_what_is_missing(shop):
    report = gw.evaluate(shop, FROZEN)

    assert str(report)
    assert report.to_dict()


def test_a_product_goes_with_itself_for_certain_and_needs_no_reason(model):
    assert model.probability("p0", "p0").value == 1.0
    with pytest.raises(UsageError, match="Name two"):
        model.explain("p0", "p0")


def test_a_product_without_a_name_is_called_by_its_id():
    log = corner_shop.as_log(corner_shop.products().with_columns(name=pl.lit("")), corner_shop.events())

    book = EvidenceBook(log)

    assert book.names[:2] == ["bread", "butter"]


def test_in_every_basket_is_next_to_certain_and_no_more_than_chance(tmp_path):
    shop = gw.Shop.create(tmp_path / "shop", catalogue(), weekly())

    model = gw.fit(shop, FROZEN)

    baskets = next(piece for piece in model.explain("p2", "p0").evidence if piece.kind == "baskets")
    assert model.probability("p0", "p1").value > 0.5  # 100 of 100 baskets
    assert baskets.numbers["confidence"] == 1.0 and baskets.numbers["lift"] == 1.0


def test_across_is_refused_where_nothing_groups_the_products(tmp_path):
    shop = gw.Shop.create(tmp_path / "shop", *SHOPS["fifty events"])

    model = gw.fit(shop, FROZEN)

    with pytest.raises(UsageError, match="across needs categories"):
        model.recommend("c0", across=True)


@pytest.mark.parametrize("events", [None, weekly().drop("basket_id").with_columns(event=pl.lit("view"))])
def test_without_a_purchase_there_is_nothing_to_fit_and_no_model(events, tmp_path):
    shop = gw.Shop.create(tmp_path / "shop", catalogue(), events)

    with pytest.raises(DataError, match=r"holds no purchase yet.*goeswith add"):
        gw.fit(shop, FROZEN)

    assert not shop.models.exists()


def test_a_basket_too_large_to_count_in_pairs_is_said(tmp_path):
    huge = purchases([("c0", "huge", f"p{at}", 20) for at in range(250)])
    made = gw.Shop.create(tmp_path / "shop", products=catalogue(250), events=pl.concat([weekly(), huge]))
    told = []
    gw.fit(made, FROZEN, progress=told.append)
    notes = [event.text for event in told if isinstance(event, Note)]
    assert "1 basket holds more than 200 products; pairs are counted of 200 drawn from each" in notes
