"""goeswith users"""

from typing import Annotated

import typer

from goeswith.cli.arguments import AsJson, ShopFolder
from goeswith.cli.printing import next_command, say, show_json, show_table
from goeswith.errors import MissingExtra

users = typer.Typer(help="People who may open the console of a shop.", no_args_is_help=True, rich_markup_mode=None)
Name = Annotated[str, typer.Argument(metavar="NAME")]
Role = Annotated[str, typer.Option(help="viewer, merchandiser or admin.")]


@users.command("list")
def list_users(shop: ShopFolder, json: AsJson = False) -> None:
    """Who may open the console, and as what."""
    from goeswith.serve.console.users import all_users

    found = [{"name": one.name, "role": one.role, "since": str(one.created)} for one in all_users(_database(shop))]
    if json:
        show_json(found)
        return
    show_table(["name", "role", "since"], [list(one.values()) for one in found])
    next_command("users", "add", shop, "NAME")


@users.command("add")
def add(
    shop: ShopFolder,
    name: Name,
    role: Role = "viewer",
    password: Annotated[
        str, typer.Option(prompt=True, hide_input=True, confirmation_prompt=True, help="Asked for.")
    ] = "",
) -> None:
    """Add somebody; the password is asked for."""
    from goeswith.serve.console.users import add_user

    made = add_user(_database(shop), name, role, password, "command line")  # type: ignore[arg-type]
    say(f"{made.name} may open the console as {made.role}.")
    next_command("serve", shop)


@users.command("change")
def change(
    shop: ShopFolder,
    name: Name,
    role: Annotated[str | None, typer.Option(help="viewer, merchandiser or admin.")] = None,
    password: Annotated[str, typer.Option(prompt=True, hide_input=True, help="Empty: as it is.")] = "",
) -> None:
    """Another role, another password; whoever is signed in under the name has to sign in again."""
    from goeswith.serve.console.users import change_user

    change_user(_database(shop), name, "command line", role, password or None)  # type: ignore[arg-type]
    say(f"{name} was changed.")
    next_command("users", "list", shop)


@users.command("remove")
def remove(shop: ShopFolder, name: Name) -> None:
    """Nobody opens the console under this name from now on."""
    from goeswith.serve.console.users import remove_user

    remove_user(_database(shop), name, "command line")
    say(f"{name} was removed.")
    next_command("users", "list", shop)


def _database(shop: ShopFolder):  # type: ignore[no-untyped-def]
    from goeswith.data.shop import Shop

    try:
        from goeswith.serve.console.first_shop import opened_or_new
        from goeswith.serve.console.tables import make_tables
        from goeswith.serve.settings import settings_of
        from goeswith.serve.store.database import Database
    except ModuleNotFoundError as error:
        raise MissingExtra("goeswith users", "serve") from error
    opened: Shop = opened_or_new(shop)
    database = Database(settings_of(opened.settings).database_url(opened.folder))
    database.migrate()
    make_tables(database)
    return database
