"""What the console writes down beside the service: who may open it, and who has it open."""

from sqlalchemy import Column, DateTime, Index, Integer, MetaData, String, Table, Text

from goeswith.serve.store.database import Database, said_clearly

metadata = MetaData()

users = Table(
    "console_users",
    metadata,
    Column("name", String(60), primary_key=True),
    Column("role", String(20), nullable=False),  # viewer, merchandiser, admin
    Column("hash", Text, nullable=False),  # argon2id
    Column("created", DateTime, nullable=False),
    Column("removed", DateTime),
)
sessions = Table(
    "console_sessions",
    metadata,
    Column("digest", String(64), primary_key=True),  # SHA-256 of what the cookie holds
    Column("name", String(60), nullable=False),
    Column("csrf", String(64), nullable=False),
    Column("begun", DateTime, nullable=False),
    Column("seen", DateTime, nullable=False),
)
failures = Table(
    "console_failures",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("name", String(60), nullable=False),
    Column("address", String(60), nullable=False),
    Column("at", DateTime, nullable=False),
    Index("console_failures_by_name", "name", "at"),
)


def make_tables(database: Database) -> None:
    """Make what is not there yet; several processes may try at once."""
    with said_clearly(), database.engine.begin() as connection:
        metadata.create_all(connection)
