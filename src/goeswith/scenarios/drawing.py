"""A map without tiles: places and ways as an SVG that any browser shows without a network."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from goeswith.errors import DataError

COLOURS = ("#1b6ca8", "#c8502d", "#3a7d44", "#7b4b94", "#b8860b", "#0f7c7c", "#a33b5e", "#5b6770", "#8c5a2b", "#2f4858")
WIDTH, MARGIN, LEGEND = 900.0, 40.0, 230.0


@dataclass(frozen=True)
class Mark:
    """A place. label : shown when pointed at; number : written beside it; kind : "depot", "stop" or "left" """

    latitude: float
    longitude: float
    label: str
    number: str = ""
    kind: str = "stop"
    colour: str = COLOURS[0]


@dataclass(frozen=True)
class Way:
    """A line through places, (latitude, longitude), and how the legend calls it."""

    points: tuple[tuple[float, float], ...]
    label: str
    colour: str


def colour_of(number: int) -> str:
    return COLOURS[number % len(COLOURS)]


def drawn(title: str, marks: Sequence[Mark], ways: Sequence[Way]) -> str:
    """The SVG. North is up; a kilometre is as long from east to west as from north to south."""
    if not marks:
        raise DataError("There is no place to draw.")
    lat = np.array([mark.latitude for mark in marks])
    lon = np.array([mark.longitude for mark in marks])
    shrink = float(np.cos(np.radians(lat.mean())))
    wide = max(float(np.ptp(lon)) * shrink, 1e-4)
    high = max(float(np.ptp(lat)), 1e-4)
    scale = (WIDTH - 2 * MARGIN) / max(wide, high * 1.2)
    width = max(wide * scale + 2 * MARGIN + 110, 400.0)  # beside the last point its label must find room
    height = max(high * scale, 22.0 * len(ways)) + 2 * MARGIN + 20

    def at(latitude: float, longitude: float) -> tuple[float, float]:
        x = MARGIN + (longitude - float(lon.min())) * shrink * scale
        y = MARGIN + 20 + (float(lat.max()) - latitude) * scale
        return round(x, 1), round(y, 1)

    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width + LEGEND:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width + LEGEND:.0f} {height:.0f}" font-family="sans-serif" font-size="11">',
        f"<title>{escape(title)}</title>",
        '<rect width="100%" height="100%" fill="#fbfaf7"/>',
        f'<text x="{MARGIN}" y="24" font-size="15">{escape(title)}</text>',
    ]
    for way in ways:
        points = " ".join(f"{x},{y}" for x, y in (at(*point) for point in way.points))
        lines.append(
            f'<polyline points="{points}" fill="none" stroke="{way.colour}" stroke-width="1.8" stroke-opacity="0.75">'
            f"<title>{escape(way.label)}</title></polyline>"
        )
    for mark in marks:
        lines.append(_mark(mark, *at(mark.latitude, mark.longitude)))
    for place, way in enumerate(ways):
        y = MARGIN + 22 * place
        lines.append(f'<rect x="{width + 8:.0f}" y="{y - 9:.0f}" width="14" height="10" fill="{way.colour}"/>')
        lines.append(f'<text x="{width + 28:.0f}" y="{y:.0f}">{escape(way.label)}</text>')
    km = scale / 111.195
    bar = next(
        length for length in (100, 50, 20, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.01) if length * km <= 200 or length == 0.01
    )
    foot = height - 12
    lines.append(f'<path d="M{MARGIN},{foot:.0f} h{bar * km:.1f}" stroke="#444" stroke-width="2"/>')
    lines.append(f'<text x="{MARGIN}" y="{foot - 5:.0f}">{bar:g} km</text>')
    return "\n".join([*lines, "</svg>"]) + "\n"


def _mark(mark: Mark, x: float, y: float) -> str:
    title = f"<title>{escape(mark.label)}</title>"
    if mark.kind == "depot":
        return f'<rect x="{x - 6}" y="{y - 6}" width="12" height="12" fill="#222">{title}</rect>'
    if mark.kind == "left":
        return f'<circle cx="{x}" cy="{y}" r="3" fill="none" stroke="#999">{title}</circle>'
    number = f'<text x="{x + 6}" y="{y - 4}" fill="{mark.colour}">{escape(mark.number)}</text>' if mark.number else ""
    return f'<circle cx="{x}" cy="{y}" r="4" fill="{mark.colour}">{title}</circle>{number}'
