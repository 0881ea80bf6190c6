"""Delivery: known instances, wants on held-out weeks, a day of 200 stops, the joint plan and the usual one, re-plans.

    python benchmarks/delivery.py vrp [--data ../shared/data/vrp]
    python benchmarks/delivery.py wants|plan|joint|replan SHOP [--seeds 3]

SHOP is what `make demo` leaves behind: The Complete Journey, fitted until four weeks before its end. Households are the
nodes; the data knows no addresses, so theirs are drawn around two depots.
"""

import argparse
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from time import perf_counter, process_time

import numpy as np
import polars as pl

import goeswith as gw
from data_sets import SHARED
from goeswith.data.log import Log
from goeswith.evaluation.intervals import bootstrap, paired_bootstrap
from goeswith.scenarios.delivery import DeliveryConfig, Depot, Plan, Stop, Van, plan_day, plan_loads, replan, wants_of
from goeswith.scenarios.delivery.loads import Goods, Line, Load, goods_of, predicted_loads
from goeswith.scenarios.delivery.routing import Base, Fleet, Problem, Visit, solve
from protocol_tasks import WARM

BEST = {"X-n101-k25": 27_591}
NEAR = 0.0005
VRP_SECONDS = {"X-n101-k25": 60.0, "C1_10_1": 120.0}
WEEKS, WEEK = 4, timedelta(weeks=1)
N_STOPS, N_NODES = 200, 1_000
DEPOTS = [Depot("north", 39.16, -84.48), Depot("south", 39.04, -84.54)]
CAPACITY = {"units": 300.0, "kg": 250.0}
FILLED = 0.9  # of the fleet, where every stop must be visited: vans cannot be packed to the last unit
SPREAD = (0.045, 0.058)  # degrees, some five kilometres each way
CONFIG = DeliveryConfig(days=7, margin=0.3, unsold=0.02, service_minutes=4, seconds=300, iterations=4_000, suggest=0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=["vrp", *PARTS])
    parser.add_argument("shop", type=Path, nargs="?", default=Path("goeswith-demo"))
    parser.add_argument("--data", type=Path, default=SHARED / "vrp")
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args()
    print(f"{date.today()}, part {asked.part}", flush=True)
    if asked.part == "vrp":
        vrp(asked.data)
        return
    PARTS[asked.part](gw.load(asked.shop), asked.seeds)


# --- known instances


def vrp(folder: Path) -> None:
    """How long it takes to come within NEAR of the best known cost; seconds of the processor, which others use too."""
    print("| instance | at most, s | taken, s | cost | best known | above |\n|---|---|---|---|---|---|")
    for name, seconds in VRP_SECONDS.items():
        problem, scale = instance(folder / f"{name}.vrp")
        best = BEST.get(name) or cost_of_file(folder / f"{name}.sol", problem, scale)
        began = process_time()
        tours = solve(problem, seconds, seed=0, enough=int(scale * best * (1 + NEAR)), clock=process_time)
        taken = process_time() - began
        assert sorted(at for tour in tours for at in tour.visits) == list(range(len(problem.visits)))
        cost = sum(tour.metres for tour in tours) / scale
        above = f"{100 * (cost / best - 1):.3f} %"
        print(f"| {name} | {seconds:.0f} | {taken:.0f} | {cost:,.1f} | {best:,.1f} | {above} |", flush=True)


def instance(path: Path) -> tuple[Problem, int]:
    """A CVRPLIB file as our problem, and how many units of ours are one of the file's.

    CVRP rounds distances to whole numbers, VRPTW (Gehring and Homberger) cuts them to one decimal.
    """
    head, sections = sections_of(path.read_text(encoding="utf-8"))
    timed = "TIME_WINDOW_SECTION" in sections
    scale = 10 if timed else 1
    place = np.array(sections["NODE_COORD_SECTION"])[:, 1:]
    away = np.linalg.norm(place[:, None] - place[None], axis=2)
    units = np.floor(away * scale).astype(np.int64) if timed else np.rint(away).astype(np.int64)
    demand = np.array(sections["DEMAND_SECTION"])[:, 1].astype(int)
    windows = np.array(sections["TIME_WINDOW_SECTION"])[:, 1:].astype(int) * scale if timed else None
    service = int(head.get("SERVICE_TIME", "0")) * scale
    visits = tuple(
        Visit(at, (int(demand[at]),), *(map(int, windows[at]) if windows is not None else ()), service=service)
        for at in range(1, len(place))
    )
    base = Base(0, *map(int, windows[0])) if windows is not None else Base(0)
    fleet = Fleet(int(head.get("VEHICLES", len(place))), (int(head["CAPACITY"]),))
    return Problem(units, units if timed else np.zeros_like(units), (base,), visits, (fleet,)), scale


def sections_of(text: str) -> tuple[dict[str, str], dict[str, list[list[float]]]]:
    head: dict[str, str] = {}
    sections: dict[str, list[list[float]]] = {}
    current = ""
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        if colon:
            head[name.strip()] = value.strip()
        elif "SECTION" in line:
            current = line.strip()
            sections[current] = []
        elif current and (numbers := line.split()) and numbers[0] != "EOF":
            sections[current].append([float(number) for number in numbers])
    return head, sections


def cost_of_file(path: Path, problem: Problem, scale: int) -> float:
    """The length of the solution that lies beside an instance, by the same distances."""
    total = 0
    for route in re.findall(r"^Route.*?:(.*)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE):
        way = [0, *map(int, route.split()), 0]
        total += sum(int(problem.metres[a, b]) for a, b in pairwise(way))
    return total / scale


# --- wants


def wants(model: gw.Model, _: int) -> None:
    """Recall@10, capped by how many there are, for each held-out week and for all four together."""
    cut, later = held_out(model)
    spans = {f"week {at + 1}": (cut + at * WEEK, cut + (at + 1) * WEEK) for at in range(WEEKS)}
    spans["four weeks"] = (cut, cut + WEEKS * WEEK)
    everyone = later["customer_id"].unique().sort()
    stops = [stop_of(customer) for customer in everyone.sample(min(N_NODES, len(everyone)), seed=0)]
    later = later.filter(pl.col("customer_id").is_in([stop.node_id for stop in stops]))
    own = frequency(model.log, 10)
    began = perf_counter()
    ours = ranked(wants_of(model, stops, 7.0, 10).select("node_id", "product_id"))
    sold = np.bincount(model.log.purchases["item"].to_numpy(), minlength=model.log.n_items)
    warm = model.log.items.ids(np.flatnonzero(sold >= WARM))  # what task A may be answered with
    asked = model.recommend_many([stop.node_id for stop in stops], n=10, among=warm)
    core = ranked(asked.select("customer_id", "product_id"))
    print(f"{len(stops)} nodes, {perf_counter() - began:.0f} s\n")
    print(
        "| held out | nodes | wants | own frequency | core, task A | wants less frequency |\n|---|---|---|---|---|---|"
    )
    for name, (after, until) in spans.items():
        bought = later.filter((pl.col("time") > after) & (pl.col("time") <= until))
        truth = ranked(bought.select("customer_id", "product_id").unique())
        rows = np.array(
            [[recall(said.get(node, []), right) for said in (ours, own, core)] for node, right in truth.items()]
        )
        cells = " | ".join(f"{mean:.4f}" for mean in rows.mean(axis=0))
        print(f"| {name} | {len(rows)} | {cells} | {paired_bootstrap(rows[:, 0], rows[:, 1])} |", flush=True)


def held_out(model: gw.Model) -> tuple[datetime, pl.DataFrame]:
    """The moment the model was fitted until, and what came afterwards: customer_id, product_id, time, quantity."""
    from goeswith.demo import complete_journey

    _, events = complete_journey()
    cut = model.fitted_until
    assert cut is not None
    known = pl.col("customer_id").cast(pl.String).is_in(model.log.customers.series.cast(pl.String).implode())
    later = events.filter((pl.col("timestamp") > cut) & known)
    return cut, later.select(pl.col("customer_id").cast(pl.String), "product_id", "quantity", time="timestamp")


def frequency(log: Log, n: int) -> dict[str, list[object]]:
    """Each customer's own products, those of most baskets first, the latest first among equals."""
    counts = (
        log.purchases.drop_nulls("customer")
        .group_by("customer", "item")
        .agg(times=pl.col("basket").n_unique(), last=pl.col("time").max())
        .sort("customer", "times", "last", "item", descending=[False, True, True, False])
        .group_by("customer", maintain_order=True)
        .head(n)
    )
    ids = log.customers.ids(counts["customer"].to_numpy()).cast(pl.String)
    return ranked(pl.DataFrame({"node": ids, "product_id": log.items.ids(counts["item"].to_numpy())}))


def ranked(pairs: pl.DataFrame) -> dict[str, list[object]]:
    found: dict[str, list[object]] = {}
    for node, product in pairs.iter_rows():
        found.setdefault(str(node), []).append(product)
    return found


def recall(said: list[object], right: list[object]) -> float:
    return len(set(said[:10]) & set(right)) / min(10, len(right))


# --- the simulated town


@dataclass(frozen=True)
class Town:
    """Households at drawn addresses. later : what they buy after the cut"""

    stops: list[Stop]
    vans: list[Van]
    goods: Goods
    later: pl.DataFrame
    cut: datetime


def town(model: gw.Model, seed: int, later: tuple[datetime, pl.DataFrame] | None = None) -> Town:
    """200 households of ten baskets or more, drawn with their addresses and windows of five hours; six vans a depot."""
    rng = np.random.default_rng(seed)
    cut, bought = later or held_out(model)
    trips = model.log.purchases.drop_nulls("customer").group_by("customer").agg(n=pl.col("basket").n_unique())
    active = trips.filter(pl.col("n") >= 10)["customer"].sort().to_numpy()
    chosen = model.log.customers.ids(rng.choice(active, N_STOPS, replace=False)).cast(pl.String)
    opens = rng.integers(8, 14, N_STOPS)
    near = rng.integers(len(DEPOTS), size=N_STOPS)
    stops = [
        replace(
            stop_of(customer),
            latitude=DEPOTS[near[at]].latitude + rng.normal(0, SPREAD[0]),
            longitude=DEPOTS[near[at]].longitude + rng.normal(0, SPREAD[1]),
            opens=int(opens[at]) * 3600,
            closes=int(opens[at] + 5) * 3600,
        )
        for at, customer in enumerate(chosen)
    ]
    vans = [
        Van(f"from {depot.depot_id}", depot.depot_id, depot.depot_id, CAPACITY, 6,
            8 * 3600, 20 * 3600, 8.0, per_km=0.12, per_hour=0.5, fixed=2.0)
        for depot in DEPOTS
    ]  # fmt: skip
    return Town(stops, vans, goods(model), bought, cut)


def stop_of(customer: str) -> Stop:
    return Stop(customer, 39.1, -84.5, customers=(customer,))


def goods(model: gw.Model) -> Goods:
    """Kilograms are read from the package sizes in pounds and ounces; the middle of them where there is none."""
    number = pl.col("size").str.extract(r"(\d+(?:\.\d+)?)").cast(pl.Float64)
    ounce = pl.col("size").str.contains("OZ")
    pound = pl.col("size").str.contains("LB")
    kg = pl.when(pound).then(number * 0.4536).when(ounce).then(number * 0.02835)
    weighed = model.log.products.with_columns(kg=pl.when(kg.is_between(0.01, 15)).then(kg))
    return goods_of(replace(model.log, products=weighed), ["units", "kg"], CONFIG.margin)


def plan(model: gw.Model, _: int) -> None:
    """How long a day of 200 stops takes, wants and suggestions included."""
    here = town(model, 0)
    weighed = replace(model, log=here.goods.log)
    model.recommend_many([here.stops[0].node_id], n=1)  # what is made when first asked for is not counted
    for suggest in (0, 1):
        began, working = perf_counter(), process_time()
        made = plan_day(weighed, here.stops, DEPOTS, here.vans, config=CONFIG.model_copy(update={"suggest": suggest}))
        taken = f"{perf_counter() - began:.1f} s, {process_time() - working:.1f} s of them on the processor"
        print(f"suggestions a stop {suggest}: {taken}, {made.summary()}", flush=True)


def joint(model: gw.Model, seeds: int) -> None:
    """Realised margin per kilometre of held-out weeks: what was sold less what came back, by what was bought then."""
    later = held_out(model)
    results: dict[str, list[tuple[float, ...]]] = {}
    for seed in range(seeds):
        here = town(model, seed, later)
        predicted = predicted_loads(wants_of(model, here.stops, 7.0, 60), here.goods, CONFIG)
        habitual = history_loads(model.log, here)
        plans = {
            "route first, load by history": day_of(here, habitual, required=True),
            "prizes by history": day_of(here, habitual, required=False),
            "route first, load by wants": day_of(here, predicted, required=True),
            "joint": day_of(here, predicted, required=False),
        }
        for week in range(WEEKS):
            sold = units_sold(here, week)
            for name, made in plans.items():
                results.setdefault(name, []).append(outcome(made, here.goods, sold))
        show(f"{seed + 1} towns of {N_STOPS} households, {WEEKS} weeks each", results)


def show(title: str, results: dict[str, list[tuple[float, ...]]]) -> None:
    """The means so far, and how the joint plan differs from each of the others."""
    print(f"\n{title}\n\n| system | margin / km | km | margin sold | visits | net |\n|---|---|---|---|---|---|")
    tables = {name: np.array(rows) for name, rows in results.items()}
    for name, rows in tables.items():
        per_km = bootstrap(rows[:, 0] / rows[:, 1])
        _, km, gross, visits, net = rows.mean(axis=0)
        print(f"| {name} | {per_km} | {km:.1f} | {gross:.2f} | {visits:.0f} | {net:.2f} |")
    ours = tables["joint"][:, 0] / tables["joint"][:, 1]
    for name in list(tables)[:-1]:
        theirs = tables[name][:, 0] / tables[name][:, 1]
        change = 100 * (ours.mean() / theirs.mean() - 1)
        print(f"joint less {name}: {change:+.1f} %, difference {paired_bootstrap(ours, theirs)}", flush=True)


def history_loads(log: Log, here: Town) -> dict[str, Load]:
    """What a dispatcher loads from the history alone: P is the share of the household's weeks that had the product.

    The same rule decides what is worth it, the same quantities are the usual ones, so that only P differs.
    """
    weeks = log.purchases.drop_nulls("customer").with_columns(week=pl.col("time").dt.truncate("1w"))
    rows = log.customers.rows([stop.node_id for stop in here.stops])
    weeks = weeks.filter(pl.col("customer").is_in(rows.tolist()))
    active = weeks.group_by("customer").agg(first=pl.col("week").min()).with_columns(
        n=((pl.lit(here.cut) - pl.col("first")).dt.total_days() / 7).clip(lower_bound=1)
    )  # fmt: skip
    pairs = (
        weeks.group_by("customer", "item")
        .agg(held=pl.col("week").n_unique(), bought=pl.len(), units=pl.col("quantity").sum())
        .join(active, on="customer")
        .with_columns(probability=(pl.col("held") / pl.col("n")).clip(upper_bound=0.99))
        .sort("customer", "probability", "item", descending=[False, True, False])
    )
    table = pl.DataFrame(
        {
            "node_id": log.customers.ids(pairs["customer"].to_numpy()).cast(pl.String),
            "product_id": log.items.ids(pairs["item"].to_numpy()),
            "probability": pairs["probability"],
            "quantity": (pairs["units"] / pairs["bought"]).clip(lower_bound=1).cast(pl.Float64),
        }
    )
    return predicted_loads(table.group_by("node_id", maintain_order=True).head(60), here.goods, CONFIG)


def day_of(here: Town, loads: dict[str, Load], required: bool) -> Plan:
    """The routes; with `required` every stop that something is loaded for must be visited, whatever it earns."""
    stops = [replace(stop, required=required and stop.node_id in loads) for stop in here.stops]
    if required:
        loads = fitting(loads, here.goods, here.vans)
    service = {stop.node_id: round(60 * CONFIG.service_minutes) for stop in stops}
    return plan_loads(stops, DEPOTS, here.vans, loads, here.goods, service, config=CONFIG)


def fitting(loads: dict[str, Load], goods: Goods, vans: list[Van]) -> dict[str, Load]:
    """The loads without the lines that earn least a unit, until the fleet holds them."""
    room = {name: FILLED * sum(van.capacity[name] * van.number for van in vans) for name in CAPACITY}
    lines = [(line.margin / line.units, node, line) for node, load in loads.items() for line in load.lines]
    kept: dict[str, list[Line]] = {node: [] for node in loads}
    for _, node, line in sorted(lines, key=lambda one: -one[0]):
        row = goods.of(line.product_id)[0]
        sizes = {name: goods.sizes[name][row] * line.units for name in room}
        if all(sizes[name] <= room[name] for name in room):
            kept[node].append(line)
            room = {name: room[name] - sizes[name] for name in room}
    return {
        node: Load(tuple(some), {name: sum(goods.sizes[name][goods.of(one.product_id)[0]] * one.units for one in some)
                                 for name in room})
        for node, some in kept.items()
    }  # fmt: skip


def units_sold(here: Town, week: int) -> dict[tuple[str, object], float]:
    after = here.cut + week * WEEK
    rows = here.later.filter((pl.col("time") > after) & (pl.col("time") <= after + WEEK))
    sums = rows.group_by("customer_id", "product_id").agg(pl.col("quantity").sum())
    return {(node, product): float(units) for node, product, units in sums.iter_rows()}


def outcome(made: Plan, goods: Goods, sold: dict[tuple[str, object], float]) -> tuple[float, ...]:
    """Margin less what came back, kilometres, margin sold, visits, and what is left after the way is paid."""
    gross = back = 0.0
    for _, _, call in made.visits():
        for line in made.loads[call.node_id].lines:
            row = goods.of(line.product_id)[0]
            taken = min(float(line.units), sold.get((call.node_id, line.product_id), 0.0))
            gross += taken * goods.margin[row]
            back += (line.units - taken) * CONFIG.unsold * goods.price[row]
    visits = sum(len(route.calls) for route in made.routes)
    return gross - back, max(made.km, 1e-9), gross, float(visits), gross - back - made.cost


def replans(model: gw.Model, _: int) -> None:
    """Twenty orders and ten closed roads, one at a time, each after the same plan."""
    here = town(model, 0)
    loads = predicted_loads(wants_of(model, here.stops, 7.0, 60), here.goods, CONFIG)
    some = here.stops[:-20]
    service = {stop.node_id: 240 for stop in here.stops}
    kept_stops = {stop.node_id: loads[stop.node_id] for stop in some if stop.node_id in loads}
    made = plan_loads(some, DEPOTS, here.vans, kept_stops, here.goods, service, config=CONFIG)
    print(made.summary())
    line = Line(*next(iter(loads.values())).lines[0].__dict__.values())
    seconds: list[float] = []
    shares: list[float] = []
    for stop in here.stops[-20:]:
        order = Load((replace(line, probability=None),), {"units": float(line.units), "kg": 1.0}, ordered=True)
        began = perf_counter()
        again = replan(made, here.goods, orders={stop.node_id: order}, stops=[stop])
        seconds.append(perf_counter() - began)
        shares.append(again.kept / max(again.untouched, 1))
    report("an added order", seconds, shares)
    seconds, shares = [], []
    rng = np.random.default_rng(0)
    for _ in range(10):
        calls = made.routes[int(rng.integers(len(made.routes)))].calls
        at = int(rng.integers(max(len(calls) - 1, 1)))
        began = perf_counter()
        again = replan(made, here.goods, closed=[(calls[at].node_id, calls[min(at + 1, len(calls) - 1)].node_id)])
        seconds.append(perf_counter() - began)
        shares.append(again.kept / max(again.untouched, 1))
    report("a closed road", seconds, shares)


def report(what: str, seconds: list[float], shares: list[float]) -> None:
    print(
        f"{what}, {len(seconds)} times: {np.median(seconds):.2f} s in the middle, {max(seconds):.2f} s at most; "
        f"untouched routes kept {100 * np.mean(shares):.1f} %, at least {100 * min(shares):.1f} %"
    )


PARTS: dict[str, Callable[[gw.Model, int], None]] = {"wants": wants, "plan": plan, "joint": joint, "replan": replans}


if __name__ == "__main__":
    main()
