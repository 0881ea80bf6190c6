"""What a running service holds, and how it keeps up with its database and the shop's folder."""

import asyncio
import hashlib
import hmac
import logging
import secrets
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, TypeVar

from sqlalchemy import select

import goeswith as gw
from goeswith.data.shop import Shop
from goeswith.errors import GoesWithError
from goeswith.model import Model
from goeswith.serve.at_work import AtWork, arranged, put_to_work, rules_of_the_fit
from goeswith.serve.business_rules import BusinessRules
from goeswith.serve.catalogue import Change
from goeswith.serve.event_writer import EventWriter
from goeswith.serve.exposure_log import ExposureLog
from goeswith.serve.live import LiveEvents, Past
from goeswith.serve.metrics import Metrics
from goeswith.serve.prepared import stage_of
from goeswith.serve.problems import Refused
from goeswith.serve.settings import ServeSettings
from goeswith.serve.store.database import Database, DatabaseAway, secret_of
from goeswith.serve.store.event_log import AT_ONCE, Told, events_after
from goeswith.serve.store.keys import Key, all_keys, matching
from goeswith.serve.store.product_changes import all_changes
from goeswith.serve.store.rule_versions import active_rules
from goeswith.serve.store.tables import experiments, exploration, forgotten, state
from goeswith.versions import current

log = logging.getLogger("goeswith.serve")
T = TypeVar("T")
COMPUTING = 2
"""Threads that ask models; more would only wait for each other."""
LONGEST_FIT = timedelta(hours=12)
"""A version may rest on a log that was read so long before it was written."""
BODIES = 20_000
"""Answers that are kept as they were sent."""


@dataclass(frozen=True)
class Experiment:
    """Two versions that share the customers."""

    experiment_id: int
    name: str
    version_a: str
    version_b: str
    share_b: float
    started: Any
    ended: Any = None

    def arm_of(self, customer: str) -> str:
        """The same customer always meets the same version."""
        digest = hashlib.blake2b(f"{self.experiment_id} {customer}".encode(), digest_size=8).digest()
        return "b" if int.from_bytes(digest, "big") / 2**64 < self.share_b else "a"


@dataclass
class Known:
    """What the database said last."""

    keys: dict[str, Key] = field(default_factory=dict)
    changes: Sequence[Change] = ()
    rules: tuple[int, BusinessRules] | None = None
    experiment: Experiment | None = None
    exploration: tuple[int, Mapping[str, Any]] | None = None
    forgotten: Mapping[str, datetime] = field(default_factory=dict)
    counts: dict[str, int] | None = None
    seq: int = 0


class Service:
    """One process of a service.

    `open` needs the database alone; models are loaded in the background, and `works` says which are there.
    """

    def __init__(self, shop: Shop, settings: ServeSettings, model: Model | None = None) -> None:
        self.shop, self.settings = shop, settings
        self.database = Database(settings.database_url(shop.folder))
        self.metrics, self.live, self.known = Metrics(), LiveEvents(), Known()
        self.works: dict[str, AtWork] = {}
        self.current: str | None = None
        self.loading: str | None = None
        self.trouble: str | None = None
        self.database_away = False
        self.bodies: dict[Any, bytes] = {}
        self.computing = ThreadPoolExecutor(COMPUTING, "model")
        self.exposures = ExposureLog(self.database)
        self.after_events: Callable[[Sequence[Told]], None] = lambda told: None
        self._events: EventWriter | None = None
        self._models: dict[str, tuple[Model, Past]] = {}
        self._given = model
        self._refused: dict[str, tuple[float, str]] = {}
        self._arranging = Lock()
        self._looking = ThreadPoolExecutor(1, "look")
        self._loader = ThreadPoolExecutor(1, "load")
        self._tasks: list[asyncio.Task[None]] = []
        self._preparing: subprocess.Popen[bytes] | None = None
        self._prepared_for = ""
        self._salt = ""
        self._since: datetime | None = None

    # --- start and stop

    def open(self) -> None:
        """Make or mend the tables, and read what they hold."""
        self.database.migrate()
        self._salt = secret_of(self.database, "salt", secrets.token_hex(16))
        self._since = self._covered()
        while self.look():
            pass

    async def start(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._looking, self.open)
        if self.settings.workers > 1:  # none takes a request that another could answer while this one still loads
            await self._load_what_serves()
        self._tasks = [asyncio.create_task(self._keep_looking()), asyncio.create_task(self._keep_loading())]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task
        if self._events is not None:
            await self._events.close()
        with suppress(DatabaseAway):
            await self.run(self.exposures.flush)
        if self._preparing is not None and self._preparing.poll() is None:
            self._preparing.terminate()
        for pool in (self.computing, self._looking, self._loader):
            pool.shutdown(wait=False, cancel_futures=True)
        self.database.close()

    # --- what requests use

    @property
    def events(self) -> EventWriter:
        if self._events is None:
            self._events = EventWriter(self.database, self._happened)
        return self._events

    def _happened(self, told: Sequence[Told]) -> None:
        self.live.add(told)
        self.after_events(told)

    async def run(self, work: Callable[..., T], *given: Any) -> T:
        """Work that waits for a disk or a model, outside the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self.computing, work, *given)

    async def store(self, work: Callable[..., T], *given: Any) -> T:
        """Work that waits for the database; it does not stand behind models."""
        return await asyncio.get_running_loop().run_in_executor(None, work, *given)

    def work(self, version: str | None = None) -> AtWork:
        """The version in service, or one by name.

        Raises
        ------
        Refused : none is loaded yet
        """
        name = version or self.current
        work = self.works.get(name) if name else None
        if work is None:
            told = self.trouble or "The model is being loaded. Ask again in a moment."
            raise Refused(503, told, "loading", {"Retry-After": "1"})
        return work

    def key_of(self, text: str) -> Key | None:
        return matching(self.known.keys, text) if text else None

    def is_open(self) -> bool:
        """Whether anybody on this machine may do anything, for there is no key yet."""
        return not self.known.keys

    def is_forgotten(self, customer: str, work: AtWork) -> bool:
        """Whether a version may still know somebody who was forgotten after its log was read."""
        at = self.known.forgotten.get(self.digest(customer)) if self.known.forgotten else None
        return at is not None and at > made_at(work.version) - LONGEST_FIT

    def near_customers(self, customer: str, work: AtWork) -> list[str]:
        """Ids that are spelt like this one; nobody who was forgotten is named."""
        if self.is_forgotten(customer, work):
            return []
        return [near for near in work.near_customers(customer) if not self.is_forgotten(near, work)]

    def digest(self, customer: str) -> str:
        return hmac.new(self._salt.encode(), customer.encode(), hashlib.sha256).hexdigest()

    def remember_body(self, key: Any, body: bytes) -> None:
        if len(self.bodies) >= BODIES:
            self.bodies = {}
        self.bodies[key] = body

    # --- keeping up

    def look(self) -> bool:
        """Read what changed in the database since the last look; whether there were so many events that more wait."""
        known = self.known
        with self.database.reading() as connection:
            rows = connection.execute(select(state.c.name, state.c.value))
            counts = {row.name: int(row.value) for row in rows if row.name != "salt"}
            fresh = events_after(connection, known.seq, self._since)
        changed = {name for name, count in counts.items() if (known.counts or {}).get(name) != count}
        if known.counts is None:
            changed |= {"keys", "rules", "products", "experiments", "exploration", "forgotten"}
        if "keys" in changed:
            known.keys = {key.key_id: key for key in all_keys(self.database)}
        if "forgotten" in changed:
            self._read_forgotten()
        if "rules" in changed:
            known.rules = active_rules(self.database)
        if "products" in changed:
            known.changes = all_changes(self.database)
        if changed & {"experiments", "exploration"}:
            self._read_tests()
        known.counts = counts
        if fresh:
            self.live.add(row.told for row in fresh)
            known.seq = fresh[-1].seq
        if changed & {"rules", "products"} and self.works:
            self.arrange()
        return len(fresh) == AT_ONCE

    def _covered(self) -> datetime | None:
        """Events that were handed over before this moment are in the log of the version that answers."""
        pointed = self._pointed()
        return None if pointed is None else made_at(pointed) - LONGEST_FIT

    def look_at_once(self) -> None:
        """Look now, and wait for it."""
        self._looking.submit(self.look).result()

    def _read_forgotten(self) -> None:
        with self.database.reading() as connection:
            known = {row.digest: row.at for row in connection.execute(select(forgotten.c.digest, forgotten.c.at))}
        fresh = {digest for digest, at in known.items() if self.known.forgotten.get(digest) != at}
        if self.known.counts is not None:  # at the start nothing of them was read
            for customer in [c for c in self.live.customers() if self.digest(c) in fresh]:
                self.live.forget(customer)
        self.known.forgotten = known
        self.bodies = {}

    def _read_tests(self) -> None:
        with self.database.reading() as connection:
            row = connection.execute(
                select(experiments)
                .where(experiments.c.ended.is_(None))
                .order_by(experiments.c.experiment_id.desc())
                .limit(1)
            ).first()
            self.known.experiment = None if row is None else Experiment(*row)
            row = connection.execute(
                select(exploration)
                .where(exploration.c.ended.is_(None))
                .order_by(exploration.c.exploration_id.desc())
                .limit(1)
            ).first()
            self.known.exploration = None if row is None else (row.exploration_id, row.settings)

    def arrange(self) -> None:
        """Bring every version in service to today's catalogue and rules, each in one step."""
        with self._arranging:
            self.works = {name: self._put_to_work(model, past) for name, (model, past) in self._models.items()}
            self.bodies = {}

    def tried(self, work: AtWork, rules: BusinessRules) -> AtWork:
        """A version under rules that are not set yet.

        Raises
        ------
        UsageError, UnknownId : rules that the catalogue cannot keep
        """
        return arranged(work.model, self.shop.folder, work.catalogue, work.newcomers, rules, 0, work.past)

    def _put_to_work(self, model: Model, past: Past) -> AtWork:
        version, rules = self.known.rules or (0, rules_of_the_fit(model))
        try:
            return put_to_work(model, self.shop.folder, self.known.changes, rules, version, past)
        except GoesWithError as error:  # rules that were right for another version's catalogue
            log.error(f"rules {version} cannot hold for {model.version}: {error}")
            return put_to_work(model, self.shop.folder, self.known.changes, rules_of_the_fit(model), 0, past)

    def keep_versions(self) -> None:
        """Load what should serve and is not loaded, then let go of what no longer serves."""
        pointed = self._pointed()
        if pointed is None and self.current is None:
            self.trouble = f"This shop has no model yet. Fit one: goeswith fit {self.shop.folder.name}"
        test = self.known.experiment
        wanted = [
            name for name in dict.fromkeys([pointed, *((test.version_a, test.version_b) if test else ())]) if name
        ]
        for name in wanted:
            if name not in self._models and self._refused.get(name, (0.0, ""))[0] <= _age(self.shop, name):
                self._load(name)
        serving = pointed if pointed in self._models else self.current
        keep = {name for name in [serving, *wanted] if name in self._models}
        with self._arranging:
            fresh = {name: self.works.get(name) or self._put_to_work(*self._models[name]) for name in keep}
            for name, work in fresh.items():
                if stage_of(self.shop.folder, name) != (work.prepared.stage if work.prepared else (0, 0)):
                    fresh[name] = self._put_to_work(*self._models[name])
            is_new = serving != self.current
            changed = fresh.keys() != self.works.keys() or any(fresh[n] is not self.works.get(n) for n in fresh)
            if changed or is_new:
                self.works, self.current = {**self.works, **fresh}, serving  # whoever asks finds either version whole
                self.works, self.bodies = fresh, {}
                self._models = {name: self._models[name] for name in keep}
        if is_new and serving:
            self.metrics.serve(serving)
            self.metrics.ready.set(1)
            self.metrics.switches.inc()
            log.info("a version went to work", extra={"version": serving})
        self._prepare(serving)

    def _pointed(self) -> str | None:
        try:
            return current(self.shop)
        except OSError:  # the folder is being swapped: what is loaded goes on answering
            return self.current

    def _load(self, name: str) -> None:
        self.loading = name
        try:
            if self._given is not None and self._given.version == name:
                model, self._given = self._given, None
            else:
                model = gw.load(self.shop, name, shared=True)
            self._models[name] = (model, Past(model.log))
            self.trouble = None
        except Exception as error:  # a damaged folder must not stop the version that answers
            told = str(error) if isinstance(error, GoesWithError) else f"{name} cannot be loaded."
            log.error(f"{name} cannot be loaded", exc_info=error)
            self._refused[name] = (_age(self.shop, name) + 1e-6, told)
            self.trouble = told
        finally:
            self.loading = None

    def _prepare(self, version: str | None) -> None:
        """Have the lists of a version computed, by another process that gives way to this one."""
        if not self.settings.prepare or version is None or version not in self.works:
            return
        if self._preparing is not None and self._preparing.poll() is None:
            return
        if self._prepared_for == version:
            return  # it was done, or tried
        self._prepared_for = version
        command = [sys.executable, "-m", "goeswith.serve.prepared", str(self.shop.folder), version]
        self._preparing = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    async def _keep_looking(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self.settings.look_seconds)
            try:
                await loop.run_in_executor(self._looking, self.look)
                await loop.run_in_executor(self._looking, self.exposures.flush)
                self.database_away = False
            except DatabaseAway as error:
                if not self.database_away:
                    log.error(str(error))
                self.database_away = True
            except Exception:
                log.exception("a look at the database failed")

    async def _keep_loading(self) -> None:
        while True:
            await self._load_what_serves()
            await asyncio.sleep(self.settings.look_seconds)

    async def _load_what_serves(self) -> None:
        try:
            await asyncio.get_running_loop().run_in_executor(self._loader, self.keep_versions)
        except Exception:
            log.exception("keeping up with the models failed")


def made_at(version: str) -> datetime:
    """When a version was written, as its name tells; a name of another form says long ago.

    >>> made_at("20261125-093716-983")
    datetime.datetime(2026, 11, 25, 9, 37, 16)
    """
    try:
        return datetime.strptime(version[:15], "%Y%m%d-%H%M%S")
    except ValueError:
        return datetime(1970, 1, 2)


def _age(shop: Shop, name: str) -> float:
    """When a version's manifest was written: one that was refused is tried again once that changes."""
    try:
        return (shop.models / name / "manifest.json").stat().st_mtime
    except OSError:
        return 0.0
