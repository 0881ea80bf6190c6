"""The console as an application of its own below /console, beside the API and on the same service."""

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.types import Scope

from goeswith.errors import GoesWithError, UnknownId, UsageError
from goeswith.serve.console.access import NoModelYet, NotSignedIn
from goeswith.serve.console.holding import Console
from goeswith.serve.console.pages import BASE, HERE, link, page
from goeswith.serve.console.routes import (
    audit,
    basket,
    customers,
    data,
    evaluation,
    explore,
    home,
    inventory,
    keys,
    login,
    map,
    models,
    rules,
)
from goeswith.serve.problems import Refused
from goeswith.serve.store.database import DatabaseAway

log = logging.getLogger("goeswith.serve")
ROUTES = (login, home, explore, map, basket, customers, rules, models, inventory, evaluation, data, keys, audit)


class KeptFiles(StaticFiles):
    """Files whose address changes when they do, so that a browser asks once."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        answer = await super().get_response(path, scope)
        if scope.get("query_string"):
            answer.headers["cache-control"] = "public, max-age=31536000, immutable"
        return answer


def mount_console(app: FastAPI) -> None:
    """Add the console to a service's application."""
    console = FastAPI(title="goeswith console", openapi_url=None, docs_url=None, redoc_url=None)
    console.state.console, console.state.answering = Console(app.state.service), app.state.answering
    console.state.service = app.state.service
    for module in ROUTES:
        console.include_router(module.router)
    console.mount("/static", KeptFiles(directory=HERE / "static"))
    _install(console)
    app.mount(BASE, console, name="console")

    @app.get("/", include_in_schema=False)
    async def to_the_console() -> Response:
        return RedirectResponse(link())


def _install(console: FastAPI) -> None:
    """Errors as pages a person can read."""

    @console.exception_handler(NotSignedIn)
    async def sign_in(request: Request, _: NotSignedIn) -> Response:
        if _is_part(request):
            return JSONResponse({"detail": "signed out"}, 401)
        back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(link("login", next=back if request.method == "GET" else None), 303)

    @console.exception_handler(NoModelYet)
    async def wait(request: Request, _: NoModelYet) -> Response:
        holding: Console = console.state.console
        if not holding.has_shop or not any(holding.service.shop.models.glob("*/manifest.json")):
            return RedirectResponse(link("data"), 303)
        trouble = holding.service.trouble
        return page(request, "loading.html", 503, trouble=trouble)

    @console.exception_handler(Refused)
    async def refused(request: Request, error: Refused) -> Response:
        return _told(request, error.status, error.detail)

    @console.exception_handler(GoesWithError)
    async def ours(request: Request, error: GoesWithError) -> Response:
        status = 503 if isinstance(error, DatabaseAway) else 404 if isinstance(error, UnknownId) else 422
        if not isinstance(error, UsageError | DatabaseAway):
            log.error("failed", exc_info=error)
        near = [str(one) for one in error.near] if isinstance(error, UnknownId) and error.kind == "product" else []
        return _told(request, status, str(error).partition(" Rankings leave unknown")[0], near)

    @console.exception_handler(RequestValidationError)
    async def unreadable(request: Request, error: RequestValidationError) -> Response:
        told = "; ".join(f"{one['loc'][-1]}: {one['msg']}" for one in error.errors()[:3])
        return _told(request, 422, told[:500])

    @console.exception_handler(HTTPException)
    async def of_the_framework(request: Request, error: HTTPException) -> Response:
        told = {404: "There is nothing at this address.", 405: "This address has no such method."}
        return _told(request, error.status_code, told.get(error.status_code, str(error.detail)))

    @console.exception_handler(Exception)
    async def fault(request: Request, error: Exception) -> Response:
        return _told(request, 500, "The console failed at this page. The log of the service has the details.")


def _told(request: Request, status: int, detail: str, near: list[Any] | None = None) -> Response:
    if _is_part(request) and request.method != "GET":
        return JSONResponse({"detail": detail}, status)
    return page(request, "problem.html", status, detail=detail, near=near or [], status=status)


def _is_part(request: Request) -> bool:
    """Whether a script of ours asks, which shows what went wrong in the page that is open."""
    return "hx-request" in request.headers or request.headers.get("x-console") == "1"
