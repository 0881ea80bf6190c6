"""A service as processes: one socket, one or several workers that share what was loaded before they parted."""

import asyncio
import ctypes
import logging
import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from ipaddress import ip_address
from types import ModuleType

import uvicorn

from goeswith.data.shop import Shop
from goeswith.errors import UsageError
from goeswith.serve.json_logs import write_json_logs
from goeswith.serve.settings import ServeSettings
from goeswith.serve.store.database import Database
from goeswith.serve.store.keys import all_keys

log = logging.getLogger("goeswith.serve")
BACKLOG = 2_048


def check_address(settings: ServeSettings, database: Database) -> None:
    """Refuse to be seen from elsewhere while everybody may do anything.

    Raises
    ------
    UsageError : not on the loopback, and no key of scope admin
    """
    if is_loopback(settings.host):
        return
    if not any(key.state == "active" and key.scope == "admin" for key in all_keys(database)):
        raise UsageError(
            f"--host {settings.host}: others could reach the service, and it has no key. Make one first: "
            "goeswith serve SHOP --new-key admin"
        )


def is_loopback(host: str) -> bool:
    """
    >>> is_loopback("localhost"), is_loopback("127.0.0.9"), is_loopback("::1"), is_loopback("0.0.0.0")
    (True, True, True, False)
    """
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def serve(shop: Shop, settings: ServeSettings, say: Callable[[str], None]) -> None:
    """Answer until SIGTERM or SIGINT; running requests end first.

    Raises
    ------
    UsageError : an address that cannot be taken, or may not be without a key
    """
    database = Database(settings.database_url(shop.folder))
    database.migrate()
    check_address(settings, database)
    database.close()
    listening = _bound(settings)
    host, port = listening.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    say(f"goeswith answers at http://{shown}:{port}/v1 (ready when /v1/ready says so)")
    write_json_logs(settings.log_level)
    if settings.workers == 1:
        _work(shop, settings, listening)
    else:
        _workers(shop, settings, listening)


def _bound(settings: ServeSettings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # Named as TCP, or asyncio leaves Nagle's delay on, and an answer in two parts waits 40 ms for the first's receipt.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((settings.host, settings.port))
    except OSError as error:
        raise UsageError(
            f"{settings.host}:{settings.port} cannot be taken ({error.strerror}). Try --port 0."
        ) from error
    listening.listen(BACKLOG)
    listening.set_inheritable(True)
    return listening


def imported_app() -> ModuleType:
    """The service with all that it imports, which takes most of a start.

    LightGBM would import scikit-learn and pandas, a second and 60 MB, for estimators that are not used here.
    """
    with absent("sklearn", "pandas"):
        import_module("lightgbm")
    return import_module("goeswith.serve.app")


@contextmanager
def absent(*packages: str) -> Iterator[None]:
    """Packages that were not imported yet look as if they were not installed; afterwards they can be imported again.

    >>> with absent("this"):
    ...     import this
    Traceback (most recent call last):
    ModuleNotFoundError: import of this halted; None in sys.modules
    """
    hidden = [name for name in packages if name not in sys.modules]
    sys.modules |= dict.fromkeys(hidden)  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in hidden:
            sys.modules.pop(name, None)


def _work(shop: Shop, settings: ServeSettings, listening: socket.socket) -> None:
    config = uvicorn.Config(
        imported_app().create_app(shop, settings),
        log_config=None,
        access_log=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_graceful_shutdown=int(settings.drain_seconds) or 1,
    )
    asyncio.run(uvicorn.Server(config).serve(sockets=[listening]))


def _workers(shop: Shop, settings: ServeSettings, listening: socket.socket) -> None:
    """Import once, then part; vectors and counts are mapped from one file each. A worker that dies is replaced.

    Nothing is computed before the parting: the threads of Polars and PyTorch do not live on in a child.
    """
    os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", tempfile.mkdtemp(prefix="goeswith-metrics-"))
    imported_app()
    children: dict[int, float] = {}
    stopping = False

    def stop(*_: object) -> None:
        nonlocal stopping
        stopping = True
        for child in children:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGTERM)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    while not stopping or children:
        while not stopping and len(children) < settings.workers:
            child = os.fork()
            if child == 0:
                _end_with_parent()
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
                signal.signal(signal.SIGINT, signal.SIG_DFL)
                code = 1
                try:
                    _work(shop, settings, listening)
                    code = 0
                except Exception:
                    log.exception("a worker failed")
                finally:
                    sys.stderr.flush()
                    os._exit(code)
            children[child] = time.monotonic()
        try:
            gone, _ = os.wait()
        except (InterruptedError, ChildProcessError):
            continue
        started = children.pop(gone, 0.0)
        if not stopping:
            log.error(f"worker {gone} ended; another takes its place")
            if time.monotonic() - started < 2:
                time.sleep(1)


def _end_with_parent() -> None:
    """A worker does not outlive the process that watches over it (Linux)."""
    if sys.platform == "linux":
        set_parent_death_signal = 1
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGTERM)
