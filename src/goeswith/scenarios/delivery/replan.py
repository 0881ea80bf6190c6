"""A plan made again after an order came or a road closed: what is not touched stays as it was."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import polars as pl

from goeswith.data.log import EVENT_COLUMNS, Log
from goeswith.data.readers.source import Source
from goeswith.data.shop import Shop
from goeswith.data.vocabulary import Vocabulary
from goeswith.errors import DataError
from goeswith.scenarios.delivery.loads import Goods, Load, goods_of, with_orders
from goeswith.scenarios.delivery.network import NO_ROAD, Network
from goeswith.scenarios.delivery.nodes import Stop, Van, read_stops
from goeswith.scenarios.delivery.plan import Plan, Route
from goeswith.scenarios.delivery.planner import NOT_WORTH, check_roads, network_for, routes_of
from goeswith.scenarios.delivery.problem import check_sizes, is_required, problem_of, why_not
from goeswith.scenarios.delivery.routing import solve
from goeswith.scenarios.delivery.service import service_seconds

FREED = 0.2
"""At most this share of the routes that nothing touched is opened to make room."""


@dataclass(frozen=True)
class Replanned:
    """kept : routes that are as they were, of `untouched` that neither an order nor a closed road concerns"""

    plan: Plan
    kept: int
    untouched: int


def replan(
    plan: Plan,
    goods: Goods,
    *,
    orders: dict[str, Load] | None = None,
    stops: Sequence[Stop] = (),
    closed: Sequence[tuple[str, str]] = (),
    seconds: float = 1.5,
) -> Replanned:
    """Change as little as the news asks for. Experimental.

    A route is touched where a road of it closed or an order came for one of its stops. Touched routes, the new stops
    and the vans that stand idle are planned again, with as few further routes as it takes, the nearest first; at most
    FREED of them, unless nothing else keeps the rules.

    Parameters
    ----------
    stops : that the plan did not know
    orders : by stop; such a stop must be visited
    closed : pairs of places; earlier closures stay
    seconds : to search; half of it for each attempt that leaves most routes alone

    Raises
    ------
    DataError : a stop that must be visited and cannot be
    """
    known = {stop.node_id for stop in plan.stops}
    every = (*plan.stops, *(stop for stop in stops if stop.node_id not in known))
    shut = tuple(dict.fromkeys([*plan.closed, *closed]))
    service = service_seconds(stops, None, 60 * plan.config.service_minutes) | plan.service
    new = orders or {}
    loads = {**{stop.node_id: Load() for stop in stops}, **plan.loads}
    for node, order in new.items():
        loads[node] = with_orders({node: loads[node]}, {node: order}, goods)[node]
    network = network_for(every, plan.depots, plan.roads).closed(list(shut))
    for stop in every:
        if is_required(stop, loads[stop.node_id]) and (
            reason := why_not(stop, service[stop.node_id], plan.depots, plan.vans, network)
        ):
            raise DataError(f"Stop {stop.node_id} must be visited and cannot be: {reason}.")
    check_sizes(every, loads, plan.vans)

    wanted = {stop.node_id for stop in every if is_required(stop, loads[stop.node_id])}
    touched = [at for at, route in enumerate(plan.routes) if _is_touched(route, plan.vans, network, set(new))]
    untouched = [at for at in range(len(plan.routes)) if at not in touched]
    planned = {call.node_id for route in plan.routes for call in route.calls}
    homeless = [node for node in wanted if node not in planned]
    nearest = _by_nearness(plan, untouched, homeless, touched, network)
    first = max(1, int(FREED * len(untouched))) if homeless and not touched else int(FREED * len(untouched))
    sizes = list(dict.fromkeys([*range(first + 1), len(untouched)]))
    for n_freed in sizes:
        free = sorted([*touched, *nearest[:n_freed]])
        if not free and homeless and n_freed < sizes[-1]:
            continue
        patience = seconds if n_freed == sizes[-1] else seconds / 2
        inserted = _again(plan, every, loads, service, network, free, homeless, patience)
        if inserted is not None:
            return _merged(plan, every, loads, service, shut, free, inserted, untouched)
    raise DataError(
        "No plan was found that keeps every window, load and driver's hours after the change. "
        "Give another vehicle, or make the plan anew: goeswith delivery SHOP plan"
    )


def _is_touched(route: Route, vans: Sequence[Van], network: Network, ordered: set[str]) -> bool:
    row = {one: at for at, one in enumerate(network.ids)}
    van = next(van for van in vans if van.van_id == route.vehicle)
    way = [van.depot_id, *(call.node_id for call in route.calls), van.end_depot]
    broken = any(network.metres[row[a], row[b]] >= NO_ROAD for a, b in pairwise(way))
    return broken or any(call.node_id in ordered for call in route.calls)


def _by_nearness(
    plan: Plan, untouched: Sequence[int], homeless: Sequence[str], touched: Sequence[int], network: Network
) -> list[int]:
    """Routes nothing touched, those that pass nearest to what must move first."""
    row = {one: at for at, one in enumerate(network.ids)}
    moving = [row[node] for node in homeless] or [row[c.node_id] for at in touched for c in plan.routes[at].calls]

    def away(at: int) -> int:
        there = [row[call.node_id] for call in plan.routes[at].calls]
        return min((int(network.metres[a, b]) for a in moving for b in there), default=NO_ROAD)

    return sorted(untouched, key=away)


def _again(
    plan: Plan,
    every: Sequence[Stop],
    loads: dict[str, Load],
    service: dict[str, int],
    network: Network,
    free: Sequence[int],
    homeless: Sequence[str],
    seconds: float,
) -> tuple[Route, ...] | None:
    """Routes for the stops of freed routes and the homeless, with their vans and the idle ones; None if none fit."""
    fixed = [route for at, route in enumerate(plan.routes) if at not in free]
    busy: dict[str, int] = {}
    for route in fixed:
        busy[route.vehicle] = busy.get(route.vehicle, 0) + 1
    vans = [replace(van, number=van.number - busy.get(van.van_id, 0)) for van in plan.vans]
    vans = [van for van in vans if van.number > 0]
    if not vans:
        return None
    moving = [call.node_id for at in free for call in plan.routes[at].calls] + list(homeless)
    stops = {stop.node_id: stop for stop in every}
    asked = [stops[node] for node in moving]
    problem = problem_of(asked, loads, service, plan.depots, vans, network)
    try:
        tours = solve(problem, seconds, plan.config.seed)
        check_roads(tours, asked, vans, network)
    except DataError:
        return None
    return routes_of(tours, asked, vans)


def _merged(
    plan: Plan,
    every: tuple[Stop, ...],
    loads: dict[str, Load],
    service: dict[str, int],
    shut: tuple[tuple[str, str], ...],
    free: Sequence[int],
    again: tuple[Route, ...],
    untouched: Sequence[int],
) -> Replanned:
    """Old routes keep their place and turn; new ones take the turns that are free."""
    routes = [route for at, route in enumerate(plan.routes) if at not in free]
    taken = {(route.vehicle, route.turn) for route in routes}
    for route in again:
        turn = next(turn for turn in range(1, len(plan.routes) + len(again) + 2) if (route.vehicle, turn) not in taken)
        taken.add((route.vehicle, turn))
        routes.append(replace(route, turn=turn))
    now = {(route.vehicle, route.calls) for route in routes}
    kept = sum((plan.routes[at].vehicle, plan.routes[at].calls) in now for at in untouched)
    visited = {call.node_id for route in routes for call in route.calls}
    left_out = {node: reason for node, reason in plan.left_out.items() if node not in visited}
    for stop in every:
        if stop.node_id not in visited and stop.node_id not in left_out:
            left_out[stop.node_id] = NOT_WORTH
    order = {van.van_id: at for at, van in enumerate(plan.vans)}
    routes.sort(key=lambda route: (order[route.vehicle], route.turn))
    made = replace(
        plan, stops=every, loads=loads, service=service, routes=tuple(routes), closed=shut, left_out=left_out
    )  # fmt: skip
    return Replanned(made, kept, len(untouched))


def new_stops(plan: Plan, source: Source) -> list[Stop]:
    """The stops of a file that the plan does not know."""
    known = {stop.node_id for stop in plan.stops}
    return [stop for stop in read_stops(source, list(plan.depots)) if stop.node_id not in known]


def goods_of_shop(folder: Path, plan: Plan) -> Goods:
    """Prices and sizes from the shop's catalogue alone: no model is loaded, for a van is waiting."""
    products = Shop.open(folder).products()
    none = pl.DataFrame(schema=EVENT_COLUMNS)
    customers = Vocabulary(pl.Series([], dtype=pl.String), kind="customer")
    log = Log(products, Vocabulary(products["product_id"], kind="product"), customers, none)
    return goods_of(log, list(plan.vans[0].capacity), plan.config.margin)
