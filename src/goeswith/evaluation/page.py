"""A report as one page that opens in any browser: figures, pictures and style in a single file."""

from html import escape
from typing import TYPE_CHECKING

from goeswith.evaluation import charts
from goeswith.evaluation.intervals import bootstrap
from goeswith.evaluation.outcome import MAIN
from goeswith.evaluation.reliability import (
    Numbers,
    brier,
    calibration_slope,
    expected_calibration_error,
    log_loss,
    reliability_curve,
)

if TYPE_CHECKING:
    from goeswith.evaluation.report import Report

STYLE = """
:root { --ink: #1d2b2a; --soft: #5c6b69; --line: #e2e7e4; --paper: #fbfbf8; --ours: #0b7a75; --peer: #c3ccc9; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, "Segoe UI", sans-serif; }
main { max-width: 780px; margin: 0 auto; padding: 48px 24px 96px; }
h1 { font-size: 30px; line-height: 1.2; margin: 0 0 8px; letter-spacing: -0.01em; }
h2 { font-size: 20px; margin: 56px 0 2px; }
h3 { font-size: 15px; margin: 28px 0 6px; }
p { margin: 4px 0 12px; } .soft, figcaption { color: var(--soft); font-size: 14px; }
figure { margin: 16px 0; } svg { max-width: 100%; height: auto; display: block; }
nav a { color: var(--ours); text-decoration: none; margin-right: 14px; white-space: nowrap; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 14px; font-variant-numeric: tabular-nums; margin: 8px 0; }
th, td { padding: 5px 10px 5px 0; }
th { text-align: left; font-weight: 600; color: var(--soft); border-bottom: 1px solid var(--ink); }
td { border-bottom: 1px solid var(--line); }
tr.ours td { font-weight: 650; color: var(--ours); }
.verdict { display: inline-block; border-left: 4px solid var(--peer); padding: 2px 12px; margin: 10px 0; }
.verdict.ahead { border-color: var(--ours); } .verdict.behind { border-color: #c8553d; }
svg text { font: 13px system-ui, "Segoe UI", sans-serif; }
svg { fill: var(--ink); }
svg .axis, svg .faint { fill: var(--soft); font-size: 12px; } svg .strong { font-weight: 650; }
svg .label { font-size: 12px; }
svg .grid { stroke: var(--line); } svg .frame { fill: none; stroke: var(--line); }
svg .diagonal { stroke: var(--soft); stroke-dasharray: 4 4; }
svg .ours { fill: var(--ours); } svg .peer { fill: var(--peer); } svg .time { fill: #8fb8b4; }
svg .whisker { stroke: var(--ink); stroke-width: 1.3; }
svg .span { stroke: var(--ours); stroke-width: 2; opacity: .45; }
svg .hollow { fill: var(--paper); stroke: var(--soft); stroke-width: 1.6; }
@media print { body { background: white; } h2 { break-after: avoid; } figure { break-inside: avoid; } }
"""


def page(report: "Report") -> str:
    """The whole page as text."""
    links = "".join(f'<a href="#{_anchor(task)}">{escape(task)}</a>' for task in report.titles)
    parts = [
        f"<h1>How {escape(report.subject)} answers</h1>",
        f'<p class="soft">{escape(report.cut)}. Recall is capped: hits / min({report.k}, right products). '
        "Whiskers and brackets hold 95 % of 1,000 redraws of the queries.</p>",
        f"<nav>{links}</nav>",
        _summary(report),
        *(_task(report, task) for task in report.titles),
        _missing(report),
        _probability(report),
        _fit(report),
    ]
    title = escape(f"{report.subject}: evaluation")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{STYLE}</style></head><body><main>{''.join(parts)}</main></body></html>\n"
    )


def _anchor(task: str) -> str:
    return "task-" + "".join(sign if sign.isalnum() else "-" for sign in task)


def _summary(report: "Report") -> str:
    rows = []
    for task in report.titles:
        ours = next((each for each in report.of(task) if each.system == report.subject), None)
        gain, peer = report.against_best_peer(task), report.best_peer(task)
        if ours is None:
            continue
        beside = ("–", "–", "–")
        if gain is not None and peer is not None:
            beside = (f"{peer.system} {peer.values[MAIN[0]].mean():.3f}", _signed(gain), _verdict(gain)[1])
        cells = [task, f"{ours.values[MAIN[0]].mean():.3f}", *beside]
        rows.append("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>")
    heads = ("task", f"recall@{report.k}", "best peer", "difference", "")
    return _table(heads, rows)


def _task(report: "Report", task: str) -> str:
    sat = report.of(task)
    rows = [(each.system, bootstrap(each.values[MAIN[0]]), each.system == report.subject) for each in sat]
    gain, peer = report.against_best_peer(task), report.best_peer(task)
    told = ""
    if gain is not None and peer is not None:
        kind, verdict = _verdict(gain)
        told = f'<p class="verdict {kind}">{_signed(gain)} against {escape(peer.system)}: {verdict}.</p>'
    figures = []
    for each in sat:
        cells = [
            each.system,
            *(str(bootstrap(each.values[metric])) for metric in MAIN),
            f"{each.exposure['coverage']:.3f}",
            f"{each.exposure['gini']:.3f}",
            f"{each.exposure['novelty']:.1f}",
            f"{each.exposure['diversity']:.2f}",
        ]
        kind = ' class="ours"' if each.system == report.subject else ""
        figures.append(f"<tr{kind}>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>")
    heads = ("system", f"recall@{report.k}", f"NDCG@{report.k}", "coverage", "Gini", "novelty, bits", "diversity")
    return (
        f'<section id="{_anchor(task)}"><h2>{escape(task)}</h2><p class="soft">{escape(report.titles[task])}</p>{told}'
        f"<figure>{charts.bars(rows, f'recall@{report.k} of task {task}')}"
        f"<figcaption>Recall@{report.k}, capped.</figcaption></figure>{_table(heads, figures)}"
        f"{_slices(report, task)}</section>"
    )


def _slices(report: "Report", task: str) -> str:
    ours = next((each for each in report.of(task) if each.system == report.subject), None)
    if ours is None or not ours.slices:
        return ""
    peer = report.best_peer(task)
    rows = []
    for name, values in ours.slices.items():
        theirs = float(peer.slices[name].mean()) if peer is not None and name in peer.slices else None
        rows.append((name, bootstrap(values), theirs))
    beside = f", hollow: {peer.system}" if peer is not None else ""
    return (
        f"<h3>By slice</h3><figure>{charts.dots(rows, f'slices of task {task}')}"
        f"<figcaption>Recall@{report.k} of one part of the right answers; filled: {escape(report.subject)}"
        f"{escape(beside)}.</figcaption></figure>"
    )


def _missing(report: "Report") -> str:
    if not report.missing:
        return ""
    rows = [f"<tr><td>{escape(task)}</td><td>{escape(why)}</td></tr>" for task, why in report.missing.items()]
    return "<h2>Not asked</h2>" + _table(("task", "why"), rows)


def _probability(report: "Report") -> str:
    if not report.probability:
        return ""
    plots = "".join(_reliability(name, *cases) for name, cases in report.probability.items())
    return (
        '<h2>Can the probabilities be believed?</h2><p class="soft">Each is compared with what came later: a pair with '
        "the later baskets that hold its first product, an answer with what the customer or the basket came to.</p>"
        f"{plots}"
    )


def _reliability(name: str, p: Numbers, y: Numbers, weight: Numbers) -> str:
    slope, _ = calibration_slope(p, y, weight=weight)
    figures = (
        f"Expected calibration error {expected_calibration_error(p, y, weight=weight):.4f}, "
        f"Brier {brier(p, y, weight):.4f}, log loss {log_loss(p, y, weight):.4f}, "
        f"slope {slope:.2f} (1 is right), {weight.sum():,.0f} cases."
    )
    curve = charts.reliability(reliability_curve(p, y, weight=weight), f"reliability: {name}")
    return (
        f'<h3>{escape(name)}</h3><p class="soft">{figures}</p>'
        f"<figure>{curve}<figcaption>Bins of equal mass; whiskers are two standard errors.</figcaption></figure>"
    )


def _fit(report: "Report") -> str:
    parts = []
    if any(len(values) for values in report.losses.values()):
        parts.append(f"<h3>Loss</h3><figure>{charts.lines(report.losses, 'loss over the fit')}</figure>")
    if report.stages:
        total = sum(report.stages.values())
        bars = charts.times(report.stages, "seconds by stage")
        parts.append(f"<h3>Where the time went: {total:,.0f} s</h3><figure>{bars}</figure>")
    return "<h2>The fit</h2>" + "".join(parts) if parts else ""


def _table(heads: tuple[str, ...], rows: list[str]) -> str:
    head = "".join(f"<th>{escape(each)}</th>" for each in heads)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'


def _signed(gain: tuple[float, float, float]) -> str:
    return f"{gain[0]:+.3f} [{gain[1]:+.3f}, {gain[2]:+.3f}]"


def _verdict(gain: tuple[float, float, float]) -> tuple[str, str]:
    if gain[1] > 0:
        return "ahead", "ahead"
    return ("behind", "behind") if gain[2] < 0 else ("level", "level within chance")
