"""goeswith recommend"""

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
from goeswith.errors import UsageError


def recommend(
    shop: ShopFolder,
    customer: Annotated[str | None, typer.Argument(metavar="CUSTOMER", help="A customer of the shop.")] = None,
    history: Annotated[
        str | None, typer.Option(metavar="P,P", help="What a customer nobody has seen bought, oldest first.")
    ] = None,
    k: HowMany = 10,
    why: WithReasons = False,
    novel: Annotated[bool, typer.Option("--novel", help="Only what this customer has never bought.")] = False,
    across: Annotated[bool, typer.Option("--across", help="Only categories this customer has not bought.")] = False,
    among: Among = None,
    exclude: Exclude = None,
    unknown: Unknown = "error",
    model: ModelVersion = None,
    json: AsJson = False,
) -> None:
    """What to offer to a customer."""
    import goeswith as gw

    products = listed(history)
    if (customer is None) == (products is None):
        raise UsageError("Name one customer, or what one bought: goeswith recommend SHOP CUSTOMER, or --history P1,P2.")
    if products == []:
        raise UsageError("--history is empty. Give at least one product: --history P1,P2.")
    loaded = gw.load(shop, model)
    ranking = loaded.recommend(
        customer,
        history=products,
        n=k,
        novel=novel,
        across=across,
        among=listed(among),
        exclude=listed(exclude),
        unknown=unknown,
        why=why,
    )
    show_ranking(ranking, json, why)
    if not json and len(ranking):
        next_command("related", shop, ranking.ids[0], "--why")
