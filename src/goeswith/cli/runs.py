"""goeswith runs"""

from pathlib import Path
from typing import Annotated

import typer

from goeswith.cli.arguments import AsJson, ShopFolder
from goeswith.cli.printing import next_command, say, show, show_json, show_table
from goeswith.errors import UsageError

runs = typer.Typer(help="What was fitted and evaluated so far: list it, compare it.", no_args_is_help=True)


@runs.command("list")
def list_(shop: ShopFolder, json: AsJson = False) -> None:
    """Every run of this shop, newest first."""
    from goeswith.data.shop import Shop
    from goeswith.tracking.runs import list_runs

    found = list_runs(Shop.open(shop))
    if json:
        show_json(found)
        return
    if not found:
        show("Nothing has been fitted here yet.")
        next_command("fit", shop)
        return
    rows = [
        (
            run.name,
            run.status,
            "-" if run.seconds is None else f"{run.seconds:,.0f}",
            _main(run.figures),
            run.version or "",
        )
        for run in found
    ]
    show_table(["run", "status", "seconds", "result", "version"], rows)
    next_command("runs", "compare", shop, *(run.name for run in found[1::-1]))


@runs.command()
def compare(
    shop: ShopFolder,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="RUN...", help="As goeswith runs list names them; else the last two.")
    ] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write them as one HTML file.")] = None,
    json: AsJson = False,
) -> None:
    """Runs side by side: figures, settings that differ, curves."""
    from goeswith.data.shop import Shop
    from goeswith.tracking.page import runs_page
    from goeswith.tracking.runs import different_settings, named_runs, sparkline

    if html is not None and not html.resolve().parent.is_dir():
        raise UsageError(f"--html {html}: there is no folder {html.parent}. Make it first, or name another place.")
    chosen = named_runs(Shop.open(shop), names or [])
    if not chosen:
        show("No run has ended here yet.")
        next_command("fit", shop)
        return
    differ = different_settings(chosen)
    if html is not None:
        html.write_text(runs_page(chosen, f"Runs of {shop.resolve().name}"), encoding="utf-8")
        say(f"The page is in {html}")
    if json:
        show_json({"runs": chosen, "settings": differ, "curves": {run.name: run.curves for run in chosen}})
        return
    figures = list(dict.fromkeys(name for run in chosen for name in run.figures))
    facts = [("seconds", *("-" if run.seconds is None else f"{run.seconds:,.0f}" for run in chosen))]
    facts += [
        (name, *(f"{run.figures[name]:.4f}" if name in run.figures else "-" for run in chosen)) for name in figures
    ]
    facts += [(name, *map(str, values)) for name, values in differ.items()]
    show_table(["", *(run.name for run in chosen)], facts)
    curves = {run.name: run.curves for run in chosen}
    for name in dict.fromkeys(name for each in curves.values() for name in each):
        show(f"\n{name}")
        drawn = [(run, each[name]) for run, each in curves.items() if each.get(name)]
        show_table(
            ["", "from", "curve", "to"],
            [(run, f"{values[0]:.4g}", sparkline(values), f"{values[-1]:.4g}") for run, values in drawn],
        )
    if html is None:
        next_command("runs", "compare", shop, *(run.name for run in chosen), "--html", "runs.html")
    else:
        next_command("runs", "list", shop)


def _main(figures: dict[str, float]) -> str:
    return next((f"{name} {value:.4f}" for name, value in figures.items()), "")
