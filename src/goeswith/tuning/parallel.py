"""Parallel coordinates as SVG text: one upright axis a setting, one line a trial."""

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

WIDTH, HEIGHT, TOP, SIDE = 732, 260, 40, 50
FAINT, DARK = (203, 214, 211), (11, 122, 117)


def parallel_coordinates(rows: Sequence[tuple[Mapping[str, Any], float]]) -> str:
    """The settings of each trial and its figure.

    A number's axis runs from its least to its greatest, by ratios where that is more than tenfold; a choice's axis has
    a place for each value. A trial without a setting passes its axis below the end.

    Parameters
    ----------
    rows : (setting -> value, figure) of each trial

    Examples
    --------
    >>> drawn = parallel_coordinates([({"rate": 0.1}, 0.5), ({"rate": 0.2}, 0.7)])
    >>> drawn.count("<polyline"), drawn.count("<line")
    (2, 2)
    """
    names = list(dict.fromkeys(name for settings, _ in rows for name in settings))
    figures = [figure for _, figure in rows]
    axes = {name: [settings.get(name) for settings, _ in rows] for name in names} | {"figure": figures}
    gap = (WIDTH - 2 * SIDE) / max(len(axes) - 1, 1)
    body, places = [], []
    for at, (name, values) in enumerate(axes.items()):
        x = SIDE + at * gap
        place, low, high = _axis(values)
        places.append((x, place))
        middle = TOP + HEIGHT + (44 if at % 2 else 30)
        body += [
            f'<line x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{TOP + HEIGHT}" class="grid"/>',
            f'<text x="{x:.1f}" y="{middle}" class="axis" text-anchor="middle">{escape(name)}</text>',
            f'<text x="{x:.1f}" y="{TOP - 8}" class="axis" text-anchor="middle">{escape(high)}</text>',
            f'<text x="{x:.1f}" y="{TOP + HEIGHT + 14}" class="axis" text-anchor="middle">{escape(low)}</text>',
        ]
    low_figure, spread = min(figures, default=0.0), (max(figures, default=0.0) - min(figures, default=0.0)) or 1.0
    for row in sorted(range(len(rows)), key=lambda at: figures[at]):  # the best are drawn last, on top
        share = (figures[row] - low_figure) / spread
        colour = "rgb({},{},{})".format(*(round(a + share * (b - a)) for a, b in zip(FAINT, DARK, strict=True)))
        points = " ".join(f"{x:.1f},{TOP + HEIGHT * (1 - place[row]):.1f}" for x, place in places)
        told = ", ".join(f"{name} {value}" for name, value in rows[row][0].items())
        body.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="{1 + 1.5 * share:.1f}">'
            f"<title>{figures[row]:.4f}: {escape(told)}</title></polyline>"
        )
    height = TOP + HEIGHT + 56
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img" '
        f'aria-label="settings tried together"><title>settings tried together</title>{"".join(body)}</svg>'
    )


def _axis(values: Sequence[Any]) -> tuple[list[float], str, str]:
    """Where each value lies, from 0 to 1, -0.05 for none; and what stands at the two ends."""
    known = [value for value in values if value is not None]
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in known) and known:
        low, high = min(known), max(known)
        by_ratio = low > 0 and high / low > 10
        change = math.log if by_ratio else float
        spread = (change(high) - change(low)) or 1.0
        return (
            [-0.05 if v is None else (change(v) - change(low)) / spread for v in values],
            f"{low:.3g}",
            f"{high:.3g}",
        )
    choices = sorted({str(value) for value in known})
    place = {choice: at / max(len(choices) - 1, 1) for at, choice in enumerate(choices)}
    ends = (choices[0], choices[-1]) if choices else ("", "")
    return [-0.05 if v is None else place[str(v)] for v in values], *ends
