"""Keys of the API, and the users of the console."""

from datetime import timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from goeswith.errors import UsageError
from goeswith.serve.console import users
from goeswith.serve.console.access import Admin, TheConsole
from goeswith.serve.console.holding import Console
from goeswith.serve.console.pages import link, page
from goeswith.serve.store.database import now
from goeswith.serve.store.keys import all_keys, new_key, revoke

router = APIRouter()
Name = Annotated[str, Form(min_length=1, max_length=200)]
Role = Literal["viewer", "merchandiser", "admin"]


@router.get("/keys")
async def keys(request: Request, console: TheConsole, _: Admin) -> Response:
    return await _page(request, console)


@router.post("/keys")
async def make(
    request: Request,
    console: TheConsole,
    session: Admin,
    name: Name,
    scope: Annotated[Literal["read", "write", "admin"], Form()],
    days: Annotated[int, Form(ge=0, le=3_650)] = 0,
) -> Response:
    """A new key; its text is on this one page and nowhere else."""
    if console.service.is_open() and scope != "admin":
        raise UsageError("The first key must have the scope admin, or nobody could make another over the API.")
    expires = now() + timedelta(days=days) if days else None
    _, text = await console.store(new_key, name, scope, expires, session.actor)
    await console.run(console.service.look_at_once)
    return await _page(request, console, made=text)


@router.post("/keys/revoke")
async def withdraw(console: TheConsole, session: Admin, key_id: Annotated[str, Form(max_length=32)]) -> Response:
    await console.store(revoke, key_id, session.actor)
    await console.run(console.service.look_at_once)
    return RedirectResponse(link("keys"), 303)


@router.post("/users")
async def add(
    console: TheConsole, session: Admin, name: Name, role: Annotated[Role, Form()], password: Annotated[str, Form()]
) -> Response:
    await console.store(users.add_user, name, role, password, session.actor)
    return RedirectResponse(link("keys"), 303)


@router.post("/users/change")
async def change(
    console: TheConsole,
    session: Admin,
    name: Name,
    role: Annotated[Role | Literal[""], Form()] = "",
    password: Annotated[str, Form()] = "",
) -> Response:
    await console.store(users.change_user, name, session.actor, role or None, password or None)
    return RedirectResponse(link("keys"), 303)


@router.post("/users/remove")
async def remove(console: TheConsole, session: Admin, name: Name) -> Response:
    await console.store(users.remove_user, name, session.actor)
    return RedirectResponse(link("keys"), 303)


async def _page(request: Request, console: Console, made: str = "") -> Response:
    known = await console.store(all_keys)
    people = await console.store(users.all_users)
    return page(request, "keys.html", keys=known, people=people, made=made, roles=list(users.RANK))
