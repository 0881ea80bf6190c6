"""Data and fit: files come in, are read and corrected, become a shop; a model is fitted while one watches."""

import os
import re
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from goeswith.errors import UsageError
from goeswith.serve.console.access import Admin, TheConsole, Viewer, is_local
from goeswith.serve.console.first_shop import OURS, FirstShop
from goeswith.serve.console.fitting import Fitting
from goeswith.serve.console.health import set_aside
from goeswith.serve.console.holding import Console
from goeswith.serve.console.pages import link, page
from goeswith.serve.console.uploads import LARGEST, PIECE, Table, received
from goeswith.serve.problems import Refused
from goeswith.versions import list_versions

router = APIRouter()
QUICK: dict[str, Any] = {"finetune": {"method": "frozen"}}
WAYS: dict[str, dict[str, Any]] = {"whole": {}, "quick": QUICK}
Size = Annotated[int, Query(ge=0, le=2**50)]
Name = Annotated[str, Query(min_length=1, max_length=255)]


def first_shop(console: Console) -> FirstShop:
    return console.once("first shop", console.folder, lambda: FirstShop(console.folder, console.own))


def fitting(console: Console) -> Fitting:
    return console.once("fitting", console.folder, lambda: Fitting(console.folder, console.own / "fit"))


@router.get("/data")
async def data(request: Request, console: TheConsole, session: Viewer) -> Response:
    """Where the shop stands: files that wait, what was read of them, what the shop holds, the fit."""
    first = first_shop(console)
    reading = first.state()
    fit = await console.run(fitting(console).state)
    waiting = first.uploads.staged()
    versions = await console.run(list_versions, console.service.shop) if console.has_shop else []
    headers = await console.run(first.headers) if waiting and reading["state"] in ("read", "failed") else {}
    return page(
        request,
        "data.html",
        waiting=waiting,
        reading=reading,
        headers=headers,
        ours=OURS,
        has_shop=console.has_shop,
        folder=console.folder,
        settings=console.service.shop.settings,
        aside=await console.run(set_aside, console.folder) if console.has_shop else [],
        versions=versions,
        fit=fit,
        may_fit=session.may("admin"),
        local=is_local(request),
        piece=min(PIECE, console.service.settings.max_body_kb * 1024),
        largest=LARGEST,
    )


@router.post("/data/files")
async def take_piece(
    request: Request, console: TheConsole, _: Admin, table: Table, name: Name, at: Size, total: Size
) -> Response:
    """One piece of a file."""
    return await received(console, first_shop(console).uploads, request, table, name, at, total)


@router.get("/data/files")
async def how_much(console: TheConsole, _: Admin, table: Table, name: Name) -> Response:
    """How much of a file is here, from where its upload goes on."""
    return JSONResponse({"here": first_shop(console).uploads.has(table, name)})


@router.post("/data/paths")
async def name_path(
    request: Request, console: TheConsole, _: Admin, table: Annotated[Table, Form()], path: Annotated[str, Form()]
) -> Response:
    """Use a file where it lies; only whoever sits at this machine may name one."""
    if not is_local(request):
        raise Refused(403, "Paths can be named on the machine itself only. Upload the file.")
    await console.run(first_shop(console).uploads.name_path, table, path)
    return RedirectResponse(link("data"), 303)


@router.post("/data/drop")
async def drop(
    console: TheConsole, _: Admin, table: Annotated[Table, Form()], name: Annotated[str, Form()]
) -> Response:
    await console.run(first_shop(console).uploads.drop, table, name)
    return RedirectResponse(link("data"), 303)


@router.post("/data/read")
async def read(request: Request, console: TheConsole, session: Admin) -> Response:
    """Read the waiting files aside, with the columns that were corrected; or add them to a shop that is there."""
    form = await request.form()
    columns = {
        key.removeprefix("map:"): str(value) for key, value in form.items() if key.startswith("map:") and str(value)
    }
    first = first_shop(console)
    if not first.uploads.staged():
        raise UsageError("No file waits. Choose the events file first.")
    if console.has_shop:
        await console.run(first.add, columns)
        await console.note(session.actor, "files added", console.service.shop.name)
    else:
        name = re.sub(r"\s+", " ", str(form.get("name", ""))).strip()[:80]
        await console.run(first.read, columns, name)
    return RedirectResponse(link("data"), 303)


@router.post("/data/again")
async def again(console: TheConsole, _: Admin) -> Response:
    """Other files."""
    await console.run(first_shop(console).forget)
    return RedirectResponse(link("data"), 303)


@router.post("/data/accept")
async def accept(
    console: TheConsole, session: Admin, way: Annotated[Literal["whole", "quick"], Form()] = "whole"
) -> Response:
    """What was read becomes the shop, and its first fit begins."""
    console.opened(await console.run(first_shop(console).adopt))
    await console.note(session.actor, "shop made", console.service.shop.name)
    await console.run(lambda: fitting(console).start("fit", session.actor, WAYS[way]))
    return RedirectResponse(link("data/fit"), 303)


@router.post("/data/fit")
async def fit(
    console: TheConsole, session: Admin, way: Annotated[Literal["whole", "quick", "again"], Form()] = "whole"
) -> Response:
    """Fit, or resume: fine-tuning goes on from its last checkpoint."""
    await console.run(lambda: fitting(console).start("fit", session.actor, _config(console, way)))
    await console.note(session.actor, "fit begun", console.service.shop.name)
    return RedirectResponse(link("data/fit"), 303)


@router.post("/data/evaluate")
async def evaluate(console: TheConsole, session: Admin) -> Response:
    """Judge an evaluation copy, fitted as the version in service was."""
    version = console.service.current or ""
    work = console.work
    config = work.model.config.model_dump(mode="json") if work is not None else {}
    await console.run(lambda: fitting(console).start("evaluate", session.actor, config, version))
    await console.note(session.actor, "evaluation begun", version)
    return RedirectResponse(link("data/fit"), 303)


@router.post("/data/cancel")
async def cancel(console: TheConsole, session: Admin) -> Response:
    await console.run(fitting(console).cancel)
    await console.note(session.actor, "fit cancelled", console.service.shop.name)
    return RedirectResponse(link("data/fit"), 303)


@router.get("/data/fit")
async def watch(request: Request, console: TheConsole, session: Viewer) -> Response:
    """How far it is; the page asks again by itself, and leads to Explore once the new version answers."""
    told = await console.run(_state, console)
    landed = told["state"] == "done" and told["kind"] == "fit" and console.service.current == told["version"]
    trace = await console.run(_last_words, console) if told["state"] == "failed" and session.may("admin") else ""
    answer = page(request, "fit.html", fit=told, landed=landed, trace=trace, may_fit=session.may("admin"))
    if landed and request.headers.get("hx-request"):
        answer.headers["HX-Redirect"] = link("explore")
    return answer


def _state(console: Console) -> dict[str, Any]:
    earlier = list_versions(console.service.shop) if console.has_shop else []
    return fitting(console).state(earlier[0].manifest.get("stages", {}) if earlier else {})


def _config(console: Console, way: str) -> dict[str, Any]:
    if way != "again":
        return WAYS[way]
    return fitting(console).config()


def _last_words(console: Console) -> str:
    file = console.own / "fit" / "stderr.txt"
    if not file.is_file():
        return ""
    with file.open("rb") as told:
        told.seek(max(0, os.path.getsize(file) - 3_000))
        return told.read().decode(errors="replace")
