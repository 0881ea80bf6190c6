"""Home: what the shop knows, how sound its data are, how good its model is, and what changed."""

from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from goeswith.serve.console import comparing, finding, health
from goeswith.serve.console.access import TheConsole, Viewer, Work
from goeswith.serve.console.judged import judgement
from goeswith.serve.console.pages import page
from goeswith.versions import list_versions

router = APIRouter()
WARM = ("all", "repeat", "novel", "cold product", "new customer")


@router.get("/")
async def home(request: Request, console: TheConsole, _: Viewer, work: Work) -> Response:
    finding.at_hand(console, work)
    known = await console.run(health.known, console, work)
    aside = await console.run(health.set_aside, console.folder)
    versions = await console.run(list_versions, console.service.shop)
    judged = await console.run(judgement, console.folder, work.version)
    at = [info.name for info in versions].index(work.version) if any(i.name == work.version for i in versions) else 0
    earlier = versions[at + 1].name if at + 1 < len(versions) else None
    created = datetime.fromisoformat(versions[at].created) if versions else datetime.now(UTC)
    return page(
        request,
        "home.html",
        known=known,
        aside=aside,
        judged=quality(judged) if judged else None,
        judged_of=judged and judged["version"],
        version=work.version,
        created=created,
        age=(datetime.now(UTC) - created).days,
        rules=work.rules.version,
        earlier=earlier,
    )


@router.get("/home/changes")
async def changes(request: Request, console: TheConsole, _: Viewer, work: Work, since: str) -> Response:
    """What changed since an earlier version; it may have to be loaded, so the page asks for it by itself."""
    found = await console.run(comparing.compared, console, since, work.version)
    return page(request, "parts/changes.html", found=found, since=since, version=work.version)


def quality(judged: dict[str, Any]) -> list[dict[str, Any]]:
    """Capped recall by task and warmth, ours beside the best baseline."""
    figures = [row for row in judged["figures"] if row["metric"] == "capped_recall"]
    ours = judged["subject"]
    told = []
    for task, title in judged["tasks"].items():
        own = [row for row in figures if row["task"] == task]
        for part in WARM:
            mine = next((row for row in own if row["system"] == ours and row["slice"] == part), None)
            peers = [row for row in own if row["system"] != ours and row["slice"] == part]
            if mine is None:
                continue
            best = max(peers, key=lambda row: row["value"] or 0.0, default=None)
            told.append(
                {"task": task, "title": title, "slice": part, "value": mine["value"], "low": mine["low"],
                 "high": mine["high"], "n": mine["n"], "peer": best and best["system"],
                 "beside": best and best["value"]}
            )  # fmt: skip
    return told


@router.get("/alive")
async def alive(_: Viewer) -> Response:
    """Whether the session still holds; asked before a form leaves its page."""
    return Response(status_code=204)
