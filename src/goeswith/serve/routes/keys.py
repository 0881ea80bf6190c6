"""API keys."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path

from goeswith.serve.access import Admin, TheService
from goeswith.serve.problems import Refused
from goeswith.serve.schemas import KeyBody, KeyInfo, NewKey
from goeswith.serve.store.keys import Key, all_keys, new_key, revoke
from goeswith.serve.times import as_utc

router = APIRouter(tags=["keys"])


@router.get("/keys", response_model=list[KeyInfo])
async def keys(_: Admin, service: TheService) -> Any:
    """Every key, without its secret."""
    return [_shown(key) for key in await service.store(all_keys, service.database)]


@router.post("/keys", response_model=NewKey, status_code=201)
async def make(caller: Admin, service: TheService, body: KeyBody) -> Any:
    """A new key; its text is in this answer and nowhere else. The first key must be an admin's."""
    if service.is_open() and body.scope != "admin":
        raise Refused(409, "The first key must have the scope admin, or nobody could make another.")
    expires: datetime | None = None if body.expires is None else as_utc(body.expires)
    key, text = await service.store(new_key, service.database, body.name, body.scope, expires, caller)
    await service.store(service.look_at_once)
    return {**_shown(key), "key": text}


@router.delete("/keys/{key_id}", status_code=204)
async def withdraw(caller: Admin, service: TheService, key_id: Annotated[str, Path(max_length=32)]) -> None:
    """The key opens nothing from now on."""
    if not await service.store(revoke, service.database, key_id, caller):
        raise Refused(404, "There is no such key, or it is revoked already.")
    await service.store(service.look_at_once)


def _shown(key: Key) -> dict[str, Any]:
    told = {name: value for name, value in vars(key).items() if name not in ("hash", "revoked")}
    return {**told, "state": key.state}
