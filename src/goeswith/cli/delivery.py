"""goeswith delivery"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from goeswith.cli.arguments import AsJson, ModelVersion, ShopFolder, listed
from goeswith.cli.printing import next_command, percent, say, show, show_json, show_table
from goeswith.cli.progress_lines import progress_for
from goeswith.errors import UsageError

if TYPE_CHECKING:
    from goeswith.scenarios.delivery import Plan, Replanned, Roads


def delivery(
    shop: ShopFolder,
    action: Annotated[
        Literal["plan", "replan"],
        typer.Argument(metavar="ACTION", help="plan a day, or replan: change the plan in --out as little as needed."),
    ] = "plan",
    stops: Annotated[Path | None, typer.Option(metavar="FILE", help="Who may be visited: node_id, latitude, …")] = None,
    depots: Annotated[Path | None, typer.Option(metavar="FILE", help="Where vans start: depot_id, latitude, …")] = None,
    vehicles: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The vans: van_id, depot_id, capacity_units, …")
    ] = None,
    orders: Annotated[
        Path | None, typer.Option(metavar="FILE", help="What somebody waits for: node_id, product_id, quantity.")
    ] = None,
    visits: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Timed visits, to learn from: node_id, arrived, left.")
    ] = None,
    matrix: Annotated[Path | None, typer.Option(metavar="FILE", help="A square table of kilometres.")] = None,
    osrm: Annotated[str | None, typer.Option(metavar="URL", help="A local OSRM server to ask for the table.")] = None,
    close: Annotated[
        list[str] | None, typer.Option(metavar="A,B", help="A road that is closed, by the places it joins; may repeat.")
    ] = None,
    day: Annotated[str | None, typer.Option(metavar="DAY", help="Only stops whose column day says so.")] = None,
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="Settings of delivery, a TOML file.")
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(metavar="S", min=0.1, help="How long to search for routes. [10; replan 1.5]")
    ] = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where the plan is written.")] = Path("delivery-plan"),
    model: ModelVersion = None,
    json: AsJson = False,
) -> None:
    """Plan delivery: what each stop may want, what the vans load, and the way there."""
    closed = [_pair(text) for text in close or []]
    roads = _roads(matrix, osrm)
    if action == "plan":
        if stops is None or depots is None or vehicles is None:
            raise UsageError("plan needs --stops F, --depots F and --vehicles F.")
        made = _plan(shop, stops, depots, vehicles, orders, visits, roads, closed, day, config, seconds, model)
        _written(shop, made, out, json)
        return
    again = _replan(shop, stops, orders, roads, closed, seconds, out)
    _written(shop, again.plan, out, json, again)


def _plan(
    shop: Path,
    stops: Path,
    depots: Path,
    vehicles: Path,
    orders: Path | None,
    visits: Path | None,
    roads: "Roads | None",
    closed: list[tuple[str, str]],
    day: str | None,
    config: Path | None,
    seconds: float | None,
    model: str | None,
) -> "Plan":
    import goeswith as gw
    from goeswith.scenarios import delivery as room

    settings = room.settings_from(config, seconds)
    bases = room.read_depots(depots)
    vans = room.read_vans(vehicles, bases)
    nodes = room.read_stops(stops, bases, day)
    timed = None if visits is None else room.read_visits(visits)
    loaded = gw.load(shop, model)
    ordered = None
    if orders is not None:
        goods = room.goods_of(loaded.log, room.dimensions_of(vans), settings.margin)
        ordered = room.read_orders(orders, goods, [node.node_id for node in nodes])
    return room.plan_day(
        loaded,
        nodes,
        bases,
        vans,
        orders=ordered,
        visits=timed,
        roads=roads,
        closed=closed,
        config=settings,
        progress=progress_for(),
    )


def _replan(
    shop: Path,
    stops: Path | None,
    orders: Path | None,
    roads: "Roads | None",
    closed: list[tuple[str, str]],
    seconds: float | None,
    out: Path,
) -> "Replanned":
    from dataclasses import replace

    from goeswith.scenarios import delivery as room

    if stops is None and orders is None and not closed:
        raise UsageError("replan needs news: --orders F, --close A,B, or --stops F with new stops.")
    plan = room.read_plan(out)
    if roads is not None:
        plan = replace(plan, roads=roads)
    new = [] if stops is None else room.new_stops(plan, stops)
    goods = room.goods_of_shop(shop, plan)
    nodes = [stop.node_id for stop in (*plan.stops, *new)]
    ordered = None if orders is None else room.read_orders(orders, goods, nodes)
    return room.replan(plan, goods, orders=ordered, stops=new, closed=closed, seconds=seconds or 1.5)


def _pair(text: str) -> tuple[str, str]:
    names = listed(text) or []
    if len(names) != 2:
        raise UsageError(f"--close {text}: name the two places that the road joins, as --close A,B.")
    return names[0], names[1]


def _roads(matrix: Path | None, osrm: str | None) -> "Roads | None":
    from goeswith.scenarios.delivery import Roads

    if matrix is not None and osrm is not None:
        raise UsageError("Give --matrix or --osrm, not both.")
    if matrix is not None:
        return Roads("matrix", str(matrix))
    return None if osrm is None else Roads("osrm", osrm)


def _written(shop: Path, plan: "Plan", out: Path, as_json: bool, again: "Replanned | None" = None) -> None:
    from goeswith.scenarios.delivery import write_plan

    files = write_plan(plan, out)
    told = plan.summary() | ({} if again is None else {"kept_routes": again.kept, "untouched_routes": again.untouched})
    if as_json:
        show_json(
            {
                "summary": told,
                "routes": plan.to_frame().to_dicts(),
                "left_out": plan.left_out,
                "also_wanted": plan.also_wanted,
                "notes": plan.notes,
                "files": files,
            }
        )
        return
    show_plan(plan)
    if again is not None:
        show(f"\n{again.kept} of {again.untouched} routes that nothing touched are as they were.")
    say(f"\nWritten to {out}: {', '.join(file.name for file in files)}")
    next_command("delivery", shop, "replan", "--out", out, "--orders", "new-orders.csv")


def show_plan(plan: "Plan") -> None:
    """The routes, what they carry and earn, who is left out, and a few further wishes."""
    from goeswith.scenarios.clock import hour_and_minute

    if not plan.routes:
        show("No visit earns its way, so no van leaves.")
    else:
        dimensions = list(plan.vans[0].capacity)
        rows = [
            [
                f"{route.vehicle} ({route.turn})" if route.turn > 1 else route.vehicle,
                len(route.calls),
                f"{hour_and_minute(route.starts)} to {hour_and_minute(route.ends)}",
                f"{route.metres / 1000:.1f}",
                *(f"{plan.load_of(route).get(name, 0.0):g}" for name in dimensions),
                f"{sum(plan.loads[call.node_id].margin for call in route.calls):.2f}",
            ]
            for route in plan.routes
        ]
        show_table(["vehicle", "stops", "out and home", "km", *dimensions, "margin"], rows)
    told = plan.summary()
    show(
        f"\n{told['visits']} visits, {told['km']} km, {told['hours']} hours; expected margin "
        f"{told['expected_margin']:.2f}, cost of the way {told['cost']:.2f}."
    )
    reasons: dict[str, list[str]] = {}
    for node, reason in plan.left_out.items():
        reasons.setdefault(reason, []).append(node)
    for reason, nodes in reasons.items():
        show(f"Left out: {', '.join(nodes[:6])}{', …' if len(nodes) > 6 else ''} ({len(nodes)}): {reason}.")
    for note in plan.notes:
        show(f"Note: {note}.")
    some = [(node, one) for node, wishes in plan.also_wanted.items() for one in wishes[:1]][:5]
    if some:
        show("\nAlso wanted (all in plan.json):")
        for node, one in some:
            why = f", {one['reasons'][0]}" if one["reasons"] else ""
            show(f"  {node}: {one['name']} ({percent(one['probability'])}){why}")
