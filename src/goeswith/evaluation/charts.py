"""Pictures as SVG text, drawn by hand: no library, no script, no network."""

from collections.abc import Sequence
from html import escape

import numpy as np
import polars as pl

from goeswith.evaluation.intervals import Interval

WIDTH = 732
LABELS = 220  # room for names at the left
FIGURES = 150  # room for figures at the right
LINE = 26
COLOURS = ("#0b7a75", "#c8553d", "#5b6c9e", "#b08900", "#7d5ba6", "#4a7c59")


def _svg(height: float, body: list[str], title: str, width: int = WIDTH) -> str:
    return (
        f'<svg viewBox="0 0 {width} {height:.0f}" width="{width}" height="{height:.0f}" role="img" '
        f'aria-label="{escape(title)}"><title>{escape(title)}</title>{"".join(body)}</svg>'
    )


def _text(x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}">{escape(words)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>'


def _short(words: str, most: int = 29) -> str:
    return words if len(words) <= most else words[: most - 1] + "…"


def round_steps(top: float, about: int = 4) -> list[float]:
    """Marks of an axis from 0 to `top`, at round numbers.

    Examples
    --------
    >>> round_steps(0.9)
    [0.0, 0.2, 0.4, 0.6, 0.8]
    """
    if top <= 0:
        return [0.0]
    raw = top / about
    size = 10 ** np.floor(np.log10(raw))
    step = min((each for each in (1, 2, 2.5, 5, 10) if each * size >= raw * 0.8), default=10) * size
    return [float(round(at * step, 10)) for at in range(int(top / step + 1e-9) + 1)]


def bars(rows: Sequence[tuple[str, Interval, bool]], title: str) -> str:
    """One bar a system with its interval; True marks the one that is judged.

    Parameters
    ----------
    rows : (name, interval, marked), drawn from top to bottom
    """
    top = max((each.high for _, each, _ in rows), default=0.0) or 1.0
    scale = (WIDTH - LABELS - FIGURES) / top
    floor = 10 + LINE * len(rows)
    body = []
    for step in round_steps(top):
        x = LABELS + step * scale
        body += [_line(x, 4, x, floor, "grid"), _text(x, floor + 16, f"{step:g}", "axis", "middle")]
    for at, (name, each, marked) in enumerate(rows):
        y, kind = 8 + at * LINE, "ours" if marked else "peer"
        middle = y + LINE / 2 - 3
        body += [
            _text(LABELS - 10, middle + 4, _short(name), "name strong" if marked else "name", "end"),
            f'<rect x="{LABELS}" y="{y}" width="{max(each.mean * scale, 0):.1f}" height="{LINE - 7}" rx="2" '
            f'class="{kind}"><title>{escape(name)}: {each}</title></rect>',
            _line(LABELS + each.low * scale, middle, LABELS + each.high * scale, middle, "whisker"),
            *(_line(LABELS + x * scale, middle - 4, LABELS + x * scale, middle + 4, "whisker") for x in each[1:]),
            _text(WIDTH - FIGURES + 14, middle + 4, f"{each.mean:.3f}", "figure strong" if marked else "figure"),
            _text(WIDTH - FIGURES + 60, middle + 4, f"{each.low:.3f} – {each.high:.3f}", "faint"),
        ]
    return _svg(floor + 22, body, title)


def dots(rows: Sequence[tuple[str, Interval, float | None]], title: str) -> str:
    """One line a slice: our mean with its interval, and a hollow mark for the best peer.

    Parameters
    ----------
    rows : (slice, ours, the peer's mean or None)
    """
    top = max((max(each.high, peer or 0.0) for _, each, peer in rows), default=0.0) or 1.0
    scale = (WIDTH - LABELS - FIGURES) / top
    floor = 10 + LINE * len(rows)
    body = []
    for step in round_steps(top):
        x = LABELS + step * scale
        body += [_line(x, 4, x, floor, "grid"), _text(x, floor + 16, f"{step:g}", "axis", "middle")]
    for at, (name, each, peer) in enumerate(rows):
        y = 8 + at * LINE + LINE / 2 - 3
        mark = [] if peer is None else [f'<circle cx="{LABELS + peer * scale:.1f}" cy="{y:.1f}" r="5" class="hollow"/>']
        body += [
            _text(LABELS - 10, y + 4, _short(name), "name", "end"),
            _line(LABELS + each.low * scale, y, LABELS + each.high * scale, y, "span"),
            *mark,
            f'<circle cx="{LABELS + each.mean * scale:.1f}" cy="{y:.1f}" r="5" class="ours"/>',
            _text(WIDTH - FIGURES + 14, y + 4, f"{each.mean:.3f}", "figure"),
            _text(WIDTH - FIGURES + 60, y + 4, "" if peer is None else f"peer {peer:.3f}", "faint"),
        ]
    return _svg(floor + 22, body, title)


def reliability(curve: pl.DataFrame, title: str) -> str:
    """Predicted against happened, one mark a bin with two standard errors; on the diagonal is right.

    Parameters
    ----------
    curve : predicted, happened, n, error; see `reliability_curve`
    """
    side, left, top = 320, 60, 12
    most = float(max(curve["predicted"].max(), curve["happened"].max(), 1e-6)) * 1.08  # type: ignore[type-var,arg-type]
    body = [f'<rect x="{left}" y="{top}" width="{side}" height="{side}" class="frame"/>']

    def x(value: float) -> float:
        return left + value / most * side

    def y(value: float) -> float:
        return top + side - min(max(value / most, 0), 1) * side

    for step in round_steps(most):
        body += [
            _line(x(step), top, x(step), top + side, "grid"),
            _line(left, y(step), left + side, y(step), "grid"),
            _text(x(step), top + side + 16, f"{step:g}", "axis", "middle"),
            _text(left - 8, y(step) + 4, f"{step:g}", "axis", "end"),
        ]
    body.append(_line(x(0), y(0), x(most), y(most), "diagonal"))
    for predicted, happened, n, error in curve.select("predicted", "happened", "n", "error").iter_rows():
        body += [
            _line(x(predicted), y(happened - 2 * error), x(predicted), y(happened + 2 * error), "whisker"),
            f'<circle cx="{x(predicted):.1f}" cy="{y(happened):.1f}" r="4.5" class="ours">'
            f"<title>predicted {predicted:.3f}, happened {happened:.3f}, {n:,} pairs</title></circle>",
        ]
    sideways = f"translate(16 {top + side / 2}) rotate(-90)"
    body += [
        _text(left + side / 2, top + side + 36, "predicted", "axis", "middle"),
        f'<text transform="{sideways}" class="axis" text-anchor="middle">happened</text>',
    ]
    return _svg(top + side + 44, body, title, left + side + 20)


def lines(series: dict[str, Sequence[float]], title: str) -> str:
    """Losses over the fit, one line a name; all share the axis of steps.

    Parameters
    ----------
    series : name to values in order
    """
    height, left, top, right = 220, 60, 12, 130
    known = {name: np.asarray(values, dtype=float) for name, values in series.items() if len(values)}
    finite = np.concatenate([each[np.isfinite(each)] for each in known.values()]) if known else np.zeros(0)
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)
    spread = (high - low) or 1.0
    across = WIDTH - left - right
    body = []
    for share in (0, 0.25, 0.5, 0.75, 1):
        y = top + (1 - share) * height
        body += [
            _line(left, y, left + across, y, "grid"),
            _text(left - 8, y + 4, f"{low + share * spread:.3g}", "axis", "end"),
        ]
    used: list[float] = []
    for (name, values), colour in zip(known.items(), COLOURS * (1 + len(known) // len(COLOURS)), strict=False):
        at = np.linspace(0, 1, len(values)) if len(values) > 1 else np.array([1.0])
        points = [
            (left + across * x, top + height * (1 - (value - low) / spread))
            for x, value in zip(at, values, strict=True)
            if np.isfinite(value)
        ]
        if not points:
            continue
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        label = points[-1][1] + 4
        while any(abs(label - other) < 14 for other in used):
            label += 14
        used.append(label)
        shown = escape(_short(name, 18))
        body += [
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>',
            f'<circle cx="{points[-1][0]:.1f}" cy="{points[-1][1]:.1f}" r="3" fill="{colour}"/>',
            f'<text x="{left + across + 12}" y="{label:.1f}" class="label" fill="{colour}">{shown}</text>',
        ]
    body.append(_text(left + across / 2, top + height + 22, "from the first step to the last", "axis", "middle"))
    return _svg(top + height + 32, body, title)


def times(stages: dict[str, float], title: str) -> str:
    """Seconds of each stage, in the order they ran."""
    total = sum(stages.values()) or 1.0
    most = max(stages.values(), default=0.0) or 1.0
    scale = (WIDTH - LABELS - FIGURES) / most
    body = []
    for at, (name, seconds) in enumerate(stages.items()):
        y = 6 + at * LINE
        middle = y + LINE / 2 - 3
        body += [
            _text(LABELS - 10, middle + 4, _short(name), "name", "end"),
            f'<rect x="{LABELS}" y="{y}" width="{seconds * scale:.1f}" height="{LINE - 7}" rx="2" class="time"/>',
            _text(LABELS + seconds * scale + 8, middle + 4, f"{seconds:,.1f} s, {seconds / total:.0%}", "figure"),
        ]
    return _svg(10 + LINE * len(stages), body, title)
