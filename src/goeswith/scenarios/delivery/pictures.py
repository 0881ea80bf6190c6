"""A plan for other programs' maps (GeoJSON, RFC 7946) and drawn without tiles (SVG)."""

from typing import Any

from goeswith.scenarios.clock import hour_and_minute
from goeswith.scenarios.delivery.plan import Plan, Route
from goeswith.scenarios.drawing import Mark, Way, colour_of, drawn


def to_geojson(plan: Plan) -> dict[str, Any]:
    """A line for each route, a point for each depot and stop; coordinates are longitude, latitude."""
    features = [
        {
            "type": "Feature",
            "geometry": {"type": "LineString", "coordinates": [[lon, lat] for lat, lon in _points(plan, route)]},
            "properties": {
                "route": number,
                "vehicle": route.vehicle,
                "starts": hour_and_minute(route.starts),
                "ends": hour_and_minute(route.ends),
                "km": round(route.metres / 1000, 2),
                "stops": len(route.calls),
            },
        }
        for number, route in enumerate(plan.routes, start=1)
    ]
    for depot in plan.depots:
        features.append(_point(depot.latitude, depot.longitude, {"depot": depot.depot_id, "name": depot.name}))
    place = {call.node_id: (route, at, call) for route, at, call in plan.visits()}
    for stop in plan.stops:
        told: dict[str, Any] = {"stop": stop.node_id, "name": stop.name, "kind": stop.kind}
        if stop.node_id in place:
            route, at, call = place[stop.node_id]
            told |= {
                "vehicle": route.vehicle,
                "place": at,
                "arrives": hour_and_minute(call.arrives),
                "leaves": hour_and_minute(call.leaves),
                "load": [f"{line.units} x {line.name or line.product_id}" for line in plan.loads[stop.node_id].lines],
                "also_wanted": [one["name"] for one in plan.also_wanted.get(stop.node_id, [])],
            }
        else:
            told["left_out"] = plan.left_out.get(stop.node_id, "")
        features.append(_point(stop.latitude, stop.longitude, told))
    return {"type": "FeatureCollection", "features": features}


def to_svg(plan: Plan) -> str:
    """The map: squares are depots, numbers the order of a route, rings the stops that are left out."""
    where = {call.node_id: (number, at, call) for number, route in enumerate(plan.routes)
             for at, call in enumerate(route.calls, start=1)}  # fmt: skip
    marks = []
    for stop in plan.stops:
        name = stop.name or stop.node_id
        if stop.node_id in where:
            number, at, call = where[stop.node_id]
            label = f"{name}: {hour_and_minute(call.arrives)}, stop {at} of route {number + 1}"
            marks.append(Mark(stop.latitude, stop.longitude, label, str(at), "stop", colour_of(number)))
        else:
            reason = plan.left_out.get(stop.node_id, "not visited")
            marks.append(Mark(stop.latitude, stop.longitude, f"{name}: {reason}", kind="left"))
    for depot in plan.depots:
        marks.append(Mark(depot.latitude, depot.longitude, depot.name or depot.depot_id, kind="depot"))
    ways = []
    for number, route in enumerate(plan.routes):
        label = f"{number + 1}  {route.vehicle}: {len(route.calls)} stops, {route.metres / 1000:.0f} km"
        ways.append(Way(tuple(_points(plan, route)), label, colour_of(number)))
    title = f"{len(plan.routes)} routes, {len(where)} stops, {plan.km:.0f} km"
    return drawn(title, marks, ways)


def _points(plan: Plan, route: Route) -> list[tuple[float, float]]:
    stops = {stop.node_id: (stop.latitude, stop.longitude) for stop in plan.stops}
    depots = {depot.depot_id: (depot.latitude, depot.longitude) for depot in plan.depots}
    van = next(van for van in plan.vans if van.van_id == route.vehicle)
    return [depots[van.depot_id], *(stops[call.node_id] for call in route.calls), depots[van.end_depot]]


def _point(latitude: float, longitude: float, properties: dict[str, Any]) -> dict[str, Any]:
    geometry = {"type": "Point", "coordinates": [longitude, latitude]}
    return {"type": "Feature", "geometry": geometry, "properties": properties}
