"""Evaluation: what a judgement found, as pictures and tables."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from goeswith.serve.console.access import TheConsole, Viewer, Work
from goeswith.serve.console.judged import judgement
from goeswith.serve.console.pages import page
from goeswith.serve.console.routes.data import fitting

router = APIRouter()
EXPOSURE = ("coverage", "gini")


@router.get("/evaluation")
async def evaluation(request: Request, console: TheConsole, session: Viewer, work: Work) -> Response:
    judged = await console.run(judgement, console.folder, work.version)
    running = await console.run(fitting(console).is_running)
    losses = judged["losses"] if judged else work.model.facts.get("losses", {})
    return page(
        request,
        "evaluation.html",
        judged=judged,
        tasks=[_task(judged, task) for task in judged["tasks"]] if judged else [],
        losses={name: list(enumerate(values, start=1)) for name, values in losses.items() if values},
        stages=work.model.facts.get("stages", {}),
        work_version=work.version,
        running=running,
        may_judge=session.may("admin"),
    )


def _task(judged: dict[str, Any], task: str) -> dict[str, Any]:
    rows = [row for row in judged["figures"] if row["task"] == task]
    whole = [row for row in rows if row["slice"] == "all"]
    systems = sorted({row["system"] for row in whole}, key=lambda name: -(_value(whole, name, "capped_recall") or 0.0))
    table = [
        {
            "system": name,
            "ours": name == judged["subject"],
            "recall": _row(whole, name, "capped_recall"),
            "ndcg": _row(whole, name, "ndcg"),
            **{each: _value(whole, name, each) for each in EXPOSURE},
        }
        for name in systems
    ]
    parts = dict.fromkeys(row["slice"] for row in rows if row["slice"] != "all")
    slices = [
        {
            "slice": part,
            "ours": next((row for row in rows if row["slice"] == part and row["system"] == judged["subject"]), None),
            "peer": max(
                (row for row in rows if row["slice"] == part and row["system"] != judged["subject"]),
                key=lambda row: row["value"] or 0.0,
                default=None,
            ),
        }
        for part in parts
    ]
    return {
        "name": task,
        "title": judged["tasks"][task],
        "table": table,
        "slices": [each for each in slices if each["ours"]],
        "versus": judged["against_best_peer"].get(task),
        "chart": [
            {"name": row["system"], "value": round(row["recall"]["value"], 4), "low": row["recall"]["low"],
             "high": row["recall"]["high"], "ours": row["ours"]}
            for row in table if row["recall"]
        ],
    }  # fmt: skip


def _row(rows: list[dict[str, Any]], system: str, metric: str) -> dict[str, Any] | None:
    return next((row for row in rows if row["system"] == system and row["metric"] == metric), None)


def _value(rows: list[dict[str, Any]], system: str, metric: str) -> float | None:
    found = _row(rows, system, metric)
    return found["value"] if found else None
