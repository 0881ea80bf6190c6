"""Demand, counted by hand on the corner shop: five whole weeks from Monday 1 January 2024."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goeswith.errors import DataError, UsageError
from goeswith.scenarios.inventory.demand import demand_of, intermittency, pattern, suspected_out
from goeswith.scenarios.inventory.promotions import read_promotions
from goeswith.scenarios.inventory.tables import read_holidays
from goeswith.testing import corner_shop
from goeswith.testing.clean_log import as_log

MONDAY = date(2024, 1, 1)


@pytest.fixture
def log():
    return corner_shop.log()


def series(demand, product):
    return demand.units[demand.keys["product_id"].to_list().index(product)].tolist()


def shop_of(rows):
    """(day, product, units, store) -> a log."""
    events = pl.DataFrame(
        [(corner_shop.FIRST_DAY + timedelta(days=day), "c", f"b{day}", "purchase", p, n, 2.0) for day, p, n, _ in rows],
        schema=["timestamp", "customer_id", "basket_id", "event", "product_id", "quantity", "price"],
        orient="row",
    )
    products = pl.DataFrame({"product_id": sorted({row[1] for row in rows}), "name": "thing"})
    log = as_log(products, events)
    ordered = sorted(rows, key=lambda row: row[0])
    return type(log)(log.products, log.items, log.customers, log.events.with_columns(
        store_id=pl.Series([row[3] for row in ordered])))  # fmt: skip


def test_a_week_that_has_begun_only_is_left_out(log):
    demand = demand_of(log)

    assert demand.calendar.first == MONDAY and demand.periods == 5  # the last purchases, days 35 to 37, begin week six


def test_weeks_without_a_sale_are_zeros(log):
    demand = demand_of(log)

    assert series(demand, "toner") == [0, 1, 0, 1, 1]  # days 11, 25 and 28
    assert series(demand, "bread") == [4, 4, 6, 2, 4]  # two at a time


def test_by_day_a_purchase_falls_on_its_day(log):
    demand = demand_of(log, "day", among=log.items.rows(["tea"]))

    assert demand.periods == 38 and np.flatnonzero(demand.units[0]).tolist() == [18]


def test_the_last_price_is_carried_on(log):
    demand = demand_of(log, among=log.items.rows(["tea", "honey"]))

    by_id = dict(zip(demand.keys["product_id"], demand.price, strict=True))
    assert np.isnan(by_id["tea"][:2]).all() and by_id["tea"][2:] == pytest.approx([4.8] * 3)
    assert np.isnan(by_id["honey"]).all()  # never sold: no price is known


def test_what_was_known_earlier_does_not_know_what_came(log):
    now, then = demand_of(log, horizon=2), demand_of(log, horizon=2).until(3)

    np.testing.assert_array_equal(then.units, now.units[:, :3])
    assert then.whole.shape[1] == 3 and then.display.shape[1] == 5


def test_duplicate_weeks_add_up_and_gaps_are_zeros():
    log = shop_of([(0, "a", 2, "s"), (0, "a", 3, "s"), (28, "a", 1, "s"), (34, "a", 1, "s")])

    assert demand_of(log).units.tolist() == [[5, 0, 0, 0, 2]]


def test_a_store_without_a_sale_for_weeks_counts_as_closed():
    rows = [(day, "a", 1, "open") for day in range(0, 70, 7)] + [(0, "a", 1, "shut")] + [(69, "a", 1, "open")]

    demand = demand_of(shop_of(rows), stores=True)

    assert dict(zip(demand.keys["store_id"], demand.closed, strict=True)) == {"open": False, "shut": True}
    assert any("store shut counted as closed" in note for note in demand.notes)


def test_a_promotion_calendar_that_ends_before_the_horizon_is_said(log):
    plan = read_promotions(pl.DataFrame({"product_id": ["bread"], "date": ["2024-02-06"]}), log.items)

    demand = demand_of(log, horizon=4, promotions=plan)

    assert any("ends 3 weeks before the horizon" in note for note in demand.notes)
    assert demand.mailer[demand.keys["product_id"].to_list().index("bread")].tolist() == [0] * 5 + [1, 0, 0, 0]


def test_a_promotion_in_one_of_two_stores_is_half_of_one(log):
    rows = pl.DataFrame(
        {"product_id": ["bread", "jam"], "store_id": ["s1", "s2"], "date": [MONDAY] * 2, "display": [True, True]}
    )

    demand = demand_of(log, promotions=read_promotions(rows, log.items))

    assert demand.display[demand.keys["product_id"].to_list().index("bread"), 0] == 0.5
    assert demand.mailer.sum() == 0


@pytest.mark.parametrize(
    "frame, said",
    [
        ({"product_id": ["bread"]}, "needs a date"),
        ({"date": ["2024-01-01"]}, "need the column product_id"),
        ({"product_id": ["bread"], "date": ["soon"]}, "row 2: date 'soon' is no date"),
        ({"product_id": ["bread"], "start": ["2024-01-09"], "end": ["2024-01-02"]}, "ends before it starts"),
        ({"product_id": ["bread"], "date": ["2024-01-01"], "display": [7]}, "strength from 0 to 1"),
    ],
)
def test_a_promotion_calendar_that_cannot_be_right_is_refused(log, frame, said):
    with pytest.raises(DataError, match=said):
        read_promotions(pl.DataFrame(frame), log.items)


def test_holidays_are_a_share_of_their_week(log):
    days = read_holidays(pl.DataFrame({"date": ["2024-01-01", "2024-01-02", "2024-01-08"]}))

    assert demand_of(log, holidays=days).holiday[:3] == pytest.approx([2 / 7, 1 / 7, 0])


def test_stores_are_refused_where_the_events_name_none(log):
    with pytest.raises(UsageError, match="store_id"):
        demand_of(log, stores=True)


def test_a_horizon_of_nothing_is_refused(log):
    with pytest.raises(UsageError, match="at least 1"):
        demand_of(log, horizon=0)


def test_patterns_of_demand_by_the_book():
    units = np.array([[3.0] * 20, [0, 2] * 10, [1, 20] * 10, [0.0] * 20])

    assert pattern(units) == ["smooth", "intermittent", "erratic", "unsold"]
    assert intermittency(units)[0].tolist() == [1, pytest.approx(19 / 10), 1, np.inf]


def test_an_empty_run_of_a_fast_seller_is_suspected_and_of_a_slow_one_is_not():
    fast, slow = [10.0] * 10 + [0, 0] + [10] * 3, [1.0, 0] * 5 + [0, 0, 0, 0, 0]

    out = suspected_out(np.array([fast, slow]))

    assert np.flatnonzero(out[0]).tolist() == [10, 11] and not out[1].any()


@given(st.lists(st.lists(st.integers(0, 5), min_size=6, max_size=6), min_size=1, max_size=4))
def test_no_period_with_a_sale_is_ever_suspected_to_be_empty(rows):
    units = np.array(rows, float)

    assert not (suspected_out(units) & (units > 0)).any()
