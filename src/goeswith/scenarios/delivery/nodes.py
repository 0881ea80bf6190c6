"""Who may be visited, from where, and with which vans: the planner's tables."""

from dataclasses import dataclass, field
from typing import Any

import polars as pl

from goeswith.data.readers.source import Source
from goeswith.errors import DataError
from goeswith.scenarios.clock import DAY, seconds_of
from goeswith.scenarios.places import check_places
from goeswith.scenarios.tables import distinct, is_yes, read_table, rows_of

KINDS = ("customer", "locker", "shop")
_PLACE = {
    "latitude": "latitude lat",
    "longitude": "longitude lon lng long",
    "opens": "opens from ready open_time tw_early earliest",
    "closes": "closes until due close_time tw_late latest",
}
STOPS = {
    "node_id": "node_id stop_id node stop id",
    "name": "name title",
    "kind": "kind type",
    **_PLACE,
    "customers": "customers customer_id customer customer_ids",
    "store_id": "store_id store",
    "service_minutes": "service_minutes service minutes",
    "required": "required must",
    "day": "day date",
}
DEPOTS = {"depot_id": "depot_id depot node_id id", "name": "name title", **_PLACE}
VANS = {
    "van_id": "van_id vehicle_id van vehicle id",
    "depot_id": "depot_id depot start_depot start",
    "end_depot": "end_depot end",
    "number": "number count available",
    "starts": "starts shift_starts earliest",
    "ends": "ends shift_ends latest",
    "hours": "hours max_hours shift_hours drivers_hours",
    "overtime_hours": "overtime_hours overtime",
    "overtime_per_hour": "overtime_per_hour overtime_cost",
    "per_km": "per_km cost_per_km km_cost",
    "per_hour": "per_hour cost_per_hour wage",
    "fixed": "fixed fixed_cost",
    "max_km": "max_km range_km",
}
CAPACITY = "capacity_"
UNITS = "units"
"""The dimension that every product has: one."""


@dataclass(frozen=True)
class Stop:
    """Who may be visited.

    opens, closes : seconds after midnight between which service begins
    customers : who stands behind it, ids of the shop
    service : seconds; None where the table does not say
    """

    node_id: str
    latitude: float
    longitude: float
    name: str = ""
    kind: str = "customer"
    opens: int = 0
    closes: int = DAY
    customers: tuple[str, ...] = ()
    store_id: str | None = None
    service: int | None = None
    required: bool = False


@dataclass(frozen=True)
class Depot:
    depot_id: str
    latitude: float
    longitude: float
    name: str = ""
    opens: int = 0
    closes: int = DAY


@dataclass(frozen=True)
class Van:
    """capacity : by dimension; starts, ends, seconds after midnight; hours, of the driver, before overtime; money in
    the shop's currency"""

    van_id: str
    depot_id: str
    end_depot: str
    capacity: dict[str, float] = field(default_factory=dict)
    number: int = 1
    starts: int = 0
    ends: int = DAY
    hours: float = 9.0
    overtime_hours: float = 0.0
    overtime_per_hour: float = 0.0
    per_km: float = 0.4
    per_hour: float = 0.0
    fixed: float = 0.0
    max_km: float | None = None


def read_depots(source: Source) -> list[Depot]:
    """The depots of a file or frame."""
    table, frame = read_table(
        source, "depots", DEPOTS, ["depot_id", "latitude", "longitude"], ["latitude", "longitude"]
    )
    check_places(table, frame["depot_id"].to_list(), frame["latitude"].to_list(), frame["longitude"].to_list())
    distinct(table, "depot", frame["depot_id"].to_list())
    return [
        Depot(row["depot_id"], row["latitude"], row["longitude"], row.get("name") or "", *_window(table, at, row))
        for at, row in rows_of(frame)
    ]


def read_stops(source: Source, depots: list[Depot], day: str | None = None) -> list[Stop]:
    """The stops of a file or frame; of one day where the table has a column `day`.

    Raises
    ------
    DataError : nobody to visit that day, coordinates that cannot be meant, a window that closes before it opens
    """
    numbers = ["latitude", "longitude", "service_minutes"]
    table, frame = read_table(source, "stops", STOPS, ["node_id", "latitude", "longitude"], numbers)
    if day is not None and "day" in frame.columns:
        days = sorted(set(frame["day"].drop_nulls()))
        frame = frame.filter(pl.col("day") == day)
        if frame.is_empty():
            shown = ", ".join(days[:5]) + (", …" if len(days) > 5 else "")
            raise DataError(f"{table}: nobody is to be visited on {day}. Days with stops: {shown}. Choose one of them.")
    ids = frame["node_id"].to_list()
    near = ([depot.latitude for depot in depots], [depot.longitude for depot in depots])
    check_places(table, ids, frame["latitude"].to_list(), frame["longitude"].to_list(), near)
    distinct(table, "stop", [*ids, *(depot.depot_id for depot in depots)])
    return [_stop(table, at, row) for at, row in rows_of(frame)]


def read_vans(source: Source, depots: list[Depot]) -> list[Van]:
    """The vans of a file or frame; every column capacity_X is a dimension X."""
    columns = read_table(source, "vehicles", VANS, ["van_id"])[1].columns
    capacities = [name for name in columns if name.startswith(CAPACITY)]
    numbers = [*capacities, "number", "hours", "overtime_hours", "overtime_per_hour", "per_km", "per_hour", "fixed"]
    table, frame = read_table(source, "vehicles", VANS, ["van_id"], [*numbers, "max_km"])
    distinct(table, "vehicle", frame["van_id"].to_list())
    vans = [_van(table, at, row, capacities, depots) for at, row in rows_of(frame)]
    if not any(van.number for van in vans):
        raise DataError(f"{table}: no vehicle is available. Give at least one a number above 0.")
    return vans


def _window(table: str, at: int, row: dict[str, Any]) -> tuple[int, int]:
    opens = seconds_of(row["opens"], f"{table} row {at}, opens") if row.get("opens") else 0
    closes = seconds_of(row["closes"], f"{table} row {at}, closes") if row.get("closes") else DAY
    if closes < opens:
        late = (opens - closes) // 60
        raise DataError(
            f"{table} row {at}: closes at {row['closes']}, {late} minutes before it opens at {row['opens']}. "
            "Swap or correct the two."
        )
    return opens, closes


def _stop(table: str, at: int, row: dict[str, Any]) -> Stop:
    kind = (row.get("kind") or "customer").lower()
    if kind not in KINDS:
        raise DataError(f"{table} row {at}: kind {kind!r} is not known. Write one of {', '.join(KINDS)}.")
    named = row.get("customers")
    given = named.replace("|", ";").split(";") if named else []
    if not given and kind == "customer" and "customers" not in row:
        given = [row["node_id"]]
    minutes = row.get("service_minutes")
    opens, closes = _window(table, at, row)
    return Stop(
        row["node_id"],
        row["latitude"],
        row["longitude"],
        row.get("name") or "",
        kind,
        opens,
        closes,
        tuple(one.strip() for one in given if one.strip()),
        row.get("store_id"),
        None if minutes is None else round(60 * minutes),
        is_yes(row.get("required")),
    )


def _van(table: str, at: int, row: dict[str, Any], capacities: list[str], depots: list[Depot]) -> Van:
    known = [depot.depot_id for depot in depots]
    start = row.get("depot_id") or known[0]
    end = row.get("end_depot") or start
    for named in (start, end):
        if named not in known:
            raise DataError(f"{table} row {at}: depot {named} is not known. There are: {', '.join(known)}.")
    numbers: dict[str, Any] = {}
    for name in ("hours", "overtime_hours", "overtime_per_hour", "per_km", "per_hour", "fixed", "max_km"):
        if row.get(name) is not None:
            numbers[name] = _not_negative(table, at, name, row[name])
    for name in ("starts", "ends"):
        if row.get(name):
            numbers[name] = seconds_of(row[name], f"{table} row {at}, {name}")
    if row.get("number") is not None:
        numbers["number"] = int(_not_negative(table, at, "number", row["number"]))
    capacity = {}
    for name in capacities:
        if row[name] is None:
            raise DataError(f"{table} row {at}: {name} is no number. Every vehicle needs one, or leave the column out.")
        capacity[name.removeprefix(CAPACITY)] = _not_negative(table, at, name, row[name])
    return Van(row["van_id"], start, end, capacity, **numbers)


def _not_negative(table: str, at: int, name: str, value: float) -> float:
    if not value >= 0:
        raise DataError(f"{table} row {at}: {name} is {value:g}. It cannot be below 0.")
    return float(value)
