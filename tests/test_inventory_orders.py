"""Policies and orders, small enough to compute by hand, and the bad input of an inventory file."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from goeswith.errors import ColumnError, DataError, UsageError
from goeswith.scenarios import inventory
from goeswith.scenarios.inventory.demand import demand_of
from goeswith.scenarios.inventory.orders import Orders, check_budget, wanted_orders, within_limits
from goeswith.scenarios.inventory.policy import (
    Levels,
    PolicyConfig,
    critical_ratio,
    dearness,
    demand_over,
    levels_of,
    periods_protected,
)
from goeswith.scenarios.inventory.simulate import NAIVE, OURS, Played, at_service, run
from goeswith.scenarios.inventory.spread import spread
from goeswith.scenarios.inventory.stock import Stock, assumed_stock, read_stock
from goeswith.testing import corner_shop

pytest.importorskip("ortools")
OPEN = np.zeros(2, bool)


@pytest.fixture
def log():
    return corner_shop.log()


def shelf(**columns):
    """A stock of two products: 10 each, cases of one, a week of lead time, 3 of cost and 5 of price."""
    usual = {
        "listed": [True, True], "stock": [10.0, 10], "on_order": [0.0, 0], "lead_time_days": [7.0, 7],
        "shelf_life_days": [np.inf, np.inf], "case_size": [1.0, 1], "minimum_order": [0.0, 0],
        "shelf": [np.inf, np.inf], "space": [1.0, 1],
        "unit_cost": [3.0, 3], "price": [5.0, 5], "guessed": [False, False],
    }  # fmt: skip
    return Stock(**{name: np.array(values) for name, values in (usual | columns).items()})


def levels(reorder, up_to, mean=(20.0, 20.0), deviation=(5.0, 5.0)):
    reorder, up_to = np.array(reorder, float), np.array(up_to, float)
    return Levels(reorder, up_to, (reorder + up_to) / 2, np.array(mean), np.array(deviation), np.full(2, 0.95))


# --- levels


def test_lead_time_and_one_review_are_protected_and_a_lead_time_of_zero_is_the_review_alone():
    assert periods_protected(np.array([0.0, 1, 7, 14]), 7).tolist() == [1, 2, 2, 3]
    assert periods_protected(np.array([0.0, 1, 7]), 1).tolist() == [1, 2, 8]


def test_demand_adds_up_over_the_protected_periods_and_beyond_the_forecast():
    told = spread(np.array([[10.0, 20.0], [10.0, 20.0]]), np.ones(2))

    mean, deviation = demand_over(told, np.array([1, 3]))

    assert mean.tolist() == [10, 50]  # 10 + 20, and 20 once more
    assert np.sqrt(50) < deviation[1] < 3 * np.sqrt(20)  # between independent errors and one that stays


def test_the_newsvendor_by_hand():
    assert critical_ratio(0.9, np.array([1.0]))[0] == pytest.approx(0.9)
    assert critical_ratio(0.5, np.array([3.0]))[0] == pytest.approx(0.75)  # short costs three times as much as over


def test_a_product_that_takes_others_along_is_dearer_to_run_out_of():
    attached = csr_array(np.array([[0, 0.5], [0, 0]]))

    dear = dearness(shelf(), attached, None, 0.3)

    assert dear[0] > dear[1]


def test_a_product_with_a_substitute_is_cheaper_to_run_out_of():
    dear = dearness(shelf(), None, np.array([1.0, 0.0]), 0.3)

    assert dear[0] / dear[1] == pytest.approx(0.7)


def test_more_service_never_means_less_stock():
    told = spread(np.full((2, 4), 8.0), np.full(2, 2.0))

    tops = [levels_of(told, shelf(), 7, PolicyConfig(service=each)).up_to[0] for each in (0.5, 0.8, 0.95, 0.99)]

    assert tops == sorted(tops) and tops[0] < tops[-1]


def test_an_order_cost_makes_orders_rarer_and_larger():
    told = spread(np.full((2, 4), 8.0), np.ones(2))
    cheap, dear = (levels_of(told, shelf(), 7, PolicyConfig(order_cost=each)) for each in (0.0, 10.0))

    assert (cheap.up_to == cheap.reorder).all()
    yearly = 8 * 365 / 7
    assert (dear.up_to - dear.reorder) == pytest.approx(np.sqrt(2 * 10 * yearly / (0.25 * 3)))


def test_what_spoils_is_not_stocked_beyond_its_life():
    told = spread(np.full((2, 6), 10.0), np.ones(2))
    stock = shelf(lead_time_days=[28.0, 28], shelf_life_days=[7.0, np.inf])

    most = levels_of(told, stock, 7, PolicyConfig()).up_to

    assert most[0] == pytest.approx(40 + 10, abs=2)  # four weeks that are sold meanwhile, and one that keeps
    assert most[1] > most[0]


# --- orders


def test_an_order_fills_up_in_whole_cases():
    orders = wanted_orders(levels([25, 5], [25, 25]), shelf(case_size=[6.0, 6]), None, OPEN)

    assert orders.cases.tolist() == [3, 0]  # 15 are missing: three cases of six; the other is above its reorder point
    assert orders.units.tolist() == [18, 0]


def test_the_minimum_order_is_ordered_or_nothing_that_does_not_fit():
    stock = shelf(minimum_order=[20.0, 20], case_size=[4.0, 4], shelf=[100.0, 18])

    orders = wanted_orders(levels([12, 12], [12, 12]), stock, None, OPEN)

    assert orders.units.tolist() == [20, 0]  # eight more fit on the second shelf, and twenty is the least


def test_a_case_larger_than_the_shelf_is_not_ordered():
    orders = wanted_orders(levels([25, 25], [25, 25]), shelf(case_size=[24.0, 1], shelf=[12.0, 12]), None, OPEN)

    assert orders.fits.tolist() == [False, True] and orders.units.tolist() == [0, 2]


def test_nothing_is_ordered_for_a_closed_store():
    orders = wanted_orders(levels([25, 25], [25, 25]), shelf(), None, np.array([True, False]))

    assert orders.units.tolist() == [0, 15]


def test_a_companion_joins_an_order_when_it_is_low_enough():
    attached = csr_array(np.array([[0, 0.4], [0.4, 0]]))
    low = levels([12, 8], [30, 14])  # the first must be ordered; the second, at 10, is below the middle of 8 and 14

    joint, alone = wanted_orders(low, shelf(), attached, OPEN), wanted_orders(low, shelf(), None, OPEN)

    assert joint.units.tolist() == [20, 4] and joint.joined.tolist() == [False, True]
    assert alone.units.tolist() == [20, 0]


def test_a_budget_goes_where_a_unit_is_worth_more():
    stock = shelf(price=[5.0, 9])
    orders = wanted_orders(levels([25, 25], [25, 25]), stock, None, OPEN)

    cut = within_limits(orders, levels([25, 25], [25, 25]), stock, np.ones(2), 3 * 15, None)

    assert cut.units[1] > cut.units[0] and cut.proven
    assert (cut.units + cut.cut).tolist() == orders.units.tolist()


@settings(max_examples=15, deadline=None)
@given(st.integers(10, 200), st.integers(2, 60))
def test_neither_budget_nor_space_is_ever_passed(budget, space):
    stock = shelf(case_size=[3.0, 2], space=[1.0, 2])
    wanted = wanted_orders(levels([40, 40], [40, 40]), stock, None, OPEN)

    orders = within_limits(wanted, levels([40, 40], [40, 40]), stock, np.ones(2), budget, space)

    assert (orders.units * stock.unit_cost).sum() <= budget and (orders.units * stock.space).sum() <= space
    assert (orders.units <= wanted.units).all()


def test_an_order_within_its_limits_is_left_alone():
    orders = wanted_orders(levels([25, 25], [25, 25]), shelf(), None, OPEN)

    assert within_limits(orders, levels([25, 25], [25, 25]), shelf(), np.ones(2), 1e6, 1e6) is orders


def test_a_budget_below_one_case_is_refused():
    orders = Orders(np.array([2, 0]), np.array([2.0, 0]), OPEN, ~OPEN, np.zeros(2))

    with pytest.raises(UsageError, match=r"buys no case; the cheapest case that is wanted costs 3\.00"):
        check_budget(2.99, shelf(), orders)
    check_budget(3.0, shelf(), orders)


# --- the inventory file


def read(log, **columns):
    frame = pl.DataFrame({"product_id": ["bread", "jam"], "stock": [1, 2]} | columns)
    return read_stock(frame, demand_of(log), log.items, np.zeros(log.n_items, int))


@pytest.mark.parametrize(
    "columns, said",
    [
        ({"stock": [-3, 2]}, "row 2: stock -3 is negative; count again"),
        ({"stock": ["few", "2"]}, "row 2: stock 'few' is no number"),
        ({"stock": [None, 2]}, "row 2: stock None is empty"),
        ({"lead_time_days": [7, -1]}, "row 3: lead_time_days -1 is negative"),
        ({"case_size": [0, 1]}, "row 2: case_size 0 must be above 0"),
        ({"shelf_life_days": [0, 1]}, "row 2: shelf_life_days 0 must be above 0"),
        ({"product_id": ["bread", "bread"]}, "row 3: bread is in row 2 already"),
    ],
)
def test_an_inventory_file_that_cannot_be_right_names_its_row(log, columns, said):
    with pytest.raises(DataError, match=said):
        read(log, **columns)


def test_an_inventory_file_without_a_stock_says_what_it_needs(log):
    with pytest.raises(ColumnError, match="need the column stock"):
        read_stock(pl.DataFrame({"product_id": ["jam"]}), demand_of(log), log.items, np.zeros(log.n_items, int))


def test_a_lead_time_of_zero_is_taken(log):
    assert read(log, lead_time_days=[0, 0]).lead_time_days.min() == 0


def test_a_product_with_no_price_takes_the_median_of_its_category(log):
    unpriced = replace(log, events=log.events.with_columns(
        price=pl.when(pl.col("item") == 0).then(None).otherwise("price")))  # fmt: skip
    frame = pl.DataFrame({"product_id": ["bread", "jam"], "stock": [1, 2]})
    category = np.array([0, 0, 0, *range(1, 11)])  # bread, butter and jam stand together

    stock = read_stock(frame, demand_of(unpriced), log.items, category)

    bread = demand_of(unpriced).keys["product_id"].to_list().index("bread")
    assert stock.guessed[bread] and stock.price[bread] == pytest.approx((2.6 + 2.9) / 2)
    assert any("have no price" in note for note in stock.notes)


def test_products_that_the_file_does_not_know_are_forecast_and_not_ordered(log):
    stock = read(log)

    assert stock.listed.sum() == 2 and any("not ordered" in note for note in stock.notes)


def test_rows_of_products_that_are_not_forecast_are_left_out_and_said(log):
    assert any("1 of 2 rows" in note for note in read(log, product_id=["bread", "marmalade"]).notes)


# --- the whole plan


def test_a_plan_of_the_corner_shop_says_why(log):
    stock = pl.DataFrame({"product_id": ["bread", "butter", "jam"], "stock": [0, 0, 50], "case_size": [6, 4, 1]})

    plan = inventory.plan(log, stock)

    frame = plan.to_frame()
    assert set(frame["product_id"]) == {"bread", "butter"}  # of jam there is enough
    assert (frame["order"] % pl.Series([6 if each == "bread" else 4 for each in frame["product_id"]]) == 0).all()
    bread = frame.filter(pl.col("product_id") == "bread")["why"].item()
    assert "0 in stock; order" in bread and "lead time 7 days" in bread and "cases of 6" in bread
    assert "Sells with Salted Butter 250 g" in bread


def test_a_plan_without_an_inventory_file_says_what_to_do(log):
    with pytest.raises(UsageError, match="forecast"):
        inventory.plan(log, None)


@pytest.mark.parametrize("limits", [{"budget": -1}, {"space": -1}, {"budget": float("nan")}])
def test_limits_below_nothing_are_refused(log, limits):
    with pytest.raises(UsageError, match="must be 0 or more"):
        inventory.plan(log, pl.DataFrame({"product_id": ["bread"], "stock": [0]}), **limits)


def test_what_runs_out_sends_its_buyers_to_a_substitute(log):
    stock = pl.DataFrame({"product_id": ["oat-milk", "milk"], "stock": [0, 0], "lead_time_days": [14, 14]})

    joint = inventory.plan(log, stock, among=["oat-milk", "milk"])
    alone = inventory.plan(log, stock, among=["oat-milk", "milk"], config=PolicyConfig(joint=False))

    assert (joint.levels.mean > alone.levels.mean).all()


# --- the simulation


def played(wanted, target, **columns):
    demand = demand_of(corner_shop.log(), among=np.array([0, 1]))
    demand = replace(demand, units=np.array(wanted, float))
    return run("test", 0.9, np.array(target, float), demand, shelf(**columns), PolicyConfig(), 0)


def test_a_shelf_that_is_filled_each_week_sells_what_it_holds():
    told = played([[5, 5, 5], [8, 8, 8]], [[5] * 3, [5] * 3], lead_time_days=[0.0, 0])

    assert told.service == (15 + 15) / (15 + 24)  # of the second, five of eight each week
    assert told.out == 3 / 6
    assert told.held == 5.0  # ten as a week begins, none as it ends


def test_an_order_comes_after_its_lead_time():
    told = played([[5, 5, 5], [0, 0, 0]], [[5] * 3, [0] * 3])

    assert told.service == 10 / 15  # sold out in week one; ordered in week two, there in week three


def test_what_outlives_its_life_is_thrown_away():
    told = played([[0, 0, 0], [0, 0, 0]], [[4] * 3, [0] * 3], shelf_life_days=[7.0, np.inf], lead_time_days=[0.0, 0])

    assert told.waste == 8  # four in each of the two weeks after


def test_the_oldest_are_sold_first_so_that_nothing_spoils_that_sells():
    told = played([[2, 2, 2], [0, 0, 0]], [[4] * 3, [0] * 3], shelf_life_days=[14.0, np.inf], lead_time_days=[0.0, 0])

    assert told.waste == 0 and told.service == 1


def test_a_curve_is_read_off_where_it_crosses_the_service():
    curve = [Played("p", asked, service, 0, held, 0, 0, 1) for asked, service, held in ((0.5, 0.9, 10), (0.9, 1.0, 30))]

    assert at_service(curve, 0.95).held == pytest.approx(20)
    assert at_service(curve, 0.5).held == 10  # never so low: the nearest end


def test_a_simulation_plays_every_policy_at_the_same_service(log):
    told = inventory.simulate(log, weeks=2, config=PolicyConfig(service=0.8))

    frame = told.to_frame()
    assert {OURS, NAIVE} < set(frame["policy"]) and frame.filter(pl.col("policy") == NAIVE)["less_held"].item() == 0
    for curve in told.curves.values():
        assert np.diff([each.held for each in curve]).min() >= -1e-9  # more asked for is never less held


@pytest.mark.parametrize("weeks, said", [(0, "at least 1"), (5, "too few to play")])
def test_a_simulation_of_too_few_or_too_many_weeks_is_refused(log, weeks, said):
    with pytest.raises(UsageError, match=said):
        inventory.simulate(log, weeks=weeks)


def test_a_negative_lead_time_is_refused(log):
    with pytest.raises(UsageError, match="cannot be negative"):
        inventory.simulate(log, weeks=2, lead_time_days=-1)


def test_a_simulation_needs_no_inventory_file(log):
    stock = assumed_stock(demand_of(log), np.zeros(log.n_items, int), 14.0)

    assert stock.listed.all() and (stock.lead_time_days == 14).all()
