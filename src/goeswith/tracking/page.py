"""Runs side by side as one page that opens in any browser."""

from collections.abc import Sequence
from html import escape

from goeswith.evaluation import charts
from goeswith.evaluation.page import STYLE
from goeswith.tracking.runs import Run, different_settings


def runs_page(runs: Sequence[Run], title: str) -> str:
    """Figures, settings that differ, curves over each other, and where the time went."""
    parts = [
        f"<h1>{escape(title)}</h1>",
        _table(["", *(run.name for run in runs)], _facts(runs)),
        *_section("Settings that differ", _table(["setting", *(run.name for run in runs)], _settings(runs))),
        "<h2>Curves</h2>",
        *_curves(runs),
        "<h2>Where the time went</h2>",
        *(
            f"<h3>{escape(run.name)}</h3><figure>{charts.times(run.stages, f'seconds by stage of {run.name}')}</figure>"
            for run in runs
            if run.stages
        ),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body><main>{''.join(parts)}</main></body></html>\n"
    )


def _facts(runs: Sequence[Run]) -> list[list[str]]:
    names = list(dict.fromkeys(name for run in runs for name in run.figures))
    rows = [
        ["kind", *(run.kind for run in runs)],
        ["status", *(run.status for run in runs)],
        ["started", *(run.started for run in runs)],
        ["seconds", *("" if run.seconds is None else f"{run.seconds:,.0f}" for run in runs)],
        ["model version", *(run.version or "" for run in runs)],
    ]
    return rows + [
        [name, *(f"{run.figures[name]:.4f}" if name in run.figures else "" for run in runs)] for name in names
    ]


def _settings(runs: Sequence[Run]) -> list[list[str]]:
    return [[name, *map(str, values)] for name, values in different_settings(runs).items()]


def _curves(runs: Sequence[Run]) -> list[str]:
    every = {run.name: run.curves for run in runs}
    names = list(dict.fromkeys(name for curves in every.values() for name in curves))
    return [
        f"<h3>{escape(name)}</h3><figure>"
        f"{charts.lines({run: curves[name] for run, curves in every.items() if name in curves}, name)}</figure>"
        for name in names
    ] or ["<p>These runs learnt nothing step by step.</p>"]


def _section(title: str, body: str) -> list[str]:
    return [f"<h2>{title}</h2>", body] if "<td>" in body else [f"<h2>{title}</h2>", "<p>None.</p>"]


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(each)}</th>" for each in heads)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
