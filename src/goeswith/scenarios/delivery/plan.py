"""A day's plan: who is visited by which van, when, and with what."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from goeswith.scenarios.clock import hour_and_minute
from goeswith.scenarios.delivery.config import DeliveryConfig
from goeswith.scenarios.delivery.loads import Load
from goeswith.scenarios.delivery.network import Roads
from goeswith.scenarios.delivery.nodes import Depot, Stop, Van


@dataclass(frozen=True)
class Call:
    """A visit of a plan; arrives and leaves in seconds after midnight, service lies between them."""

    node_id: str
    arrives: int
    leaves: int


@dataclass(frozen=True)
class Route:
    """One van's day. vehicle : of the plan's vans; turn : which of those that are alike, from 1"""

    vehicle: str
    turn: int
    starts: int
    ends: int
    metres: int
    calls: tuple[Call, ...]

    @property
    def hours(self) -> float:
        return (self.ends - self.starts) / 3600


@dataclass(frozen=True)
class Plan:
    """A day's plan, and all it was made of, so that it can be made again when something changes.

    service : seconds by stop; closed : pairs of places between which no road is open; left_out : optional stops that
    are not visited, with the reason; also_wanted : further products by stop; notes : what was set aside
    """

    stops: tuple[Stop, ...]
    depots: tuple[Depot, ...]
    vans: tuple[Van, ...]
    loads: dict[str, Load]
    service: dict[str, int]
    routes: tuple[Route, ...]
    roads: Roads = field(default_factory=Roads)
    closed: tuple[tuple[str, str], ...] = ()
    left_out: dict[str, str] = field(default_factory=dict)
    also_wanted: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    config: DeliveryConfig = field(default_factory=DeliveryConfig)

    @property
    def km(self) -> float:
        return sum(route.metres for route in self.routes) / 1000

    @property
    def margin(self) -> float:
        """What the visited stops are expected to earn, before the way is paid."""
        return sum(self.loads[call.node_id].margin for route in self.routes for call in route.calls)

    @property
    def cost(self) -> float:
        """What the way costs: kilometres, hours, overtime and vans."""
        vans = {van.van_id: van for van in self.vans}
        return sum(cost_of(route, vans[route.vehicle]) for route in self.routes)

    def visits(self) -> Iterator[tuple[Route, int, Call]]:
        """Every call with its place in its route, from 1."""
        for route in self.routes:
            for place, call in enumerate(route.calls, start=1):
                yield route, place, call

    def to_frame(self) -> pl.DataFrame:
        """vehicle, turn, place (from 1), node_id, name, arrives, leaves, units, margin, ordered."""
        stops = {stop.node_id: stop for stop in self.stops}
        rows = [
            {
                "vehicle": route.vehicle,
                "turn": route.turn,
                "place": place,
                "node_id": call.node_id,
                "name": stops[call.node_id].name,
                "arrives": hour_and_minute(call.arrives),
                "leaves": hour_and_minute(call.leaves),
                "units": sum(line.units for line in self.loads[call.node_id].lines),
                "margin": round(self.loads[call.node_id].margin, 2),
                "ordered": self.loads[call.node_id].ordered,
            }
            for route, place, call in self.visits()
        ]
        schema = {"vehicle": pl.String, "turn": pl.Int64, "place": pl.Int64, "node_id": pl.String, "name": pl.String,
                  "arrives": pl.String, "leaves": pl.String, "units": pl.Int64, "margin": pl.Float64,
                  "ordered": pl.Boolean}  # fmt: skip
        return pl.DataFrame(rows, schema=schema)

    def loads_frame(self) -> pl.DataFrame:
        """vehicle, turn, node_id, product_id, name, units, probability (null: ordered), margin; what each van loads."""
        rows = [
            (route.vehicle, route.turn, call.node_id, str(line.product_id), line.name, line.units, line.probability,
             round(line.margin, 4))
            for route, _, call in self.visits()
            for line in self.loads[call.node_id].lines
        ]  # fmt: skip
        schema = {"vehicle": pl.String, "turn": pl.Int64, "node_id": pl.String, "product_id": pl.String,
                  "name": pl.String, "units": pl.Int64, "probability": pl.Float64, "margin": pl.Float64}  # fmt: skip
        return pl.DataFrame(rows, schema=schema, orient="row")

    def load_of(self, route: Route) -> dict[str, float]:
        """What the van carries when it leaves, by dimension."""
        total: dict[str, float] = {}
        for call in route.calls:
            for name, size in self.loads[call.node_id].sizes.items():
                total[name] = total.get(name, 0.0) + size
        return total

    def summary(self) -> dict[str, Any]:
        visited = sum(len(route.calls) for route in self.routes)
        return {
            "routes": len(self.routes),
            "visits": visited,
            "left_out": len(self.left_out),
            "km": round(self.km, 1),
            "hours": round(sum(route.hours for route in self.routes), 1),
            "expected_margin": round(self.margin, 2),
            "cost": round(self.cost, 2),
            "margin_per_km": round(self.margin / self.km, 3) if self.km else None,
        }


def cost_of(route: Route, van: Van) -> float:
    """Money: the van, its kilometres, its driver's hours and overtime."""
    extra = max(0.0, route.hours - van.hours)
    return van.fixed + van.per_km * route.metres / 1000 + van.per_hour * route.hours + van.overtime_per_hour * extra
