"""goeswith audience"""

from typing import Annotated

import typer

from goeswith.cli.arguments import AsJson, HowMany, ModelVersion, ShopFolder
from goeswith.cli.printing import next_command, percent, show, show_json, show_table


def audience(
    shop: ShopFolder,
    product: Annotated[str, typer.Argument(metavar="PRODUCT", help="The product to offer.")],
    k: HowMany = 100,
    model: ModelVersion = None,
    json: AsJson = False,
) -> None:
    """The customers to whom a product should be offered."""
    import goeswith as gw

    customers = gw.load(shop, model).audience(product, n=k).to_dicts()
    if json:
        show_json({"product_id": product, "customers": customers})
        return
    if not customers:
        show("No customer of this shop fits.")
        return
    shown = list(customers[0])
    show_table(shown, [[percent(row[c]) if c == "probability" else row[c] for c in shown] for row in customers])
    next_command("recommend", shop, customers[0]["customer_id"], "--why")
