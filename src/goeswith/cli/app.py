"""The commands under one name, and the one place where an error becomes a message and an exit code."""

from typing import Any

import typer
from typer.core import TyperGroup

from goeswith.cli.add import add
from goeswith.cli.audience import audience
from goeswith.cli.complete import complete
from goeswith.cli.delivery import delivery
from goeswith.cli.demo import demo
from goeswith.cli.doctor import doctor
from goeswith.cli.evaluate import evaluate
from goeswith.cli.export import export
from goeswith.cli.fit import fit
from goeswith.cli.init import init
from goeswith.cli.inventory import inventory
from goeswith.cli.itinerary import itinerary
from goeswith.cli.label import label
from goeswith.cli.models import models
from goeswith.cli.printing import say
from goeswith.cli.probability import probability
from goeswith.cli.recommend import recommend
from goeswith.cli.related import related
from goeswith.cli.runs import runs
from goeswith.cli.serve import serve
from goeswith.cli.tune import tune
from goeswith.cli.users import users
from goeswith.cli.why import why
from goeswith.errors import GoesWithError

COMMANDS = (
    demo,
    init,
    add,
    fit,
    related,
    complete,
    recommend,
    probability,
    why,
    audience,
    evaluate,
    label,
    tune,
    export,
    serve,
    inventory,
    delivery,
    itinerary,
    doctor,
)


class ErrorsAreMessages(TyperGroup):
    """What goeswith refuses ends in its message alone on stderr; anything else keeps its traceback, for it is a bug."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except GoesWithError as refused:
            say(f"Error: {refused}")
            raise typer.Exit(refused.exit_code) from None


app = typer.Typer(
    cls=ErrorsAreMessages,
    help="What goes with what, for whom, and why.",
    epilog="Start with: goeswith demo --quick",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _command in COMMANDS:
    app.command()(_command)
app.add_typer(models, name="models")
app.add_typer(runs, name="runs")
app.add_typer(users, name="users")


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(version("goeswith"))
        raise typer.Exit


@app.callback()
def _goeswith(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Show the version."),
) -> None:
    """What goes with what, for whom, and why."""
