"""goeswith init"""

from pathlib import Path
from typing import Annotated

import typer

from goeswith.cli.arguments import AsJson
from goeswith.cli.printing import next_command, show, show_json
from goeswith.errors import UsageError

NewShop = Annotated[Path, typer.Argument(metavar="SHOP", help="The folder to make.")]


def init(
    shop: NewShop,
    products: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The catalogue; if left out, products are derived from the events."),
    ] = None,
    events: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Purchases, views, carts, wishes, returns.")
    ] = None,
    map_: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="OURS=THEIRS", help="Which of your columns is ours; as often as needed."),
    ] = None,
    format: Annotated[
        str, typer.Option(help="auto, or the form of the files: recbole, amazon, gorse, retail.")
    ] = "auto",
    name: Annotated[str | None, typer.Option(help="What the shop is called; the folder's name if left out.")] = None,
    time_zone: Annotated[
        str, typer.Option(metavar="ZONE", help="The shop's own; times that carry a zone are brought to it.")
    ] = "UTC",
    json: AsJson = False,
) -> None:
    """Make a shop folder from a products file and an events file."""
    from goeswith.data.shop import Shop

    columns = column_map(map_ or [])
    made = Shop.create(
        shop, products=products, events=events, columns=columns, format=format, name=name, time_zone=time_zone
    )
    if json:
        show_json({"folder": str(shop), **made.report.to_dict()})
        return
    show(made.report)
    next_command("fit", shop)


def column_map(pairs: list[str]) -> dict[str, str] | None:
    """
    >>> column_map(["product_id=StockCode"])
    {'product_id': 'StockCode'}
    """
    columns: dict[str, str] = {}
    for pair in pairs:
        ours, equals, theirs = (part.strip() for part in pair.partition("="))
        if not (ours and equals and theirs):
            raise UsageError(f"--map {pair}: write it as OURS=THEIRS, for example --map product_id=StockCode")
        if ours in columns:
            raise UsageError(f"--map {pair}: {ours} is mapped already, to {columns[ours]}. Keep one of the two.")
        columns[ours] = theirs
    return columns or None
