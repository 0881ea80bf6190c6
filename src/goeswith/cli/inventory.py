"""goeswith inventory"""

from pathlib import Path
from typing import Annotated, Literal

import typer

from goeswith.cli.arguments import Among, AsJson, ShopFolder, listed
from goeswith.cli.printing import next_command, show_json, show_table
from goeswith.cli.progress_lines import progress_for

Action = Literal["forecast"]


def inventory(
    shop: ShopFolder,
    action: Annotated[Action, typer.Argument(metavar="ACTION", help="forecast.")],
    by: Annotated[Literal["day", "week"], typer.Option(help="The period.")] = "week",
    horizon: Annotated[int, typer.Option(metavar="N", help="Periods to come.")] = 4,
    stores: Annotated[bool, typer.Option("--stores", help="One series per product and store.")] = False,
    top: Annotated[int, typer.Option(metavar="N", min=0, help="So many best sellers; 0 for all.")] = 1000,
    among: Among = None,
    until: Annotated[str | None, typer.Option(metavar="DATE", help="As if this were today.")] = None,
    promotions: Annotated[Path | None, typer.Option(metavar="FILE", help="The promotion calendar.")] = None,
    holidays: Annotated[Path | None, typer.Option(metavar="FILE", help="Days that are unlike others.")] = None,
    json: AsJson = False,
) -> None:
    """What to stock: forecasts."""
    import goeswith as gw
    from goeswith.scenarios import inventory as room

    told = room.forecast(
        gw.Shop.open(shop), by=by, horizon=horizon, stores=stores, top=top, among=listed(among), until=until,
        promotions=promotions, holidays=holidays, progress=progress_for(),
    )  # fmt: skip
    frame = told.to_frame()
    if json:
        show_json(frame.to_dicts())
        return
    show_table(frame.columns, frame.head(20).iter_rows())
    next_command("inventory", shop, "plan")
