"""What the console holds beside the service: its tables, and what it works out once for a model version."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Any, Concatenate, ParamSpec, TypeVar

from goeswith.data.settings import FILE
from goeswith.data.shop import Shop
from goeswith.serve.at_work import AtWork
from goeswith.serve.console.tables import make_tables
from goeswith.serve.service import Service
from goeswith.serve.store.database import Database, write_down

T = TypeVar("T")
P = ParamSpec("P")
MANY = 8
KEPT = {"numbers": 2_000, "model": 1, "spelling": 1, "till": 1, "map": 2}
"""Of what is large, few are kept; of everything else MANY."""


class Console:
    """One process of the console."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._has_tables, self._lock = False, Lock()
        self._worked_out: dict[tuple[str, Any], Any] = {}
        self._making: dict[str, Lock] = {}
        self._pool = ThreadPoolExecutor(2, "console")

    @property
    def folder(self) -> Path:
        """The shop's."""
        return self.service.shop.folder

    @property
    def own(self) -> Path:
        """Where the console keeps uploads, fits under way and judgements."""
        return self.folder / "serve" / "console"

    @property
    def has_shop(self) -> bool:
        return (self.folder / FILE).is_file()

    @property
    def database(self) -> Database:
        with self._lock:
            if not self._has_tables:
                make_tables(self.service.database)
                self._has_tables = True
        return self.service.database

    @property
    def work(self) -> AtWork | None:
        """The version in service."""
        name = self.service.current
        return self.service.works.get(name) if name else None

    def opened(self, shop: Shop) -> None:
        """Serve this shop, which was made just now."""
        self.service.shop = shop

    async def store(self, work: Callable[Concatenate[Database, P], T], *given: P.args, **named: P.kwargs) -> T:
        """Work on the database, outside the event loop."""
        return await self.run(lambda: work(self.database, *given, **named))

    async def note(self, actor: str, act: str, subject: str) -> None:
        """Who did what, for the audit."""

        def written(database: Database) -> None:
            with database.writing() as connection:
                write_down(connection, actor, act, subject)

        await self.store(written)

    async def run(self, work: Callable[..., T], *given: Any) -> T:
        """Work that takes more than a moment; it does not stand in the way of answers."""
        import asyncio

        return await asyncio.get_running_loop().run_in_executor(self._pool, work, *given)

    def once(self, kind: str, key: Any, make: Callable[[], T]) -> T:
        """What was made for this key before, or is made now; of each kind, one is made at a time."""
        found = self._worked_out.get((kind, key))
        if found is not None:
            return found
        with self._lock:
            making = self._making.setdefault(kind, Lock())
        with making:
            found = self._worked_out.get((kind, key))
            if found is None:
                found = make()
                with self._lock:
                    old = [known for known in self._worked_out if known[0] == kind]
                    for known in old[: max(0, len(old) - KEPT.get(kind, MANY) + 1)]:
                        self._worked_out.pop(known, None)
                    self._worked_out[(kind, key)] = found
            return found
