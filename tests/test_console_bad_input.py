"""What people get wrong, and what goes wrong around them."""

import json
import os
import re
import shutil
import signal
from html import unescape

import pytest

import goeswith as gw
from goeswith.errors import ShopError, UsageError
from goeswith.serve.console.first_shop import FirstShop, opened_or_new
from goeswith.serve.console.fit_process import JOB, PROGRESS
from goeswith.serve.console.fitting import Fitting
from goeswith.serve.console.uploads import LARGEST, Uploads
from goeswith.serve.problems import Refused
from goeswith.testing import corner_shop
from goeswith.testing.waiting import until

pytest_plugins = ["goeswith.testing.serving"]


@pytest.fixture
def new(tmp_path):
    """A service of a folder that is not there yet, with an admin signed in."""
    from fastapi.testclient import TestClient

    from goeswith.serve.app import create_app
    from goeswith.serve.settings import ServeSettings

    app = create_app(opened_or_new(tmp_path / "shop"), ServeSettings(prepare=False, look_seconds=0.05))
    with TestClient(app, base_url="http://localhost") as client:
        client.post("/console/setup", data={"name": "ada", "password": "correct horse", "again": "correct horse"})
        client.csrf = re.search('name="csrf" content="([^"]+)"', client.get("/console/data").text)[1]
        yield client


def send(client, table, name, content, at=0, total=None):
    where = {"table": table, "name": name, "at": at, "total": len(content) if total is None else total}
    return client.post("/console/data/files", params=where, content=content, headers={"x-csrf": client.csrf})


def post(client, address, **form):
    return unescape(client.post(f"/console/{address}", data={**form, "csrf": client.csrf}).text)


# --- files


def test_a_new_folder_leads_to_its_first_shop(new, tmp_path):
    assert new.get("/console/explore").url.path == "/console/data"
    assert not (tmp_path / "shop" / "shop.toml").exists()


def test_a_folder_with_something_else_in_it_is_no_first_shop(tmp_path):
    (tmp_path / "letter.txt").write_text("dear")

    with pytest.raises(ShopError, match="not a shop"):
        opened_or_new(tmp_path)


def test_two_gigabytes_go_piece_by_piece_and_more_than_the_limit_is_said_before_a_byte_is_kept(new, tmp_path):
    piece = b"x" * 500_000

    assert send(new, "events", "big.csv", piece, total=2 * 1024**3).json() == {"here": 500_000}
    assert send(new, "events", "big.csv", piece, at=500_000, total=2 * 1024**3).json() == {"here": 1_000_000}
    too_large = send(new, "events", "huge.csv", piece, total=LARGEST + 1)
    assert too_large.status_code == 413 and "4 GB" in too_large.json()["detail"]
    assert not list((tmp_path / "shop").rglob("huge*"))
    # nothing of a request is larger than the service lets in, whatever it says of itself
    assert send(new, "events", "big.csv", b"x" * 2_000_000, at=1_000_000, total=2 * 1024**3).status_code == 413


def test_an_upload_goes_on_where_it_stopped(tmp_path):
    uploads = Uploads(tmp_path)
    uploads.take("events", "e.csv", 0, 6, b"abc")

    with pytest.raises(Refused) as refused:
        uploads.take("events", "e.csv", 5, 6, b"f")
    assert refused.value.more == {"here": 3}
    assert Uploads(tmp_path).has("events", "e.csv") == 3  # also after a restart
    assert Uploads(tmp_path).take("events", "e.csv", 3, 6, b"def") == 6
    assert [(one.name, one.path.read_bytes()) for one in uploads.staged()] == [("e.csv", b"abcdef")]


def test_a_full_disk_is_said_before_the_upload_begins(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9, 0))

    with pytest.raises(Refused, match="the disk has no room"):
        Uploads(tmp_path).take("events", "e.csv", 0, 6, b"abc")


@pytest.mark.parametrize("name", ["../../evil.csv", "..\\evil.csv", "/etc/evil.csv", "a/../../evil.csv"])
def test_a_name_never_leaves_its_folder(new, tmp_path, name):
    assert send(new, "events", name, b"a,b\n1,2\n").status_code == 200

    assert [file.parent.name for file in tmp_path.rglob("evil.csv")] == ["events"]


@pytest.mark.parametrize(
    "name, content, told",
    [
        ("events.xlsx", b"customer,product,date\nann,tea,2024-05-01\n", "events.xlsx"),
        ("events.parquet", b"PK\x03\x04 not parquet", "events.parquet"),
        ("events.csv.gz", b"not zipped", "events.csv.gz"),
        ("events.csv", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00", "events.csv"),
        ("events.csv", b"", "empty"),
        ("events.csv", b"colour,shape\nred,round\nblue,flat\n", "product_id"),
    ],
)
def test_a_file_that_is_not_what_its_name_says_is_told_and_nothing_is_made(new, tmp_path, name, content, told):
    send(new, "events", name, content)

    text = post(new, "data/read")
    until(lambda: '"wrong"' in new.get("/console/data").text)

    text = unescape(new.get("/console/data").text)
    wrong = re.search('class="wrong" role="alert">([^<]+)', text)[1]
    assert told in wrong and str(tmp_path) not in wrong
    assert "data/accept" not in text
    assert not (tmp_path / "shop" / "shop.toml").exists()


def test_what_was_recognised_wrongly_is_corrected(new, tmp_path):
    rows = "who,sku,alt_code,when\n" + "".join(f"c{n % 5},p{n % 7},q{n % 3},2024-05-0{1 + n % 9}\n" for n in range(60))
    send(new, "events", "events.csv", rows.encode())

    first = post(new, "data/read")
    assert "What was read" in first and "<b>7</b> products" in first
    second = post(new, "data/read", **{"map:events.product_id": "alt_code"})

    assert "<b>3</b> products" in second


def test_only_whoever_sits_at_the_machine_names_paths(new, tmp_path):
    _, events = corner_shop.write(tmp_path / "files")
    assert "there is no such file" in post(new, "data/paths", table="events", path="/no/such.csv")
    assert "whole path" in post(new, "data/paths", table="events", path="events.csv")

    text = post(new, "data/paths", table="events", path=str(events))

    assert "events.csv" in text
    elsewhere = {"host": "shop.example"}
    assert new.post("/console/data/paths", data={"csrf": new.csrf, "table": "events", "path": "/etc/passwd"},
                    headers=elsewhere).status_code == 403  # fmt: skip


def test_a_shop_that_is_there_is_never_replaced(corner):
    first = FirstShop(corner.folder, corner.folder / "serve" / "console")
    before = corner.products()

    with pytest.raises(ShopError, match="a shop already"):
        first.adopt()

    assert gw.Shop.open(corner.folder).products().equals(before)


def test_an_adoption_that_was_killed_is_done_again(tmp_path):
    _, events = corner_shop.write(tmp_path / "files")
    first = FirstShop(tmp_path / "shop", tmp_path / "shop" / "serve" / "console")
    first.uploads.name_path("events", str(events))
    first.read({}, "corner", wait=30)
    (tmp_path / "shop" / "data" / "events").mkdir(parents=True)  # what a kill between the two moves leaves

    shop = first.adopt()

    assert (shop.name, len(shop.products())) == ("corner", 13)


def test_a_reading_that_was_interrupted_says_so(tmp_path):
    first = FirstShop(tmp_path / "shop", tmp_path)
    first._note({"state": "reading", "columns": {}, "name": ""})

    assert "interrupted" in first.state()["message"]


# --- fits


QUICK = {
    "finetune": {"method": "frozen"},
    "features": {"steps": 10},
    "learning": {"ranker": {"fewest_positives": 10_000}},
}


def test_a_fit_goes_on_without_the_page_and_the_service_and_is_found_again(corner, tmp_path):
    one = Fitting(corner.folder, tmp_path / "fit")
    one.start("fit", "ada", QUICK)
    with pytest.raises(UsageError, match="running already"):
        one.start("fit", "bob", QUICK)

    another = Fitting(corner.folder, tmp_path / "fit")  # as after a restart of the service
    assert another.state()["state"] == "running"
    until(lambda: not another.is_running(), 120)

    state = another.state()
    assert (state["state"], state["by"]) == ("done", "ada")
    assert (corner.models / "current").read_text().strip() == state["version"]
    assert [stage["name"] for stage in state["stages"]][:2] == ["read texts", "encode"]
    assert state["losses"] and all(stage["seconds"] is not None for stage in state["stages"])


def test_a_fit_is_cancelled_and_resumed_and_the_version_in_service_stays(corner, tmp_path):
    before = (corner.models / "current").read_text()
    fitting = Fitting(corner.folder, tmp_path / "fit")
    fitting.start("fit", "ada", QUICK)

    fitting.cancel()

    assert fitting.state()["state"] == "cancelled" and not fitting.is_running()
    assert (corner.models / "current").read_text() == before
    fitting.start("fit", "ada", QUICK)  # the lock of the one that was stopped is gone
    assert fitting.is_running()
    fitting.cancel()


def test_a_fit_that_fails_says_what_why_and_what_to_do(corner, tmp_path):
    fitting = Fitting(corner.folder, tmp_path / "fit")
    fitting.start("fit", "ada", {"rules": {"ban": ["no-such-product"]}})
    until(lambda: not fitting.is_running(), 120)

    state = fitting.state()
    assert state["state"] == "failed"
    assert "no-such-product" in state["message"] and "Check the spelling" in state["message"]


def test_a_fit_that_was_killed_without_a_word_is_told_as_that(corner, tmp_path):
    fitting = Fitting(corner.folder, tmp_path / "fit")
    fitting.start("fit", "ada", QUICK)

    os.kill(json.loads((tmp_path / "fit" / JOB).read_text())["pid"], signal.SIGKILL)
    until(lambda: not fitting.is_running(), 30)

    assert "too little memory" in fitting.state()["message"]


def test_a_line_that_is_half_written_is_read_next_time(corner, tmp_path):
    fitting = Fitting(corner.folder, tmp_path)
    (tmp_path / JOB).write_text(json.dumps({"kind": "fit", "by": "ada", "config": {}}))
    (tmp_path / PROGRESS).write_text('{"at": 1, "kind": "stage", "name": "encode"}\n{"at": 2, "ki')

    assert [stage["name"] for stage in fitting.state()["stages"]] == ["encode"]


def test_a_process_of_another_name_with_the_same_number_is_not_our_fit(corner, tmp_path):
    fitting = Fitting(corner.folder, tmp_path)
    (tmp_path / JOB).write_text(
        json.dumps({"kind": "fit", "by": "ada", "config": {}, "pid": os.getpid(), "born": 1.0, "started": 1.0})
    )

    assert not fitting.is_running()
    fitting.cancel()  # and nothing is stopped


# --- addresses


@pytest.mark.parametrize(
    "path",
    [
        "explore?product=%00", "explore?product=" + "x" * 501, "explore?n=0", "explore?kind=other",
        "map?product=nothing",
        "customers?id=%3Cscript%3E", "models/compare?a=../../etc&b=x", "models/compare?a=none&b=none", "audit?before=x",
        "basket?p=nothing", "nowhere", "static/../../users.py", "explore?product=pasta&with=pasta",
    ],
)  # fmt: skip
def test_an_address_that_cannot_be_is_a_page_that_says_so(serve_corner, path):
    served = serve_corner()
    served.http.post("/console/setup", data={"name": "ada", "password": "correct horse", "again": "correct horse"})

    answer = served.http.get(f"/console/{path}")

    assert 400 <= answer.status_code < 500
    assert "<script>" not in answer.text and "Traceback" not in answer.text
