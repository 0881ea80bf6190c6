"""The console's inventory page: a planner's files, a run, orders with reasons, pictures, whole tables."""

import re
import shutil
import time

import numpy as np
import polars as pl
import pytest

pytest.importorskip("statsforecast")

from goeswith.scenarios import inventory
from goeswith.serve.console.routes.inventory import _matching

pytest_plugins = ["goeswith.testing.serving"]
STOCK = b"product_id,stock,case_size\nbread,0,6\nbutter,1,4\njam,90,1\n"


@pytest.fixture(scope="module")
def served(served_corner, tmp_path_factory):
    """A corner shop in service, nothing planned yet, with an admin signed in."""
    from fastapi.testclient import TestClient

    import goeswith as gw
    from goeswith.serve.app import create_app
    from goeswith.serve.settings import ServeSettings
    from goeswith.testing.serving import Served

    shop = gw.Shop.open(shutil.copytree(served_corner, tmp_path_factory.mktemp("planner") / "shop"))
    with TestClient(create_app(shop, ServeSettings(prepare=False)), base_url="http://localhost") as client:
        made = Served(client).until_ready().sign_in()
        made.folder = shop.folder
        yield made


def send(served, table, name, content):
    where = f"/console/inventory/files?table={table}&name={name}&at=0&total={len(content)}"
    return served.http.post(where, content=content, headers={"x-csrf": served.csrf, "x-console": "1"})


def after(served, form):
    served.send("inventory/run", form)
    end = time.monotonic() + 120
    while "data-polls" in (text := served.page("inventory")):
        assert time.monotonic() < end, text
        time.sleep(0.3)
    return text


def test_a_planner_goes_from_nothing_to_orders_with_reasons(served):
    assert "No forecast was made yet" in served.page("inventory")

    # a plan without a stock file says what is missing, and nothing is written
    text = after(served, {"action": "plan"})
    assert 'role="alert"' in text and "Send the stock file" in text and "No forecast was made yet" in text

    # the newest file counts; what is asked for stands in the form again
    assert send(served, "stock", "old.csv", b"product_id,stock\nbread,1\n").json() == {"here": 25}
    assert send(served, "stock", "stock.csv", STOCK).status_code == 200
    assert "stock.csv" in served.page("inventory") and "old.csv" not in served.page("inventory")
    text = after(served, {"action": "plan", "budget": "500", "service": "90"})

    assert "Orders (2)" in text and "Sells with" in text and 'value="500.0"' in text
    assert text.count("<svg viewBox") == 12 + 8  # products, and their categories
    whole = served.http.get("/console/inventory/tables/orders.csv")
    assert whole.headers["content-type"].startswith("text/csv")
    assert set(pl.read_csv(whole.content)["product_id"]) == {"bread", "butter"}

    # only what is looked for
    text = served.page("inventory?q=BUTTER")
    assert "Orders (1)" in text and text.count("<svg viewBox") == 1
    assert "Nothing found" in served.page("inventory?q=unicorn")

    # who did it stands in the audit
    assert "inventory: plan" in served.page("audit")


def test_what_the_command_wrote_is_shown_too(served):
    import goeswith as gw

    shop = gw.Shop.open(served.folder)
    inventory.write_advice(inventory.advise(shop), served.folder / "inventory")
    played = inventory.simulate(shop, weeks=2, top=5)
    inventory.write_simulation(played, served.folder / "inventory")

    text = served.page("inventory")

    assert "Place together" in text and "times chance" in text
    assert text.count("base stock on a window mean") == 1
    assert served.page("inventory?lang=zh").count("按近期均值的基准库存") == 1
    served.http.cookies.delete("gw_lang")


def test_a_damaged_page_is_as_no_page(served, tmp_path):
    folder = served.folder / "inventory"
    shutil.copytree(folder, tmp_path / "kept", dirs_exist_ok=True)
    (folder / "report.json").write_text("{")
    (folder / "together.parquet").write_bytes(b"nothing")

    assert "No forecast was made yet" in served.page("inventory")

    shutil.copytree(tmp_path / "kept", folder, dirs_exist_ok=True)


@pytest.mark.parametrize(
    "form, told",
    [({"action": "dance"}, "action"), ({"service": "100"}, "service"), ({"budget": "-1"}, "budget"),
     ({"horizon": "0"}, "horizon"), ({"top": "many"}, "top")],
)  # fmt: skip
def test_a_form_that_cannot_be_is_said(served, form, told):
    assert told in served.send("inventory/run", form, status=422)


def test_only_tables_of_the_inventory_are_handed_out(served):
    for name in ("report", "..%2f..%2fgoeswith", "nothing"):
        assert served.http.get(f"/console/inventory/tables/{name}.csv").status_code == 404


def test_a_viewer_looks_and_does_not_run(served):
    served.send("users", {"name": "vera", "password": "correct horse", "role": "viewer"})
    admin = dict(served.http.cookies)
    served.http.post("/console/login", data={"name": "vera", "password": "correct horse"})
    try:
        text = served.page("inventory")
        csrf = re.search('name="csrf" content="([^"]+)"', text)[1]
        assert "A new run" not in text
        answer = served.http.post("/console/inventory/run", data={"action": "forecast", "csrf": csrf})
        assert answer.status_code == 403 and "merchandiser" in answer.text
    finally:
        served.http.cookies.clear()
        served.http.cookies.update(admin)


def test_a_name_is_text_and_nothing_else():
    series = {"past": [1.0], "starts": ["2024-01-01", "2024-01-08"], "median": [1.0], "low": [0.0], "high": [2.0]}
    shown = {"orders": [], "categories": [], "products": [{"id": "x", "name": "<script>alert(1)</script>", **series}]}

    chart = _matching(shown, "", whole=False)["products"][0]["chart"]

    assert "<script" not in chart and "&lt;script&gt;" in chart
    assert np.isfinite([float(x) for x in re.findall(r"[\d.]+", re.findall(r'points="([^"]+)"', chart)[0])]).all()
