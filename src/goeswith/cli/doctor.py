"""goeswith doctor"""

from pathlib import Path
from typing import Annotated

import typer

from goeswith.cli.arguments import AsJson
from goeswith.cli.printing import next_command, say, show_json, show_table


def doctor(
    folder: Annotated[
        Path, typer.Option("--folder", metavar="FOLDER", help="Where shops are kept: its disk is measured.")
    ] = Path("."),
    json: AsJson = False,
) -> None:
    """Look at this machine: versions, cores, memory, weights, disk, extras. Exit code 1 if something must be mended."""
    from goeswith.cli.checks import all_checks

    checks = all_checks(folder)
    broken = [check for check in checks if check.state == "broken"]
    if json:
        show_json({"ok": not broken, "checks": checks})
    else:
        marks = {"good": "ok", "absent": "-", "broken": "BROKEN"}
        show_table(
            ["", "what", "found"],
            [(marks[c.state], c.what, f"{c.found}\n{c.way_out}" if c.way_out else c.found) for c in checks],
            folds=True,
        )
    if broken:
        say(f"\n{len(broken)} to mend: " + ", ".join(check.what for check in broken))
        raise typer.Exit(1)
    if not json:
        next_command("demo", "--quick")
