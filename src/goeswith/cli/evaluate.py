"""goeswith evaluate"""

from pathlib import Path
from typing import Annotated

import typer

from goeswith.cli.arguments import AsJson, ConfigFile, ShopFolder, Track
from goeswith.cli.printing import next_command, say, show, show_json
from goeswith.cli.progress_lines import progress_for
from goeswith.errors import UsageError


def evaluate(
    shop: ShopFolder,
    config: ConfigFile = None,
    model: Annotated[
        str | None,
        typer.Option("--model", metavar="VERSION", help="A version fitted with --until; else a copy is fitted."),
    ] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write the report as one HTML file.")] = None,
    track: Track = None,
    json: AsJson = False,
) -> None:
    """Judge a model on what happened after its last event, beside baselines.

    Without --model, an evaluation copy is fitted up to the cut. With it, that version is judged, and must have been
    fitted with --until.
    """
    import goeswith as gw
    from goeswith.cli.settings import settings_from

    if config is not None and model is not None:
        raise UsageError(
            "--config is for an evaluation copy, --model judges a version that is there: give one of them."
        )
    if html is not None and not html.resolve().parent.is_dir():
        raise UsageError(f"--html {html}: there is no folder {html.parent}. Make it first, or name another place.")
    opened = gw.Shop.open(shop)
    judged = gw.load(shop, model) if model is not None else None
    report = gw.evaluate(opened, settings_from(config), model=judged, progress=progress_for(), track=track or ())
    if html is not None:
        report.to_html(html)
        say(f"The report is in {html}")
    if json:
        show_json(report.to_dict())
        return
    show(report)
    if html is None:
        next_command("evaluate", shop, "--html", "report.html")
    else:
        next_command("models", "list", shop)
