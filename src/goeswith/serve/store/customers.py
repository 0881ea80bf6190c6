"""What the service wrote down of one customer, and how it forgets it."""

from datetime import datetime

from sqlalchemy import delete, func, insert, select

from goeswith.serve.store.database import Database, now, raise_count, write_down
from goeswith.serve.store.event_log import forget_events
from goeswith.serve.store.tables import exposures, forgotten, offers


def counts_of(database: Database, customer: str) -> tuple[int, int]:
    """Logged exposures, and offers."""
    with database.reading() as connection:
        found = [
            connection.execute(select(func.count()).select_from(t).where(t.c.customer_id == customer)).scalar()
            for t in (exposures, offers)
        ]
    return int(found[0] or 0), int(found[1] or 0)


def forget_customer(database: Database, customer: str, digest: str, actor: str) -> int:
    """Remove every row about a customer; only a keyed digest of the id stays, so that models keep silent about them."""
    with database.writing() as connection:
        removed = forget_events(connection, customer)
        for one in (exposures, offers):
            connection.execute(delete(one).where(one.c.customer_id == customer))
        connection.execute(delete(forgotten).where(forgotten.c.digest == digest))
        connection.execute(insert(forgotten).values(digest=digest, at=now()))
        write_down(connection, actor, "customer forgotten", digest[:16], {"events": removed})
        raise_count(connection, "forgotten")
    return removed


def last_forgotten(database: Database) -> datetime | None:
    with database.reading() as connection:
        return connection.execute(select(func.max(forgotten.c.at))).scalar()
