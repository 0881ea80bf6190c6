"""Inventory: what will be asked for, what to order and why, what it would have saved, what to place together."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import FileResponse, JSONResponse, RedirectResponse, Response
from markupsafe import Markup

from goeswith.scenarios.inventory import FOLDER
from goeswith.scenarios.inventory.charts import demand_chart
from goeswith.scenarios.inventory.folder import TABLES, read_shown, read_written
from goeswith.serve.console import stocking
from goeswith.serve.console.access import Merchandiser, TheConsole, Viewer
from goeswith.serve.console.fitting import Fitting
from goeswith.serve.console.holding import Console
from goeswith.serve.console.pages import link, page
from goeswith.serve.console.uploads import LARGEST, PIECE, received, safe_name
from goeswith.serve.problems import Refused

router = APIRouter()
LINES, PICTURES, PAIRS = 25, 24, 12
"""Of order lines, pictures and pairs, so many are shown at first."""
PlannersFile = Literal["stock", "promotions", "holidays"]
Name = Annotated[str, Query(min_length=1, max_length=255)]


def running(console: Console) -> Fitting:
    return console.once("inventory", console.folder, lambda: Fitting(console.folder, console.own / "inventory"))


@router.get("/inventory")
async def inventory(
    request: Request, console: TheConsole, session: Viewer,
    q: Annotated[str, Query(max_length=200)] = "", whole: bool = False,
) -> Response:  # fmt: skip
    """The last run, whoever made it: the console, the command, or a program."""
    if not console.has_shop:
        return RedirectResponse(link("data"), 303)
    work = await console.run(running(console).state)
    may_run = session.may("merchandiser")
    if request.headers.get("hx-target") == "run":  # how far it is, asked every second; nothing else is read for it
        if work["state"] == "done":
            return Response(headers={"HX-Redirect": link("inventory")})
        return page(request, "parts/inventory_run.html", run=work, may_run=may_run)
    folder = console.folder / FOLDER
    begun = work.get("started") or 0.0
    shown = await console.run(read_shown, folder)
    files = stocking.files_of(console.own).staged()
    return page(
        request,
        "inventory.html",
        run=work,
        asked=stocking.Wanted.model_validate(running(console).config()),
        files={one.table: one for one in files},
        fresh=any(one.path.stat().st_mtime > begun for one in files),
        shown=_matching(shown, q, whole) if shown else None,
        simulation=await console.run(read_written, folder, "simulation"),
        together=(await console.run(read_written, folder, "together"))[:PAIRS],
        promote=_sure(await console.run(read_written, folder, "promote")),
        price=(await console.run(read_written, folder, "price"))[:PAIRS],
        written=[name for name in TABLES if (folder / f"{name}.csv").is_file()],
        q=q,
        whole=whole,
        may_run=may_run,
        piece=min(PIECE, console.service.settings.max_body_kb * 1024),
        largest=LARGEST,
    )


@router.post("/inventory/run")
async def run(console: TheConsole, session: Merchandiser, wanted: Annotated[stocking.Wanted, Form()]) -> Response:
    files = {one.table: str(one.path) for one in stocking.files_of(console.own).staged()}
    config = {**wanted.model_dump(), "files": files}
    await console.run(lambda: running(console).start("inventory", session.actor, config))
    await console.note(session.actor, f"inventory: {wanted.action}", console.service.shop.name)
    return RedirectResponse(link("inventory"), 303)


@router.post("/inventory/cancel")
async def cancel(console: TheConsole, session: Merchandiser) -> Response:
    await console.run(running(console).cancel)
    await console.note(session.actor, "inventory: cancelled", console.service.shop.name)
    return RedirectResponse(link("inventory"), 303)


@router.post("/inventory/files")
async def take_piece(
    request: Request, console: TheConsole, _: Merchandiser, table: PlannersFile, name: Name,
    at: Annotated[int, Query(ge=0, le=2**50)], total: Annotated[int, Query(ge=0, le=2**50)],
) -> Response:  # fmt: skip
    """One piece of a planner's file; a whole one takes the place of the one before it."""
    files = stocking.files_of(console.own)
    answer = await received(console, files, request, table, name, at, total)
    mine = safe_name(name)
    staged = [one for one in files.staged() if one.table == table]
    if any(one.name == mine for one in staged):  # it is whole
        for one in staged:
            if one.name != mine:
                files.drop(table, one.name)
    return answer


@router.get("/inventory/files")
async def how_much(console: TheConsole, _: Merchandiser, table: PlannersFile, name: Name) -> Response:
    return JSONResponse({"here": stocking.files_of(console.own).has(table, name)})


@router.post("/inventory/drop")
async def drop(
    console: TheConsole, _: Merchandiser, table: Annotated[PlannersFile, Form()], name: Annotated[str, Form()]
) -> Response:
    await console.run(stocking.files_of(console.own).drop, table, name)
    return RedirectResponse(link("inventory"), 303)


@router.get("/inventory/tables/{name}.csv")
async def table(console: TheConsole, _: Viewer, name: str) -> Response:
    """A whole table as it was written, for a spreadsheet or an ERP."""
    file = console.folder / FOLDER / f"{name}.csv"
    if name not in TABLES or not file.is_file():
        raise Refused(404, "There is no such table. Make a forecast or an order proposal first.")
    return FileResponse(file, media_type="text/csv; charset=utf-8", filename=file.name)


def _matching(shown: dict[str, Any], q: str, whole: bool) -> dict[str, Any]:
    """What was written, as far as it has the words of q in an id or a name; with pictures, the largest first."""
    words = q.casefold().split()

    def holds(*texts: object) -> bool:
        told = " ".join(map(str, texts)).casefold()
        return all(word in told for word in words)

    orders = [line for line in shown["orders"] if holds(line["product_id"], line["name"], line.get("store_id", ""))]
    products = [each for each in shown["products"] if holds(each["id"], each["name"], each.get("store", ""))]
    categories = [each for each in shown["categories"] if holds(each["name"])]
    return {
        **shown,
        "orders": orders if whole else orders[:LINES],
        "n_orders": len(orders),
        "cost": sum(line["cost"] for line in orders),
        "products": [_pictured(each) for each in products[: None if whole else PICTURES]],
        "n_products": len(products),
        "categories": [_pictured(each) for each in categories[: None if whole else PICTURES // 2]],
        "n_categories": len(categories),
    }


def _pictured(each: dict[str, Any]) -> dict[str, Any]:
    ends = each["starts"][0], each["starts"][-1]
    chart = demand_chart(str(each["name"]), each["past"], each["median"], each["low"], each["high"], *ends)
    return {**each, "chart": Markup(chart)}  # the names in it are escaped there


def _sure(pairs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [pair for pair in pairs if pair["verdict"] != "unclear"][:PAIRS]
