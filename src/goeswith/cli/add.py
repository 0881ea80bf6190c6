"""goeswith add"""

from pathlib import Path
from typing import Annotated

import typer

from goeswith.cli.arguments import AsJson, ShopFolder
from goeswith.cli.printing import next_command, show, show_json


def add(
    shop: ShopFolder,
    products: Annotated[Path | None, typer.Option(metavar="FILE", help="New or changed products.")] = None,
    events: Annotated[Path | None, typer.Option(metavar="FILE", help="New events; those already there stay.")] = None,
    json: AsJson = False,
) -> None:
    """Add products or events to a shop; adding the same file twice changes nothing."""
    from goeswith.data.shop import Shop

    opened = Shop.open(shop)
    opened.add(products=products, events=events)
    if json:
        show_json({"folder": str(shop), **opened.report.to_dict()})
        return
    show(opened.report)
    next_command("fit", shop)
