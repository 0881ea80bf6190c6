"""Results to stdout, everything else to stderr; the only file that knows rich."""

import json
import math
import shlex
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, is_dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from goeswith.ranking.ranking import Ranking

WIDTH = 100
NUMERIC = {"rank", "probability", "score", "from", "to", "baskets", "seconds", "MB"}


def show(text: object) -> None:
    """A result, to stdout."""
    print(text, flush=True)


def say(text: object) -> None:
    """Progress, logs and hints, to stderr."""
    print(text, file=sys.stderr, flush=True)


def next_command(*words: object) -> None:
    """The closing line: what a person would type now; numbers and paths arrive as they are and are quoted here."""
    say(f"\nNext: goeswith {shlex.join(map(str, words))}")


def show_json(value: object) -> None:
    """One JSON document to stdout; a number that is not finite becomes null."""
    show(json.dumps(_plain(value), ensure_ascii=False, indent=2))


def show_table(columns: Sequence[str], rows: Iterable[Sequence[object]], folds: str = "reasons") -> None:
    """A table no wider than WIDTH; a long cell is cut with "…", except in the column named `folds`."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(file=sys.stdout, width=WIDTH, highlight=False, soft_wrap=False)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        numeric = column in NUMERIC
        table.add_column(
            column,
            justify="right" if numeric else "left",
            no_wrap=column != folds,
            overflow="fold" if column == folds else "ellipsis",
            min_width=len(column) if numeric else None,
        )
    for row in rows:
        table.add_row(*(Text(str(cell)) for cell in row))
    console.print(table)


def show_ranking(ranking: "Ranking", as_json: bool = False, with_reasons: bool = False) -> None:
    """A ranking with names beside ids."""
    if as_json:
        show_json(ranking.to_dict())
    elif not len(ranking):
        show("No product fits.")
    else:
        columns = ["rank", "id", "name", "probability", "kind", *(["reasons"] if with_reasons else [])]
        show_table(columns, [_row(ranking, place, with_reasons) for place in range(len(ranking))])


def _row(ranking: "Ranking", place: int, with_reasons: bool) -> list[object]:
    chance = percent(float(ranking.probabilities[place]))
    reasons = ["\n".join(ranking.reasons[place])] if with_reasons else []
    return [place + 1, ranking.ids[place], ranking.names[place], chance, ranking.kinds[place], *reasons]


def percent(share: float | None) -> str:
    """
    >>> percent(0.1234), percent(0.0001), percent(None)
    ('12.3 %', '<0.1 %', '-')
    """
    if share is None or not math.isfinite(share):
        return "-"
    return "<0.1 %" if 0 < share < 0.0005 else f"{100 * share:.1f} %"


def _plain(value: Any) -> Any:
    """Nothing but what JSON knows."""
    if is_dataclass(value) and not isinstance(value, type):
        return _plain(asdict(value))
    if isinstance(value, dict):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple | set):
        return [_plain(part) for part in value]
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "item"):
        return _plain(value.item())
    return None if isinstance(value, float) and not math.isfinite(value) else value
