"""From stops, loads and vans to whole numbers; what can never be driven is found here, and named."""

from collections.abc import Sequence

import numpy as np

from goeswith.errors import DataError
from goeswith.scenarios.clock import hour_and_minute
from goeswith.scenarios.delivery.loads import Load
from goeswith.scenarios.delivery.network import NO_ROAD, Network
from goeswith.scenarios.delivery.nodes import Depot, Stop, Van
from goeswith.scenarios.delivery.routing import FOREVER, Base, Fleet, Problem, Visit

MONEY = 100_000
"""Parts of one unit of money that the solver counts in; a kilometre at 0.01 is still a whole number a metre."""
SIZE = 1_000
"""Parts of one unit of load."""
MOST = 1 << 40


def problem_of(
    stops: Sequence[Stop],
    loads: dict[str, Load],
    service: dict[str, int],
    depots: Sequence[Depot],
    vans: Sequence[Van],
    network: Network,
) -> Problem:
    """Places are those of the network: depots first, then stops. A stop with an order or marked so is required."""
    row = {one: at for at, one in enumerate(network.ids)}
    base = {depot.depot_id: at for at, depot in enumerate(depots)}
    dimensions = list(vans[0].capacity)
    return Problem(
        network.metres,
        network.seconds,
        tuple(Base(row[depot.depot_id], depot.opens, depot.closes) for depot in depots),
        tuple(
            Visit(
                row[stop.node_id],
                tuple(int(np.ceil(SIZE * loads[stop.node_id].sizes.get(name, 0.0) - 1e-6)) for name in dimensions),
                stop.opens,
                stop.closes,
                service[stop.node_id],
                max(0, round(MONEY * loads[stop.node_id].margin)),
                is_required(stop, loads[stop.node_id]),
            )
            for stop in stops
        ),
        tuple(
            Fleet(
                van.number,
                tuple(min(MOST, int(SIZE * van.capacity[name] + 1e-6)) for name in dimensions),
                base[van.depot_id],
                base[van.end_depot],
                van.starts,
                van.ends,
                round(3600 * van.hours),
                FOREVER if van.max_km is None else round(1000 * van.max_km),
                round(MONEY * van.fixed),
                round(MONEY * van.per_km / 1000),
                round(MONEY * van.per_hour / 3600),
                round(3600 * van.overtime_hours),
                round(MONEY * van.overtime_per_hour / 3600),
            )
            for van in vans
            if van.number
        ),
    )


def is_required(stop: Stop, load: Load) -> bool:
    return stop.required or load.ordered


def why_not(stop: Stop, service: int, depots: Sequence[Depot], vans: Sequence[Van], network: Network) -> str | None:
    """Why no van could visit this stop even if it visited nobody else, or None; the nearest miss is told."""
    row = {one: at for at, one in enumerate(network.ids)}
    at = row[stop.node_id]
    bases = {depot.depot_id: depot for depot in depots}
    misses: list[tuple[float, str]] = []
    for van in vans:
        start, end = bases[van.depot_id], bases[van.end_depot]
        out, back = network.seconds[row[start.depot_id], at], network.seconds[at, row[end.depot_id]]
        if out >= NO_ROAD or back >= NO_ROAD:
            continue
        leaves = max(van.starts, start.opens)
        arrives = int(leaves + out)
        if arrives > stop.closes:
            late = arrives - stop.closes
            text = f"it closes at {hour_and_minute(stop.closes)}, and the first van can be there at "
            misses.append((late, f"{text}{hour_and_minute(arrives)}, {_minutes(late)} too late"))
            continue
        begins = max(arrives, stop.opens)
        home, shut = int(begins + service + back), min(van.ends, end.closes)
        if home > shut:
            late = home - shut
            text = f"a van that serves it after {hour_and_minute(begins)} is home at {hour_and_minute(home)}, "
            misses.append((late, f"{text}{_minutes(late)} after {hour_and_minute(shut)}"))
            continue
        length = int(out + service + back)
        allowed = round(3600 * (van.hours + van.overtime_hours))
        if length > allowed:
            text = f"it takes {_minutes(length)} there and back, {_minutes(length - allowed)} more than a driver has"
            misses.append((length - allowed, text))
            continue
        way = network.metres[row[start.depot_id], at] + network.metres[at, row[end.depot_id]]
        if van.max_km is not None and way > 1000 * van.max_km:
            over = way / 1000 - van.max_km
            misses.append((60 * over, f"it is {way / 1000:.0f} km there and back, {over:.1f} km more than a van may"))
            continue
        return None
    if not misses:
        return "no road leads there from a depot and back"
    return min(misses)[1]


def check_sizes(stops: Sequence[Stop], loads: dict[str, Load], vans: Sequence[Van]) -> None:
    """Refuse what no van can hold: one stop's order, or all that must be brought.

    Raises
    ------
    DataError : names the stop, the dimension and by how much
    """
    for name in vans[0].capacity:
        largest = max(van.capacity[name] for van in vans if van.number)
        total = sum(van.capacity[name] * van.number for van in vans)
        needed = 0.0
        for stop in stops:
            load = loads[stop.node_id]
            size = load.sizes.get(name, 0.0)
            if not is_required(stop, load):
                continue
            needed += size
            if size > largest:
                raise DataError(
                    f"Stop {stop.node_id} needs {size:g} {name}, {size - largest:g} more than the largest vehicle "
                    f"holds ({largest:g}). Split the order, or give a larger vehicle."
                )
        if needed > total:
            raise DataError(
                f"The stops that must be visited need {needed:g} {name}, {needed - total:g} more than all vehicles "
                f"hold ({total:g}). Give more vehicles, or let some stops be optional."
            )


def _minutes(seconds: float) -> str:
    minutes = int(np.ceil(seconds / 60))
    return f"{minutes} minute" + ("" if minutes == 1 else "s")
