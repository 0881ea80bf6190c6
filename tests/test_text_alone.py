"""A product that is only a text is answered through the sold products that read like it."""

from datetime import timedelta

import pytest

from goeswith.config import FitConfig
from goeswith.flow import learn
from goeswith.ranking import sources
from goeswith.ranking.index import GraphIndex
from goeswith.testing.big_corner_shop import big_corner_shop

CONFIG = FitConfig.model_validate(
    {
        "finetune": {"method": "frozen"},
        "features": {"steps": 100},
        # Of one slice alone, which products stand third hangs on the seed, and on the machine's arithmetic.
        "learning": {"n_customers": 50, "n_baskets": 50, "ranker": {"bag": 1, "rounds": 120}},
    }
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    shop = big_corner_shop()
    before = shop.log().until(shop.launch - timedelta(seconds=1))  # the new products have not been sold
    return learn(before, CONFIG, tmp_path_factory.mktemp("cache"))


@pytest.mark.parametrize(
    "text, partner",
    [("burger buns with sesame", "beef patties"), ("spaghetti from durum wheat", "tomato sauce")],
)
def test_what_goes_with_its_like_goes_with_a_text(model, text, partner):
    assert partner in model.related(text=text, n=3).ids


def test_a_product_in_the_catalogue_that_never_sold_is_answered_alike(model):
    assert "beef patties" in model.related("smoked sauce for burger buns", n=3).ids


def test_a_text_that_resembles_nothing_is_not_answered_with_certainty(model):
    assert model.related(text="qwxz 123", n=5).probabilities.max() < 0.6


def test_the_graph_of_a_large_catalogue_names_the_same(model, monkeypatch):
    exact = model.related(text="burger buns with sesame", n=3).ids
    monkeypatch.setattr(sources, "LARGE", 0)
    graph = sources.sold_index(model.parts)
    assert isinstance(graph.vectors, GraphIndex)
    monkeypatch.setitem(model.__dict__, "sold", graph)
    assert model.related(text="burger buns with sesame", n=3).ids == exact
