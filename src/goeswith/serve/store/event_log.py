"""Events as they are told: durable before they are acknowledged, and each of them once."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from goeswith.serve.store.database import Database, now
from goeswith.serve.store.tables import events

STORED, KNOWN, CONFLICT = "stored", "known", "conflict"
IN_ONE_QUERY = 500
AT_ONCE = 50_000


@dataclass(frozen=True)
class Told:
    """One event, checked. Ids as text; time in the shop's time zone."""

    event_id: str
    product_id: str
    time: datetime
    kind: str = "purchase"
    customer_id: str | None = None
    quantity: float = 1.0
    price: float | None = None
    basket_id: str | None = None
    session_id: str | None = None
    answer_id: str | None = None
    timed: bool = True

    @property
    def digest(self) -> str:
        """Of the content; of an event that was told without a time, of all but the moment it arrived."""
        told = self.columns | ({} if self.timed else {"time": None})
        return hashlib.blake2b(json.dumps([str(v) for v in told.values()]).encode(), digest_size=16).hexdigest()

    @property
    def columns(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in COLUMNS}


COLUMNS = [name for name in Told.__dataclass_fields__ if name != "timed"]


@dataclass(frozen=True)
class Row:
    """An event with its number in the log."""

    seq: int
    told: Told


def store_events(database: Database, given: Sequence[Told]) -> list[str]:
    """What became of each: stored, known (told before, the same), conflict (the id is known with another content).

    All that is stored is on the disk when this returns.
    """
    for _ in range(5):
        try:
            return _store(database, given)
        except IntegrityError:  # another process told one of them at this moment: look again
            continue
    return _store(database, given)


def _store(database: Database, given: Sequence[Told]) -> list[str]:
    received = now()
    with database.writing(in_order=True) as connection:
        known = _digests(connection, [told.event_id for told in given])
        result, fresh = [], []
        for told in given:
            digest = told.digest
            if told.event_id not in known:
                known[told.event_id] = digest
                fresh.append({**told.columns, "digest": digest, "received": received})
                result.append(STORED)
            else:
                result.append(KNOWN if known[told.event_id] == digest else CONFLICT)
        if fresh:
            connection.execute(insert(events), fresh)
    return result


def _digests(connection: Connection, ids: list[str]) -> dict[str, str]:
    known: dict[str, str] = {}
    for start in range(0, len(ids), IN_ONE_QUERY):
        some = ids[start : start + IN_ONE_QUERY]
        query = select(events.c.event_id, events.c.digest).where(events.c.event_id.in_(some))
        known |= {row.event_id: row.digest for row in connection.execute(query)}
    return known


def events_after(connection: Connection, seq: int, since: datetime | None = None) -> list[Row]:
    """The next events of the log, at most AT_ONCE.

    since : without those that were handed over before this moment
    """
    query = select(events).where(events.c.seq > seq).order_by(events.c.seq).limit(AT_ONCE)
    if since is not None:
        query = query.where(or_(events.c.handed_over.is_(None), events.c.handed_over >= since))
    return [_row(row) for row in connection.execute(query).mappings()]


def events_of(connection: Connection, customer: str, before: int | None, most: int) -> list[Row]:
    """A customer's events, the latest told first."""
    query = select(events).where(events.c.customer_id == customer).order_by(events.c.seq.desc()).limit(most)
    if before is not None:
        query = query.where(events.c.seq < before)
    return [_row(row) for row in connection.execute(query).mappings()]


def not_handed_over(connection: Connection, most: int = 200_000) -> list[Row]:
    query = select(events).where(events.c.handed_over.is_(None)).order_by(events.c.seq).limit(most)
    return [_row(row) for row in connection.execute(query).mappings()]


def mark_handed_over(database: Database, up_to: int) -> None:
    with database.writing() as connection:
        connection.execute(
            update(events).where(events.c.seq <= up_to, events.c.handed_over.is_(None)).values(handed_over=now())
        )


def forget_events(connection: Connection, customer: str) -> int:
    return connection.execute(delete(events).where(events.c.customer_id == customer)).rowcount


def count_events(connection: Connection) -> int:
    return int(connection.execute(select(func.count()).select_from(events)).scalar() or 0)


def _row(row: Any) -> Row:
    return Row(row["seq"], Told(**{name: row[name] for name in COLUMNS}))


def customers_of(rows: Iterable[Row]) -> set[str]:
    return {row.told.customer_id for row in rows if row.told.customer_id is not None}
