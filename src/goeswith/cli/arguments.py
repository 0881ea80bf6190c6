"""Arguments and options that several commands share, so that one concept has one name everywhere."""

from pathlib import Path
from typing import Annotated, Literal

import typer

ShopFolder = Annotated[Path, typer.Argument(metavar="SHOP", help="The shop's folder, made by goeswith init.")]
HowMany = Annotated[int, typer.Option("-k", "--number", min=1, metavar="N", help="How many to answer.")]
AsJson = Annotated[bool, typer.Option("--json", help="Write JSON to stdout, for machines.")]
WithReasons = Annotated[bool, typer.Option("--why", help="Show the reasons of each answer.")]
Among = Annotated[str | None, typer.Option(metavar="P,P", help="Answer with these products only, sold before or not.")]
Exclude = Annotated[str | None, typer.Option(metavar="P,P", help="Never answer with these products.")]
Unknown = Annotated[
    Literal["error", "skip"], typer.Option(help="What to do with an id the shop has never seen: stop, or leave it out.")
]
ModelVersion = Annotated[
    str | None, typer.Option("--model", metavar="VERSION", help="A model version; the current one if left out.")
]
ConfigFile = Annotated[Path | None, typer.Option("--config", metavar="FILE", help="Settings, a TOML file.")]

Track = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", help="Also follow it with tensorboard or wandb; may be given twice."),
]


def listed(text: str | None) -> list[str] | None:
    """The ids of "P1, P2"; None stays None.

    >>> listed("P1, P2,")
    ['P1', 'P2']
    """
    return None if text is None else [part for part in map(str.strip, text.split(",")) if part]
