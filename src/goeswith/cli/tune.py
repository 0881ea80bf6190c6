"""goeswith tune"""

import re
from typing import Annotated

import typer

from goeswith.cli.arguments import AsJson, ConfigFile, ShopFolder
from goeswith.cli.printing import next_command, say, show, show_json, show_table
from goeswith.cli.progress_lines import progress_for, spell
from goeswith.errors import UsageError

UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}


def tune(
    shop: ShopFolder,
    budget: Annotated[str, typer.Option(metavar="TIME", help="For all of the study together: 90s, 30m, 2h.")] = "30m",
    config: ConfigFile = None,
    study: Annotated[
        str, typer.Option(metavar="NAME", help="Kept in the shop; the same name goes on with it.")
    ] = "default",
    sitting: Annotated[
        str | None, typer.Option(metavar="TIME", help="End this call after so long; the next one goes on.")
    ] = None,
    trials: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="End after so many trials of the study.")
    ] = None,
    processes: Annotated[int, typer.Option(min=1, metavar="N", help="How many work on the study at once.")] = 1,
    confirm: Annotated[
        bool, typer.Option(help="Keep two fifths of the time for whole fits with the old and the new settings.")
    ] = True,
    json: AsJson = False,
) -> None:
    """Look for settings that suit a shop, and write them as a fit.toml."""
    import goeswith as gw
    from goeswith.cli.settings import settings_from
    from goeswith.tuning.tune import tune as run

    found = run(
        gw.Shop.open(shop),
        seconds_of("budget", budget),
        config=settings_from(config),
        study=study,
        sitting=None if sitting is None else seconds_of("sitting", sitting),
        trials=trials,
        processes=processes,
        confirm=confirm,
        progress=progress_for(),
    )
    if json:
        show_json(found)
        return
    counts = found.trials
    show(f"{counts['complete']} trials ended, {counts['pruned']} were cut short; {spell(found.seconds)} so far.")
    if found.base is not None:
        show(f"recall@10 {found.value:.4f}, {found.base:.4f} with the settings as they were")
    if found.gain is not None and found.value != found.base:
        mean, low, high = found.gain
        show(f"difference {mean:+.4f} [{low:+.4f}, {high:+.4f}] on the slice that chose; elsewhere expect less")
    if found.whole_gain is not None:
        mean, low, high = found.whole_gain
        show(f"whole fits: recall@10 {found.whole:.4f}, {found.whole_base:.4f} with the settings as they were")
        show(f"difference {mean:+.4f} [{low:+.4f}, {high:+.4f}], on the same slice")
    rows = [(f"{room}.{name}", value) for room, names in found.settings.items() for name, value in names.items()]
    if rows and found.whole_gain is None:
        show("No whole fit has confirmed these settings yet. Give the study a longer budget for it.")
    if rows:
        show_table(["setting", "value"], rows)
    elif found.whole_gain is not None:
        show("Whole fits did not bear the gain out, so the settings stay as they were.")
    else:
        show("No trial was better than the settings as they are.")
    say(f"The settings are in {found.file}, the report in {found.report}")
    next_command("evaluate", shop, "--config", found.file)


def seconds_of(option: str, text: str) -> float:
    """
    >>> seconds_of("budget", "30m"), seconds_of("budget", "1.5h"), seconds_of("budget", "45")
    (1800.0, 5400.0, 45.0)
    """
    read = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smh]?)\s*", text)
    if read is None or float(read[1]) <= 0:
        raise UsageError(f"--{option} {text!r}: write a time above 0, as 90s, 30m or 2h.")
    return float(read[1]) * UNITS[read[2] or "s"]
