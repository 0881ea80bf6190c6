"""Model versions: which there are, which one answers, and which did before."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path

from goeswith.errors import ModelError
from goeswith.serve.access import Admin, Reader, TheService
from goeswith.serve.problems import Refused
from goeswith.serve.schemas import ModelInfo, Now
from goeswith.serve.service import Service
from goeswith.serve.store.customers import last_forgotten
from goeswith.serve.store.database import write_down
from goeswith.versions import list_versions, rollback
from goeswith.versions import promote as let_answer

router = APIRouter(tags=["models"])
Version = Annotated[str, Path(max_length=60, pattern=r"^[\w-]+$")]


@router.get("/models", response_model=list[ModelInfo])
async def models(_: Reader, service: TheService) -> Any:
    """Every complete version in the shop's folder, the newest first."""
    return await service.store(_listed, service)


@router.post("/models/{version}/promote", response_model=Now)
async def promote(caller: Admin, service: TheService, version: Version) -> Any:
    """Let a version answer. It is loaded beside the one in service, which answers until then."""
    return await service.store(_moved, service, caller, version)


@router.post("/models/rollback", response_model=Now)
async def roll_back(caller: Admin, service: TheService) -> Any:
    """Let the version answer that did before."""
    return await service.store(_moved, service, caller, None)


def _listed(service: Service) -> list[dict[str, Any]]:
    forgot = last_forgotten(service.database)
    return [
        {
            "version": info.name,
            "created": info.created,
            "until": info.until,
            "current": info.current,
            "serving": info.name == service.current,
            "metrics": info.metrics,
            "wants_fit": forgot is not None and datetime.fromisoformat(info.created).replace(tzinfo=None) < forgot,
        }
        for info in list_versions(service.shop)
    ]


def _moved(service: Service, caller: str, version: str | None) -> dict[str, str]:
    try:
        if version is None:
            name, act = rollback(service.shop), "model rolled back"
        else:
            let_answer(service.shop, version)
            name, act = version, "model promoted"
    except ModelError as error:
        raise Refused(404 if version else 409, str(error)) from error
    with service.database.writing() as connection:
        write_down(connection, caller, act, name)
    return {"current": name}
