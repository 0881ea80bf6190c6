"""Events of many requests in one transaction: each waits for the disk, the disk is asked once for all."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from goeswith.serve.store.database import Database
from goeswith.serve.store.event_log import Told, store_events

AT_ONCE = 2_000


class EventWriter:
    """Writes what waits, then what came meanwhile, and so on.

    stored : called in the event loop with events that are on the disk, before they are acknowledged
    """

    def __init__(self, database: Database, stored: Callable[[Sequence[Told]], None]) -> None:
        self._database, self._stored = database, stored
        self._waiting: list[tuple[Sequence[Told], asyncio.Future[list[str]]]] = []
        self._work: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, "events")

    async def write(self, given: Sequence[Told]) -> list[str]:
        """Returns once every event is on the disk.

        Raises
        ------
        DatabaseAway : nothing of it was kept
        """
        future: asyncio.Future[list[str]] = asyncio.get_running_loop().create_future()
        self._waiting.append((given, future))
        if self._work is None or self._work.done():
            self._work = asyncio.create_task(self._write())
        return await asyncio.shield(future)

    async def close(self) -> None:
        if self._work is not None:
            await self._work
        self._thread.shutdown()

    async def _write(self) -> None:
        while self._waiting:
            batch: list[tuple[Sequence[Told], asyncio.Future[list[str]]]] = []
            size = 0
            while self._waiting and (not batch or size + len(self._waiting[0][0]) <= AT_ONCE):
                batch.append(self._waiting.pop(0))
                size += len(batch[-1][0])
            together = [told for given, _ in batch for told in given]
            loop = asyncio.get_running_loop()
            try:
                told = await loop.run_in_executor(self._thread, store_events, self._database, together)
                self._stored([one for one, what in zip(together, told, strict=True) if what == "stored"])
            except Exception as error:  # whatever it is, those who wait must hear of it
                for _, future in batch:
                    if not future.done():
                        future.set_exception(error)
                        future.exception()  # a caller who went away does not ask
                continue
            at = 0
            for given, future in batch:
                if not future.done():
                    future.set_result(told[at : at + len(given)])
                at += len(given)
