"""goeswith models"""

from typing import Annotated

import typer

from goeswith.cli.arguments import AsJson, ShopFolder
from goeswith.cli.printing import next_command, show, show_json, show_table

models = typer.Typer(
    help="The model versions of a shop: list them, look at one, choose the one that serves.", no_args_is_help=True
)
Version = Annotated[str, typer.Argument(metavar="VERSION", help="As goeswith models list names it.")]


@models.command("list")
def list_(shop: ShopFolder, json: AsJson = False) -> None:
    """Every version, newest first; the current one is marked."""
    from goeswith.data.shop import Shop
    from goeswith.versions import list_versions

    versions = list_versions(Shop.open(shop))
    if json:
        show_json(versions)
        return
    if not versions:
        show("No model has been fitted yet.")
        next_command("fit", shop)
        return
    rows = [("*" if v.current else "", v.name, v.created, v.until or "all events") for v in versions]
    show_table(["", "version", "created", "fitted until"], rows)
    next_command("models", "show", shop, versions[0].name)


@models.command("show")
def show_one(
    shop: ShopFolder,
    version: Annotated[str | None, typer.Argument(metavar="VERSION", help="The current one if left out.")] = None,
    json: AsJson = False,
) -> None:
    """When a version was made, until when it was fitted, and how well it did."""
    from goeswith.data.shop import Shop
    from goeswith.versions import show_version

    info = show_version(Shop.open(shop), version)
    if json:
        show_json(info)
        return
    facts = {"version": info.name, "current": "yes" if info.current else "no", "created": info.created}
    facts |= {"fitted until": info.until or "all events"}
    facts |= {name: f"{value:.4f}" if isinstance(value, float) else value for name, value in info.metrics.items()}
    show_table(["", "value"], list(facts.items()), folds=True)
    if info.current:
        next_command("evaluate", shop)
    else:
        next_command("models", "promote", shop, info.name)


@models.command()
def promote(shop: ShopFolder, version: Version, json: AsJson = False) -> None:
    """Let a version answer from now on."""
    from goeswith.data.shop import Shop
    from goeswith.versions import promote as promote_version

    promote_version(Shop.open(shop), version)
    _now_current(shop, version, json)


@models.command()
def rollback(shop: ShopFolder, json: AsJson = False) -> None:
    """Let the version that answered before answer again."""
    from goeswith.data.shop import Shop
    from goeswith.versions import rollback as roll_back

    _now_current(shop, roll_back(Shop.open(shop)), json)


def _now_current(shop: object, version: str, json: bool) -> None:
    if json:
        show_json({"current": version})
        return
    show(f"{version} is the current model of {shop}.")
    next_command("models", "list", shop)
