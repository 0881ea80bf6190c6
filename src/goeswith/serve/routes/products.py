"""The catalogue: search it, add to it, change it; what is new answers at once."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.concurrency import run_in_threadpool

from goeswith.serve.access import Reader, TheService, Writer
from goeswith.serve.at_work import AtWork
from goeswith.serve.paging import Cursor, number_of, page_of
from goeswith.serve.problems import Refused
from goeswith.serve.schemas import Changed, Id, Page, Product, ProductBody, ProductPatch, ProductsBody, Text
from goeswith.serve.searching import search
from goeswith.serve.service import Service
from goeswith.serve.store.product_changes import change_products

router = APIRouter(tags=["products"])
RESERVED = ("product_id", "name")


@router.get("/products", response_model=Page[Product])
async def products(
    _: Reader,
    service: TheService,
    q: Annotated[Text | None, Query(description="Words: what has them in its name, then what means the like.")] = None,
    filter: Annotated[Text | None, Query(examples=['price <= 10 and brand = "Nonna"'])] = None,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 20,
    cursor: Cursor = None,
) -> Any:
    """The catalogue in its order, or what a search finds, the best first."""
    work, start = service.work(), number_of(cursor) or 0
    limit = min(limit, service.settings.page_size)
    rows = await service.run(search, service, work, q, filter, start, limit + 1)
    more = str(start + limit) if len(rows) > limit else None
    return page_of([_shown(work, row) for row in rows[:limit]], more)


@router.get("/products/{product_id:path}", response_model=Product)
async def product(_: Reader, service: TheService, product_id: Id) -> Any:
    """One product."""
    work = service.work()
    return _shown(work, work.catalogue.row(product_id))


@router.post("/products", response_model=Changed)
async def add(caller: Writer, service: TheService, body: ProductsBody) -> Any:
    """Add products, or change those that are known; all of them or none. A new one answers at once."""
    work = service.work()
    ids = [one.product_id for one in body.products]
    if len(set(ids)) < len(ids):
        raise Refused(422, "One product stands in this request twice. Send each once.")
    new = [one for one in body.products if work.catalogue.find(one.product_id) is None]
    if nameless := [one.product_id for one in new if not (one.name or "").strip()]:
        raise Refused(422, f"A new product needs a name, for it is known by its text: {', '.join(nameless[:5])}.")
    given = [(_id(work, one.product_id), _columns(one)) for one in body.products]
    await _changed(service, given, caller)
    return {"added": len(new), "changed": len(ids) - len(new)}


@router.patch("/products/{product_id:path}", response_model=Product)
async def change(caller: Writer, service: TheService, product_id: Id, body: ProductPatch) -> Any:
    """Change some columns: a price, a stock. Rules and filters see it at once."""
    work = service.work()
    row = work.catalogue.row(product_id)
    name = _id(work, product_id)
    data = {key: value for key, value in _columns(body).items() if not (key == "name" and value is None)}
    await _changed(service, [(name, data)], caller)
    fresh = service.work()
    return _shown(fresh, fresh.catalogue.row(product_id) if row is not None else 0)


@router.delete("/products/{product_id:path}", status_code=204)
async def withdraw(caller: Writer, service: TheService, product_id: Id) -> None:
    """Show it no longer. What was counted of it stays; adding it again brings it back."""
    work = service.work()
    work.catalogue.row(product_id)
    await _changed(service, [(_id(work, product_id), {})], caller, withdrawn=True)


async def _changed(
    service: Service, given: list[tuple[str, dict[str, Any]]], caller: str, withdrawn: bool = False
) -> None:
    await service.store(change_products, service.database, given, caller, withdrawn)
    await run_in_threadpool(service.look_at_once)


def _id(work: AtWork, product_id: str) -> str:
    row = work.catalogue.find(product_id)
    return product_id if row is None else str(work.catalogue.ids[row])


def _columns(body: ProductBody | ProductPatch) -> dict[str, Any]:
    if reserved := [name for name in RESERVED if name in body.attributes]:
        raise Refused(422, f"attributes must not hold {', '.join(reserved)}: it has a place of its own.")
    return {**body.attributes, **({"name": body.name} if body.name is not None else {})}


def _shown(work: AtWork, row: int) -> dict[str, Any]:
    values = work.catalogue.product(row)
    return {
        "product_id": values.pop("product_id"),
        "name": str(values.pop("name", "") or ""),
        "attributes": {key: plain(value) for key, value in values.items()},
        "withdrawn": bool(work.catalogue.withdrawn[row]),
        "new": row >= work.catalogue.n_items,
    }


def plain(value: Any) -> Any:
    """What JSON knows."""
    if isinstance(value, float):
        return value if abs(value) < 1e308 else None
    return value if isinstance(value, bool | int | str | None) else str(value)
