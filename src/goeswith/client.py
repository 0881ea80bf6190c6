"""A typed client of a service: `Client` waits, `AsyncClient` is awaited; both ask the same questions.

    with Client("http://127.0.0.1:8000", key="gw_…") as shop:
        shop.related("pasta", n=5)
        shop.tell({"event_id": "till-7-1", "product_id": "pasta", "customer_id": "ben"})

Answers are the models of `goeswith.serve.schemas`. An error of the service is a `ServiceError` with its problem.
Needs the extra `serve`.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from types import TracebackType
from typing import Any, Generic, ParamSpec, Self, TypeVar, cast, overload

from goeswith.errors import GoesWithError, MissingExtra

try:
    import httpx
    from pydantic import TypeAdapter

    from goeswith.serve import schemas
except ModuleNotFoundError as error:
    raise MissingExtra("goeswith.client", "serve") from error

T = TypeVar("T")
P = ParamSpec("P")


class ServiceError(GoesWithError):
    """The service refused, or could not.

    problem : what it said; its status, detail, near matches, request_id
    """

    def __init__(self, problem: schemas.Problem) -> None:
        self.problem = problem
        super().__init__(f"{problem.status} {problem.title}: {problem.detail}")


class Unreachable(GoesWithError):
    """No service answered at this address."""


@dataclass(frozen=True)
class Call(Generic[T]):
    """A request, and the form of its answer."""

    method: str
    path: str
    form: Any
    query: Mapping[str, Any] | None = None
    body: Any = None

    def sent(self) -> dict[str, Any]:
        query = {name: value for name, value in (self.query or {}).items() if value is not None}
        return {"method": self.method, "url": f"/v1/{self.path}", "params": query, "json": self.body}

    def read(self, answer: httpx.Response) -> T:
        if answer.is_success:
            return cast(T, TypeAdapter(self.form).validate_json(answer.content) if self.form else None)
        try:
            problem = schemas.Problem.model_validate_json(answer.content)
        except ValueError:
            told = answer.text[:200] or answer.reason_phrase
            problem = schemas.Problem(type="about:blank", title="Error", status=answer.status_code, detail=told)
        raise ServiceError(problem)


def _quoted(value: object) -> str:
    from urllib.parse import quote

    return quote(str(value), safe="")


def _body(**given: Any) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value is not None}


class _Readiness(Call[schemas.Ready]):
    def read(self, answer: httpx.Response) -> schemas.Ready:
        if answer.status_code in (200, 503):
            return schemas.Ready.model_validate_json(answer.content)
        return super().read(answer)


def _related(
    product: object = None,
    *,
    text: str | None = None,
    n: int = 10,
    kind: str = "any",
    filter: str | None = None,
    exclude: Sequence[object] = (),
    customer: object = None,
    why: bool = False,
) -> Call[schemas.Ranking]:
    """What goes with a product, or with a text."""
    body = _body(
        product=_id(product), text=text, n=n, kind=kind, filter=filter, exclude=[*map(str, exclude)],
        customer=_id(customer), why=why,
    )  # fmt: skip
    return Call("POST", "related", schemas.Ranking, body=body)


def _complete(
    basket: Sequence[object],
    customer: object = None,
    n: int = 10,
    *,
    filter: str | None = None,
    exclude: Sequence[object] = (),
    why: bool = False,
) -> Call[schemas.Ranking]:
    """What is still to come in a basket."""
    body = _body(
        basket=[*map(str, basket)], customer=_id(customer), n=n, filter=filter, exclude=[*map(str, exclude)], why=why
    )
    return Call("POST", "complete", schemas.Ranking, body=body)


def _recommend(
    customer: object = None,
    n: int = 10,
    *,
    history: Sequence[object] | None = None,
    novel: bool = False,
    across: bool = False,
    filter: str | None = None,
    exclude: Sequence[object] = (),
    why: bool = False,
) -> Call[schemas.Ranking]:
    """What to offer a customer."""
    body = _body(
        customer=_id(customer), history=None if history is None else [*map(str, history)], n=n, novel=novel,
        across=across, filter=filter, exclude=[*map(str, exclude)], why=why,
    )  # fmt: skip
    return Call("POST", "recommend", schemas.Ranking, body=body)


def _probability(a: object, b: object) -> Call[schemas.Chance]:
    """Of baskets with a, the share that holds b."""
    return Call("GET", "probability", schemas.Chance, query={"a": str(a), "b": str(b)})


def _why(a: object, b: object) -> Call[schemas.Why]:
    """Why b goes with a."""
    return Call("GET", "why", schemas.Why, query={"a": str(a), "b": str(b)})


def _audience(products: Sequence[object], n: int = 100, **more: Any) -> Call[schemas.Audience]:
    """Whom to offer a product or a bundle."""
    body = {"products": [*map(str, products)], "n": n, **more}
    return Call("POST", "audience", schemas.Audience, body=body)


def _tell(event: Mapping[str, Any] | schemas.EventBody) -> Call[schemas.Stored]:
    """Send one event; it is on the disk when this returns."""
    return Call("POST", "events", schemas.Stored, body=_event(event))


def _tell_many(events: Iterable[Mapping[str, Any] | schemas.EventBody]) -> Call[schemas.StoredMany]:
    """Send up to 1,000 events."""
    return Call("POST", "events/batch", schemas.StoredMany, body={"events": [*map(_event, events)]})


def _products(
    q: str | None = None, *, filter: str | None = None, limit: int = 20, cursor: str | None = None
) -> Call[schemas.Page[schemas.Product]]:
    """One page of the catalogue, or of what a search finds."""
    query = {"q": q, "filter": filter, "limit": limit, "cursor": cursor}
    return Call("GET", "products", schemas.Page[schemas.Product], query=query)


def _product(product: object) -> Call[schemas.Product]:
    """One product."""
    return Call("GET", f"products/{_quoted(product)}", schemas.Product)


def _add_products(products: Iterable[Mapping[str, Any]]) -> Call[schemas.Changed]:
    """Add products, or change those that are known."""
    return Call("POST", "products", schemas.Changed, body={"products": [*map(dict, products)]})


def _change_product(product: object, **attributes: Any) -> Call[schemas.Product]:
    """Change some columns."""
    return Call("PATCH", f"products/{_quoted(product)}", schemas.Product, body={"attributes": attributes})


def _withdraw_product(product: object) -> Call[None]:
    """Show it no longer."""
    return Call("DELETE", f"products/{_quoted(product)}", None)


def _history(customer: object, limit: int = 100, cursor: str | None = None) -> Call[schemas.Page[schemas.Happened]]:
    """What a customer did, the latest first."""
    query = {"limit": limit, "cursor": cursor}
    return Call("GET", f"customers/{_quoted(customer)}/history", schemas.Page[schemas.Happened], query=query)


def _forget(customer: object) -> Call[schemas.Forgotten]:
    """Remove a customer from events, caches and logs."""
    return Call("DELETE", f"customers/{_quoted(customer)}", schemas.Forgotten)


def _models() -> Call[list[schemas.ModelInfo]]:
    """Every version, the newest first."""
    return Call("GET", "models", list[schemas.ModelInfo])


def _promote(version: str) -> Call[schemas.Now]:
    """Let a version answer."""
    return Call("POST", f"models/{_quoted(version)}/promote", schemas.Now)


def _rules() -> Call[schemas.RulesVersion]:
    """The business rules that hold."""
    return Call("GET", "rules", schemas.RulesVersion)


def _set_rules(rules: Mapping[str, Any], note: str = "") -> Call[schemas.RulesVersion]:
    """Let these rules hold from now on."""
    body = {"rules": dict(rules), "note": note}
    return Call("PUT", "rules", schemas.RulesVersion, body=body)


def _ready() -> Call[schemas.Ready]:
    """Whether a model answers; a service that loads one is no error."""
    return _Readiness("GET", "ready", schemas.Ready)


class Asked(Generic[P, T]):
    """A question of both clients: the one waits for its answer, the other is awaited."""

    def __init__(self, call: Callable[P, Call[T]]) -> None:
        self._call = call
        self.__doc__ = call.__doc__

    @overload
    def __get__(self, client: "Client", owner: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, client: "AsyncClient", owner: type) -> Callable[P, Awaitable[T]]: ...
    @overload
    def __get__(self, client: None, owner: type) -> Callable[P, Call[T]]: ...
    def __get__(self, client: "Client | AsyncClient | None", owner: type) -> Any:
        if client is None:
            return self._call

        @wraps(self._call)
        def ask(*given: P.args, **named: P.kwargs) -> Any:
            return client._do(self._call(*given, **named))

        return ask


class Questions:
    """What can be asked of a service."""

    related = Asked(_related)
    complete = Asked(_complete)
    recommend = Asked(_recommend)
    probability = Asked(_probability)
    why = Asked(_why)
    audience = Asked(_audience)
    tell = Asked(_tell)
    tell_many = Asked(_tell_many)
    products = Asked(_products)
    product = Asked(_product)
    add_products = Asked(_add_products)
    change_product = Asked(_change_product)
    withdraw_product = Asked(_withdraw_product)
    history = Asked(_history)
    forget = Asked(_forget)
    models = Asked(_models)
    promote = Asked(_promote)
    rules = Asked(_rules)
    set_rules = Asked(_set_rules)
    ready = Asked(_ready)


class Client(Questions):
    """Asks and waits. Stable.

    Raises
    ------
    ServiceError : the service refused; Unreachable : it did not answer
    """

    def __init__(
        self, address: str, key: str | None = None, timeout: float = 10.0, transport: httpx.BaseTransport | None = None
    ) -> None:
        self._http = httpx.Client(base_url=address, headers=_headers(key), timeout=timeout, transport=transport)

    def _do(self, call: Call[T]) -> T:
        try:
            return call.read(self._http.request(**call.sent()))
        except httpx.TransportError as error:
            raise Unreachable(
                f"{self._http.base_url}: no answer ({type(error).__name__}). Is the service up?"
            ) from error

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


class AsyncClient(Questions):
    """Asks and is awaited: `await shop.related("pasta")`. Stable."""

    def __init__(
        self,
        address: str,
        key: str | None = None,
        timeout: float = 10.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._http = httpx.AsyncClient(base_url=address, headers=_headers(key), timeout=timeout, transport=transport)

    async def _do(self, call: Call[T]) -> T:
        try:
            return call.read(await self._http.request(**call.sent()))
        except httpx.TransportError as error:
            raise Unreachable(
                f"{self._http.base_url}: no answer ({type(error).__name__}). Is the service up?"
            ) from error

    async def aclose(self) -> None:
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.aclose()


def _headers(key: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"} if key else {}


def _id(value: object) -> str | None:
    return None if value is None else str(value)


def _event(event: Mapping[str, Any] | schemas.EventBody) -> dict[str, Any]:
    told = event if isinstance(event, schemas.EventBody) else schemas.EventBody.model_validate(event)
    return told.model_dump(mode="json", exclude_none=True)
