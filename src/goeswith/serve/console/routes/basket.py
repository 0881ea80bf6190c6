"""Basket: put together, and what is still to come in it, with reasons that change as it does."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from goeswith.explain.explanation import explain_recommendation
from goeswith.serve.console import finding
from goeswith.serve.console.access import TheAnswering, TheConsole, Viewer, Work
from goeswith.serve.console.language import language_of
from goeswith.serve.console.pages import link, page
from goeswith.serve.schemas import CompleteQuery

router = APIRouter()


@router.get("/basket")
async def basket(
    request: Request,
    console: TheConsole,
    answering: TheAnswering,
    _: Viewer,
    work: Work,
    p: Annotated[list[str], Query(max_length=50)] = [],  # noqa: B006
    n: Annotated[int, Query(ge=1, le=50)] = 12,
) -> Response:
    """The whole basket stands in the address, so that it can be kept and passed on."""
    wanted = list(dict.fromkeys(one for one in p if one))
    rows = [int(row) for row in work.catalogue.rows(wanted)]
    inside = [
        {**finding.brief(work, row), "out": link("basket", p=[one for one in wanted if one != wanted[at]])}
        for at, row in enumerate(rows)
    ]
    products = []
    if wanted:
        answer = await answering.under("complete", CompleteQuery(basket=wanted, n=n), work)
        known = [row for row in rows if row < work.catalogue.n_items]
        language = language_of(request)

        def reasons(row: int) -> list[str]:
            model = work.model
            if row >= work.catalogue.n_items or not known:
                return []
            told = explain_recommendation(
                model.book, model.parts.counts, known, row, similar=model._similar, language=language
            )
            return told.reasons

        def filled() -> list[dict[str, object]]:
            found = []
            for one in answer["products"]:
                row = work.catalogue.row(one["product_id"])
                beside = finding.brief(work, row)
                found.append(
                    {**one, **beside, "reasons": reasons(row), "put": link("basket", p=[*wanted, beside["id"]])}
                )
            return found

        products = await console.run(filled)
    sellers = [finding.brief(work, row) for row in finding.best_sellers(work, 8)] if not wanted else []
    return page(request, "basket.html", inside=inside, products=products, wanted=wanted, sellers=sellers)
