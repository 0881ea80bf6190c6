"""Business rules: set, looked back at, and tried before they hold."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from starlette.concurrency import run_in_threadpool

from goeswith.serve.access import Admin, Reader, TheAnswering, TheService
from goeswith.serve.paging import Cursor, number_of, page_of
from goeswith.serve.schemas import Page, Preview, PreviewBody, RulesBody, RulesVersion
from goeswith.serve.service import Service
from goeswith.serve.store.rule_versions import back_to, rule_versions, set_rules

router = APIRouter(tags=["rules"])
Version = Annotated[int, Path(ge=1, le=2**31 - 1)]


@router.get("/rules", response_model=RulesVersion)
async def rules(_: Reader, service: TheService) -> Any:
    """The rules that hold; version 0 is what fit.toml asked for."""
    work = service.work()
    known = await service.store(rule_versions, service.database, None, 1_000)
    active = next((row for row in known if row["version"] == work.rules.version), None)
    plain = {"version": 0, "note": "of the fit", "created": None, "created_by": "fit.toml", "active": True}
    return active or {**plain, "rules": work.rules.rules}


@router.get("/rules/versions", response_model=Page[RulesVersion])
async def versions(
    _: Reader, service: TheService, limit: Annotated[int, Query(ge=1, le=1_000)] = 20, cursor: Cursor = None
) -> Any:
    """Every version that was ever set, the newest first."""
    most = min(limit, service.settings.page_size)
    found = await service.store(rule_versions, service.database, number_of(cursor), most + 1)
    more = str(found[most - 1]["version"]) if len(found) > most else None
    return page_of(found[:most], more)


@router.post("/rules/preview", response_model=Preview)
async def preview(_: Reader, service: TheService, answering: TheAnswering, body: PreviewBody) -> Any:
    """What answers would be under rules that do not hold yet, beside what they are."""
    work = service.work()
    tried = await service.run(service.tried, work, body.rules)
    compared = []
    for verb, queries in (("related", body.related), ("recommend", body.recommend)):
        for query in queries:
            before, after = await answering.under(verb, query, work), await answering.under(verb, query, tried)
            compared.append({"before": before, "after": after})
    return {"answers": compared, "hidden": {rule: int(mask.sum()) for rule, mask in tried.rules.hidden.items()}}


@router.put("/rules", response_model=RulesVersion)
async def put(caller: Admin, service: TheService, body: RulesBody) -> Any:
    """Let these rules hold from now on. They are tried on the catalogue first; what it cannot keep is refused."""
    work = service.work()
    await service.run(service.tried, work, body.rules)
    version = await service.store(set_rules, service.database, body.rules, body.note, caller)
    await run_in_threadpool(service.look_at_once)
    return await _version(service, version)


@router.post("/rules/{version}/restore", response_model=RulesVersion)
async def restore(caller: Admin, service: TheService, version: Version) -> Any:
    """Let an earlier version hold again."""
    await service.store(back_to, service.database, version, caller)
    await run_in_threadpool(service.look_at_once)
    return await _version(service, version)


async def _version(service: Service, version: int) -> Any:
    return (await service.store(rule_versions, service.database, version + 1, 1))[0]
