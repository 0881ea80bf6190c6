"""goeswith why"""

from typing import Annotated

import typer

from goeswith.cli.arguments import AsJson, ModelVersion, ShopFolder
from goeswith.cli.printing import next_command, show, show_json


def why(
    shop: ShopFolder,
    a: Annotated[str, typer.Argument(metavar="A", help="The product that is there.")],
    b: Annotated[str, typer.Argument(metavar="B", help="The product that may go with it.")],
    model: ModelVersion = None,
    json: AsJson = False,
) -> None:
    """Why B goes with A, in counted evidence."""
    import goeswith as gw

    explanation = gw.load(shop, model).explain(a, b)
    if json:
        show_json({"a": a, "b": b, **explanation.to_dict()})
        return
    show(explanation)
    next_command("probability", shop, a, b)
