"""What measures delivery and itineraries, on cases that are counted by hand."""

from datetime import datetime

import numpy as np
import polars as pl
import pytest

import delivery
import itinerary
from goeswith.scenarios.delivery.loads import goods_of
from goeswith.scenarios.itinerary.trips import Trip
from goeswith.testing import corner_shop

CVRP = """NAME : tiny
DIMENSION : 3
CAPACITY : 10
EDGE_WEIGHT_TYPE : EUC_2D
NODE_COORD_SECTION
1 0 0
2 3 4
3 3.5 4
DEMAND_SECTION
1 0
2 4
3 6
DEPOT_SECTION
1
-1
EOF
"""
TIMED = CVRP.replace("CAPACITY : 10", "VEHICLES : 2\nCAPACITY : 10\nSERVICE_TIME : 90").replace(
    "DEPOT_SECTION", "TIME_WINDOW_SECTION\n1 0 500\n2 10 100\n3 20 200\nDEPOT_SECTION"
)


def test_an_instance_with_capacities_has_whole_distances(tmp_path):
    (tmp_path / "tiny.vrp").write_text(CVRP)

    problem, scale = delivery.instance(tmp_path / "tiny.vrp")

    assert scale == 1 and problem.metres.tolist() == [
        [0, 5, 5],
        [5, 0, 0],
        [5, 0, 0],
    ]  # 5.3 and 0.5, rounded to the even
    assert [visit.load for visit in problem.visits] == [(4,), (6,)] and problem.fleets[0].capacity == (10,)


def test_an_instance_with_windows_counts_in_tenths(tmp_path):
    (tmp_path / "tiny.vrp").write_text(TIMED)
    (tmp_path / "tiny.sol").write_text("Route #1: 1 2\nCost 10.8\n")

    problem, scale = delivery.instance(tmp_path / "tiny.vrp")

    assert scale == 10 and problem.metres[0].tolist() == [0, 50, 53]
    assert (problem.visits[0].opens, problem.visits[0].closes, problem.visits[0].service) == (100, 1000, 900)
    assert problem.bases[0].closes == 5000 and problem.fleets[0].number == 2
    np.testing.assert_allclose(delivery.cost_of_file(tmp_path / "tiny.sol", problem, scale), 10.8)  # 5.0 + 0.5 + 5.3


def test_recall_is_capped_by_how_many_there_are():
    assert delivery.recall(list("abcdefghijk"), ["a", "k"]) == 0.5  # the eleventh does not count
    assert delivery.recall(["a"], list("abcdefghijklm")) == 0.1


def test_own_frequency_puts_the_commonest_first():
    # Chen had coffee five times and oat milk three; dora toner and bread twice, toner last.
    own = delivery.frequency(corner_shop.log(), 2)

    assert own["chen"] == ["coffee", "oat-milk"] and own["dora"] == ["toner", "bread"]


def test_what_a_week_sold_and_what_came_back_is_counted():
    goods = goods_of(corner_shop.log(), ["units"], 0.25)
    lines = tuple(delivery.Line(product, "", 2, 0.5, 1.0) for product in ("coffee", "jam"))

    class Made:
        loads = {"chen": delivery.Load(lines)}  # noqa: RUF012
        routes = ()
        km, cost = 4.0, 1.0

        def visits(self):
            yield None, 1, type("Call", (), {"node_id": "chen"})

    margin, km, gross, _, net = delivery.outcome(Made(), goods, {("chen", "coffee"): 1.0})

    lost = delivery.CONFIG.unsold * (14.4 + 2 * 2.9)  # one coffee and two jams come back
    np.testing.assert_allclose([margin, km, gross, net], [3.6 - lost, 4.0, 3.6, 3.6 - lost - 1.0])


def test_weeks_are_counted_from_the_cut():
    later = pl.DataFrame(
        {
            "customer_id": ["a", "a", "a"],
            "product_id": ["x", "x", "x"],
            "quantity": [1, 2, 4],
            "time": [datetime(2024, 1, 1), datetime(2024, 1, 8), datetime(2024, 1, 9)],
        }
    )
    here = delivery.Town([], [], goods_of(corner_shop.log(), ["units"], 0.25), later, datetime(2024, 1, 1))

    assert [delivery.units_sold(here, week) for week in (0, 1)] == [{("a", "x"): 2.0}, {("a", "x"): 4.0}]


def test_loads_that_must_all_be_brought_are_cut_to_the_fleet_by_what_earns_least_a_unit():
    log = corner_shop.log()
    weighed = type(log)(log.products.with_columns(kg=pl.lit(1.0)), log.items, log.customers, log.events)
    goods = goods_of(weighed, ["units", "kg"], 0.25)
    loads = {
        "a": delivery.Load((delivery.Line("jam", "", 5, 0.5, 5.0), delivery.Line("bread", "", 5, 0.5, 1.0))),
        "b": delivery.Load((delivery.Line("pasta", "", 4, 0.5, 8.0),)),
    }
    van = delivery.Van("v", "d", "d", {"units": 10.0, "kg": 10.0})

    cut = delivery.fitting(loads, goods, [van])  # nine of ten units

    assert [line.product_id for line in cut["a"].lines] == ["jam"] and cut["b"].sizes == {"units": 4.0, "kg": 4.0}


def test_a_trip_that_is_left_out_is_not_known(monkeypatch):
    """A logit that is fitted on the trip itself would know it; it must be asked without it."""
    trips = (Trip(0, (0, 1, 2), (9.0, 10.0, 11.0)), Trip(1, (2, 1, 0), (9.0, 10.0, 11.0)))
    known = []
    plain = itinerary.fit_next_point
    monkeypatch.setattr(itinerary, "fit_next_point", lambda some, *rest: known.append(some) or plain(some, *rest))

    class Town:
        theme_rows = (("t",), np.zeros(3, int))

        def __len__(self):
            return 3

        def km(self):
            return np.abs(np.subtract.outer(np.arange(3.0), np.arange(3.0)))

    scores = itinerary.leave_one_out(Town(), trips, list(trips))

    assert known == [(trips[1],), (trips[0],)]
    assert all(table.tolist() == [[1.0, 1.0], [1.0, 1.0]] for table in scores.values())  # three points leave no choice


@pytest.mark.parametrize("part", ["vrp", *delivery.PARTS])
def test_every_part_is_told_in_the_head_of_the_file(part):
    assert part in delivery.__doc__
