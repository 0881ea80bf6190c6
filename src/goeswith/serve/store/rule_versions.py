"""Business rules as they were set: every version is kept, one is active."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import insert, select, update

from goeswith.errors import UsageError
from goeswith.serve.business_rules import BusinessRules
from goeswith.serve.store.database import Database, now, raise_count, write_down
from goeswith.serve.store.tables import rules


def active_rules(database: Database) -> tuple[int, BusinessRules] | None:
    """The version that holds; None where none was ever set."""
    with database.reading() as connection:
        row = connection.execute(select(rules).where(rules.c.active).order_by(rules.c.version.desc()).limit(1)).first()
    return None if row is None else (row.version, BusinessRules.model_validate(row.rules))


def set_rules(database: Database, given: BusinessRules, note: str, actor: str) -> int:
    """The number of the new version, which holds from now on."""
    with database.writing() as connection:
        connection.execute(update(rules).where(rules.c.active).values(active=False))
        made = connection.execute(
            insert(rules).values(
                rules=given.model_dump(mode="json"), note=note, created=now(), created_by=actor, active=True
            )
        )
        assert made.inserted_primary_key is not None
        version = int(made.inserted_primary_key[0])
        write_down(connection, actor, "rules set", str(version), {"note": note})
        raise_count(connection, "rules")
    return version


def back_to(database: Database, version: int, actor: str) -> BusinessRules:
    """Let an earlier version hold again.

    Raises
    ------
    UsageError : there is none of that number
    """
    with database.writing() as connection:
        row = connection.execute(select(rules).where(rules.c.version == version)).first()
        if row is None:
            raise UsageError(f"There is no version {version} of the rules. List them: GET /v1/rules/versions")
        connection.execute(update(rules).where(rules.c.active).values(active=False))
        connection.execute(update(rules).where(rules.c.version == version).values(active=True))
        write_down(connection, actor, "rules rolled back", str(version))
        raise_count(connection, "rules")
    return BusinessRules.model_validate(row.rules)


def rule_versions(database: Database, before: int | None, most: int) -> list[Mapping[str, Any]]:
    """The newest first."""
    query = select(rules).order_by(rules.c.version.desc()).limit(most)
    if before is not None:
        query = query.where(rules.c.version < before)
    with database.reading() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]
