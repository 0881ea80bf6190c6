"""What was shown to whom, where it is tested: written a little later, in one go."""

from collections.abc import Sequence
from datetime import datetime
from threading import Lock
from typing import Any

from sqlalchemy import insert

from goeswith.serve.store.database import Database, DatabaseAway, now
from goeswith.serve.store.tables import exposures

MOST = 100_000


class ExposureLog:
    """Rows that wait to be written. They may be lost with the process; events never are."""

    def __init__(self, database: Database) -> None:
        self._database, self._lock, self._writing = database, Lock(), Lock()
        self._waiting: list[dict[str, Any]] = []

    def add(self, rows: Sequence[dict[str, Any]], at: datetime | None = None) -> None:
        when = at or now()
        with self._lock:
            self._waiting += [{**row, "at": when} for row in rows]
            del self._waiting[:-MOST]

    def forget(self, customer: str) -> None:
        """What waits is dropped, and what is being written is in the database when this returns."""
        with self._writing, self._lock:
            self._waiting = [row for row in self._waiting if row["customer_id"] != customer]

    def flush(self) -> None:
        """Write what waits; what another thread is writing is in the database, too, when this returns."""
        with self._writing:
            with self._lock:
                rows, self._waiting = self._waiting, []
            if not rows:
                return
            try:
                with self._database.writing() as connection:
                    connection.execute(insert(exposures), rows)
            except DatabaseAway:
                with self._lock:
                    self._waiting = [*rows, *self._waiting][-MOST:]
                raise
