"""What every request passes: an id, limits, headers, a log line, a measure; and no trace of a fault gets out."""

import logging
import re
import secrets
from collections import OrderedDict
from collections.abc import Callable
from time import monotonic, perf_counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from goeswith.serve.metrics import Metrics
from goeswith.serve.problems import problem
from goeswith.serve.settings import ServeSettings
from goeswith.serve.store.keys import Key

log = logging.getLogger("goeswith.serve")
GIVEN_ID = re.compile(rb"[\w.-]{1,64}")
LOOPBACK = re.compile(r"(localhost|127\.\d+\.\d+\.\d+|\[::1\]|testserver)(:\d+)?$")
HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
POLICY = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
NO_STORE = (b"cache-control", b"no-store")


class TooLarge(Exception):
    """The body has more bytes than are read."""


class Bucket:
    """Requests that a caller has left; they come back evenly."""

    __slots__ = ("at", "left")

    def __init__(self, left: float) -> None:
        self.left, self.at = left, monotonic()

    def take(self, per_minute: int) -> float:
        """0, or the seconds until the next request may come."""
        now = monotonic()
        self.left = min(per_minute, self.left + (now - self.at) * per_minute / 60)
        self.at = now
        if self.left < 1:
            return (1 - self.left) * 60 / per_minute
        self.left -= 1
        return 0.0


class Gate:
    """The outermost layer of the service."""

    CALLERS = 10_000

    def __init__(
        self,
        app: ASGIApp,
        settings: ServeSettings,
        metrics: Metrics,
        is_open: Callable[[], bool],
        key_of: Callable[[str], Key | None],
    ) -> None:
        self.app, self.settings, self.metrics, self.is_open, self.key_of = app, settings, metrics, is_open, key_of
        self.most = settings.max_body_kb * 1024
        self.buckets: OrderedDict[str, Bucket] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = perf_counter()
        headers = dict(scope["headers"])
        given = headers.get(b"x-request-id", b"")
        request_id = given.decode() if GIVEN_ID.fullmatch(given) else secrets.token_hex(8)
        scope["request_id"] = request_id
        scope["key"] = key = self.key_of(_told(headers))
        scope["key_id"] = key.key_id if key else ""
        status, begun, read, over = 500, False, 0, False

        async def sending(message: Message) -> None:
            nonlocal status, begun
            if over and not begun:
                raise TooLarge  # the application took the end of reading for another fault
            if message["type"] == "http.response.start":
                status, begun = message["status"], True
                own = {name for name, _ in message["headers"]}
                extra = [(b"x-request-id", request_id.encode()), *HEADERS]
                extra += [pair for pair in (POLICY, NO_STORE) if pair[0] not in own]
                message = {**message, "headers": [*message["headers"], *extra]}
            await send(message)

        async def reading() -> Message:
            nonlocal read, over
            message = await receive()
            if message["type"] == "http.request":
                read += len(message.get("body", b""))
                if read > self.most:
                    over = True
                    raise TooLarge
            return message

        try:
            refusal = self._refusal(scope, headers, request_id)
            if refusal is not None:
                await refusal(scope, receive, sending)
            else:
                await self.app(scope, reading, sending)
        except TooLarge:
            over = False
            if not begun:
                await self._too_large(request_id)(scope, receive, sending)
        except Exception:
            log.exception("a fault", extra={"request_id": request_id})
            if not begun:
                told = "The service failed at this request. Its log has the details, under this request id."
                await problem(request_id, 500, told)(scope, receive, sending)
        finally:
            self._note(scope, request_id, status, perf_counter() - started)

    def _refusal(self, scope: Scope, headers: dict[bytes, bytes], request_id: str) -> ASGIApp | None:
        length = headers.get(b"content-length", b"0")
        if length.isdigit() and int(length) > self.most:
            return self._too_large(request_id)
        if self.is_open() and not LOOPBACK.match(headers.get(b"host", b"").decode("latin-1").lower()):
            # A page of another site must not reach a service without keys by a name that leads to the loopback.
            return problem(request_id, 403, "Without keys this service answers to localhost alone.", "host")
        if self.settings.requests_per_minute:
            client = scope.get("client") or ("",)
            wait = self._bucket(scope["key_id"] or client[0]).take(self.settings.requests_per_minute)
            if wait:
                return problem(
                    request_id,
                    429,
                    "Too many requests at once. Slow down.",
                    headers={"Retry-After": str(int(wait) + 1)},
                )
        return None

    def _too_large(self, request_id: str) -> ASGIApp:
        told = f"A body may have {self.settings.max_body_kb} KiB. Send less at once."
        return problem(request_id, 413, told, headers={"Connection": "close"})

    def _bucket(self, caller: str) -> Bucket:
        bucket = self.buckets.get(caller)
        if bucket is None:
            bucket = self.buckets[caller] = Bucket(self.settings.requests_per_minute)
            if len(self.buckets) > self.CALLERS:
                self.buckets.popitem(last=False)
        else:
            self.buckets.move_to_end(caller)
        return bucket

    def _note(self, scope: Scope, request_id: str, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "-")
        self.metrics.seconds.labels(scope["method"] if scope["method"] in METHODS else "-", route, str(status)).observe(
            seconds
        )
        if log.isEnabledFor(logging.INFO):
            log.info(
                "request",
                extra={
                    "request_id": request_id, "method": scope["method"], "route": route, "status": status,
                    "milliseconds": round(seconds * 1e3, 2), "key_id": scope.get("key_id", ""),
                },
            )  # fmt: skip


def _told(headers: dict[bytes, bytes]) -> str:
    """The key of a request: Authorization: Bearer gw_…, or X-API-Key: gw_…"""
    bearer = headers.get(b"authorization", b"").decode("latin-1")
    given = bearer[7:] if bearer[:7].lower() == "bearer " else headers.get(b"x-api-key", b"").decode("latin-1")
    return given.strip()[:200]


METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"}
