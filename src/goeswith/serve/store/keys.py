"""API keys: shown once, kept as a hash, each with one scope, an end if one is set, and a way to revoke it."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import insert, select, update

from goeswith.errors import UsageError
from goeswith.serve.store.database import Database, now, raise_count, write_down
from goeswith.serve.store.tables import api_keys

Scope = Literal["read", "write", "admin"]
RANK = {"read": 0, "write": 1, "admin": 2}
PREFIX = "gw_"


@dataclass(frozen=True)
class Key:
    """A key without its secret."""

    key_id: str
    name: str
    scope: Scope
    created: datetime
    expires: datetime | None = None
    revoked: datetime | None = None
    hash: str = ""

    @property
    def state(self) -> str:
        if self.revoked is not None:
            return "revoked"
        return "expired" if self.expires is not None and self.expires <= now() else "active"

    def may(self, scope: Scope) -> bool:
        """admin may what write may, write what read may."""
        return RANK[self.scope] >= RANK[scope]


def new_key(
    database: Database, name: str, scope: Scope, expires: datetime | None = None, actor: str = "command line"
) -> tuple[Key, str]:
    """A key, and its text, which is not kept.

    The secret has 256 bits of chance, so that one round of SHA-256 is enough to keep it from a reader of the database.
    """
    if expires is not None and expires <= now():
        raise UsageError("expires lies in the past. Give a later time, or leave it out.")
    key_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    key = Key(key_id, name, scope, now(), expires, None, _hash(secret))
    with database.writing() as connection:
        connection.execute(insert(api_keys).values(**vars(key)))
        write_down(connection, actor, "key made", key_id, {"name": name, "scope": scope, "expires": str(expires or "")})
        raise_count(connection, "keys")
    return key, f"{PREFIX}{key_id}_{secret}"


def all_keys(database: Database) -> list[Key]:
    with database.reading() as connection:
        rows = connection.execute(select(api_keys).order_by(api_keys.c.created, api_keys.c.key_id)).mappings()
        return [Key(**row) for row in rows]


def revoke(database: Database, key_id: str, actor: str) -> bool:
    """Whether there was such a key."""
    with database.writing() as connection:
        found = connection.execute(
            update(api_keys).where(api_keys.c.key_id == key_id, api_keys.c.revoked.is_(None)).values(revoked=now())
        ).rowcount
        if found:
            write_down(connection, actor, "key revoked", key_id)
            raise_count(connection, "keys")
        return bool(found)


def matching(keys: dict[str, Key], text: str) -> Key | None:
    """The key of this text, whatever its state; None for a text that is no key of ours."""
    if not text.startswith(PREFIX):
        return None
    key_id, _, secret = text.removeprefix(PREFIX).partition("_")
    key = keys.get(key_id)
    told = _hash(secret)
    # A comparison also where there is no such key, so that the time tells nothing.
    return key if hmac.compare_digest(told, key.hash if key else _hash("")) and key is not None else None


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
