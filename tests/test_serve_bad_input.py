"""What goes wrong from outside ends in one clear problem, and nothing acknowledged is lost."""

import os
import resource
import shutil
import time
from datetime import datetime, timedelta
from urllib.parse import quote

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

import goeswith as gw
from goeswith.serve.store.database import Database, DatabaseAway
from goeswith.serve.store.event_log import Told, count_events, store_events
from goeswith.testing.waiting import until
from goeswith.versions import current, list_versions, promote

pytest_plugins = ["goeswith.testing.serving"]
EVIL = [
    "'; DROP TABLE events; --",
    '" OR 1=1 --',
    "<script>alert(1)</script>",
    '=HYPERLINK("http://evil")',
    "{{7*7}}${7*7}",
    "../../../etc/passwd",
    "..%2f..%2fetc",
    "%00",
    "a" * 200,
    "🥛 牛奶",
    "\u202e",
]


def problem(answer, status):
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert "Traceback" not in answer.text and "site-packages" not in answer.text
    return answer.json()


@pytest.fixture
def one(serve_corner):
    return serve_corner()


@pytest.mark.parametrize("body", [b'{"basket":', b"", b"\xff\xfe", b"[1, 2", b'{"basket": ["pasta"], }'])
def test_malformed_json(one, body):
    answer = one.http.post("/v1/complete", content=body, headers={"Content-Type": "application/json"})

    assert problem(answer, answer.status_code)["detail"] and answer.status_code in (400, 422)


@pytest.mark.parametrize(
    "path, body, where",
    [
        ("complete", {"basket": "pasta"}, "body.basket"),
        ("complete", {"basket": []}, "body.basket"),
        ("complete", {"basket": ["pasta"], "n": 0}, "body.n"),
        ("complete", {"basket": ["pasta"], "n": 1e9}, "body.n"),
        ("complete", {"basket": ["pasta"], "colour": "red"}, "body.colour"),
        ("related", {"product": "pasta", "text": "tea"}, "body"),
        ("related", {"product": {"$ne": 1}}, "body.product"),
        ("recommend", {}, "body"),
        ("events", {"event_id": "e", "product_id": "pasta", "quantity": -1}, "body.quantity"),
        ("events", {"event_id": "e", "product_id": "pasta", "event": "theft"}, "body.event"),
        ("events", {"event_id": "e\u0000", "product_id": "pasta"}, "body.event_id"),
        ("events", {"event_id": "e", "product_id": "pasta", "time": "yesterday"}, "body.time"),
    ],
)
def test_wrong_types_are_named(one, path, body, where):
    told = problem(one.http.post(f"/v1/{path}", json=body), 422)

    assert any(error["where"].startswith(where) for error in told["errors"]), told


def test_numbers_that_json_does_not_know(one):
    body = b'{"event_id": "e", "product_id": "pasta", "price": NaN}'

    assert one.http.post("/v1/events", content=body, headers={"Content-Type": "application/json"}).status_code == 422


def test_unknown_ids_name_near_matches(one):
    assert problem(one.http.get("/v1/related?product=bred"), 404)["near"] == ["bread"]
    assert problem(one.http.get("/v1/recommend?customer=anna"), 404)["near"] == ["ana"]
    told = problem(one.http.post("/v1/events", json={"event_id": "e", "product_id": "buttr"}), 422)
    assert told["near"][0] == "butter" and "Nothing was kept" in told["detail"]
    assert problem(one.http.get("/v1/products/tonr"), 404)["near"][0] == "toner"


def test_one_wrong_event_keeps_the_whole_batch_out(one):
    events = [{"event_id": "a", "product_id": "pasta"}, {"event_id": "b", "product_id": "nothing"}]

    told = problem(one.http.post("/v1/events/batch", json={"events": events}), 422)

    assert told["errors"][0]["where"] == "events.1.product_id"
    with one.service.database.reading() as connection:
        assert count_events(connection) == 0


def test_huge_bodies(serve_corner):
    served = serve_corner(max_body_kb=4)

    assert "KiB" in problem(served.http.post("/v1/complete", json={"basket": ["p" * 5_000]}), 413)["detail"]
    chunks = (b"x" * 1_000 for _ in range(10))  # no Content-Length
    problem(served.http.post("/v1/complete", content=chunks, headers={"Content-Type": "application/json"}), 413)


def test_injection_is_text(served):
    given = [{"product_id": f"x{evil}"[:200], "name": evil, "attributes": {"note": evil}} for evil in EVIL]
    served.post("products", {"products": given})

    for evil, product in zip(EVIL, given, strict=True):
        served.post(
            "events", {"event_id": evil, "product_id": product["product_id"], "customer_id": evil, "basket_id": evil}
        )
        found = served.get("products", filter="note = " + quoted(evil))["items"]

        assert [(p["product_id"], p["name"], p["attributes"]["note"]) for p in found] == [
            (product["product_id"], evil, evil)
        ]
        assert product["product_id"] in [p["product_id"] for p in served.get("products", q=evil)["items"]]
        assert served.http.get("/v1/related", params={"product": evil}).status_code == 404
        assert served.ids("recommend", customer=evil)
        if "%" not in evil:  # the test client decodes a path twice
            assert served.post("customers/" + quote(evil, safe=""), None, method="DELETE")["events"] == 1
    assert len(served.get("products", limit=50)["items"]) == 13 + len(EVIL)


def quoted(value):
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


@pytest.mark.parametrize(
    "filter",
    ["price <", "__import__('os')", "1=1", "price < 1; drop", "(" * 100 + "price<1" + ")" * 100, "nothing = 1",
     "x" * 2001,     "available < true", "not " * 60 + "price < 1", "price in ()", "`a` = 1", '"a" = "a"'],
)  # fmt: skip
def test_filters_that_are_none(one, filter):
    problem(one.http.get("/v1/products", params={"filter": filter}), 422)
    problem(one.http.put("/v1/rules", json={"rules": {"ban_where": filter}}), 422)


def test_rules_that_cannot_be_kept_are_refused_and_the_old_ones_hold(one):
    for rules in (
        {"pin": ["nothing"]},
        {"pin": ["jam"], "ban": ["jam"]},
        {"caps": [{"column": "nothing", "most": 1}]},
        {"boost": [{"where": "price < 3", "factor": -1}]},
        {"margin_weight": 1.0},
    ):
        assert one.http.put("/v1/rules", json={"rules": rules}).status_code in (404, 422), rules
    assert one.get("rules")["version"] == 0


@pytest.mark.parametrize(
    "path", ["/v1/../../etc/passwd", "/v1/products/../../../etc/passwd", "/v1/models/..%2f..%2fx/promote"]
)
def test_paths_lead_nowhere(one, path):
    method = "POST" if path.endswith("promote") else "GET"

    assert one.http.request(method, path).status_code in (404, 405, 422)
    assert one.http.post("/v1/models/nothing/promote").status_code == 404


def test_events_from_the_future_and_from_long_ago(one):
    late = (datetime.now() + timedelta(days=2)).isoformat()

    told = problem(one.http.post("/v1/events", json={"event_id": "e", "product_id": "jam", "time": late}), 422)
    assert "future" in told["detail"]
    for when in ("1969-01-01T00:00:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"):
        assert one.http.post("/v1/events", json={"event_id": "e", "product_id": "jam", "time": when}).status_code == 422


def test_a_replayed_event_counts_once_and_another_of_its_id_is_refused(served):
    event = {"event_id": "e1", "product_id": "jam", "customer_id": "ana"}
    assert [served.post("events", event)["status"] for _ in range(3)] == ["stored", "known", "known"]

    told = problem(served.http.post("/v1/events", json={**event, "product_id": "tea"}), 409)

    assert "e1" in told["detail"]
    twice = served.post("events/batch", {"events": [{**event, "event_id": "e2"}, {**event, "event_id": "e2"}]})
    assert (twice["stored"], twice["known"]) == (1, 1)


def test_a_database_that_goes_away_and_returns(serve_corner, postgres):
    url = postgres(f"away{time.monotonic_ns()}")
    served = serve_corner(url)
    name = make_url(url).database
    admin = Database(postgres(f"admin{time.monotonic_ns()}"))
    served.post("events", {"event_id": "before", "product_id": "jam", "customer_id": "ana"})
    answered = served.ids("recommend", customer="ana")

    def allow(word):
        with admin.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS {word}'))
            if word == "false":
                connection.execute(
                    text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :n"), {"n": name}
                )

    allow("false")
    told = problem(served.http.post("/v1/events", json={"event_id": "during", "product_id": "jam"}), 503)
    assert "Nothing was kept" in told["detail"]
    assert served.ids("recommend", customer="ana") == answered  # questions are answered from memory
    until(lambda: served.http.get("/v1/ready").status_code == 503)

    allow("true")
    until(lambda: served.http.get("/v1/ready").status_code == 200)
    assert served.post("events", {"event_id": "during", "product_id": "jam"})["status"] == "stored"
    assert served.post("events", {"event_id": "before", "product_id": "jam", "customer_id": "ana"})["status"] == "known"


def test_a_disk_that_fills(tmp_path):
    """SQLite may not grow beyond so many pages: what a full disk does."""
    database = Database(f"sqlite:///{tmp_path}/serve.db")
    database.migrate()
    kept = []
    with database.engine.connect() as connection:
        pages = connection.execute(text("PRAGMA page_count")).scalar()

    from sqlalchemy import event

    event.listen(database.engine, "connect", lambda raw, _: raw.execute(f"PRAGMA max_page_count={pages + 8}"))
    database.engine.dispose()

    def fill():
        for at in range(10_000):
            store_events(database, [Told(f"e{at}" * 20, "p", datetime(2024, 1, 1))])
            kept.append(at)

    with pytest.raises(DatabaseAway, match="disk of the database is full"):
        fill()

    fresh = Database(f"sqlite:///{tmp_path}/serve.db")
    with fresh.reading() as connection:
        assert count_events(connection) == len(kept) > 0


def test_a_file_that_may_not_grow(tmp_path):
    """The same from the operating system's side."""
    database = Database(f"sqlite:///{tmp_path}/serve.db")
    database.migrate()
    kept, child = 0, os.fork()
    if child == 0:
        import signal

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        size = max(file.stat().st_size for file in tmp_path.glob("serve.db*"))
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 300_000, resource.RLIM_INFINITY))
        own, code = Database(f"sqlite:///{tmp_path}/serve.db"), 1
        try:
            for at in range(100_000):
                store_events(own, [Told(f"e{at}" * 20, "p", datetime(2024, 1, 1))])
                (tmp_path / "kept").write_text(str(at + 1))
        except DatabaseAway:
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    kept = int((tmp_path / "kept").read_text())

    assert os.waitstatus_to_exitcode(status) == 0 and kept > 10
    with Database(f"sqlite:///{tmp_path}/serve.db").reading() as connection:
        assert count_events(connection) >= kept


def test_a_damaged_version_does_not_stop_the_one_that_answers(one, corner):
    old, new = current(corner), list_versions(corner)[-1].name
    assert old != new
    (corner.models / new / "counts.safetensors").write_bytes(b"damaged")

    promote(corner, new)
    until(lambda: one.get("ready")["problem"] is not None)

    assert "checksum" in one.get("ready")["problem"]
    assert one.get("related", product="pasta")["model"] == old


def test_a_model_folder_swapped_under_a_running_server(one, corner):
    before = one.get("recommend", customer="ana")

    shutil.rmtree(corner.models)
    shutil.rmtree(corner.folder / "cache", ignore_errors=True)
    time.sleep(0.3)

    assert one.get("recommend", customer="ana") == before
    assert one.ids("related", product="bread", filter="price > 2", n=3)
    assert gw.Shop.open(corner.folder).products().height == 13


def test_no_model_yet(tmp_path):
    from fastapi.testclient import TestClient

    from goeswith.serve.app import create_app
    from goeswith.serve.settings import ServeSettings
    from goeswith.testing import corner_shop

    shop = gw.Shop.create(tmp_path / "new", corner_shop.products(), corner_shop.events())
    with TestClient(create_app(shop, ServeSettings(prepare=False)), base_url="http://localhost") as client:
        assert client.get("/v1/ready").status_code == 503
        told = problem(client.get("/v1/related?product=pasta"), 503)

    assert "goeswith fit" in told["detail"]
