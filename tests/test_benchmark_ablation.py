"""The ablation on the big corner shop, read by an encoder that says nothing."""

from datetime import date
from unittest.mock import patch

import numpy as np
import polars as pl
import pytest

import goeswith as gw
from ablation import FUSED, MUTE, Cell, MuteEncoder, by_warmth, table, view_recalls
from goeswith import flow
from goeswith.evaluation.baselines.past import popularity
from goeswith.evaluation.protocol import Exam, Task
from goeswith.testing import corner_shop

LAST_DAY = date(2024, 3, 31)
QUICK = gw.FitConfig(finetune={"method": "frozen"}, features={"steps": 20}, learning={"ranker": {"rounds": 20}})


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    planted = corner_shop.big_corner_shop(n_customers=60, n_weeks=16)
    folder = tmp_path_factory.mktemp("mute")
    shop = gw.Shop.create(folder / "shop", products=planted.products, events=planted.events)
    with patch.object(flow, "load_encoder", lambda *_: MuteEncoder()):
        return flow.learn(shop.log(LAST_DAY.isoformat()), QUICK, folder / "cache")


@pytest.fixture(scope="module")
def catalogue(model):
    sold = np.bincount(model.log.purchases["item"].to_numpy(), minlength=model.log.n_items)
    return model.log.products.select("product_id", category=pl.lit(None, pl.String)).with_columns(purchases=sold)


def asked(model, **known):
    """Two queries, after the best seller and the second best."""
    best = model.log.items.ids(np.argsort(-model.parts.popularity.month, kind="stable")[:2])
    truth = pl.DataFrame({"query": [0, 1], "product_id": best})
    return Task("some", "", truth, among=model.log.products["product_id"], **known)


def test_a_shop_is_fitted_and_answers_without_a_language_model(model):
    customer = model.log.customers.series[0]

    assert not np.any(model.encoded)
    assert len(model.recommend(customer, n=5)) == 5


def test_a_view_alone_ranks_by_its_own_numbers(model):
    people = model.log.customers.series.head(2)

    reached = view_recalls(model, Cell("all", asked(model, customers=people)))

    assert reached["popularity"].tolist() == [1.0, 1.0]  # the two best sellers are among its first ten
    assert set(reached) == set(Cell("all", asked(model, customers=people)).views)
    assert np.array_equal(np.sort(popularity(model.log) > 0), np.sort(model.parts.popularity.month > 0))


def test_a_basket_of_a_known_customer_may_be_completed_from_their_past(model):
    people, empty = model.log.customers.series.head(2), [[], []]
    known = Cell("all", asked(model, customers=people, baskets=empty))
    anonymous = Cell("all", asked(model, baskets=empty))

    assert {"personal", "together", "ease", "crowd"} == set(known.views) - set(anonymous.views)
    assert view_recalls(model, known)["popularity"].tolist() == [1.0, 1.0]
    assert view_recalls(model, anonymous)["confidence"].tolist() == [0.0, 0.0]  # an empty basket: it names nothing


def test_each_task_is_asked_once_for_each_warmth_that_it_has_answers_of(model, catalogue):
    task = asked(model, customers=model.log.customers.series.head(2))
    new = asked(model, baskets=[[], []], history=True)

    cells = by_warmth(Exam(catalogue, [task, new], None, ""))

    warm = dict(catalogue.select("product_id", "purchases").iter_rows())
    assert [cell.warmth for cell in cells] == ["20+"]
    assert all(warm[product] >= 20 for product in cells[0].task.among)


def test_the_table_compares_with_the_best_view_of_the_row(model):
    cell = Cell("20+", asked(model, customers=model.log.customers.series.head(2)))
    views = dict.fromkeys(cell.views, np.array([0.0, 0.2]))
    reached = {**views, "ease": np.array([0.4, 0.6]), FUSED: np.array([0.5, 0.7]), MUTE: np.array([0.5, 0.6])}

    row = table([(cell, reached)]).splitlines()[2]

    assert row.startswith("| some | 20+ | 2 |")
    assert row.endswith("| 0.6000 | 0.5500 | +0.1000 [+0.1000, +0.1000] | +0.0500 [+0.0000, +0.1000] |")
