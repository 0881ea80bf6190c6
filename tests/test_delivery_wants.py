"""What each stop may want, how much of it, what is loaded, and how long a stop takes: all by hand."""

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goeswith.errors import DataError, UnknownId
from goeswith.scenarios.delivery.config import DeliveryConfig, settings_from
from goeswith.scenarios.delivery.loads import Goods, Line, Load, goods_of, predicted_loads, read_orders, with_orders
from goeswith.scenarios.delivery.nodes import Stop
from goeswith.scenarios.delivery.service import read_visits, service_seconds
from goeswith.scenarios.delivery.wants import wants_of
from goeswith.testing import corner_shop


@dataclass
class Oracle:
    """Says a probability within four weeks for each customer and product."""

    chances: dict

    log = corner_shop.log()
    config = SimpleNamespace(horizon_days=28)

    def recommend_many(self, customers, n=20):
        rows = [
            (customer, product, rank, float(np.log(p / (1 - p))))
            for customer in customers
            for rank, (product, p) in enumerate(sorted(self.chances[customer].items(), key=lambda x: -x[1])[:n], 1)
        ]
        return pl.DataFrame(rows, schema=["customer_id", "product_id", "rank", "score"], orient="row")


def stop(node, *customers, **more):
    return Stop(node, 50.0, 8.0, customers=customers, **more)


def row(frame, node, product):
    return frame.filter((pl.col("node_id") == node) & (pl.col("product_id") == product)).row(0, named=True)


# --- wants


def test_a_probability_within_four_weeks_becomes_one_within_the_days_until_the_next_visit():
    wants = wants_of(Oracle({"ana": {"bread": 0.9}}), [stop("home", "ana")], days=7)

    np.testing.assert_allclose(row(wants, "home", "bread")["probability"], 1 - 0.1**0.25)


def test_quantities_are_the_customers_own_drawn_to_everybodys():
    wants = wants_of(Oracle({"ana": {"bread": 0.9}, "ben": {"printer": 0.5}}), [stop("a", "ana"), stop("b", "ben")], 28)

    # Everybody buys bread two at a time, and so does ana: (1 * 2 + 6 * 2) / (1 + 6). She bought it six times.
    assert row(wants, "a", "bread")["quantity"] == 2.0 and row(wants, "a", "bread")["bought"] == 6
    # Ben never bought a printer; others take one.
    assert row(wants, "b", "printer")["quantity"] == 1.0 and row(wants, "b", "printer")["bought"] == 0


def test_a_locker_wants_what_any_of_its_customers_wants():
    oracle = Oracle({"ana": {"bread": 0.5, "jam": 0.2}, "ben": {"bread": 0.5, "pasta": 0.4}})

    wants = wants_of(oracle, [stop("locker", "ana", "ben", kind="locker")], days=28)

    np.testing.assert_allclose(row(wants, "locker", "bread")["probability"], 0.75)  # 1 - 0.5 * 0.5
    np.testing.assert_allclose(row(wants, "locker", "bread")["expected"], 2.0)  # 0.5 * 2 and 0.5 * 2
    assert wants["product_id"].to_list() == ["bread", "pasta", "jam"] and wants["rank"].to_list() == [1, 2, 3]


def test_customers_that_the_shop_has_not_are_named():
    with pytest.raises(UnknownId, match="anna"):
        wants_of(Oracle({}), [stop("home", "anna")], days=7)


def test_behind_a_shop_stand_those_who_buy_there_more_than_elsewhere():
    log = corner_shop.log()
    stores = pl.when(pl.col("time").dt.day() < 16).then(pl.lit("old")).otherwise(pl.lit("new"))
    oracle = Oracle({customer: {"tea": 0.5} for customer in ("ana", "ben", "chen", "dora", "emil")})
    oracle.log = type(log)(log.products, log.items, log.customers, log.events.with_columns(store_id=stores))

    wants = wants_of(oracle, [stop("new", kind="shop", store_id="new"), stop("old", kind="shop", store_id="old")], 28)

    # Before the 16th of a month, and from it on: ana 4 and 2, ben 3 and 3, chen 2 and 3, dora 2 and 2, emil 1 and 1;
    # who buys in both alike stands behind the first by name.
    chances = dict(wants.select("node_id", "probability").iter_rows())
    behind = {node: round(np.log(1 - p) / np.log(0.5)) for node, p in chances.items()}
    assert behind == {"new": 4, "old": 1}


def test_a_stop_with_nobody_behind_it_wants_nothing():
    assert wants_of(Oracle({}), [stop("depot-shop", kind="shop")], days=7).is_empty()


@settings(deadline=None)
@given(st.floats(0.01, 0.99), st.floats(0.5, 27), st.floats(0.5, 27))
def test_who_waits_longer_wants_more(p, days, more):
    oracle = Oracle({"ana": {"jam": p}})

    soon = row(wants_of(oracle, [stop("a", "ana")], days), "a", "jam")["probability"]
    later = row(wants_of(oracle, [stop("a", "ana")], days + more), "a", "jam")["probability"]

    assert 0 < soon < later < 1


# --- loads


def goods(dimensions=("units",), margin=0.25):
    return goods_of(corner_shop.log(), dimensions, margin)


def test_what_earns_less_than_its_way_back_costs_stays_at_the_depot():
    # Coffee costs 14.40: a unit earns 3.60 if it is wanted and loses 0.72 if not. Break even at 0.72 / 4.32 = 1 / 6.
    oracle = Oracle({"ana": {"coffee": 0.18, "printer": 0.15}})
    wants = wants_of(oracle, [stop("home", "ana")], days=28)

    loads = predicted_loads(wants, goods(), DeliveryConfig())

    (line,) = loads["home"].lines
    assert (line.product_id, line.units) == ("coffee", 1)
    np.testing.assert_allclose(line.margin, 0.18 * 3.60 - 0.82 * 0.72)
    assert loads["home"].sizes == {"units": 1.0} and not loads["home"].ordered


def test_a_margin_of_the_catalogue_wins_over_the_share():
    log = corner_shop.log()
    priced = goods_of(
        type(log)(log.products.with_columns(margin=pl.lit(1.5)), log.items, log.customers, log.events), ["units"], 0.25
    )

    assert (priced.margin == 1.5).all() and priced.price[0] == 3.2


def test_a_dimension_that_no_product_has_is_named():
    with pytest.raises(DataError, match="capacity_kg, but no product has a kg"):
        goods(("units", "kg"))


def test_orders_come_first_and_are_not_predicted_again(tmp_path):
    (tmp_path / "orders.csv").write_text("node_id,product_id,quantity\nhome,bread,3\n")
    predicted = {"home": Load((Line("bread", "B", 1, 0.9, 0.5), Line("jam", "J", 1, 0.5, 0.2)), {"units": 2.0})}
    stock = goods()

    loads = with_orders(predicted, read_orders(tmp_path / "orders.csv", stock, ["home"]), stock)

    assert [(line.product_id, line.units) for line in loads["home"].lines] == [("bread", 3), ("jam", 1)]
    assert loads["home"].ordered and loads["home"].sizes == {"units": 4.0}
    np.testing.assert_allclose(loads["home"].margin, 3 * 0.25 * 3.2 + 0.2)


@pytest.mark.parametrize(
    "line, told",
    [("nowhere,bread,1", "nowhere is not among the stops"), ("home,bread,0", "must be above 0"),
     ("home,brad,1", "brad")],
)  # fmt: skip
def test_an_order_that_cannot_be_meant_is_refused(tmp_path, line, told):
    (tmp_path / "orders.csv").write_text(f"node_id,product_id,quantity\n{line}\n")

    with pytest.raises((DataError, UnknownId), match=told):
        read_orders(tmp_path / "orders.csv", goods(), ["home"])


def test_goods_without_a_size_take_the_middle_of_the_others():
    log = corner_shop.log()
    weights = [None, 1.0, 3.0] + [2.0] * 10
    weighed = type(log)(log.products.with_columns(kg=pl.Series(weights)), log.items, log.customers, log.events)

    assert goods_of(weighed, ["units", "kg"], 0.25).sizes["kg"][:3].tolist() == [2.0, 1.0, 3.0]


# --- service


def test_timed_visits_that_cannot_be_meant_are_set_aside_with_their_reason(tmp_path):
    rows = [
        "home,2024-05-01 09:00,2024-05-01 09:10",
        "home,1993-08-01 09:00,1993-08-01 09:10",
        "home,2024-05-02 09:10,2024-05-02 09:00",
        "home,2024-05-03 09:00,2024-05-03 23:00",
        "home,soon,2024-05-03 23:00",
    ]
    (tmp_path / "visits.csv").write_text("\n".join(["node_id,arrived,left", *rows]))

    visits = read_visits(tmp_path / "visits.csv")

    assert visits.table.rows() == [("home", 600)]
    assert visits.aside.rows() == [
        (2, "the date is before 2000"),
        (3, "left before it arrived"),
        (4, "longer than 8 hours"),
        (5, "the time cannot be read"),
    ]


def test_service_is_learnt_from_a_stops_own_visits_and_those_of_its_kind():
    stops = [stop("a"), stop("b"), stop("c", kind="locker"), stop("d", service=30)]
    visits = pl.DataFrame({"node_id": ["a"] * 3, "seconds": [600] * 3})

    seconds = service_seconds(stops, visits, default=300)

    # The kind: (3 * 300 + 3 * 600) / 6 = 450; a: (3 * 450 + 3 * 600) / 6 = 525.
    assert seconds == {"a": 525, "b": 450, "c": 300, "d": 30}


@given(st.lists(st.integers(1, 3600), min_size=1, max_size=20))
def test_learnt_service_lies_between_the_default_and_what_was_seen(times):
    visits = pl.DataFrame({"node_id": ["a"] * len(times), "seconds": times})

    (seconds,) = service_seconds([stop("a")], visits, default=600).values()

    assert min(600, *times) - 1 <= seconds <= max(600, *times) + 1


# --- settings


def test_settings_that_do_not_exist_are_named(tmp_path):
    (tmp_path / "delivery.toml").write_text('speed = 3\nmargin = "much"\n')

    with pytest.raises(Exception, match="2 settings cannot be used"):
        settings_from(tmp_path / "delivery.toml")


def test_an_option_wins_over_the_file(tmp_path):
    (tmp_path / "delivery.toml").write_text("seconds = 3\ndays = 14\n")

    chosen = settings_from(tmp_path / "delivery.toml", seconds=1.0)

    assert (chosen.seconds, chosen.days) == (1.0, 14.0)


def test_goods_know_their_log():
    assert isinstance(goods(), Goods) and goods().of("jam") == (2, "Strawberry Jam 340 g")
