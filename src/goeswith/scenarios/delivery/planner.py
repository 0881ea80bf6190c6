"""The joint plan: what is wanted where decides what is loaded and who is worth the way."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from goeswith.errors import DataError
from goeswith.progress import Note, Progress, Stage
from goeswith.scenarios.delivery.config import DeliveryConfig
from goeswith.scenarios.delivery.loads import Goods, Load, goods_of, predicted_loads, trimmed, with_orders
from goeswith.scenarios.delivery.network import NO_ROAD, Network, Roads, network_of
from goeswith.scenarios.delivery.nodes import CAPACITY, UNITS, Depot, Stop, Van
from goeswith.scenarios.delivery.plan import Call, Plan, Route
from goeswith.scenarios.delivery.problem import check_sizes, is_required, problem_of, why_not
from goeswith.scenarios.delivery.routing import Tour, solve
from goeswith.scenarios.delivery.service import Visits, service_seconds
from goeswith.scenarios.delivery.wants import Wishes, also_wanted, members_of, wants_of

NOTHING = "nothing that it may want earns its place"
NOT_WORTH = "what it may want does not pay for the way, or no van has room or time for it"


def plan_day(
    model: Wishes,
    stops: Sequence[Stop],
    depots: Sequence[Depot],
    vans: Sequence[Van],
    *,
    orders: dict[str, Load] | None = None,
    visits: Visits | None = None,
    roads: Roads | None = None,
    closed: Sequence[tuple[str, str]] = (),
    config: DeliveryConfig = DeliveryConfig(),
    progress: Progress | None = None,
) -> Plan:
    """A day's plan by the model's wants. Experimental.

    Parameters
    ----------
    orders : what somebody waits for, by stop (`read_orders`); such a stop must be visited
    visits : timed visits, from which the time at a stop is learnt

    Raises
    ------
    DataError : a stop that must be visited and cannot be, loads that no van holds, no vehicle
    UnknownId : a stop names a customer that the shop has not
    """
    tell = progress or (lambda _: None)
    tell(Stage("what each stop wants"))
    goods = goods_of(model.log, dimensions_of(vans), config.margin)
    wants = wants_of(model, stops, config.days, config.products)
    loads = with_orders(predicted_loads(wants, goods, config), orders or {}, goods)
    tell(Stage("routes", config.seconds))
    if visits is not None and visits.aside.height:
        counts = visits.aside.group_by("reason").len().sort("reason")
        notes = tuple(f"{n} timed visits set aside: {reason}" for reason, n in counts.iter_rows())
    else:
        notes = ()
    for note in notes:
        tell(Note(note))
    plan = plan_loads(
        stops,
        depots,
        vans,
        loads,
        goods,
        service_seconds(stops, None if visits is None else visits.table, 60 * config.service_minutes),
        replace(roads or Roads(), detour=config.detour, speed_kmh=config.speed_kmh),
        config,
        closed,
    )
    plan = replace(plan, notes=notes)
    if not config.suggest:
        return plan
    tell(Stage("also wanted"))
    return replace(plan, also_wanted=suggestions(model, plan, config.suggest))


def dimensions_of(vans: Sequence[Van]) -> list[str]:
    if not vans:
        raise DataError("No vehicle is available. Give at least one.")
    return list(vans[0].capacity)


def plan_loads(
    stops: Sequence[Stop],
    depots: Sequence[Depot],
    vans: Sequence[Van],
    loads: dict[str, Load],
    goods: Goods,
    service: dict[str, int],
    roads: Roads = Roads(),
    config: DeliveryConfig = DeliveryConfig(),
    closed: Sequence[tuple[str, str]] = (),
) -> Plan:
    """Routes for loads that are decided; what no van could hold of a prediction is left at the depot.

    Raises
    ------
    DataError : nobody to visit, a stop that must be visited and cannot be, loads that no van holds
    """
    if not stops:
        raise DataError("There is nobody to visit: not one stop was given. Give stops, or choose another day.")
    usable = [van for van in vans if van.number]
    if not usable:
        raise DataError("No vehicle is available. Give at least one a number above 0.")
    every = {stop.node_id: loads.get(stop.node_id, Load()) for stop in stops}
    check_units(every, goods, usable)
    most = {name: max(van.capacity[name] for van in usable) for name in usable[0].capacity}
    every = {node: trimmed(load, goods, most) for node, load in every.items()}
    check_sizes(stops, every, usable)
    network = network_for(stops, depots, roads).closed(list(closed))
    left_out: dict[str, str] = {}
    asked = []
    for stop in stops:
        required = is_required(stop, every[stop.node_id])
        if not required and every[stop.node_id].margin <= 0:
            left_out[stop.node_id] = NOTHING
        elif reason := why_not(stop, service[stop.node_id], depots, usable, network):
            if required:
                raise DataError(
                    f"Stop {stop.node_id} must be visited and cannot be: {reason}. "
                    "Widen its window, give a van that reaches it, or let it be optional."
                )
            left_out[stop.node_id] = reason
        else:
            asked.append(stop)
    problem = problem_of(asked, every, service, depots, usable, network)
    tours = solve(problem, config.seconds, config.seed, iterations=config.iterations)
    check_roads(tours, asked, usable, network)
    routes = routes_of(tours, asked, usable)
    visited = {call.node_id for route in routes for call in route.calls}
    left_out |= {stop.node_id: NOT_WORTH for stop in asked if stop.node_id not in visited}
    return Plan(
        tuple(stops), tuple(depots), tuple(usable), every, service, routes, roads, tuple(closed), left_out,
        config=config,
    )  # fmt: skip


def network_for(stops: Sequence[Stop], depots: Sequence[Depot], roads: Roads) -> Network:
    places: list[Depot | Stop] = [*depots, *stops]
    ids = [*(depot.depot_id for depot in depots), *(stop.node_id for stop in stops)]
    return network_of(ids, [place.latitude for place in places], [place.longitude for place in places], roads)


def check_units(loads: dict[str, Load], goods: Goods, vans: Sequence[Van]) -> None:
    """Refuse vans that cannot hold one unit of anything that is to be brought.

    Raises
    ------
    DataError : names the dimension, what it holds and the smallest unit
    """
    lines = [line for load in loads.values() for line in load.lines]
    if not lines:
        return
    rows = goods.log.items.rows([line.product_id for line in lines])
    for name, sizes in goods.sizes.items():
        largest = max(van.capacity[name] for van in vans)
        smallest = float(sizes[rows].min())
        if largest < smallest:
            raise DataError(
                f"The largest vehicle holds {largest:g} {name}, and the smallest thing to bring takes {smallest:g}. "
                f"Raise {CAPACITY}{name}" + ("." if name == UNITS else f", or correct the column {name} of products.")
            )


def check_roads(tours: Sequence[Tour], stops: Sequence[Stop], vans: Sequence[Van], network: Network) -> None:
    """Refuse tours that would drive where no road is."""
    row = {one: at for at, one in enumerate(network.ids)}
    for tour in tours:
        van = vans[tour.fleet]
        way = [row[van.depot_id], *(row[stops[at].node_id] for at in tour.visits), row[van.end_depot]]
        for a, b in pairwise(way):
            if network.metres[a, b] >= NO_ROAD:
                raise DataError(
                    f"No plan was found without the road from {network.ids[a]} to {network.ids[b]}, which is closed. "
                    "Give more vehicles, or let one of the two be optional."
                )


def routes_of(tours: Sequence[Tour], stops: Sequence[Stop], vans: Sequence[Van]) -> tuple[Route, ...]:
    used: dict[int, int] = {}
    routes = []
    for tour in sorted(tours, key=lambda tour: (tour.fleet, tour.starts)):
        used[tour.fleet] = used.get(tour.fleet, 0) + 1
        calls = tuple(
            Call(stops[at].node_id, arrives, leaves)
            for at, arrives, leaves in zip(tour.visits, tour.arrives, tour.leaves, strict=True)
        )
        van = vans[tour.fleet].van_id
        routes.append(Route(van, used[tour.fleet], tour.starts, tour.ends, tour.metres, calls))
    return tuple(routes)


def suggestions(model: Wishes, plan: Plan, n: int) -> dict[str, list[dict[str, object]]]:
    """What else each visited stop may want, for the customer with the longest history there."""
    visited = [stop for stop in plan.stops if any(stop.node_id == call.node_id for _, _, call in plan.visits())]
    members = members_of(model.log, visited)
    bought = np.bincount(model.log.purchases["customer"].drop_nulls().to_numpy(), minlength=model.log.n_customers)
    found: dict[str, list[dict[str, object]]] = {}
    for node, rows in members.group_by("node_id", maintain_order=True):
        customers = rows["customer"].to_numpy()
        customer = model.log.customers.ids([int(customers[np.argmax(bought[customers])])])[0]
        brought = [line.product_id for line in plan.loads[str(node[0])].lines]
        found[str(node[0])] = also_wanted(model, customer, brought, n)
    return found
