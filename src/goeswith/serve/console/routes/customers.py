"""Customers: what they did, what to offer them and why; what is kept of one, exported and forgotten; segments."""

import json
from typing import Annotated, Any, Literal

import numpy as np
import polars as pl
from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import RedirectResponse, Response

from goeswith.errors import UnknownId
from goeswith.explain.explanation import explain_recommendation
from goeswith.serve.at_work import AtWork
from goeswith.serve.console import finding
from goeswith.serve.console.access import Admin, TheAnswering, TheConsole, Viewer, Work
from goeswith.serve.console.holding import Console
from goeswith.serve.console.language import language_of, speaker
from goeswith.serve.console.pages import link, page
from goeswith.serve.console.segments import SEGMENTS, Segments, liked, segments_of
from goeswith.serve.routes.customers import _forget, _history
from goeswith.serve.schemas import RecommendQuery
from goeswith.serve.store.customers import counts_of
from goeswith.serve.store.database import write_down

router = APIRouter()
LISTED, SHOWN = 50, 60
Id = Annotated[str, Query(max_length=200)]
Segment = Literal["", "loyal", "regular", "new", "once", "fading", "lost"]


@router.get("/customers")
async def customers(
    request: Request,
    console: TheConsole,
    answering: TheAnswering,
    _: Viewer,
    work: Work,
    id: Id = "",
    segment: Segment = "",
    novel: bool = False,
    across: bool = False,
) -> Response:
    """One customer, or the segments that all of them fall into."""
    if id.strip():
        return await _one(request, console, answering, work, id.strip(), novel, across)
    found = await console.run(_segments, console, work)
    listed: list[dict[str, Any]] = []
    tastes: list[dict[str, Any]] = []
    if segment:
        own = found.customers.filter(pl.col("segment") == segment)
        listed = [_brief(work, row) for row in own.head(LISTED).iter_rows(named=True)]
        listed = [one for one in listed if not console.service.is_forgotten(one["id"], work)]
        tastes = await console.run(liked, work, own["customer"])
    return page(
        request, "customers.html", counts=found.counts(), segment=segment, listed=listed, tastes=tastes,
        words=_words(request),
    )  # fmt: skip


@router.get("/customers/export")
async def export(console: TheConsole, session: Admin, work: Work, id: Id) -> Response:
    """Everything that is kept of one customer, as a file for them."""
    found = await console.run(_history, console.service, id)
    shown, offered = await console.store(counts_of, id)

    def note(database: Any) -> None:
        with database.writing() as connection:
            write_down(connection, session.actor, "customer exported", console.service.digest(id)[:16])

    await console.store(note)
    told = {"customer_id": id, "events": found, "exposures": shown, "offers": offered}
    text = json.dumps(told, ensure_ascii=False, default=str, indent=1)
    headers = {"Content-Disposition": 'attachment; filename="customer.json"'}
    return Response(text, media_type="application/json", headers=headers)


@router.post("/customers/forget")
async def forget(console: TheConsole, session: Admin, work: Work, id: Annotated[str, Form(max_length=200)]) -> Response:
    await console.run(_forget, console.service, id, session.actor)
    return RedirectResponse(link("customers", forgotten="1"), 303)


async def _one(
    request: Request, console: Console, answering: Any, work: AtWork, customer: str, novel: bool, across: bool
) -> Response:
    try:
        history = await console.run(_history, console.service, customer)
    except UnknownId as error:
        found = await console.run(_segments, console, work)
        return page(
            request, "customers.html", 404, counts=found.counts(), segment="", listed=[], tastes=[],
            words=_words(request), missing=customer, near=[str(one) for one in error.near],
        )  # fmt: skip
    query = RecommendQuery(customer=customer, n=12, novel=novel, across=across and _has_categories(work))
    answer = await answering.under("recommend", query, work)
    language = language_of(request)
    row = None if console.service.is_forgotten(customer, work) else work.model.log.customers._find(customer)

    def filled() -> list[dict[str, Any]]:
        model, known = work.model, work.catalogue.n_items
        items = [work.catalogue.row(one["product_id"]) for one in answer["products"]]
        bought = [
            at for each in history if each["event"] == "purchase"
            if (at := work.catalogue.find(each["product_id"])) is not None and at < known
        ]  # fmt: skip
        past = np.unique(np.array(bought, dtype=np.int64))
        old = np.array([item for item in items if item < known], dtype=np.int64)
        carried = model.parts.ease.carried(old, past) if len(past) and len(old) else np.zeros((0, len(old)))
        weights = dict(zip(old.tolist(), carried.T, strict=True))

        def reasons(item: int) -> list[str]:
            if item >= known:
                return []
            given = (past, weights[item])
            told = explain_recommendation(
                model.book, model.parts.counts, bought, item, given, row, similar=model._similar,
                now=model.parts.now, language=language,
            )  # fmt: skip
            return told.reasons

        return [
            {**one, **finding.brief(work, item), "reasons": reasons(item)}
            for one, item in zip(answer["products"], items, strict=True)
        ]

    products = await console.run(filled)
    named = [
        {
            **each,
            "name": work.catalogue.names[at] if (at := work.catalogue.find(each["product_id"])) is not None else "",
        }
        for each in history[:SHOWN]
    ]
    segments = await console.run(_segments, console, work)
    own = segments.customers.filter(pl.col("customer") == (-1 if row is None else row)).to_dicts()
    return page(
        request, "customer.html", customer=customer, history=named, n_events=len(history), products=products,
        own=own[0] if own else None, novel=novel, across=across, has_categories=_has_categories(work),
    )  # fmt: skip


def _segments(console: Console, work: AtWork) -> Segments:
    return console.once("segments", work.version, lambda: segments_of(work))


def _brief(work: AtWork, row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "id": str(work.model.log.customers.ids([row["customer"]])[0])}


def _words(request: Request) -> list[str]:
    say = speaker(language_of(request))
    return [say(name) for name in SEGMENTS]


def _name(work: AtWork, product: Any) -> str:
    row = work.catalogue.find(product)
    return "" if row is None else work.catalogue.names[row]


def _has_categories(work: AtWork) -> bool:
    return bool(work.model._categories.any())
