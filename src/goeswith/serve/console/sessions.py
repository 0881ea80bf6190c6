"""Who has the console open: a random token in a cookie, its digest in the database."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, insert, select, update

from goeswith.serve.console.tables import sessions, users
from goeswith.serve.console.users import RANK, Role
from goeswith.serve.store.database import Database, now

COOKIE = "gw_session"
IDLE, LONGEST = timedelta(hours=8), timedelta(days=7)
NOTED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True)
class Session:
    """An open session of a user.

    csrf : what every change must bring along, as a field or a header
    """

    name: str
    role: Role
    csrf: str

    def may(self, role: Role) -> bool:
        """admin may what merchandiser may, merchandiser what viewer may."""
        return RANK[self.role] >= RANK[role]

    @property
    def actor(self) -> str:
        """As the audit log names them."""
        return f"user {self.name}"[:64]


def begin(database: Database, name: str) -> str:
    """The token of a new session."""
    token, moment = secrets.token_urlsafe(32), now()
    with database.writing() as connection:
        connection.execute(delete(sessions).where(sessions.c.seen < moment - IDLE))
        connection.execute(
            insert(sessions).values(
                digest=_digest(token), name=name, csrf=secrets.token_urlsafe(24), begun=moment, seen=moment
            )
        )
    return token


def find(database: Database, token: str) -> Session | None:
    """The session of a token while it lasts; the role is the user's of this moment."""
    digest, moment = _digest(token), now()
    with database.reading() as connection:
        row = connection.execute(
            select(sessions, users.c.role)
            .join(users, users.c.name == sessions.c.name)
            .where(sessions.c.digest == digest, users.c.removed.is_(None))
        ).first()
    if row is None or moment - row.seen > IDLE or moment - row.begun > LONGEST:
        return None
    if moment - row.seen > NOTED_EVERY:
        with database.writing() as connection:
            connection.execute(update(sessions).where(sessions.c.digest == digest).values(seen=moment))
    return Session(row.name, row.role, row.csrf)


def end(database: Database, token: str) -> None:
    with database.writing() as connection:
        connection.execute(delete(sessions).where(sessions.c.digest == _digest(token)))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
