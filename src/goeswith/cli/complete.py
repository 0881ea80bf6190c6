"""goeswith complete"""

from typing import Annotated

import typer

from goeswith.cli.arguments import (
    Among,
    AsJson,
    Exclude,
    HowMany,
    ModelVersion,
    ShopFolder,
    Unknown,
    WithReasons,
    listed,
)
from goeswith.cli.printing import next_command, show_ranking


def complete(
    shop: ShopFolder,
    products: Annotated[list[str], typer.Argument(metavar="PRODUCT...", help="What is in the basket already.")],
    customer: Annotated[str | None, typer.Option(metavar="CUSTOMER", help="Whose basket it is, if known.")] = None,
    k: HowMany = 10,
    why: WithReasons = False,
    among: Among = None,
    exclude: Exclude = None,
    unknown: Unknown = "error",
    model: ModelVersion = None,
    json: AsJson = False,
) -> None:
    """What is still to come in a basket."""
    import goeswith as gw

    loaded = gw.load(shop, model)
    ranking = loaded.complete(
        products,
        customer=customer,
        n=k,
        among=listed(among),
        exclude=listed(exclude),
        unknown=unknown,
        why=why,
    )
    show_ranking(ranking, json, why)
    if not json and len(ranking):
        next_command("why", shop, products[0], ranking.ids[0])
