"""Tests between two versions, exploration, and what came of them."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Table, and_, distinct, func, insert, select, update

from goeswith.serve.store.database import Database, now, raise_count, write_down
from goeswith.serve.store.tables import events, exposures


def begin(database: Database, which: Table, values: Mapping[str, Any], actor: str) -> dict[str, Any]:
    """Start a test; one that runs already ends."""
    number = next(iter(which.primary_key.columns))
    with database.writing() as connection:
        connection.execute(update(which).where(which.c.ended.is_(None)).values(ended=now()))
        made = connection.execute(insert(which).values(**values, started=now())).inserted_primary_key
        assert made is not None
        row = connection.execute(select(which).where(number == made[0])).mappings().one()
        write_down(connection, actor, f"{which.name} began", str(made[0]), dict(values))
        raise_count(connection, which.name)
    return dict(row)


def end(database: Database, which: Table, number: int, actor: str) -> bool:
    """Whether it ran."""
    own = next(iter(which.primary_key.columns))
    with database.writing() as connection:
        found = connection.execute(
            update(which).where(own == number, which.c.ended.is_(None)).values(ended=now())
        ).rowcount
        if found:
            write_down(connection, actor, f"{which.name} ended", str(number))
            raise_count(connection, which.name)
    return bool(found)


def all_of(database: Database, which: Table) -> list[dict[str, Any]]:
    """The newest first."""
    number = next(iter(which.primary_key.columns))
    with database.reading() as connection:
        return [dict(row) for row in connection.execute(select(which).order_by(number.desc()).limit(1_000)).mappings()]


def one_of(database: Database, which: Table, number: int) -> dict[str, Any] | None:
    own = next(iter(which.primary_key.columns))
    with database.reading() as connection:
        row = connection.execute(select(which).where(own == number)).mappings().first()
    return None if row is None else dict(row)


def outcome(database: Database, experiment: int) -> dict[str, dict[str, int]]:
    """Of each arm: customers, answers, and customers who bought what they were shown, after it was shown."""
    seen = exposures.c.experiment_id == experiment
    bought = and_(
        events.c.customer_id == exposures.c.customer_id, events.c.product_id == exposures.c.product_id,
        events.c.kind == "purchase", events.c.received >= exposures.c.at,
    )  # fmt: skip
    shown = select(
        exposures.c.arm, func.count(distinct(exposures.c.customer_id)), func.count(distinct(exposures.c.answer_id))
    ).where(seen).group_by(exposures.c.arm)  # fmt: skip
    buyers = (
        select(exposures.c.arm, func.count(distinct(exposures.c.customer_id)))
        .select_from(exposures.join(events, bought)).where(seen).group_by(exposures.c.arm)
    )  # fmt: skip
    with database.reading() as connection:
        found = {
            arm: {"customers": customers, "answers": answers, "buyers": 0}
            for arm, customers, answers in connection.execute(shown)
        }
        for arm, count in connection.execute(buyers):
            found[arm]["buyers"] = count
    return found
