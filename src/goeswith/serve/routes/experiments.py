"""Two versions side by side, and a bounded share of places for products that hardly sold."""

from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Path
from starlette.concurrency import run_in_threadpool

from goeswith.serve.access import Admin, Reader, TheService
from goeswith.serve.exploring import off_policy
from goeswith.serve.intervals import difference, wilson
from goeswith.serve.problems import Refused
from goeswith.serve.rewards import explored
from goeswith.serve.schemas import (
    Experiment,
    ExperimentBody,
    ExperimentReport,
    Exploration,
    ExplorationBody,
    ExplorationReport,
)
from goeswith.serve.service import Service
from goeswith.serve.store.tables import experiments, exploration
from goeswith.serve.store.trials import all_of, begin, end, one_of, outcome
from goeswith.versions import list_versions

router = APIRouter(tags=["experiments"])
Number = Annotated[int, Path(ge=1, le=2**31 - 1)]


@router.get("/experiments", response_model=list[Experiment])
async def listed(_: Reader, service: TheService) -> Any:
    """Every experiment, the newest first."""
    return await service.store(all_of, service.database, experiments)


@router.post("/experiments", response_model=Experiment, status_code=201)
async def start(caller: Admin, service: TheService, body: ExperimentBody) -> Any:
    """Share the customers between two versions; each customer always meets the same one. One that runs already ends."""
    known = [info.name for info in await service.store(list_versions, service.shop)]
    for name in (body.version_a, body.version_b):
        if name not in known:
            raise Refused(404, f"There is no model version {name}. There are: {', '.join(known) or 'none'}.")
    if body.version_a == body.version_b:
        raise Refused(422, "version_a and version_b are the same. Name two versions.")
    made = await service.store(begin, service.database, experiments, body.model_dump(), caller)
    await run_in_threadpool(service.look_at_once)
    return made


@router.get("/experiments/{number}", response_model=ExperimentReport)
async def report(_: Reader, service: TheService, number: Number) -> Any:
    """Of each version's customers, who bought what they were shown; with intervals."""
    row = await service.store(one_of, service.database, experiments, number)
    if row is None:
        raise Refused(404, f"There is no experiment {number}.")
    found = await service.store(outcome, service.database, number)
    arms = []
    for arm, version in (("a", row["version_a"]), ("b", row["version_b"])):
        told = found.get(arm, {"customers": 0, "answers": 0, "buyers": 0})
        n = told["customers"]
        low, high = wilson(told["buyers"], n) if n else (None, None)
        share = told["buyers"] / n if n else None
        arms.append({"arm": arm, "version": version, **told, "share": share, "low": low, "high": high})
    a, b = arms
    gap: tuple[float | None, ...] = (None, None, None)
    if a["customers"] and b["customers"]:
        gap = difference((a["buyers"], a["customers"]), (b["buyers"], b["customers"]))
    return {"experiment": row, "arms": arms, "difference": gap[0], "low": gap[1], "high": gap[2]}


@router.delete("/experiments/{number}", status_code=204)
async def stop(caller: Admin, service: TheService, number: Number) -> None:
    """End it; everybody meets the current version again."""
    if not await service.store(end, service.database, experiments, number, caller):
        raise Refused(404, f"There is no experiment {number} that runs.")
    await run_in_threadpool(service.look_at_once)


@router.get("/exploration", response_model=ExplorationReport)
async def explored_so_far(_: Reader, service: TheService) -> Any:
    """What exploring brought, and what choosing by chance would have."""
    rows = await service.store(all_of, service.database, exploration)
    if not rows:
        raise Refused(404, "Nothing is explored. Begin: PUT /v1/exploration")
    return {"exploration": rows[0], **await service.store(_estimated, service)}


@router.put("/exploration", response_model=Exploration)
async def explore(caller: Admin, service: TheService, body: ExplorationBody) -> Any:
    """Give a share of places to products that hardly sold, from now on."""
    made = await service.store(begin, service.database, exploration, {"settings": body.model_dump()}, caller)
    await run_in_threadpool(service.look_at_once)
    return made


@router.delete("/exploration", status_code=204)
async def end_exploration(caller: Admin, service: TheService) -> None:
    """No place is explored any more; what was learned stays."""
    known = service.known.exploration
    if known is None or not await service.store(end, service.database, exploration, known[0], caller):
        raise Refused(404, "Nothing is explored.")
    await run_in_threadpool(service.look_at_once)


def _estimated(service: Service) -> dict[str, Any]:
    with service.database.reading() as connection:
        rows = connection.execute(explored().limit(200_000)).all()
    reward = np.array([float(row.rewarded) for row in rows])
    logged = np.array([row.propensity for row in rows], float)
    by_chance = np.array([1 / len(row.pool) for row in rows], float)
    n = len(rows)
    found = off_policy(reward, logged, by_chance) if n else None
    return {
        "shown": n,
        "rewards": int(reward.sum()),
        "rate": float(reward.mean()) if n else None,
        "by_chance_ips": found.ips if found else None,
        "by_chance_snips": found.snips if found else None,
        "effective": found.effective if found else None,
    }
