"""Explore: what goes with one product, as list and graph, and why."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response

from goeswith.errors import UnknownId
from goeswith.serve.console import counted, finding
from goeswith.serve.console.access import TheAnswering, TheConsole, Viewer, Work
from goeswith.serve.console.companions import companions, source_of, web
from goeswith.serve.console.language import language_of
from goeswith.serve.console.pages import page

router = APIRouter()
Words = Annotated[str, Query(max_length=500)]


@router.get("/explore")
async def explore(
    request: Request,
    console: TheConsole,
    answering: TheAnswering,
    _: Viewer,
    work: Work,
    product: Words = "",
    text: Words = "",
    q: Words = "",
    beside: Annotated[str, Query(alias="with", max_length=500)] = "",
    kind: Literal["any", "complement", "substitute"] = "any",
    n: Annotated[int, Query(ge=1, le=50)] = 15,
) -> Response:
    """One product, or one that only has a text; with another product beside it, why the two go together."""
    finding.at_hand(console, work)
    if q and not product and not text:
        found = await console.run(finding.suggestions, console, work, q, 30)
        if len(found) == 1:
            product = found[0]["id"]
        else:
            return page(request, "explore_search.html", q=q, found=found)
    if not product and not text.strip():
        sellers = [finding.brief(work, row) for row in finding.best_sellers(work, 12)]
        return page(request, "explore_start.html", sellers=sellers, q=q)
    if product:
        source = source_of(work, product)
    else:
        source = {"id": "", "name": text.strip(), "cold": True, "new": True, "row": -1, "told": {}, "sold": 0,
                  "beside": "", "baskets": 0, "shown": True}  # fmt: skip
    if product and beside and request.headers.get("hx-target") == "why":
        return page(request, "why_alone.html", why=await _why(request, console, work, product, beside))
    answer = await companions(console, answering, work, product or None, text.strip() or None, kind, n)
    why = await _why(request, console, work, product, beside) if product and beside else None
    return page(
        request,
        "explore.html",
        source=source,
        text=text.strip(),
        kind=kind,
        n=n,
        answer=answer,
        products=answer["products"],
        web=web(work, source, answer["products"]),
        why=why,
        beside=beside,
    )


@router.get("/search")
async def search(
    request: Request, console: TheConsole, _: Viewer, work: Work, q: Words = "", most: Annotated[int, Query(le=30)] = 8
) -> Response:
    """Suggestions while somebody types."""
    found = await console.run(finding.suggestions, console, work, q, most)
    return JSONResponse({"products": found})


async def _why(request: Request, console: TheConsole, work: Work, a: str, b: str) -> dict[str, object]:
    rows = work.catalogue.row(a), work.catalogue.row(b)
    told: dict[str, object] = {
        "a": finding.brief(work, rows[0]), "b": finding.brief(work, rows[1]), "explanation": None, "baskets": None,
    }  # fmt: skip
    if rows[0] == rows[1]:
        raise UnknownId("product", [b])
    if max(rows) >= work.catalogue.n_items:
        return told  # one of the two came after the fit, and nothing was counted of it
    told["explanation"] = await console.run(counted.why_pair, work, *rows, language_of(request))
    till = await console.run(finding.till_of, console, work)
    baskets = await console.run(counted.baskets_with_both, work, till, *rows)
    for one in baskets["shown"]:
        if one["customer"] is not None and console.service.is_forgotten(one["customer"], work):
            one["customer"] = None
    told["baskets"] = baskets
    return told
