"""The Python client, the curl examples of docs/serving.md, the script for a page, the tables and vectors."""

import asyncio
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import numpy as np
import polars as pl
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import column
from sqlalchemy.dialects.postgresql import JSONB

import goeswith as gw
from goeswith.client import AsyncClient, Client, ServiceError, Unreachable
from goeswith.serve.at_work import put_to_work, rules_of_the_fit
from goeswith.serve.catalogue import Change
from goeswith.serve.filters import clause, mask, parsed
from goeswith.serve.prepared import load_prepared, prepare
from goeswith.serve.searching import MemoryVectors
from goeswith.serve.store.database import Database
from goeswith.serve.store.pgvector import PgVectors
from goeswith.serve.store.tables import metadata
from goeswith.testing.waiting import until

pytest_plugins = ["goeswith.testing.serving"]
PAGE = (Path(__file__).parent.parent / "docs" / "serving.md").read_text(encoding="utf-8")


def test_the_client_asks_and_is_answered(listening):
    with Client(listening().address) as shop:
        assert shop.ready().ready
        assert shop.related("pasta", n=2).products[0].product_id == "tomato-sauce"
        assert shop.recommend("ana", n=3, why=True).products[0].reasons
        assert shop.complete(["pasta"], "ben", n=1).model == shop.models()[0].version
        assert shop.probability("pasta", "basil").baskets == 7
        assert shop.tell({"event_id": "1", "product_id": "jam", "customer_id": "ben"}).status == "stored"
        assert shop.history("ben").items[0].product_id == "jam"
        assert shop.add_products([{"product_id": "a/b", "name": "Rye Bread"}]).added == 1
        assert shop.product("a/b").name == "Rye Bread" and shop.withdraw_product("a/b") is None
        with pytest.raises(ServiceError) as refused:
            shop.related("bred")
        assert refused.value.problem.near == ["bread"]


def test_the_async_client_asks_the_same(listening):
    async def ask(address):
        async with AsyncClient(address) as shop:
            return await asyncio.gather(shop.related("pasta", n=2), shop.related("bread", n=2))

    pasta, bread = asyncio.run(ask(listening().address))

    assert pasta.products[0].product_id == "tomato-sauce" and bread.products[0].product_id == "butter"


def test_nobody_answers():
    with pytest.raises(Unreachable, match="Is the service up"):
        Client("http://127.0.0.1:9").ready()


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_curl_examples_run(listening):
    address = listening().address
    examples = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]

    for example in examples:
        done = subprocess.run(
            example.replace("curl -s", "curl -sS --fail-with-body"), shell=True, capture_output=True, text=True,
            env={**os.environ, "BASE": address}, check=False,
        )  # fmt: skip
        assert done.returncode == 0, (example, done.stdout, done.stderr)
    assert len(examples) > 15


def test_the_script_shows_related_products_on_a_page(listening, monkeypatch):
    sync_playwright = pytest.importorskip("playwright.sync_api").sync_playwright
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("Chromium is not installed")
    address = listening().address
    page_text = '<div id="box" data-goeswith="pasta" data-n="2"></div><script src="/v1/goeswith.js" defer></script>'
    httpx.post(f"{address}/v1/products", json={"products": [{"product_id": "tomato-sauce", "name": "<b>Sauce</b>"}]})
    with sync_playwright() as browsers:
        browser = browsers.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        page.route("**/page", lambda route: route.fulfill(body=page_text, content_type="text/html"))
        page.goto(f"{address}/page")
        page.wait_for_selector("#box a")
        links = page.eval_on_selector_all("#box a", "all => all.map(a => [a.textContent, a.getAttribute('href')])")
        browser.close()

    assert links[0] == ["<b>Sauce</b>", "/products/tomato-sauce"] and len(links) == 2


def test_migrations_make_the_tables_that_the_code_knows(database_url, tmp_path):
    database = Database(database_url or f"sqlite:///{tmp_path}/serve.db")
    database.migrate()
    database.migrate()  # again changes nothing

    with database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        changes = [c for c in compare_metadata(context, metadata) if c[0] not in ("remove_index",)]

    assert changes == []


FILTERS = [
    "price <= 3 and brand = 'Alpine'",
    "not price < 3",
    'name contains "MILK" or category in ("office", "herbs")',
    "brand != 'Nonna' and available = true",
    "note is missing and price is not missing",
    "stock > 0",
    "brand > 'M'",
    "price = 2.4 or price in (1.2, 48)",
]


def test_a_filter_means_the_same_in_memory_and_in_postgresql(corner, postgres):
    model = gw.load(corner)
    changes = [("bread", {"stock": 3, "note": "warm"}), ("jam", {"stock": 0}), ("rye", {"name": "Rye", "price": None})]
    work = put_to_work(
        model, corner.folder, [Change(product, data) for product, data in changes], rules_of_the_fit(model), 0
    )
    inside, memory = PgVectors(Database(postgres(f"v{time.monotonic_ns()}"))), MemoryVectors(corner.folder)
    vector = model.encoded[4]

    assert inside.nearest(work, vector, 5, None) == memory.nearest(work, vector, 5, None)
    for text in FILTERS:
        found = inside.nearest(work, vector, 13, text)
        assert set(found) == set(np.flatnonzero(mask(parsed(text), work.catalogue.frame)[:13])), text
        assert found == memory.nearest(work, vector, 13, text), text


def test_values_of_a_filter_are_bound_and_never_part_of_the_sql():
    evil = "x' OR 1=1 --"

    made = clause(parsed(f'brand = "{evil}"'), column("attributes", JSONB()), {"brand": pl.String()})

    assert evil not in str(made) and evil in made.compile().params.values()


def test_products_are_searched_in_postgresql(serve_corner, postgres):
    served = serve_corner(postgres(f"s{time.monotonic_ns()}"), vectors="pgvector")

    found = served.get("products", q="something to print with", filter="price > 20", limit=3)["items"]

    assert [p["product_id"] for p in found][:2] in (["printer", "toner"], ["toner", "printer"])
    served.post("products/printer", {"attributes": {"price": 1.0}}, method="PATCH")
    assert "printer" not in [p["product_id"] for p in served.get("products", q="ink", filter="price > 20")["items"]]


def test_prepared_lists_are_what_the_model_says(corner, serve_corner):
    model = gw.load(corner)
    prepare(corner.folder, model.version, stages=[(1, 5)])
    prepare(corner.folder, model.version, stages=[(9, 8)])
    prepared = load_prepared(corner.folder, model.version)
    served = serve_corner()

    told = served.get("recommend", customer="ana", n=5)

    assert prepared.stage == (5, 8) and {p["source"] for p in told["products"]} == {"prepared"}
    assert [p["product_id"] for p in told["products"]] == model.recommend("ana", n=5).ids
    assert served.ids("related", product="bread", n=5) == model.related("bread", n=5).ids


def test_two_workers_share_the_work_and_stop_when_told(corner, tmp_path):
    command = [sys.executable, "-m", "goeswith", "serve", str(corner.folder), "--port", "0", "--workers", "2"]
    environment = {**os.environ, "GOESWITH_SERVE_PREPARE": "false", "GOESWITH_SERVE_LOOK_SECONDS": "0.05"}
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    address = re.search(r"http://\S+:\d+", server.stderr.readline()).group()

    def is_ready():
        try:
            return httpx.get(f"{address}/v1/ready").status_code == 200
        except httpx.TransportError:
            return False

    try:
        until(is_ready, 40)
        for at in range(20):  # whichever worker is told, the other knows within a second
            body = {
                "event_id": f"w{at}",
                "product_id": "honey",
                "customer_id": "zoe",
                "time": f"2024-01-{at + 1:02}T10:00:00",
            }
            assert httpx.post(f"{address}/v1/events", json=body).status_code == 200
        time.sleep(0.5)
        statuses = {httpx.get(f"{address}/v1/recommend?customer=zoe").status_code for _ in range(20)}
        assert statuses == {200}
    finally:
        server.send_signal(signal.SIGTERM)
        assert server.wait(20) == 0
