"""goeswith fit"""

from typing import Annotated

import typer

from goeswith.cli.arguments import AsJson, ConfigFile, ShopFolder, Track
from goeswith.cli.printing import next_command, say, show, show_json
from goeswith.cli.progress_lines import progress_for


def fit(
    shop: ShopFolder,
    config: ConfigFile = None,
    objective: Annotated[str | None, typer.Option(help="What fine-tuning minimises; wins over the file.")] = None,
    method: Annotated[
        str | None, typer.Option(help="Which weights of the language model move; wins over the file.")
    ] = None,
    encoder: Annotated[
        str | None, typer.Option(metavar="NAME", help="The encoder: packaged:…, a folder or a hub name.")
    ] = None,
    causal: Annotated[
        str | None, typer.Option(metavar="NAME", help="A causal model that reads the first answers once more.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Same seed, same model; wins over the file. [default: 0]")] = None,
    until: Annotated[
        str | None, typer.Option(metavar="DATE", help="Fit on events up to and including this moment only.")
    ] = None,
    track: Track = None,
    json: AsJson = False,
) -> None:
    """Fine-tune a model on a shop and make it the current one."""
    import goeswith as gw
    from goeswith.cli.settings import settings_from
    from goeswith.tracking.cost import cost_of

    opened = gw.Shop.open(shop)
    chosen = settings_from(config, objective=objective, method=method, seed=seed, encoder=encoder, causal=causal)
    model = gw.fit(opened, chosen, until=until, progress=progress_for(), track=track or ())
    cost = cost_of(model.facts)
    if json:
        show_json({"shop": str(shop), "version": model.version, "cost": None if cost is None else cost.to_dict()})
        return
    say(f"\n{cost}\n")
    show(f"{model.version} is the current model of {shop}.")
    if until is None:
        next_command("evaluate", shop)
    else:
        next_command("evaluate", shop, "--model", model.version)
