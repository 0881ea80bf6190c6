"""One form of error: application/problem+json, which says what is wrong and the way out, and nothing of the inside."""

import json
import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from goeswith.errors import GoesWithError, UnknownId, UsageError
from goeswith.serve.schemas import Problem
from goeswith.serve.store.database import DatabaseAway

log = logging.getLogger("goeswith.serve")
TITLES = {
    400: "Not understood", 401: "No key", 403: "Not allowed", 404: "Not found", 405: "Not a method of this address",
    409: "Conflict", 413: "Too large", 415: "Not JSON", 422: "Cannot be used", 429: "Too many requests",
    500: "A fault of the service", 503: "Not ready",
}  # fmt: skip
RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {
        "description": title,
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for status, title in TITLES.items()
    if status != 405
}


class Refused(Exception):
    """A request that ends in this problem."""

    def __init__(
        self, status: int, detail: str, kind: str | None = None, headers: dict[str, str] | None = None, **more: Any
    ):
        super().__init__(detail)
        self.status, self.detail, self.headers, self.more = status, detail, headers or {}, more
        self.kind = kind or TITLES.get(status, "Problem").lower().replace(" ", "-")


def problem(
    request_id: str,
    status: int,
    detail: str,
    kind: str | None = None,
    headers: dict[str, str] | None = None,
    **more: Any,
) -> Response:
    title = TITLES.get(status, "Problem")
    body = Problem(
        type=f"/problems/{kind or title.lower().replace(' ', '-')}",
        title=title,
        status=status,
        detail=detail[:2_000],
        request_id=request_id,
        **more,
    )
    # A refused id may be spelt with what JSON has no letters for.
    text = json.dumps(body.model_dump(), ensure_ascii=True)
    return Response(text, status, headers=headers, media_type="application/problem+json")


def install(app: FastAPI) -> None:
    """Every error that the code raises on purpose, and every one of the frameworks', in this form."""

    @app.exception_handler(Refused)
    async def refused(request: Request, error: Refused) -> Response:
        return problem(_id(request), error.status, error.detail, error.kind, error.headers, **error.more)

    @app.exception_handler(GoesWithError)
    async def ours(request: Request, error: GoesWithError) -> Response:
        if isinstance(error, DatabaseAway):
            return problem(_id(request), 503, str(error), "database-away", {"Retry-After": "1"})
        if isinstance(error, UnknownId):
            near = [str(one) for one in error.near]
            return problem(_id(request), 404, _unknown(error), "unknown-id", near=near)
        if isinstance(error, UsageError):
            return problem(_id(request), 422, str(error))
        log.error("failed", exc_info=error, extra={"request_id": _id(request)})
        return problem(_id(request), 503, str(error), headers={"Retry-After": "5"})

    @app.exception_handler(RequestValidationError)
    async def unreadable(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0] if error.errors() else {}
        if first.get("type") == "json_invalid":
            told = (first.get("ctx") or {}).get("error", "")
            return problem(_id(request), 400, f"The body is not JSON: {told}.", "malformed-json")
        errors = [
            {"where": ".".join(str(part) for part in one["loc"])[:300], "message": str(one["msg"])[:300]}
            for one in error.errors()[:50]
        ]
        detail = "; ".join(f"{one['where']}: {one['message']}" for one in errors[:3])
        return problem(_id(request), 422, detail, "invalid", errors=errors)

    @app.exception_handler(HTTPException)
    async def of_the_framework(request: Request, error: HTTPException) -> Response:
        detail = {404: "There is nothing at this address.", 405: "This address has no such method."}
        headers = dict(error.headers or {})
        return problem(
            _id(request), error.status_code, detail.get(error.status_code, str(error.detail)), headers=headers
        )


def _unknown(error: UnknownId) -> str:
    named = ", ".join(str(one)[:60] for one in error.unknown[:5])
    few = f"The {error.kind} is" if len(error.unknown) == 1 else f"{len(error.unknown)} {error.kind}s are"
    hint = f" Near matches: {', '.join(map(str, error.near))}." if error.near else ""
    return f"{few} not in this shop ({named}).{hint} Check the spelling."


def _id(request: Request) -> str:
    return str(request.scope.get("request_id", ""))
