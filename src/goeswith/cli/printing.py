"""Results to stdout, everything else to stderr; the only file that knows rich."""

import json
import math
import shlex
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, is_dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from goeswith.ranking.ranking import Ranking

WIDTH, GAP = 100, 2
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


def show_table(columns: Sequence[str], rows: Iterable[Sequence[object]], folds: bool = False) -> None:
    """A table no wider than WIDTH. The widest column gives way: cut with "…", or folded where nothing may be lost."""
    from rich.cells import cell_len
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    texts = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(cell_len, lines)) for lines in _lines_by_column(columns, texts)]
    over = sum(widths) + GAP * (len(widths) - 1) - WIDTH
    while over > 0:
        widest = widths.index(max(widths))
        others = sorted(widths)[-2] if len(widths) > 1 else 0
        less = min(over, max(widths[widest] - others, 1))
        widths[widest] -= less
        over -= less
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
    for column, width in zip(columns, widths, strict=True):
        side: Literal["left", "right"] = "right" if column in NUMERIC else "left"
        table.add_column(column, justify=side, width=width, no_wrap=not folds, overflow="fold" if folds else "ellipsis")
    for row in texts:
        table.add_row(*map(Text, row))
    console = Console(file=sys.stdout, width=WIDTH + GAP, highlight=False)
    with console.capture() as captured:
        console.print(table)
    show("\n".join(line.rstrip() for line in captured.get().splitlines()))


def _lines_by_column(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[list[str]]:
    for place, column in enumerate(columns):
        yield [column, *(line for row in rows for line in (row[place].splitlines() or [""]))]


def show_ranking(ranking: "Ranking", as_json: bool = False, with_reasons: bool = False) -> None:
    """A ranking with names beside ids, and reasons below the names."""
    if as_json:
        show_json(ranking.to_dict())
    elif not len(ranking):
        show("No product fits.")
    else:
        columns = ["rank", "id", "name", "probability", "kind"]
        show_table(columns, [_row(ranking, place, with_reasons) for place in range(len(ranking))], folds=with_reasons)


def _row(ranking: "Ranking", place: int, with_reasons: bool) -> list[object]:
    reasons = [f"  {reason}" for reason in ranking.reasons[place]] if with_reasons else []
    name = "\n".join([ranking.names[place], *reasons])
    return [place + 1, ranking.ids[place], name, percent(float(ranking.probabilities[place])), ranking.kinds[place]]


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
