"""One customer: what is known of them, and how it is forgotten."""

from typing import Annotated, Any
from zoneinfo import ZoneInfo

import polars as pl
from fastapi import APIRouter, Query
from starlette.concurrency import run_in_threadpool

from goeswith.errors import UnknownId
from goeswith.serve.access import Admin, Reader, TheService
from goeswith.serve.paging import Cursor, number_of, page_of
from goeswith.serve.schemas import Export, Forgotten, Happened, Id, Page
from goeswith.serve.service import Service
from goeswith.serve.store.customers import counts_of, forget_customer
from goeswith.serve.store.event_log import Row, events_of

router = APIRouter(tags=["customers"])
MOST = 100_000


@router.get("/customers/{customer_id:path}/history", response_model=Page[Happened])
async def history(
    _: Reader,
    service: TheService,
    customer_id: Id,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    cursor: Cursor = None,
) -> Any:
    """What they did, the latest first: what was told to the service, then what the model learned from."""
    found = await run_in_threadpool(_history, service, customer_id)
    start, most = number_of(cursor) or 0, min(limit, service.settings.page_size)
    more = str(start + most) if len(found) > start + most else None
    return page_of(found[start : start + most], more)


@router.get("/customers/{customer_id:path}/export", response_model=Export)
async def export(caller: Admin, service: TheService, customer_id: Id) -> Any:
    """Everything that is kept of a customer, for them."""
    found = await run_in_threadpool(_history, service, customer_id)
    shown, offered = await service.store(counts_of, service.database, customer_id)
    return {"customer_id": customer_id, "events": found, "exposures": shown, "offers": offered}


@router.delete("/customers/{customer_id:path}", response_model=Forgotten)
async def forget(caller: Admin, service: TheService, customer_id: Id) -> Any:
    """Remove a customer from events, caches and logs, and from the shop's own log, so that the next fit knows nothing.

    Until then the model in service answers as if it had never met them. Forgetting somebody nobody knows is no error.
    """
    return await run_in_threadpool(_forget, service, customer_id, caller)


def _forget(service: Service, customer: str, caller: str) -> dict[str, Any]:
    service.exposures.forget(customer)  # first: what waits would be written behind the database's back
    events = forget_customer(service.database, customer, service.digest(customer), caller)
    service.live.forget(customer)
    service.look_at_once()
    rested = False
    for work in service.works.values():
        row = work.model.log.customers._find(customer)
        if row is not None:
            rested = True
            work.lists.forget(row)
    rows = service.shop.forget(customer)
    return {"customer_id": customer, "events": events, "rows": rows, "fit_wanted": rested or rows > 0}


def _history(service: Service, customer: str) -> list[dict[str, Any]]:
    work = service.work()
    with service.database.reading() as connection:
        told = events_of(connection, customer, None, MOST)
    row = None if service.is_forgotten(customer, work) else work.model.log.customers._find(customer)
    if row is None and not told:
        raise UnknownId("customer", [customer], service.near_customers(customer, work))
    learned = work.past.events_of(-1 if row is None else row)
    items, zone = work.model.log.items, ZoneInfo(service.shop.settings.time_zone)
    known = {(int(i), t, e) for i, t, e in learned.select("item", "time", "event").iter_rows()}
    fresh = [
        _told(one, zone)
        for one in told
        if (items._find(one.told.product_id), one.told.time, one.told.kind) not in known
    ]
    old = learned.sort("time", descending=True).select(pl.col("item"), "time", "event")
    return fresh + [
        {"product_id": work.catalogue.ids[item], "event": event, "time": time.replace(tzinfo=zone), "in_model": True}
        for item, time, event in old.iter_rows()
    ]


def _told(row: Row, zone: ZoneInfo) -> dict[str, Any]:
    told = row.told
    return {
        "event_id": told.event_id,
        "product_id": told.product_id,
        "event": told.kind,
        "time": told.time.replace(tzinfo=zone),
        "quantity": told.quantity,
        "price": told.price,
        "basket_id": told.basket_id,
        "in_model": False,
    }
