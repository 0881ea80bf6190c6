"""goeswith export"""

from pathlib import Path
from typing import Annotated, Literal

import typer

from goeswith.cli.arguments import AsJson, ModelVersion, ShopFolder
from goeswith.cli.printing import next_command, show, show_json, show_table
from goeswith.cli.progress_lines import progress_for
from goeswith.cli.tune import seconds_of


def export(
    shop: ShopFolder,
    to: Annotated[
        list[str] | None,
        typer.Option(metavar="FORM", help="onnx, static, vectors or encoder; may be given again. Else what suits."),
    ] = None,
    precision: Annotated[
        Literal["float", "half", "int8"] | None, typer.Option(help="Of the vectors; else what fits into --memory.")
    ] = None,
    dimensions: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Of the vectors; those that matter.")
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="FOLDER", help="Where to; else into the shop's exports/.")] = None,
    budget: Annotated[str, typer.Option(metavar="TIME", help="What reading the catalogue may take.")] = "30m",
    memory: Annotated[int, typer.Option(min=1, metavar="MB", help="What the vectors may take.")] = 500,
    model: ModelVersion = None,
    json: AsJson = False,
) -> None:
    """Write a model for other programs: ONNX, word vectors, plain tables."""
    import goeswith as gw
    from goeswith.exporting import export as write

    opened = gw.Shop.open(shop)
    done = write(
        gw.load(opened, model),
        opened,
        to or (),
        folder=out,
        precision=precision,
        dimensions=dimensions,
        seconds=seconds_of("budget", budget),
        megabytes=memory,
        progress=progress_for(),
    )
    if json:
        show_json(done)
        return
    for reason in done.why:
        show(reason)
    rows = [(form, f"{_megabytes(place):,.1f}", place) for form, place in done.folders.items()]
    show_table(["form", "MB", "folder"], rows)
    next_command("related", shop, "--text", "oat milk 1 l")


def _megabytes(folder: Path) -> float:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6
