"""goeswith inventory"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from pydantic import ValidationError

from goeswith.cli.arguments import Among, AsJson, ShopFolder, WithReasons, listed
from goeswith.cli.printing import next_command, percent, say, show, show_json, show_table
from goeswith.cli.progress_lines import progress_for
from goeswith.cli.settings import mistakes
from goeswith.errors import UsageError

if TYPE_CHECKING:
    from goeswith.data.shop import Shop
    from goeswith.scenarios.inventory import PolicyConfig

Action = Literal["forecast", "plan", "simulate", "advise"]
FileOption = typer.Option(metavar="FILE")
ROWS = 15
MOST_PLAYED = 500
"""Series of a simulation, which makes several forecasts."""


def inventory(
    shop: ShopFolder,
    action: Annotated[Action, typer.Argument(metavar="ACTION", help="forecast, plan, simulate or advise.")],
    by: Annotated[Literal["day", "week"], typer.Option(help="The period; a week begins on Monday.")] = "week",
    horizon: Annotated[int, typer.Option(metavar="N", help="forecast: periods to come.")] = 4,
    stores: Annotated[bool, typer.Option("--stores", help="One series per product and store.")] = False,
    top: Annotated[int, typer.Option(metavar="N", min=0, help="So many best sellers; 0 for all.")] = 1000,
    among: Among = None,
    until: Annotated[str | None, typer.Option(metavar="DATE", help="As if this were the last day.")] = None,
    promotions: Annotated[Path | None, typer.Option(metavar="FILE", help="The promotion calendar.")] = None,
    holidays: Annotated[Path | None, typer.Option(metavar="FILE", help="Days that are unlike others.")] = None,
    stock: Annotated[Path | None, typer.Option(metavar="FILE", help="plan: what is in stock.")] = None,
    budget: Annotated[float | None, typer.Option(metavar="X", help="plan: money for all orders.")] = None,
    space: Annotated[float | None, typer.Option(metavar="X", help="plan: shelf space for all orders.")] = None,
    service: Annotated[float, typer.Option(metavar="SHARE", help="Share of demand to meet from the shelf.")] = 0.95,
    order_cost: Annotated[float, typer.Option(metavar="X", help="What one order line costs.")] = 0.0,
    lead_time: Annotated[float, typer.Option(metavar="DAYS", help="simulate, without --stock: lead time.")] = 7.0,
    weeks: Annotated[int, typer.Option(metavar="N", help="simulate: periods to play.")] = 8,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="For tables and report. [SHOP/inventory]")] = None,
    seed: Annotated[int, typer.Option(help="Same seed, same numbers.")] = 0,
    why: WithReasons = False,
    json: AsJson = False,
) -> None:
    """What to stock: forecasts, orders, what they would have saved, and what goes together."""
    import goeswith as gw
    from goeswith.model import meanings_of
    from goeswith.scenarios import inventory as room

    opened = gw.Shop.open(shop)
    shared: dict[str, Any] = {
        "by": by, "top": top, "among": listed(among), "until": until, "promotions": promotions,
        "vectors": meanings_of(opened), "progress": progress_for(),
    }  # fmt: skip
    folder = out or opened.folder / room.FOLDER
    if action == "advise":
        _show_advice(room.advise(opened, **shared), folder, json)
        if not json:
            next_command("inventory", shop, "forecast")
        return
    shared |= {"stores": stores, "holidays": holidays, "seed": seed}
    if action == "forecast":
        _show_forecast(opened, room.forecast(opened, horizon=horizon, **shared), folder, json, stock is None)
        if not json:
            next_command("inventory", shop, "plan", "--stock", stock or "stock.csv")
    elif action == "plan":
        policy = _policy(service, order_cost)
        plan = room.plan(opened, stock, config=policy, budget=budget, space=space, **shared)
        _show_plan(opened, plan, folder, json, why)
        if not json:
            next_command("inventory", shop, "simulate")
    else:
        policy = _policy(service, order_cost)
        shared["top"] = min(top, MOST_PLAYED) or MOST_PLAYED
        played = room.simulate(opened, weeks=weeks, stock=stock, lead_time_days=lead_time, config=policy, **shared)
        _show_simulation(played, folder, json)
        if not json:
            next_command("inventory", shop, "plan", "--stock", stock or "stock.csv")


def _policy(service: float, order_cost: float) -> "PolicyConfig":
    from goeswith.scenarios.inventory import PolicyConfig

    try:
        return PolicyConfig(service=service, order_cost=order_cost)
    except ValidationError as wrong:
        raise UsageError(mistakes(wrong)) from None


def _show_forecast(shop: "Shop", told: Any, folder: Path, json: bool, no_stock: bool) -> None:
    from goeswith.scenarios import inventory as room

    frame = told.to_frame()
    written = room.write_forecast(told, shop.products(), folder, shop.name)
    if json:
        show_json({"notes": told.notes, "forecast": frame.to_dicts(), "written": written})
        return
    first = frame.unique(["product_id", *(["store_id"] if "store_id" in frame.columns else [])], keep="first",
                         maintain_order=True)  # fmt: skip
    store = ["store_id"] if "store_id" in frame.columns else []
    columns = ["id", *store, "name", f"{told.demand.calendar.by} of", "expected", "median", "80 % band", "pattern"]
    rows = [
        [
            row["product_id"], *(row[name] for name in store), row["name"], row["period"], _units(row["mean"]),
            _units(row["q50"]), f"{_units(row['q10'])} to {_units(row['q90'])}", row["pattern"],
        ]
        for row in first.head(ROWS).iter_rows(named=True)
    ]  # fmt: skip
    show_table(columns, rows)
    show(f"\n{told.demand.n:,} series, {told.demand.horizon} {told.demand.calendar.by}s each; the first is shown.")
    if no_stock:
        say("No inventory file was given (--stock FILE): this is a forecast only, nothing is ordered.")
    _say_written(written)


def _show_plan(shop: "Shop", plan: Any, folder: Path, json: bool, why: bool) -> None:
    from goeswith.scenarios import inventory as room

    frame = plan.to_frame()
    written = room.write_plan(plan, shop.products(), folder, shop.name)
    if json:
        show_json({"notes": plan.notes, "orders": frame.to_dicts(), "written": written})
        return
    store = ["store_id"] if "store_id" in frame.columns else []
    columns = ["id", *store, "name", "order", "cases", "cost", "in stock", "up to"]
    rows = [
        [
            row["product_id"], *(row[name] for name in store), row["name"] + (f"\n  {row['why']}" if why else ""),
            _units(row["order"]), row["cases"], f"{row['cost']:,.2f}", _units(row["stock"]), _units(row["order_up_to"]),
        ]
        for row in frame.head(ROWS).iter_rows(named=True)
    ]  # fmt: skip
    if rows:
        show_table(columns, rows, folds=why)
    show(
        f"\n{len(frame):,} order lines, {frame['cost'].sum():,.2f} in all." if rows else "Nothing needs to be ordered."
    )
    _say_written(written)


def _show_simulation(played: Any, folder: Path, json: bool) -> None:
    from goeswith.scenarios import inventory as room

    frame = played.to_frame()
    written = room.write_simulation(played, folder)
    if json:
        show_json({"notes": played.notes, "policies": frame.to_dicts(), "written": written})
        return
    columns = ["policy", "service", "stock-outs", "units held", "against naive", "waste", "holding cost", "turnover"]
    show_table(
        columns,
        [
            [
                row["policy"], percent(row["service"]), percent(row["out"]), f"{row['held']:,.0f}",
                f"{-100 * row['less_held']:+.1f} %", f"{row['waste']:,.0f}", f"{row['holding']:,.2f}",
                f"{row['turnover']:.1f} a year",
            ]
            for row in frame.iter_rows(named=True)
        ],
    )  # fmt: skip
    show(f"\n{played.series:,} series, the last {played.periods} periods, each policy at the same service.")
    for note in played.notes:
        say(note)
    _say_written(written)


def _show_advice(advice: Any, folder: Path, json: bool) -> None:
    from goeswith.scenarios import inventory as room

    written = room.write_advice(advice, folder)
    if json:
        tables = {"together": advice.together, "promote": advice.promote, "price": advice.price}
        show_json(
            {"notes": advice.notes, "written": written, **{name: each.to_dicts() for name, each in tables.items()}}
        )
        return
    show("To place together:")
    pairs = advice.together.head(8).iter_rows(named=True)
    rows = [[row["name"], row["with_name"], percent(row["share"]), f"{row['lift']:.1f}"] for row in pairs]
    show_table(["name", "with", "share of its baskets", "times chance"], rows)
    sure = advice.promote.filter(advice.promote["verdict"] != "unclear")
    if len(advice.promote):
        show(f"\nWhat a promotion does to others ({len(sure):,} of {len(advice.promote):,} pairs are clear):")
        show_table(
            ["promoted", "other", "kind", "units of the other", "95 %"],
            [
                [row["name"], row["with_name"], row["verdict"], f"{100 * row['effect']:+.0f} %",
                 f"{100 * row['low']:+.0f} to {100 * row['high']:+.0f} %"]
                for row in sure.head(8).iter_rows(named=True)
            ],
        )  # fmt: skip
    if len(advice.price):
        show("\nWhat a price does (per cent of units for one per cent of price):")
        show_table(
            ["name", "elasticity", "95 %"],
            [
                [row["name"], f"{row['elasticity']:+.2f}", f"{row['low']:+.2f} to {row['high']:+.2f}"]
                for row in advice.price.head(8).iter_rows(named=True)
            ],
        )
    for note in advice.notes:
        say(note)
    _say_written(written)


def _say_written(written: list[Path]) -> None:
    say(f"\nWritten to {written[0].parent}: {', '.join(path.name for path in written)}")


def _units(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or value == round(value) else f"{value:,.1f}"
