"""A study as one page: how far it came, which settings mattered, and what was tried together."""

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from goeswith.evaluation import charts
from goeswith.evaluation.page import STYLE
from goeswith.tuning.parallel import parallel_coordinates

if TYPE_CHECKING:
    import optuna

FEWEST = 4
"""Trials from which it can be said what mattered."""


def study_page(
    study: "optuna.Study",
    best: "optuna.trial.FrozenTrial",
    start: "optuna.trial.FrozenTrial | None",
    gain: tuple[float, float, float] | None,
    whole: str,
) -> str:
    trials = study.get_trials(deepcopy=False)
    complete = [trial for trial in trials if trial.state.name == "COMPLETE"]
    told = "" if start is None else f" The settings it began with: {start.value:.4f}."
    if gain is not None:
        told += f" Difference {gain[0]:+.4f} [{gain[1]:+.4f}, {gain[2]:+.4f}], the same questions."
    parts = [
        "<h1>What was tried</h1>",
        f'<p class="soft">{len(trials)} trials. The best is trial {best.number}: {best.value:.4f}.{told} '
        "The figure is recall@10, capped, mean over the tasks, on the slice before the one that evaluate judges by; "
        f"the best of many is partly luck. {escape(whole)}</p>",
        "<h2>How far it came</h2>",
        f"<figure>{charts.lines(_progress(complete), 'recall by trial')}</figure>",
        "<h2>What mattered</h2>",
        _importance(study, complete),
        "<h2>Tried together</h2>",
        f"<figure>{parallel_coordinates(_rows(complete))}<figcaption>One line a trial that ended; the darker, the "
        "better.</figcaption></figure>",
        "<h2>Every trial</h2>",
        _table(trials),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>What was tried</title><style>{STYLE}</style></head><body><main>{''.join(parts)}</main></body></html>\n"
    )


def importances(study: "optuna.Study") -> dict[str, float]:
    """Share of the spread of the figure that each setting explains (fANOVA, Hutter et al., ICML 2014), largest first.

    Only settings that every ended trial has can be weighed against each other.
    """
    import optuna

    complete = study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,))
    if len(complete) < FEWEST or len({trial.value for trial in complete}) < 2:
        return {}
    shared = set.intersection(*(set(trial.params) for trial in complete))
    varied = [name for name in shared if len({trial.params[name] for trial in complete}) > 1]
    if not varied:
        return {}
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
    return dict(optuna.importance.get_param_importances(study, params=sorted(varied), evaluator=evaluator))


def _progress(complete: Sequence[Any]) -> dict[str, Sequence[float]]:
    values = [float(trial.value) for trial in complete]
    return {"each trial": values, "best so far": np.maximum.accumulate(values).tolist()}


def _importance(study: "optuna.Study", complete: Sequence[Any]) -> str:
    found = importances(study)
    if not found:
        return f"<p>With {len(complete)} ended trials nothing can be said yet.</p>"
    rows = [[name, f"{share:.0%}", "█" * round(20 * share)] for name, share in found.items()]
    return _rows_table(["setting", "share", ""], rows) + (
        '<p class="soft">The share of the differences that a setting explains. Few trials say little.</p>'
    )


def _rows(complete: Sequence[Any]) -> list[tuple[dict[str, Any], float]]:
    return [(dict(trial.params), float(trial.value)) for trial in complete]


def _table(trials: Sequence[Any]) -> str:
    names = list(dict.fromkeys(name for trial in trials for name in trial.params))
    rows = []
    for trial in trials:
        tried = [trial.params.get(name, "") for name in names]
        known = [f"{each:.3g}" if isinstance(each, float) else each for each in tried]
        value = "" if trial.value is None or trial.state.name != "COMPLETE" else f"{trial.value:.4f}"
        base = " (as it began)" if trial.user_attrs.get("base") else ""
        state = trial.state.name.lower() + base
        rows.append([trial.number, state, value, f"{trial.user_attrs.get('seconds', 0):,.0f}", *known])
    return _rows_table(["trial", "state", "recall", "seconds", *names], rows)


def _rows_table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    head = "".join(f"<th>{escape(each)}</th>" for each in heads)
    body = "".join("<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
