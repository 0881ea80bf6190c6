"""How a shop is served: `[serve]` in shop.toml, GOESWITH_SERVE_* in the environment, flags; the later wins."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field, NonNegativeInt, PositiveFloat, PositiveInt, ValidationError
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from goeswith.data.settings import ShopSettings
from goeswith.errors import UsageError

PREFIX = "GOESWITH_SERVE_"


class ServeSettings(BaseModel, frozen=True, extra="forbid"):
    """What can be set of a service."""

    host: str = "127.0.0.1"
    """Elsewhere than on the loopback it binds only once there is a key."""
    port: int = Field(default=8000, ge=0, le=65_535)
    """0 takes any free one."""
    workers: int = Field(default=1, ge=1, le=64)
    """Processes; they share the model's vectors."""
    database: str = ""
    """A URL, sqlite:///… or postgresql+psycopg://…; empty: SQLite in the shop's folder."""
    vectors: Literal["memory", "pgvector"] = "memory"
    """Where products are searched by meaning; pgvector needs PostgreSQL."""
    prepare: bool = True
    """Whether answers about the best sellers and for all customers are prepared in the background and kept on disk."""
    requests_per_minute: NonNegativeInt = 60_000
    """Of one key, or of one address without a key, for each worker; 0 is no limit."""
    max_body_kb: PositiveInt = 1_024
    page_size: int = Field(default=100, ge=1, le=1_000)
    """The most that one page of a list holds."""
    ahead_seconds: PositiveFloat = 300.0
    """An event may claim to be this far in the future; clocks differ."""
    look_seconds: PositiveFloat = 0.25
    """How often a worker looks for what others wrote: events, rules, keys, another model."""
    drain_seconds: PositiveFloat = 20.0
    """How long running requests may take to end when the service stops."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    def database_url(self, folder: Path) -> str:
        return self.database or f"sqlite:///{(folder / 'serve' / 'serve.db').absolute()}"

    def shown(self, folder: Path) -> dict[str, Any]:
        """As `--show-config` prints them: no secret is among them."""
        return {**self.model_dump(), "database": masked(self.database_url(folder))}


def settings_of(
    shop: ShopSettings, environment: Mapping[str, str] | None = None, flags: Mapping[str, Any] | None = None
) -> ServeSettings:
    """What holds for this shop.

    Raises
    ------
    UsageError : a setting that does not exist or cannot be; all are named at once, with where they stand
    """
    env = os.environ if environment is None else environment
    from_env = {name.removeprefix(PREFIX).lower(): value for name, value in env.items() if name.startswith(PREFIX)}
    given = {**shop.serve, **from_env, **{k: v for k, v in (flags or {}).items() if v is not None}}
    try:
        settings = ServeSettings.model_validate(given)
    except ValidationError as error:
        lines = [f"  {_where(str(one['loc'][0]), flags, from_env)}: {one['msg']}" for one in error.errors()]
        raise UsageError("The service cannot be set up so:\n" + "\n".join(lines)) from error
    if settings.database:
        _check_url(settings)
    if settings.vectors == "pgvector" and not settings.database.startswith("postgresql"):
        raise UsageError('vectors = "pgvector" needs PostgreSQL: set database = "postgresql+psycopg://user@host/name".')
    return settings


def masked(url: str) -> str:
    """
    >>> masked("postgresql+psycopg://shop:secret@db/goeswith")
    'postgresql+psycopg://shop:***@db/goeswith'
    """
    return make_url(url).render_as_string(hide_password=True)


def _check_url(settings: ServeSettings) -> None:
    try:
        backend = make_url(settings.database).get_backend_name()
    except ArgumentError as error:
        raise UsageError(
            "database is not a URL. Write sqlite:///file.db or postgresql+psycopg://user@host/name."
        ) from error
    if backend not in ("sqlite", "postgresql"):
        raise UsageError(f"database: {backend} is not supported. Use SQLite or PostgreSQL.")


def _where(name: str, flags: Mapping[str, Any] | None, environment: Mapping[str, str]) -> str:
    if flags and flags.get(name) is not None:
        return f"--{name.replace('_', '-')}"
    return PREFIX + name.upper() if name in environment else f"shop.toml, [serve] {name}"
