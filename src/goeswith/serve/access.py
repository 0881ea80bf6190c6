"""Who may do what: dependencies of the routes."""

from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader, HTTPBearer

from goeswith.serve.answering import Answering
from goeswith.serve.problems import Refused
from goeswith.serve.service import Service
from goeswith.serve.store.keys import Key, Scope

bearer = HTTPBearer(auto_error=False, scheme_name="key", description="Authorization: Bearer gw_…")
header = APIKeyHeader(name="X-API-Key", auto_error=False, scheme_name="key header")


async def service_of(request: Request) -> Service:
    return request.app.state.service


async def answering_of(request: Request) -> Answering:
    return request.app.state.answering


def _checked(request: Request, scope: Scope) -> str:
    """The id of the key that a request may act with; "localhost" while there is no key."""
    service: Service = request.app.state.service
    if service.is_open():
        return "localhost"
    key: Key | None = request.scope["key"]
    if key is None or key.state != "active":
        told = "This key is not known." if key is None else f"This key is {key.state}."
        if key is None and not (request.headers.get("authorization") or request.headers.get("x-api-key")):
            told = "A key is needed: Authorization: Bearer gw_…"
        raise Refused(401, told, headers={"WWW-Authenticate": "Bearer"})
    if not key.may(scope):
        raise Refused(403, f"This needs a key of scope {scope}; yours has {key.scope}.")
    return key.key_id


async def reader(request: Request) -> str:
    return _checked(request, "read")


async def writer(request: Request) -> str:
    return _checked(request, "write")


async def admin(request: Request) -> str:
    return _checked(request, "admin")


Shown = [Security(bearer), Security(header)]
"""For the OpenAPI page: the checks themselves are `reader`, `writer` and `admin`."""
Reader = Annotated[str, Depends(reader)]
Writer = Annotated[str, Depends(writer)]
Admin = Annotated[str, Depends(admin)]
TheService = Annotated[Service, Depends(service_of)]
TheAnswering = Annotated[Answering, Depends(answering_of)]
