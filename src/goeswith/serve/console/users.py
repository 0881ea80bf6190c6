"""People who may open the console: a name, a role, a password that is kept as an argon2 hash."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Literal

from sqlalchemy import delete, func, insert, select, update

from goeswith.errors import MissingExtra, UsageError
from goeswith.serve.console.tables import failures, sessions, users
from goeswith.serve.store.database import Database, now, write_down

Role = Literal["viewer", "merchandiser", "admin"]
RANK = {"viewer": 0, "merchandiser": 1, "admin": 2}
SHORTEST, LONGEST = 10, 200
MOST_FAILURES, MOST_FROM_ONE_ADDRESS = 5, 50
LOCKED = timedelta(minutes=15)


@dataclass(frozen=True)
class User:
    """Somebody, without the hash."""

    name: str
    role: Role
    created: datetime


class LockedOut(UsageError):
    """Too many wrong passwords; even the right one opens nothing for a while."""


def has_users(database: Database) -> bool:
    with database.reading() as connection:
        return bool(connection.execute(select(func.count()).select_from(users)).scalar())


def all_users(database: Database) -> list[User]:
    with database.reading() as connection:
        rows = connection.execute(select(users).where(users.c.removed.is_(None)).order_by(users.c.name))
        return [User(row.name, row.role, row.created) for row in rows]


def add_user(database: Database, name: str, role: Role, password: str, actor: str, first: bool = False) -> User:
    """
    Parameters
    ----------
    first : only while there is nobody else

    Raises
    ------
    UsageError : a name that is taken or cannot be, a role that is none, a password that is too short
    """
    chosen = name.strip()
    if not 1 <= len(chosen) <= 40 or any(not (c.isalnum() or c in "._-@ ") for c in chosen):
        raise UsageError("A name has 1 to 40 letters, digits, spaces or . _ - @.")
    if role not in RANK:
        raise UsageError("A role is viewer, merchandiser or admin.")
    hashed = _hashed(password)
    with database.writing() as connection:
        if first and connection.execute(select(func.count()).select_from(users)).scalar():
            raise UsageError("Somebody has set up this console already. Sign in, or ask an admin.")
        known = connection.execute(select(users).where(users.c.name == chosen)).first()
        if known is not None and known.removed is None:
            raise UsageError(f"{chosen} is a user already. Choose another name.")
        values = {"role": role, "hash": hashed, "created": now(), "removed": None}
        if known is None:
            connection.execute(insert(users).values(name=chosen, **values))
        else:
            connection.execute(update(users).where(users.c.name == chosen).values(values))
        write_down(connection, actor, "user added", chosen, {"role": role})
    return User(chosen, role, values["created"])  # type: ignore[arg-type]


def change_user(
    database: Database, name: str, actor: str, role: Role | None = None, password: str | None = None
) -> None:
    """Another role or password; whoever was signed in under the name has to sign in again.

    Raises
    ------
    UsageError : nobody of that name, or the last admin would be none
    """
    values: dict[str, Any] = {"hash": _hashed(password)} if password is not None else {}
    if role is not None:
        if role not in RANK:
            raise UsageError("A role is viewer, merchandiser or admin.")
        values["role"] = role
    with database.writing() as connection:
        if role is not None and role != "admin":
            _keep_an_admin(connection, name)
        if not connection.execute(update(users).where(users.c.name == name).values(values)).rowcount:
            raise UsageError(f"There is no user {name}.")
        connection.execute(delete(sessions).where(sessions.c.name == name))
        write_down(connection, actor, "user changed", name, {"role": role, "password": password is not None})


def remove_user(database: Database, name: str, actor: str) -> None:
    """
    Raises
    ------
    UsageError : nobody of that name, or the last admin
    """
    with database.writing() as connection:
        _keep_an_admin(connection, name)
        found = connection.execute(
            update(users).where(users.c.name == name, users.c.removed.is_(None)).values(removed=now(), hash="")
        ).rowcount
        if not found:
            raise UsageError(f"There is no user {name}.")
        connection.execute(delete(sessions).where(sessions.c.name == name))
        write_down(connection, actor, "user removed", name)


def checked(database: Database, name: str, password: str, address: str) -> User | None:
    """The user with this password; None where one of the two is wrong, which one is not said.

    Raises
    ------
    LockedOut : too many failures under this name, known or not, or from this address
    """
    given, since = name.strip()[:60], now() - LOCKED
    with database.reading() as connection:
        recent = select(func.count()).select_from(failures).where(failures.c.at > since)
        by_name = connection.execute(recent.where(failures.c.name == given)).scalar() or 0
        by_address = connection.execute(recent.where(failures.c.address == address)).scalar() or 0
        row = connection.execute(select(users).where(users.c.name == given, users.c.removed.is_(None))).first()
    if by_name >= MOST_FAILURES or by_address >= MOST_FROM_ONE_ADDRESS:
        raise LockedOut("Too many wrong passwords. Wait 15 minutes, then try again.")
    right = _verified(row.hash if row is not None else _nobody(), password)
    with database.writing() as connection:
        if right and row is not None:
            connection.execute(delete(failures).where(failures.c.name == given))
            return User(row.name, row.role, row.created)
        connection.execute(delete(failures).where(failures.c.at <= since))
        connection.execute(insert(failures).values(name=given, address=address, at=now()))
        if by_name + 1 == MOST_FAILURES:
            write_down(connection, f"user {given}"[:64], "locked out", given, {"address": address})
    return None


def _keep_an_admin(connection: Any, name: str) -> None:
    others = select(func.count()).select_from(users).where(
        users.c.removed.is_(None), users.c.role == "admin", users.c.name != name
    )  # fmt: skip
    if not connection.execute(others).scalar():
        raise UsageError("This is the last admin. Make another user an admin first.")


def _hashed(password: str) -> str:
    if not SHORTEST <= len(password) <= LONGEST:
        raise UsageError(f"A password has {SHORTEST} to {LONGEST} characters.")
    return str(_hasher().hash(password))


def _verified(hashed: str, password: str) -> bool:
    from argon2.exceptions import InvalidHashError, VerificationError

    try:
        return bool(_hasher().verify(hashed, password[:LONGEST]))
    except (VerificationError, InvalidHashError):
        return False


@cache
def _nobody() -> str:
    """Something to compare with where there is no such user, so that the time tells nothing."""
    return str(_hasher().hash("nobody has this password"))


@cache
def _hasher() -> Any:
    try:
        from argon2 import PasswordHasher
    except ModuleNotFoundError as error:
        raise MissingExtra("The console", "serve") from error
    return PasswordHasher()
