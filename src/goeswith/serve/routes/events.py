"""What customers do: durable before it is acknowledged, and counted once."""

from typing import Any

from fastapi import APIRouter

from goeswith.errors import UnknownId, UsageError
from goeswith.serve.access import TheService, Writer
from goeswith.serve.at_work import AtWork
from goeswith.serve.problems import Refused
from goeswith.serve.schemas import EventBody, EventsBody, Stored, StoredMany
from goeswith.serve.service import Service
from goeswith.serve.store.event_log import CONFLICT, Told
from goeswith.serve.times import in_zone

router = APIRouter(tags=["events"])


@router.post("/events", response_model=Stored)
async def tell(_: Writer, service: TheService, body: EventBody) -> Any:
    """One event. It is on the disk when this answers, and changes that customer's next answer."""
    told = _checked(service, [body], single=True)
    return _stored(told, await _write(service, told))[0]


@router.post("/events/batch", response_model=StoredMany)
async def tell_many(_: Writer, service: TheService, body: EventsBody) -> Any:
    """Up to 1,000 events: all of them are kept, or none and the answer says why."""
    told = _checked(service, body.events)
    items = _stored(told, await _write(service, told))
    known = sum(item["status"] == "known" for item in items)
    return {"events": items, "stored": len(items) - known, "known": known}


async def _write(service: Service, told: list[Told]) -> list[str]:
    statuses = await service.events.write(told)
    for status in statuses:
        service.metrics.events.labels(status).inc()
    return statuses


def _checked(service: Service, bodies: list[EventBody], single: bool = False) -> list[Told]:
    work = service.work()
    told: list[Told] = []
    wrong: list[dict[str, str]] = []
    near: list[str] = []
    for at, body in enumerate(bodies):
        try:
            told.append(_told(service, work, body))
        except UnknownId as error:
            near = near or [str(one) for one in error.near]
            wrong.append({"where": f"events.{at}.product_id", "message": f"{body.product_id[:60]} is not in this shop"})
        except UsageError as error:
            wrong.append({"where": f"events.{at}.time", "message": str(error)})
    if wrong:
        hint = f" Near matches: {', '.join(near)}." if near else ""
        first = wrong[0]["message"] if single else f"{wrong[0]['where']}: {wrong[0]['message']}"
        detail = f"{first}.{hint} Nothing was kept."
        raise Refused(422, detail, "event", errors=wrong[:50], near=near)
    return told


def _told(service: Service, work: AtWork, body: EventBody) -> Told:
    row = work.catalogue.row(body.product_id)
    return Told(
        event_id=body.event_id,
        product_id=str(work.catalogue.ids[row]),
        # A replay of an event without a time must be the same event: its digest leaves the moment out.
        time=in_zone(body.time, service.shop.settings.time_zone, service.settings.ahead_seconds),
        kind=body.event,
        customer_id=body.customer_id,
        quantity=body.quantity,
        price=body.price,
        basket_id=body.basket_id,
        session_id=body.session_id,
        answer_id=body.answer_id,
        timed=body.time is not None,
    )


def _stored(told: list[Told], statuses: list[str]) -> list[dict[str, str]]:
    clash = [one.event_id for one, status in zip(told, statuses, strict=True) if status == CONFLICT]
    if clash:
        raise Refused(
            409,
            f"{len(clash)} of these ids were told before with another content ({', '.join(clash[:3])}); the first "
            "telling stands, and every other event of this request was kept. Give each event an id of its own.",
            "event-conflict",
        )
    return [{"event_id": one.event_id, "status": status} for one, status in zip(told, statuses, strict=True)]
