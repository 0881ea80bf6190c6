"""Models: versions, how they were judged, two side by side, which one answers."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import RedirectResponse, Response

from goeswith.serve.console import comparing
from goeswith.serve.console.access import Admin, TheConsole, Viewer, Work
from goeswith.serve.console.holding import Console
from goeswith.serve.console.judged import judgement
from goeswith.serve.console.pages import link, page
from goeswith.serve.store.customers import last_forgotten
from goeswith.serve.store.database import write_down
from goeswith.versions import list_versions, promote, rollback

router = APIRouter()
Version = Annotated[str, Query(max_length=60, pattern=r"^[\w-]+$")]


@router.get("/models")
async def models(request: Request, console: TheConsole, _: Viewer) -> Response:
    versions = await console.run(_listed, console)
    return page(request, "models.html", versions=versions, trouble=console.service.trouble)


@router.get("/models/compare")
async def compare(request: Request, console: TheConsole, _: Viewer, work: Work, a: Version, b: Version) -> Response:
    """Which answers differ between two versions; one that does not serve is loaded for it."""
    found = await console.run(comparing.compared, console, a, b)
    return page(request, "compare.html", found=found, a=a, b=b)


@router.post("/models/promote")
async def let_answer(
    console: TheConsole, session: Admin, version: Annotated[str, Form(max_length=60, pattern=r"^[\w-]+$")]
) -> Response:
    await console.run(_moved, console, session.actor, version)
    return RedirectResponse(link("models"), 303)


@router.post("/models/rollback")
async def roll_back(console: TheConsole, session: Admin) -> Response:
    await console.run(_moved, console, session.actor, None)
    return RedirectResponse(link("models"), 303)


def _listed(console: Console) -> list[dict[str, Any]]:
    forgot = last_forgotten(console.database)
    told = []
    for info in list_versions(console.service.shop):
        judged = judgement(console.folder, info.name)
        own = judged if judged and judged["version"] == info.name else None
        told.append(
            {
                "name": info.name,
                "created": datetime.fromisoformat(info.created),
                "until": info.until,
                "current": info.current,
                "serving": info.name == console.service.current,
                "seconds": round(sum(info.manifest.get("stages", {}).values())),
                "seed": info.manifest["config"].get("seed", 0),
                "fine_tuning": info.manifest.get("fine_tuning", ""),
                "judged": _first_figure(own) if own else None,
                "wants_fit": forgot is not None and datetime.fromisoformat(info.created).replace(tzinfo=None) < forgot,
            }
        )
    return told


def _first_figure(judged: dict[str, Any]) -> float | None:
    return next(
        (row["value"] for row in judged["figures"]
         if row["metric"] == "capped_recall" and row["slice"] == "all" and row["system"] == judged["subject"]), None,
    )  # fmt: skip


def _moved(console: Console, actor: str, version: str | None) -> None:
    if version is None:
        name, act = rollback(console.service.shop), "model rolled back"
    else:
        promote(console.service.shop, version)
        name, act = version, "model promoted"
    with console.database.writing() as connection:
        write_down(connection, actor, act, name)
