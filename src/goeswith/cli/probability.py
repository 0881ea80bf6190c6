"""goeswith probability"""

from typing import Annotated

import typer

from goeswith.cli.arguments import AsJson, ModelVersion, ShopFolder
from goeswith.cli.printing import next_command, percent, show, show_json


def probability(
    shop: ShopFolder,
    a: Annotated[str, typer.Argument(metavar="A", help="The product that is in the basket.")],
    b: Annotated[str, typer.Argument(metavar="B", help="The product that may go with it.")],
    model: ModelVersion = None,
    json: AsJson = False,
) -> None:
    """Of baskets with A, in what share is B."""
    import goeswith as gw

    answer = gw.load(shop, model).probability(a, b)
    if json:
        numbers = {"value": answer.value, "low": answer.low, "high": answer.high, "baskets": answer.baskets}
        show_json({"a": a, "b": b, **numbers})
        return
    show(
        f"{percent(answer.value)} of baskets with {a} have {b} "
        f"(between {percent(answer.low)} and {percent(answer.high)}; {answer.baskets:,} baskets with {a} were seen)"
    )
    next_command("why", shop, a, b)
