"""goeswith serve"""

from typing import Annotated, Literal

import typer

from goeswith.cli.arguments import AsJson, ShopFolder
from goeswith.cli.printing import next_command, say, show, show_json, show_table
from goeswith.errors import MissingExtra


def serve(
    shop: ShopFolder,
    host: Annotated[str | None, typer.Option(help="Where to listen; elsewhere than here only with a key.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65_535, help="0 takes a free one.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, max=64, help="Processes; they share the model.")] = None,
    database: Annotated[str | None, typer.Option(metavar="URL", help="sqlite:///… or postgresql+psycopg://…")] = None,
    show_config: Annotated[
        bool, typer.Option("--show-config", help="Show the settings, secrets masked, and stop.")
    ] = False,
    new_key: Annotated[
        Literal["read", "write", "admin"] | None, typer.Option(help="Make an API key, show it this once, and stop.")
    ] = None,
    name: Annotated[str, typer.Option(help="What the new key is for.")] = "made at the command line",
    json: AsJson = False,
) -> None:
    """Answer over HTTP: a REST API under /v1."""
    try:
        from goeswith.serve.console.first_shop import opened_or_new
        from goeswith.serve.run import serve as run
        from goeswith.serve.settings import settings_of
        from goeswith.serve.store.database import Database
        from goeswith.serve.store.keys import new_key as make_key
    except ModuleNotFoundError as error:
        raise MissingExtra("goeswith serve", "serve") from error
    opened = opened_or_new(shop)
    flags = {"host": host, "port": port, "workers": workers, "database": database}
    settings = settings_of(opened.settings, flags=flags)
    if show_config:
        told = settings.shown(opened.folder)
        if json:
            show_json(told)
        else:
            show_table(["setting", "value"], list(told.items()), folds=True)
            next_command("serve", shop)
    elif new_key is not None:
        store = Database(settings.database_url(opened.folder))
        store.migrate()
        key, text = make_key(store, name, new_key)
        if json:
            show_json({"key_id": key.key_id, "scope": key.scope, "key": text})
        else:
            show(text)
            say(f"A key of scope {key.scope}. It is not shown again; revoke it with DELETE /v1/keys/{key.key_id}.")
            next_command("serve", shop)
    else:
        run(opened, settings, say)
