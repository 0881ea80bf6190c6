"""Jobs, and who did what."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from sqlalchemy import select

from goeswith.serve.access import Admin, TheService
from goeswith.serve.paging import Cursor, number_of, page_of
from goeswith.serve.problems import Refused
from goeswith.serve.schemas import Audited, Job, JobBody, Page
from goeswith.serve.service import Service
from goeswith.serve.store.tables import audit

router = APIRouter(tags=["administration"])


@router.post("/jobs", response_model=Job, status_code=202)
async def ask(caller: Admin, request: Request, service: TheService, body: JobBody) -> Any:
    """Hand the events over to the shop's log, or fit a new version, in the background."""
    return await service.store(request.app.state.jobs.ask, body.kind, caller)


@router.get("/jobs", response_model=list[Job])
async def jobs(
    _: Admin, request: Request, service: TheService, limit: Annotated[int, Query(ge=1, le=1_000)] = 20
) -> Any:
    """The latest first."""
    return await service.store(request.app.state.jobs.latest, limit)


@router.get("/jobs/{job_id}", response_model=Job)
async def job(
    _: Admin, request: Request, service: TheService, job_id: Annotated[str, Path(pattern=r"^[0-9a-f]{1,32}$")]
) -> Any:
    """How far it is."""
    found = await service.store(request.app.state.jobs.job, job_id)
    if found is None:
        raise Refused(404, "There is no such job.")
    return found


@router.get("/audit", response_model=Page[Audited])
async def audited(
    _: Admin, service: TheService, limit: Annotated[int, Query(ge=1, le=1_000)] = 100, cursor: Cursor = None
) -> Any:
    """Administrative acts, the latest first."""
    most = min(limit, service.settings.page_size)
    found = await service.store(_audited, service, number_of(cursor), most + 1)
    return page_of(found[:most], str(found[most - 1]["seq"]) if len(found) > most else None)


def _audited(service: Service, before: int | None, most: int) -> list[dict[str, Any]]:
    query = select(audit).order_by(audit.c.seq.desc()).limit(most)
    if before is not None:
        query = query.where(audit.c.seq < before)
    with service.database.reading() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]
