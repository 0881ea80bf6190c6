"""Audit: who did what, and when."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from sqlalchemy import or_, select

from goeswith.serve.console.access import Admin, TheConsole
from goeswith.serve.console.pages import page
from goeswith.serve.store.database import Database
from goeswith.serve.store.tables import audit

router = APIRouter()
PER_PAGE = 100


@router.get("/audit")
async def acts(
    request: Request,
    console: TheConsole,
    _: Admin,
    before: Annotated[int | None, Query(ge=1, le=2**53)] = None,
    about: Annotated[str, Query(max_length=100)] = "",
) -> Response:
    found = await console.store(_acts, before, about.strip())
    more = found[PER_PAGE - 1]["seq"] if len(found) > PER_PAGE else None
    return page(request, "audit.html", acts=found[:PER_PAGE], more=more, about=about)


def _acts(database: Database, before: int | None, about: str) -> list[dict[str, Any]]:
    query = select(audit).order_by(audit.c.seq.desc()).limit(PER_PAGE + 1)
    if before is not None:
        query = query.where(audit.c.seq < before)
    if about:
        columns = (audit.c.actor, audit.c.act, audit.c.subject)
        query = query.where(or_(*(column.contains(about, autoescape=True) for column in columns)))
    with database.reading() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]
