"""goeswith related"""

from typing import Annotated, Any, Literal

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

Kind = Literal["any", "complement", "substitute"]


def related(
    shop: ShopFolder,
    product: Annotated[str | None, typer.Argument(metavar="PRODUCT", help="A product of the catalogue.")] = None,
    text: Annotated[
        str | None, typer.Option(metavar="TEXT", help="A product that is not in the catalogue, in words.")
    ] = None,
    k: HowMany = 10,
    why: WithReasons = False,
    kind: Annotated[Kind, typer.Option(help="Bought together, bought instead, or any.")] = "any",
    among: Among = None,
    exclude: Exclude = None,
    unknown: Unknown = "error",
    model: ModelVersion = None,
    json: AsJson = False,
) -> None:
    """What goes with a product."""
    import goeswith as gw

    if (product is None) == (text is None):
        raise UsageError('Name one product, or describe one: goeswith related SHOP PRODUCT, or --text "oat milk 1 l".')
    loaded = gw.load(shop, model)
    chosen: dict[str, Any] = {
        "n": k,
        "kind": kind,
        "among": listed(among),
        "exclude": listed(exclude),
        "unknown": unknown,
        "why": why,
    }
    ranking = loaded.related(product, **chosen) if text is None else loaded.related(text=text, **chosen)
    show_ranking(ranking, json, why)
    if not json and len(ranking):
        if product is None:
            next_command("audience", shop, ranking.ids[0])
        else:
            next_command("why", shop, product, ranking.ids[0])
