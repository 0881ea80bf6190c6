"""Keys, limits, headers: who may ask what, and what gets out."""

import json
import logging
from datetime import datetime, timedelta

import pytest

from goeswith.errors import UsageError
from goeswith.serve.run import check_address
from goeswith.serve.settings import ServeSettings, settings_of
from goeswith.serve.store.database import Database, now
from goeswith.serve.store.keys import PREFIX, all_keys, new_key, revoke
from goeswith.serve.store.tables import api_keys

pytest_plugins = ["goeswith.testing.serving"]


@pytest.fixture
def keyed(serve_corner):
    """A service with one key of each scope."""
    served = serve_corner()
    keys = {scope: new_key(served.service.database, scope, scope)[1] for scope in ("read", "write", "admin")}
    served.service.look_at_once()
    served.keys = {scope: {"Authorization": f"Bearer {key}"} for scope, key in keys.items()}
    served.texts = keys
    return served


EVENT = {"event_id": "e1", "product_id": "pasta", "customer_id": "ben"}


@pytest.mark.parametrize(
    "method, path, body, least",
    [
        ("GET", "/v1/related?product=pasta", None, "read"),
        ("GET", "/v1/metrics", None, "read"),
        ("POST", "/v1/events", EVENT, "write"),
        ("POST", "/v1/audience", {"products": ["jam"]}, "write"),
        ("DELETE", "/v1/products/jam", None, "write"),
        ("PUT", "/v1/rules", {"rules": {}}, "admin"),
        ("GET", "/v1/keys", None, "admin"),
        ("GET", "/v1/audit", None, "admin"),
        ("DELETE", "/v1/customers/ben", None, "admin"),
        ("POST", "/v1/models/rollback", None, "admin"),
    ],
)
def test_a_key_opens_what_its_scope_says(keyed, method, path, body, least):
    scopes = ["read", "write", "admin"]

    assert keyed.http.request(method, path, json=body).status_code == 401
    for scope in scopes:
        status = keyed.http.request(method, path, json=body, headers=keyed.keys[scope]).status_code
        assert (status != 403) == (scopes.index(scope) >= scopes.index(least)), (scope, status)


def test_a_key_is_kept_as_a_hash(keyed):
    with keyed.service.database.reading() as connection:
        rows = str(connection.execute(api_keys.select()).all())

    for key in keyed.texts.values():
        secret = key.removeprefix(PREFIX).partition("_")[2]  # which may hold underscores itself
        assert len(secret) == 43 and secret not in rows


def test_keys_expire_and_are_revoked(keyed):
    database = keyed.service.database
    _, gone = new_key(database, "till", "read")
    key, short = new_key(database, "guest", "read", now() + timedelta(seconds=1))
    keyed.service.look_at_once()
    ask = lambda text: keyed.http.get("/v1/related?product=pasta", headers={"X-API-Key": text})  # noqa: E731
    assert ask(gone).status_code == ask(short).status_code == 200

    revoke(database, next(k.key_id for k in all_keys(database) if k.name == "till"), "test")
    keyed.service.look_at_once()
    object.__setattr__(keyed.service.known.keys[key.key_id], "expires", now() - timedelta(seconds=1))

    assert ask(gone).json()["detail"] == "This key is revoked."
    assert ask(short).json()["detail"] == "This key is expired."
    assert ask("gw_nobody_nothing").status_code == 401
    with pytest.raises(UsageError, match="past"):
        new_key(database, "late", "read", datetime(2020, 1, 1))


def test_the_first_key_must_be_an_admins(serve_corner):
    served = serve_corner()

    assert served.http.post("/v1/keys", json={"name": "till", "scope": "read"}).status_code == 409
    made = served.post("keys", {"name": "me", "scope": "admin"}, status=201)

    assert served.http.get("/v1/keys").status_code == 401
    listed = served.http.get("/v1/keys", headers={"Authorization": f"Bearer {made['key']}"}).json()
    assert [(key["name"], key["state"]) for key in listed] == [("me", "active")] and "hash" not in listed[0]


def test_neither_keys_nor_customers_are_logged(keyed):
    lines = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(json.dumps({k: str(v) for k, v in vars(record).items()}))
    logger = logging.getLogger("goeswith.serve")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)

    keyed.http.get("/v1/customers/ben/history", headers=keyed.keys["read"])
    keyed.http.post("/v1/events", json={**EVENT, "customer_id": "zacharias"}, headers=keyed.keys["write"])
    logger.removeHandler(handler)

    told = "\n".join(lines)
    assert (
        '"route": "/customers/{customer_id:path}/history"' in told and "zacharias" not in told and "/ben/" not in told
    )
    assert not any(key in told for key in keyed.texts.values())


def test_administrative_acts_are_written_down(keyed):
    keyed.http.put("/v1/rules", json={"rules": {"ban": ["jam"]}, "note": "no jam"}, headers=keyed.keys["admin"])

    acts = keyed.http.get("/v1/audit", headers=keyed.keys["admin"]).json()["items"]

    assert acts[0]["act"] == "rules set" and acts[0]["detail"] == {"note": "no jam"}
    assert acts[0]["actor"] in {key.key_id for key in all_keys(keyed.service.database)}


def test_headers_guard_and_cors_is_off(serve_corner):
    answer = serve_corner().http.get(
        "/v1/health", headers={"Origin": "https://elsewhere.example", "X-Request-ID": "r-1"}
    )

    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "access-control-allow-origin" not in answer.headers
    assert answer.headers["x-request-id"] == "r-1"


def test_without_a_key_only_localhost_is_answered(serve_corner):
    answer = serve_corner().http.get("/v1/health", headers={"Host": "shop.example"})

    assert answer.status_code == 403


def test_too_many_requests_are_slowed_down(serve_corner):
    served = serve_corner(requests_per_minute=120)

    statuses = [served.http.get("/v1/health").status_code for _ in range(130)]

    assert statuses[0] == 200 and 429 in statuses


@pytest.mark.parametrize("host, refused", [("0.0.0.0", True), ("192.168.1.9", True), ("127.0.0.1", False)])
def test_elsewhere_than_here_only_with_a_key(tmp_path, host, refused):
    database = Database(f"sqlite:///{tmp_path}/serve.db")
    database.migrate()
    settings = ServeSettings(host=host)

    if refused:
        with pytest.raises(UsageError, match="--new-key admin"):
            check_address(settings, database)
        new_key(database, "me", "admin")
    check_address(settings, database)


def test_settings_come_from_the_shop_the_environment_and_flags(corner):
    shop = corner.settings.model_copy(update={"serve": {"port": 1, "workers": 2, "log_level": "error"}})

    chosen = settings_of(shop, {"GOESWITH_SERVE_PORT": "2", "GOESWITH_SERVE_WORKERS": "3"}, {"port": 4, "host": None})

    assert (chosen.port, chosen.workers, chosen.log_level) == (4, 3, "error")
    with pytest.raises(UsageError, match=r"shop.toml, \[serve\] colour[\s\S]*GOESWITH_SERVE_PROT"):
        settings_of(corner.settings.model_copy(update={"serve": {"colour": 1}}), {"GOESWITH_SERVE_PROT": "2"})


def test_shown_settings_hide_the_password(corner):
    settings = ServeSettings(database="postgresql+psycopg://shop:hunter2@db/goeswith")

    assert "hunter2" not in str(settings.shown(corner.folder))
    with pytest.raises(UsageError, match="pgvector"):
        settings_of(corner.settings, {}, {"vectors": "pgvector"})
