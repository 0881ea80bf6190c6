"""Whether it lives, whether it answers, and how it does."""

from pathlib import Path
from typing import Any

from fastapi import APIRouter
from starlette.responses import FileResponse, JSONResponse, Response

from goeswith.serve.access import Reader, TheService
from goeswith.serve.schemas import Health, Ready

router = APIRouter(tags=["operations"])
SNIPPET = Path(__file__).parent.parent / "static" / "goeswith.js"


@router.get("/health", response_model=Health)
async def health() -> Any:
    """The process lives."""
    return {"status": "ok"}


@router.get("/ready", response_model=Ready, responses={503: {"model": Ready, "description": "No model answers yet"}})
async def ready(service: TheService) -> Response:
    """A model answers and the database does; 503 while the first model loads."""
    is_ready = service.current is not None and not service.database_away
    told = Ready(
        ready=is_ready,
        model=service.current,
        database=not service.database_away,
        loading=service.loading,
        problem=service.trouble,
    )
    return JSONResponse(told.model_dump(), 200 if is_ready else 503)


@router.get(
    "/metrics", response_class=Response, responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}}
)
async def metrics(_: Reader, service: TheService) -> Response:
    """For Prometheus."""
    return Response(service.metrics.page(), media_type="text/plain; version=0.0.4; charset=utf-8")


@router.get(
    "/goeswith.js",
    response_class=FileResponse,
    responses={200: {"content": {"text/javascript": {"schema": {"type": "string"}}}}},
)
async def snippet() -> FileResponse:
    """A script for a page of the shop: it shows what goes with a product."""
    return FileResponse(SNIPPET, media_type="text/javascript", headers={"Cache-Control": "max-age=3600"})
