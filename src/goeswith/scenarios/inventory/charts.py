"""Pictures of demand as SVG text: the past as a line, the forecast as a band around its median."""

from collections.abc import Sequence
from html import escape

WIDTH, HEIGHT, LEFT, BOTTOM = 360, 130, 34, 18


def demand_chart(
    title: str, past: Sequence[float], median: Sequence[float], low: Sequence[float], high: Sequence[float],
    first: str = "", last: str = "",
) -> str:  # fmt: skip
    """One product or category.

    Parameters
    ----------
    past : units, the oldest first; median, low, high : of the periods to come; low to high is the 80 % band
    first, last : what stands below the two ends of the axis
    """
    total = max(len(past) + len(median), 2)
    top = max([*past, *high, 1.0])
    width, height = WIDTH - LEFT - 6, HEIGHT - BOTTOM - 8

    def point(at: int, value: float) -> str:
        return f"{LEFT + at / (total - 1) * width:.1f},{8 + height - value / top * height:.1f}"

    begin = len(past)
    band = [point(begin + at, value) for at, value in enumerate(high)]
    band += [point(begin + at, low[at]) for at in range(len(low) - 1, -1, -1)]
    line = [point(at, value) for at, value in enumerate(past)]
    told = ([line[-1]] if line else []) + [point(begin + at, value) for at, value in enumerate(median)]
    floor = 8 + height
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}"><title>{escape(title)}</title>'
        f'<line x1="{LEFT}" y1="{floor}" x2="{WIDTH - 6}" y2="{floor}" class="axis"/>'
        f'<text x="{LEFT - 5}" y="15" text-anchor="end">{top:,.0f}</text>'
        f'<text x="{LEFT - 5}" y="{floor}" text-anchor="end">0</text>'
        f'<polygon points="{" ".join(band)}" class="band"/>'
        f'<polyline points="{" ".join(line)}" class="past"/><polyline points="{" ".join(told)}" class="told"/>'
        f'<text x="{LEFT}" y="{HEIGHT - 4}">{escape(first)}</text>'
        f'<text x="{WIDTH - 6}" y="{HEIGHT - 4}" text-anchor="end">{escape(last)}</text></svg>'
    )
