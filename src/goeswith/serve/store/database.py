"""One database behind a service: SQLite in a file, or PostgreSQL by URL."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, insert, select, text, update
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from goeswith.errors import MissingExtra, ShopError
from goeswith.serve.store.tables import audit, state

MIGRATIONS = Path(__file__).parent / "migrations"
ORDER = 7_230_417
"""The advisory lock under which PostgreSQL numbers what is written, so that numbers become visible in their order."""


class DatabaseAway(ShopError):
    """The database does not answer, or refuses to write. Nothing of the request was kept."""


class Database:
    """Connections to one database.

    A transaction that `writing` leaves without an error is on the disk.
    """

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        self.is_postgres = self.url.get_backend_name() == "postgresql"
        if self.is_postgres:
            try:
                self.engine = create_engine(
                    self.url, pool_pre_ping=True, pool_size=8, max_overflow=8, pool_timeout=5,
                    connect_args={"connect_timeout": 3},
                )  # fmt: skip
            except ModuleNotFoundError as error:
                raise MissingExtra("PostgreSQL", "scale") from error
        else:
            if self.url.database:
                Path(self.url.database).parent.mkdir(parents=True, exist_ok=True)
            self.engine = create_engine(self.url, connect_args={"timeout": 10, "check_same_thread": False})
            event.listen(self.engine, "connect", _durable)

    def migrate(self) -> None:
        """Bring the tables to the newest form; several processes may try at once."""
        from alembic import command
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        with said_clearly(), self.engine.connect() as connection:
            if self.is_postgres:
                connection.execute(text(f"SELECT pg_advisory_lock({ORDER})"))
                connection.commit()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.commit()
            if self.is_postgres:
                connection.execute(text(f"SELECT pg_advisory_unlock({ORDER})"))
                connection.commit()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        with said_clearly(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self, in_order: bool = False) -> Iterator[Connection]:
        """One transaction, committed at the end.

        in_order : whoever sees a row's number also sees all rows with lower ones
        """
        with said_clearly(), self.engine.begin() as connection:
            if in_order and self.is_postgres:
                connection.execute(text(f"SELECT pg_advisory_xact_lock({ORDER})"))
            yield connection

    def close(self) -> None:
        self.engine.dispose()


def now() -> datetime:
    """UTC, as it is stored."""
    return datetime.now(UTC).replace(tzinfo=None)


def raise_count(connection: Connection, name: str) -> None:
    """Tell other workers that something of this name has changed."""
    values = {"value": str(int(count_of(connection, name)) + 1)}
    if not connection.execute(update(state).where(state.c.name == name).values(values)).rowcount:
        connection.execute(insert(state).values(name=name, **values))


def count_of(connection: Connection, name: str) -> int:
    return int(connection.execute(select(state.c.value).where(state.c.name == name)).scalar() or 0)


def secret_of(database: Database, name: str, fresh: str) -> str:
    """A secret that is made once and then stays."""
    with database.reading() as connection:
        known = connection.execute(select(state.c.value).where(state.c.name == name)).scalar()
    if known is None:
        try:
            with database.writing() as connection:
                connection.execute(insert(state).values(name=name, value=fresh))
            return fresh
        except IntegrityError:
            return secret_of(database, name, fresh)
    return str(known)


def write_down(connection: Connection, actor: str, act: str, subject: str = "", detail: Any = None) -> None:
    """An administrative act, in the audit log."""
    connection.execute(insert(audit).values(at=now(), actor=actor, act=act, subject=subject[:300], detail=detail))


@contextmanager
def said_clearly() -> Iterator[None]:
    """A database that is away, full or read-only becomes one clear error; a broken constraint stays what it is."""
    try:
        yield
    except IntegrityError:
        raise
    except (OperationalError, PoolTimeout) as error:
        raise DatabaseAway(_words(error)) from error
    except DBAPIError as error:
        if error.connection_invalidated or "disk" in str(error.orig).lower():
            raise DatabaseAway(_words(error)) from error
        raise


def _words(error: Exception) -> str:
    told = str(getattr(error, "orig", error)).lower()
    if "full" in told or "no space" in told:
        return "The disk of the database is full. Nothing was kept; free some space, then send it again."
    if "readonly" in told or "read-only" in told:
        return "The database cannot be written to. Nothing was kept; mend its permissions, then send it again."
    return "The database does not answer. Nothing was kept; send it again in a moment."


def _durable(connection: Any, _: Any) -> None:
    """WAL, so that readers do not wait for the writer; FULL, so that a commit is on the disk."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def engine_of(database: Database) -> Engine:
    """For tools that look at the tables themselves."""
    return database.engine
