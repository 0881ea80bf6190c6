"""Work that takes minutes: it is written down, runs in the background, and says how it ended."""

import json
import logging
import secrets
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sqlalchemy import insert, select, update

from goeswith.errors import GoesWithError
from goeswith.serve.handing_over import hand_over
from goeswith.serve.service import Service
from goeswith.serve.store.database import now, write_down
from goeswith.serve.store.tables import jobs

log = logging.getLogger("goeswith.serve")


def fit(service: Service) -> dict[str, Any]:
    """Hand the events over, then fit in a process of its own; the new version goes to work by itself."""
    handed = hand_over(service.database, service.shop)
    command = [sys.executable, "-m", "goeswith", "fit", str(service.shop.folder), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = next((line for line in reversed(done.stderr.splitlines()) if line.strip()), "no word")
        raise GoesWithError(f"The fit failed: {last.removeprefix('Error: ')}")
    told = json.loads(done.stdout) if done.stdout.strip() else {}
    return {**handed, "fit": told}


WORK: dict[str, Callable[[Service], dict[str, Any]]] = {
    "hand-over": lambda service: hand_over(service.database, service.shop),
    "fit": fit,
}
"""Further kinds of work are added here: the console's uploads, for one."""


class Jobs:
    """One at a time, in the order they were asked for."""

    def __init__(self, service: Service) -> None:
        self._service, self._thread = service, ThreadPoolExecutor(1, "jobs")

    def ask(self, kind: str, actor: str, work: Callable[[Service], dict[str, Any]] | None = None) -> dict[str, Any]:
        """The job as it was written down."""
        job_id = secrets.token_hex(8)
        with self._service.database.writing() as connection:
            values = {"job_id": job_id, "kind": kind, "state": "waiting", "asked_by": actor, "created": now()}
            connection.execute(insert(jobs).values(**values, message=""))
            write_down(connection, actor, "job asked for", job_id, {"kind": kind})
        self._thread.submit(self._do, job_id, work or WORK[kind])
        found = self.job(job_id)
        assert found is not None
        return found

    def job(self, job_id: str) -> dict[str, Any] | None:
        with self._service.database.reading() as connection:
            row = connection.execute(select(jobs).where(jobs.c.job_id == job_id)).mappings().first()
        return None if row is None else dict(row)

    def latest(self, most: int) -> list[dict[str, Any]]:
        with self._service.database.reading() as connection:
            query = select(jobs).order_by(jobs.c.created.desc(), jobs.c.job_id).limit(most)
            return [dict(row) for row in connection.execute(query).mappings()]

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _do(self, job_id: str, work: Callable[[Service], dict[str, Any]]) -> None:
        try:
            self._set(job_id, state="running", started=now())
            result = work(self._service)
            self._set(job_id, state="done", ended=now(), message="Done.", result=result)
        except Exception as error:
            told = (
                str(error) if isinstance(error, GoesWithError) else "It failed; the log of the service has the details."
            )
            log.error("a job failed", exc_info=error)
            try:
                self._set(job_id, state="failed", ended=now(), message=told)
            except GoesWithError as lost:
                log.error(str(lost))

    def _set(self, job_id: str, **values: Any) -> None:
        with self._service.database.writing() as connection:
            connection.execute(update(jobs).where(jobs.c.job_id == job_id).values(**values))
