"""Plans, re-plans, and what is refused: a small town whose answers can be seen at a glance."""

import json
from dataclasses import replace
from types import SimpleNamespace
from xml.etree import ElementTree

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import goeswith
from goeswith.cli.app import app
from goeswith.errors import ColumnError, DataError
from goeswith.ranking.ranking import Ranking
from goeswith.scenarios.delivery import (
    DeliveryConfig,
    Depot,
    Roads,
    Stop,
    Van,
    goods_of,
    plan_loads,
    read_depots,
    read_plan,
    read_stops,
    read_vans,
    replan,
    write_plan,
)
from goeswith.scenarios.delivery.loads import Line, Load
from goeswith.scenarios.delivery.pictures import to_geojson, to_svg
from goeswith.scenarios.delivery.routing import Base, Fleet, Problem, Visit, solve
from goeswith.testing import corner_shop

pytest.importorskip("pyvrp")

H = 3600
CONFIG = DeliveryConfig(seconds=0.15, suggest=1)
GOODS = goods_of(corner_shop.log(), ["units"], 0.25)
DEPOT = Depot("depot", 50.0, 8.0)
VAN = Van("van", "depot", "depot", {"units": 10.0}, 2, 8 * H, 18 * H, 8.0, per_km=0.1)


def stop(node, north_km, **more):
    """A stop so many kilometres north of the depot."""
    return Stop(node, 50.0 + north_km / 111.195, 8.0, **more)


def load(units=1, margin=5.0, ordered=False):
    lines = (Line("bread", "Sourdough Bread 500 g", units, None if ordered else 0.5, margin),)
    return Load(lines, {"units": float(units)}, ordered)


def planned(stops, loads, vans=(VAN,), depots=(DEPOT,), roads=None, closed=()):
    service = {one.node_id: 300 if one.service is None else one.service for one in stops}
    return plan_loads(
        stops, depots, vans, loads, GOODS, service, roads or Roads(detour=1.0, speed_kmh=36), CONFIG, closed
    )


def visited(plan):
    return {call.node_id for _, _, call in plan.visits()}


# --- who is visited


def test_a_stop_is_visited_where_its_margin_pays_for_the_way():
    near, far = stop("near", 5), stop("far", 40, opens=8 * H, closes=18 * H)

    # 10 km there and back cost 1.00, 80 km cost 8.00; each earns 5.00.
    plan = planned([near, far], {"near": load(), "far": load()})

    assert visited(plan) == {"near"}
    assert "does not pay for the way" in plan.left_out["far"]
    np.testing.assert_allclose([plan.km, plan.cost, plan.margin], [10.0, 1.0, 5.0], rtol=1e-3)


def test_an_order_is_brought_whatever_it_costs():
    assert visited(planned([stop("far", 40)], {"far": load(ordered=True)})) == {"far"}


def test_a_stop_that_is_marked_is_visited_with_nothing_to_bring():
    assert visited(planned([stop("must", 5, required=True)], {})) == {"must"}


def test_each_depot_serves_what_is_near_it():
    depots = (DEPOT, Depot("north", 50.0 + 30 / 111.195, 8.0))
    vans = (VAN, replace(VAN, van_id="n", depot_id="north", end_depot="north"))

    plan = planned([stop("a", 2), stop("b", 28)], {"a": load(), "b": load()}, vans, depots)

    assert {route.vehicle: [call.node_id for call in route.calls] for route in plan.routes} == {
        "van": ["a"],
        "n": ["b"],
    }


def test_a_full_van_takes_what_earns_most():
    stops = [stop("a", 2), stop("b", 2.1), stop("c", 2.2)]
    loads = {"a": load(6, 3.0), "b": load(6, 9.0), "c": load(4, 4.0)}

    plan = planned(stops, loads, [replace(VAN, number=1)])

    assert visited(plan) == {"b", "c"} and plan.load_of(plan.routes[0]) == {"units": 10.0}


def test_a_prediction_larger_than_a_van_is_cut_and_an_order_is_not():
    lines = (Line("bread", "B", 6, None, 1.0), Line("jam", "J", 3, 0.9, 2.0), Line("pasta", "P", 4, 0.5, 1.5))
    heavy = {"a": Load(lines, {"units": 13.0}, True)}

    plan = planned([stop("a", 1)], heavy)

    assert [line.product_id for line in plan.loads["a"].lines] == ["bread", "jam"]


def test_the_van_waits_for_the_window_and_serves_within_it():
    plan = planned([stop("late", 1, opens=11 * H, closes=12 * H)], {"late": load()})

    ((_, _, call),) = plan.visits()
    assert 11 * H <= call.arrives <= 12 * H and call.leaves - call.arrives == 300


def test_a_driver_goes_home_in_time():
    # Two hours each way at 36 km/h are 72 km; with eight hours one such stop fits, with three none does.
    there = stop("there", 72)

    assert visited(planned([there], {"there": load(margin=99)})) == {"there"}
    plan = planned([there], {"there": load(margin=99)}, [replace(VAN, hours=3.0)])
    assert "more than a driver has" in plan.left_out["there"]
    assert visited(planned([there], {"there": load(margin=99)}, [replace(VAN, hours=3.0, overtime_hours=2.0)])) == {
        "there"
    }


def test_every_route_of_any_plan_keeps_its_rules():
    """Windows, capacity, hours: looked at from outside, on towns that are drawn."""
    for seed in range(4):
        rng = np.random.default_rng(seed)
        stops = []
        for at in range(25):
            opens = int(rng.integers(8, 14)) * H
            place = stop(f"s{at}", float(rng.uniform(0.2, 12)))
            stops.append(replace(place, longitude=8 + rng.normal(0, 0.05), opens=opens, closes=opens + 3 * H))
        loads = {one.node_id: load(int(rng.integers(1, 6)), float(rng.uniform(0.2, 8))) for one in stops}
        plan = planned(stops, loads)
        by_id = {one.node_id: one for one in stops}

        assert visited(plan) | set(plan.left_out) == set(by_id) and not visited(plan) & set(plan.left_out)
        for route in plan.routes:
            assert plan.load_of(route)["units"] <= 10 and route.hours <= 8 and route.starts >= 8 * H
            assert route.ends <= 18 * H
            for call in route.calls:
                assert by_id[call.node_id].opens <= call.arrives <= by_id[call.node_id].closes
        assert plan.margin - plan.cost > 0


# --- what can never be driven


@pytest.mark.parametrize(
    "one, vans, told",
    [
        (stop("x", 36, closes=8 * H + 1800, required=True), [VAN], "closes at 08:30.*at 09:00, 30 minutes too late"),
        (stop("x", 36, opens=17 * H, required=True), [VAN], "home at 18:05, 5 minutes after 18:00"),
        (stop("x", 36, required=True), [replace(VAN, hours=1.0)], "66 minutes more than a driver has|65 minutes more"),
        (stop("x", 36, required=True), [replace(VAN, max_km=70.0)], "72 km there and back, 2.0 km more"),
    ],
    ids=["too late", "not home in time", "too long", "too far"],
)
def test_a_stop_that_no_van_can_serve_is_named_with_by_how_much(one, vans, told):
    with pytest.raises(DataError, match=f"Stop x must be visited and cannot be: .*({told})"):
        planned([one], {"x": load()}, vans)


def test_a_stop_without_a_road_is_named_and_an_optional_one_is_left_out(tmp_path):
    (tmp_path / "km.csv").write_text(",depot,a,x\ndepot,0,2,inf\na,2,0,inf\nx,inf,inf,0\n")
    roads = Roads("matrix", str(tmp_path / "km.csv"))
    loads = {"a": load(), "x": load()}

    plan = planned([stop("a", 2), stop("x", 3)], loads, roads=roads)

    assert visited(plan) == {"a"} and plan.left_out["x"] == "no road leads there from a depot and back"
    with pytest.raises(DataError, match="Stop x must be visited and cannot be: no road"):
        planned([stop("a", 2), stop("x", 3, required=True)], loads, roads=roads)


@pytest.mark.parametrize(
    "loads, vans, told",
    [
        (
            {"a": load()},
            [replace(VAN, capacity={"units": 0.5})],
            "holds 0.5 units, and the smallest thing to bring takes 1",
        ),
        ({"a": load(12, ordered=True)}, [VAN], r"Stop a needs 12 units, 2 more than the largest vehicle holds \(10\)"),
        (
            {"a": load(9, ordered=True), "b": load(8, ordered=True)},
            [replace(VAN, number=1)],
            "17 units, 7 more than all",
        ),
        ({"a": load()}, [replace(VAN, number=0)], "No vehicle is available"),
        ({"a": load()}, [], "No vehicle is available"),
    ],
    ids=["below one item", "an order too large", "orders too large together", "number 0", "no van"],
)
def test_loads_that_no_van_holds_are_named(loads, vans, told):
    with pytest.raises(DataError, match=told):
        planned([stop("a", 1), stop("b", 2)], loads, vans)


def test_vans_that_cannot_serve_all_in_time_are_refused():
    same_hour = [stop(f"s{at}", 9 * (-1) ** at, opens=9 * H, closes=9 * H + 60, required=True) for at in range(4)]

    with pytest.raises(DataError, match=r"No routes were found.*Give more vehicles"):
        planned(same_hour, {})


def test_a_day_without_stops_is_refused(tmp_path):
    with pytest.raises(DataError, match="nobody to visit"):
        planned([], {})
    (tmp_path / "stops.csv").write_text("node_id,latitude,longitude,day\na,50,8,2024-05-01\n")
    with pytest.raises(DataError, match=r"nobody is to be visited on 2024-05-02. Days with stops: 2024-05-01"):
        read_stops(tmp_path / "stops.csv", [DEPOT], "2024-05-02")


@pytest.mark.parametrize(
    "text, told",
    [
        ("node_id,latitude,longitude\na,8.0,50.0\n", "look swapped"),
        ("node_id,latitude,longitude\na,-33.9,151.2\n", "another continent"),
        ("node_id,latitude,longitude\na,,8\n", "a has no coordinates"),
        (
            "node_id,latitude,longitude,opens,closes\na,50,8,12:00,09:30\n",
            "closes at 09:30, 150 minutes before it opens",
        ),
        ("node_id,latitude,longitude,opens\na,50,8,noon\n", "row 1, opens: 'noon' is not a time of day"),
        ("node_id,latitude,longitude\na,50,8\na,50,8\n", "stop a is there twice"),
        ("node_id,latitude,longitude\ndepot,50,8\n", "stop depot is there twice"),
        ("node_id,latitude,longitude,kind\na,50,8,boat\n", "kind 'boat' is not known"),
        ("node_id,latitude\na,50\n", "no column for longitude"),
        ("node_id,latitude,longitude\n", "not one row"),
    ],
)
def test_a_stops_file_that_cannot_be_meant_says_where(tmp_path, text, told):
    (tmp_path / "stops.csv").write_text(text)

    with pytest.raises((DataError, ColumnError)) as refused:
        read_stops(tmp_path / "stops.csv", [DEPOT])

    assert told in str(refused.value) and "stops.csv" in str(refused.value)


@pytest.mark.parametrize(
    "text, told",
    [
        ("van_id,depot_id\nv,elsewhere\n", "depot elsewhere is not known. There are: depot"),
        ("van_id,capacity_units\nv,-3\n", "capacity_units is -3. It cannot be below 0"),
        ("van_id,capacity_units\nv,many\n", "capacity_units is no number"),
        ("van_id,number\nv,0\n", "no vehicle is available"),
        ("van_id\nv\nv\n", "vehicle v is there twice"),
    ],
)
def test_a_vehicles_file_that_cannot_be_meant_says_where(tmp_path, text, told):
    (tmp_path / "vans.csv").write_text(text)

    with pytest.raises(DataError) as refused:
        read_vans(tmp_path / "vans.csv", [DEPOT])

    assert told in str(refused.value)


def test_tables_are_read_under_their_usual_names(tmp_path):
    (tmp_path / "d.csv").write_text("id,lat,lon\nd1,50,8\n")
    (tmp_path / "v.csv").write_text("vehicle,capacity_units,capacity_kg,hours,ends\nv,30,12.5,7.5,17:30\n")
    (tmp_path / "s.csv").write_text("id,lat,lng,customers,opens,required\nlocker,50.01,8,ana;ben,08:30,yes\n")
    (depot,) = read_depots(tmp_path / "d.csv")

    (van,) = read_vans(tmp_path / "v.csv", [depot])
    (node,) = read_stops(tmp_path / "s.csv", [depot])

    assert van == Van("v", "d1", "d1", {"units": 30.0, "kg": 12.5}, hours=7.5, ends=17 * H + 1800)
    assert node.customers == ("ana", "ben") and node.opens == 8 * H + 1800 and node.required


# --- again


def town(n=12):
    """Stops in six directions, two each; a van holds two."""
    stops = []
    for at in range(n):
        angle, km = np.radians(60 * (at % 6)), 6 + at // 6
        stops.append(
            Stop(f"s{at}", 50 + km * np.cos(angle) / 111.195, 8 + km * np.sin(angle) / 111.195 / np.cos(np.radians(50)))
        )
    return stops, {one.node_id: load(5, 9.0) for one in stops}


def test_an_added_order_changes_one_route_and_no_other():
    stops, loads = town()
    plan = planned(stops, loads, [replace(VAN, number=7)])
    new = stop("new", 8)

    again = replan(plan, GOODS, orders={"new": load(1, ordered=True)}, stops=[new], seconds=0.2)

    assert "new" in visited(again.plan) and visited(plan) <= visited(again.plan)
    assert again.kept >= 0.8 * again.untouched and again.untouched == 6


def test_an_order_at_a_planned_stop_touches_its_route_alone():
    stops, loads = town(6)
    plan = planned(stops, loads, [replace(VAN, number=7)])

    again = replan(plan, GOODS, orders={"s0": load(2, ordered=True)}, seconds=0.2)

    lines = again.plan.loads["s0"].lines
    assert (lines[0].units, lines[0].probability) == (2, None) and again.plan.loads["s0"].ordered
    assert again.kept == again.untouched


def test_no_plan_uses_a_road_that_closed():
    stops, loads = town(6)
    plan = planned(stops, loads, [replace(VAN, number=7)])
    route = plan.routes[0]
    first = route.calls[0].node_id

    again = replan(plan, GOODS, closed=[("depot", first)], seconds=0.2)

    for one in again.plan.routes:
        assert one.calls[0].node_id != first and one.calls[-1].node_id != first
    assert again.plan.closed == (("depot", first),)
    assert again.kept >= 0.8 * again.untouched


def test_an_order_that_no_van_can_bring_is_refused_and_the_plan_stays(tmp_path):
    plan = planned([stop("a", 1)], {"a": load()})
    write_plan(plan, tmp_path)

    with pytest.raises(DataError, match="Stop far must be visited and cannot be"):
        replan(plan, GOODS, orders={"far": load(ordered=True)}, stops=[stop("far", 400)])

    assert read_plan(tmp_path) == plan


# --- what is written


def test_a_plan_is_read_as_it_was_written(tmp_path):
    plan = planned(*town(), [replace(VAN, number=7)])

    files = write_plan(plan, tmp_path / "plan")

    assert read_plan(tmp_path / "plan") == plan
    assert {file.name for file in files} == {"routes.csv", "loads.csv", "plan.geojson", "map.svg", "plan.json"}
    assert pl.read_csv(tmp_path / "plan" / "routes.csv").height == 12


def test_geojson_has_longitude_first_and_a_line_for_each_route():
    plan = planned([stop("a", 5)], {"a": load()})

    told = json.loads(json.dumps(to_geojson(plan)))

    line = next(one for one in told["features"] if one["geometry"]["type"] == "LineString")
    assert line["geometry"]["coordinates"][0] == [8.0, 50.0] == line["geometry"]["coordinates"][-1]
    assert sum("stop" in one["properties"] for one in told["features"]) == 1


def test_the_map_is_a_picture_without_a_network():
    plan = planned([stop("a & b", 5), stop("c", 40)], {"a & b": load(), "c": load()})

    picture = ElementTree.fromstring(to_svg(plan))

    assert picture.tag.endswith("svg") and "href" not in to_svg(plan)
    assert len(picture.findall(".//{*}polyline")) == 1


def test_a_plan_that_is_not_there_names_the_command(tmp_path):
    with pytest.raises(DataError, match="goeswith delivery SHOP plan"):
        read_plan(tmp_path)


# --- the solver


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 40)), min_size=1, max_size=8), st.integers(5, 20))
def test_no_solution_costs_more_than_it_collects(wishes, capacity):
    """Stops on a line, whose positions are their numbers: staying at home costs nothing, so no plan may lose."""
    at = np.arange(len(wishes) + 1)
    metres = np.abs(at[:, None] - at[None]).astype(np.int64)
    visits = tuple(Visit(n + 1, (size,), prize=prize, required=False) for n, (size, prize) in enumerate(wishes))
    problem = Problem(metres, metres, (Base(0),), visits, (Fleet(2, (capacity,)),))

    tours = solve(problem, 5.0, iterations=50)

    prizes = sum(visits[one].prize for tour in tours for one in tour.visits)
    assert prizes >= sum(tour.metres for tour in tours)
    for tour in tours:
        assert sum(visits[one].load[0] for one in tour.visits) <= capacity


# --- the command


class Shopkeeper:
    """Says that ana wants bread and ben pasta."""

    log = corner_shop.log()
    config = SimpleNamespace(horizon_days=28)
    wants = (("ana", "bread"), ("ben", "pasta"), ("chen", "coffee"), ("dora", "toner"))

    def recommend_many(self, customers, n=20):
        rows = [(who, what, 1, 3.0) for who, what in self.wants if who in list(customers)]
        return pl.DataFrame(rows, schema=["customer_id", "product_id", "rank", "score"], orient="row")

    def recommend(self, customer=None, n=10, *, novel=False, exclude=None, why=False):
        assert novel and not {what for who, what in self.wants if who == customer} - set(exclude)
        return Ranking(["honey"], [1.0], [0.2], ["complement"], [["as jam is"]], ["Forest Honey 340 g"])


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.setattr(goeswith, "load", lambda folder, version=None: Shopkeeper(), raising=False)
    (tmp_path / "stops.csv").write_text("node_id,latitude,longitude\nana,50.02,8\nben,50.03,8.01\n")
    (tmp_path / "depots.csv").write_text("depot_id,latitude,longitude\ndepot,50,8\n")
    (tmp_path / "vans.csv").write_text("van_id,capacity_units,per_km,number\nvan,10,0.01,2\n")
    products, events = corner_shop.write(tmp_path / "files")
    goeswith.Shop.create(tmp_path / "shop", products=products, events=events)
    return tmp_path


def call(files, *words):
    return CliRunner().invoke(app, ["delivery", str(files / "shop"), *words, "--out", str(files / "out")])


def plan_command(files, *words):
    tables = ["--stops", "stops.csv", "--depots", "depots.csv", "--vehicles", "vans.csv"]
    tables = [str(files / word) if word.endswith(".csv") else word for word in tables]
    return call(files, "plan", *tables, "--seconds", "0.2", *words)


def test_the_command_plans_and_names_what_comes_next(files):
    done = plan_command(files)

    assert done.exit_code == 0, done.output
    assert "2 visits" in done.stdout and "Forest Honey" in done.stdout
    assert "replan --out" in done.stderr.splitlines()[-1]
    assert (files / "out" / "map.svg").exists()


def test_the_command_answers_machines(files):
    told = json.loads(plan_command(files, "--json").stdout)

    assert told["summary"]["visits"] == 2 and len(told["routes"]) == 2
    assert told["also_wanted"]["ana"][0]["reasons"] == ["as jam is"]


def test_the_command_plans_again_after_an_order(files):
    plan_command(files)
    (files / "new.csv").write_text("node_id,latitude,longitude,customers\nchen,50.01,8,chen\n")
    (files / "orders.csv").write_text("node_id,product_id,quantity\nchen,coffee,2\n")

    done = call(files, "replan", "--stops", str(files / "new.csv"), "--orders", str(files / "orders.csv"), "--json")

    told = json.loads(done.stdout)
    assert told["summary"]["visits"] == 3
    assert told["summary"]["untouched_routes"] == 1
    assert "chen" in {route["node_id"] for route in told["routes"]}


@pytest.mark.parametrize(
    "words, code, told",
    [
        (["plan"], 2, "plan needs --stops F, --depots F and --vehicles F"),
        (["replan"], 2, "replan needs news"),
        (["replan", "--close", "A"], 2, "name the two places"),
        (["replan", "--close", "A,B"], 1, "there is no plan"),
        (["plan", "--matrix", "m.csv", "--osrm", "http://localhost"], 2, "not both"),
    ],
)
def test_the_command_used_wrongly_says_how(files, words, code, told):
    done = call(files, *words)

    assert (done.exit_code, told in done.stderr) == (code, True), done.stderr


def test_a_server_that_is_down_ends_the_command_with_one_message(files):
    done = plan_command(files, "--osrm", "http://127.0.0.1:9")

    assert done.exit_code == 1 and "does not answer" in done.stderr and "Traceback" not in done.output
    assert not (files / "out").exists()


def test_what_is_set_aside_is_said(files):
    (files / "visits.csv").write_text("node_id,arrived,left\nana,1993-01-01 09:00,1993-01-01 09:10\n")

    done = plan_command(files, "--visits", str(files / "visits.csv"))

    assert "1 timed visits set aside: the date is before 2000" in done.stdout


def test_the_same_seed_and_rounds_give_the_same_plan():
    stops, loads = town()
    config = CONFIG.model_copy(update={"seconds": 60.0, "iterations": 100})
    service = {one.node_id: 300 for one in stops}

    first, second = (
        plan_loads(stops, [DEPOT], [replace(VAN, number=7)], loads, GOODS, service, config=config) for _ in range(2)
    )

    assert first == second


def test_an_order_on_a_day_without_routes_gets_one():
    plan = planned([stop("far", 40)], {"far": load()})
    assert plan.routes == ()

    again = replan(plan, GOODS, orders={"far": load(ordered=True)}, seconds=0.2)

    assert visited(again.plan) == {"far"} and again.plan.left_out == {} and again.untouched == 0


def test_where_every_van_is_full_an_order_takes_the_place_of_a_wish():
    stops, loads = town(12)
    plan = planned(stops, loads, [replace(VAN, number=6)])

    again = replan(plan, GOODS, orders={"new": load(1, ordered=True)}, stops=[stop("new", 8)], seconds=0.2)

    (left,) = again.plan.left_out
    assert visited(again.plan) == {"new", *loads} - {left} and again.kept == 5


def test_where_every_van_is_full_of_orders_a_further_one_is_refused():
    stops, loads = town(12)
    orders = {node: replace(one, ordered=True) for node, one in loads.items()}
    plan = planned(stops, orders, [replace(VAN, number=6)])

    with pytest.raises(DataError, match="61 units, 1 more than all vehicles"):
        replan(plan, GOODS, orders={"new": load(1, ordered=True)}, stops=[stop("new", 8)])
