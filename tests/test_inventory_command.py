"""goeswith inventory, on the corner shop: five weeks, no model, no inventory file unless one is given."""

import json

import polars as pl
import pytest
from typer.testing import CliRunner

from goeswith.cli.app import app
from goeswith.data.shop import Shop
from goeswith.testing import corner_shop

pytest.importorskip("statsforecast")
run = CliRunner().invoke


@pytest.fixture
def shop(tmp_path):
    return Shop.create(tmp_path / "shop", products=corner_shop.products(), events=corner_shop.events())


@pytest.fixture
def stock(tmp_path):
    def write(text="product_id,stock,case_size\nbread,0,6\nbutter,1,4\njam,90,1\n"):
        path = tmp_path / "stock.csv"
        path.write_text(text)
        return str(path)

    return write


def call(shop, *words):
    return run(app, ["inventory", str(shop.folder), *map(str, words)])


def test_a_forecast_is_shown_written_and_followed_by_a_plan(shop):
    done = call(shop, "forecast", "--horizon", 2)

    assert done.exit_code == 0, done.output
    assert "Sourdough Bread 500 g" in done.stdout and "12 series, 2 weeks each" in done.stdout
    assert "forecast only" in done.stderr  # no inventory file: said
    assert done.stderr.splitlines()[-1].startswith(f"Next: goeswith inventory {shop.folder} plan")
    written = pl.read_parquet(shop.folder / "inventory" / "forecast.parquet")
    assert len(written) == 24
    assert len(pl.read_csv(shop.folder / "inventory" / "forecast.csv")) == 24
    page = (shop.folder / "inventory" / "report.html").read_text()
    assert page.count("<svg") == 12 + 8  # products, and their categories


def test_a_forecast_for_a_machine(shop):
    done = call(shop, "forecast", "--among", "bread,honey", "--json")

    told = json.loads(done.stdout)
    assert {row["product_id"] for row in told["forecast"]} == {"bread", "honey"} and len(told["forecast"]) == 8
    assert {row["pattern"] for row in told["forecast"]} == {"smooth", "never sold"}


def test_a_plan_says_why_for_every_line(shop, stock):
    done = call(shop, "plan", "--stock", stock(), "--why")

    assert done.exit_code == 0, done.output
    assert "2 order lines" in done.stdout and "Sells with" in done.stdout and "lead time" in done.stdout
    orders = pl.read_csv(shop.folder / "inventory" / "orders.csv")
    assert orders["why"].null_count() == 0 and set(orders["product_id"]) == {"bread", "butter"}


def test_a_plan_within_a_budget_stays_within_it(shop, stock):
    done = call(shop, "plan", "--stock", stock(), "--budget", 20, "--json")

    assert 0 < sum(line["cost"] for line in json.loads(done.stdout)["orders"]) <= 20


def test_a_plan_without_an_inventory_file_is_wrong_use(shop):
    done = call(shop, "plan")

    assert done.exit_code == 2 and "--stock FILE" in done.stderr and not done.stdout


def test_a_simulation_puts_the_naive_policy_beside(shop):
    done = call(shop, "simulate", "--weeks", 2, "--service", 0.8)

    assert done.exit_code == 0, done.output
    assert "base stock on" in done.stdout and "the last 2 periods" in done.stdout


def test_advice_places_together_and_says_what_it_cannot_tell(shop):
    done = call(shop, "advise")

    assert done.exit_code == 0, done.output
    assert "To place together" in done.stdout and "--promotions FILE" in done.stderr
    assert (shop.folder / "inventory" / "together.csv").exists()


@pytest.mark.parametrize(
    "text, code, said",
    [
        ("product_id,stock\nbread,-3\n", 1, "row 2: stock -3 is negative"),
        ("product_id,stock,lead_time_days\nbread,0,-2\n", 1, "row 2: lead_time_days -2 is negative"),
        ("product_id,number\nbread,3\n", 2, "need the column stock"),
        ("product_id,stock\n", 1, "holds no row"),
    ],
)
def test_an_inventory_file_that_cannot_be_used_is_a_message(shop, stock, text, code, said):
    done = call(shop, "plan", "--stock", stock(text))

    assert done.exit_code == code and said in done.stderr and "Traceback" not in done.output
    assert not (shop.folder / "inventory").exists()


@pytest.mark.parametrize(
    "words, code, said",
    [
        (["plan", "--stock", "nowhere.csv"], 1, "no such file"),
        (["forecast", "--promotions", "nowhere.csv"], 1, "no such file"),
        (["forecast", "--horizon", "0"], 2, "at least 1"),
        (["forecast", "--stores"], 2, "store_id"),
        (["forecast", "--among", "bred"], 2, "Near matches: bread"),
        (["simulate", "--weeks", "30"], 2, "too few to play"),
        (["simulate", "--service", "1.5"], 2, "service"),
        (["forecast", "--until", "2023-01-01"], 1, "no purchase"),
        (["forecast", "--until", "2024-01-03"], 1, "less than one whole week"),
    ],
)
def test_wrong_use_is_a_message(shop, words, code, said):
    done = call(shop, *words)

    assert done.exit_code == code and said in done.stderr, done.output
    assert "Traceback" not in done.output


def test_a_budget_below_one_case_is_wrong_use(shop, stock):
    done = call(shop, "plan", "--stock", stock(), "--budget", "0.5")

    assert done.exit_code == 2 and "buys no case" in done.stderr


def test_a_case_larger_than_the_shelf_is_said(shop, stock):
    done = call(shop, "plan", "--stock", stock("product_id,stock,case_size,shelf\nbread,0,24,12\nbutter,0,1,9\n"))

    assert done.exit_code == 0 and "a case is larger than the shelf" in done.stderr
    assert pl.read_csv(shop.folder / "inventory" / "orders.csv")["product_id"].to_list() == ["butter"]
