"""Names that a browser or a spreadsheet would run, a session that ends in the middle of a rule: in a real browser."""

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

import goeswith as gw
from goeswith.serve.console import sessions, users
from goeswith.serve.console.tables import make_tables
from goeswith.serve.store.database import Database
from goeswith.testing import corner_shop
from goeswith.testing.console import Visit, chromium, served
from goeswith.testing.serving import CONFIG

NAMES = {
    "tomato-sauce": "<script>document.title = 'owned'</script>Sauce",
    "basil": "=HYPERLINK(\"https://evil.example\",\"Basil\")",
    "bread": "<img src=x onerror=\"document.title='owned'\">Bread",
    "coffee": "{{7*7}} ${7*7} Coffee",
    "butter": "+1+1, Butter \"salted\"\nsecond line",
    "toner": "\"></td></script><svg onload=\"document.title='owned'\">",
}  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile") / "shop"
    products = corner_shop.products().with_columns(
        name=pl.col("product_id").replace_strict(NAMES, default=pl.col("name"), return_dtype=pl.String)
    )
    gw.fit(gw.Shop.create(folder, products, corner_shop.events(), name="<b>Shop</b>"), CONFIG)
    return folder


@pytest.fixture(scope="module")
def visit(place: Path) -> Iterator[Visit]:
    with served(place) as url, chromium() as browser:
        database = Database(f"sqlite:///{place / 'serve' / 'serve.db'}")
        make_tables(database)
        users.add_user(database, "ada", "admin", "correct horse", "test", first=True)
        yield Visit(browser, url).with_session(sessions.begin(database, "ada"))


def ids_of(place: Path) -> Database:
    return Database(f"sqlite:///{place / 'serve' / 'serve.db'}")


def table_of(visit: Visit, name: str) -> list[list[str]]:
    with visit.page.expect_download() as told:
        visit.page.click(f"[data-csv='{name}']")
    text = Path(told.value.path()).read_text(encoding="utf-8-sig")
    return list(csv.reader(io.StringIO(text)))


@pytest.mark.parametrize(
    "path", ["", "explore", "explore?product=pasta&with=tomato-sauce", "explore?product=tomato-sauce", "map?find=bread",
             "basket?p=pasta&p=toner", "customers?id=ben", "rules?ban=toner", "explore?q=Bread", "data"],
)  # fmt: skip
def test_a_name_is_text_wherever_it_stands(visit: Visit, path: str) -> None:
    page = visit.open(path)

    assert page.title() != "owned"
    assert page.locator("main img, main svg[onload], main script:not([type='application/json'])").count() == 0
    assert "49 49 Coffee" not in page.inner_text("body")
    assert page.locator(".brand b").count() == 0
    assert visit.wrong == [] and visit.foreign == []


def test_suggestions_are_text_too(visit: Visit) -> None:
    page = visit.open("explore")

    page.fill("#find", "Sauce")
    page.wait_for_selector("[role=option]")

    assert "<script>" in page.inner_text("[role=option] >> nth=0")
    assert page.title() != "owned"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**/explore?product=tomato-sauce")


def test_a_table_as_csv_runs_nothing_and_keeps_its_numbers(visit: Visit) -> None:
    visit.open("explore?product=pasta")

    rows = table_of(visit, "goes-with-pasta")

    cells = [cell for row in rows for cell in row]
    assert not [cell for cell in cells if re.match(r"[=@\t]|[+-](?!\d)", cell)]
    assert any(cell.startswith("'=HYPERLINK") for cell in cells)
    assert any(cell.startswith("<script>document.title") for cell in cells)
    assert len({len(row) for row in rows}) == 1 and len(rows) == 12


def test_a_chart_as_png(visit: Visit) -> None:
    page = visit.open("explore?product=pasta")

    with page.expect_download() as told:
        page.click("[data-png='graph-pasta']")

    assert Path(told.value.path()).read_bytes().startswith(b"\x89PNG")


def test_a_click_on_why_opens_the_reasons_in_place_and_in_the_address(visit: Visit) -> None:
    page = visit.open("explore?product=pasta")

    page.locator("table.answers a.button").first.click()
    page.wait_for_selector("#why h2")

    assert "with=tomato-sauce" in page.url
    page.go_back()
    visit.settle()
    assert "with=" not in page.url


def test_a_session_that_ends_in_a_half_written_rule_loses_nothing(visit: Visit, place: Path) -> None:
    page = visit.open("rules")
    page.fill("#ban", "jam")
    page.fill("#note", "too sweet")
    sessions.end(ids_of(place), visit.session)

    page.click("button.main >> text=Publish")
    page.wait_for_selector("dialog[open]")
    page.fill("dialog [name=name]", "ada")
    page.fill("dialog [name=password]", "wrong password")
    page.click("dialog button")
    page.wait_for_selector("dialog .wrong:visible")
    page.fill("dialog [name=password]", "correct horse")
    page.click("dialog button")
    page.wait_for_selector("text=Published: these rules hold now.")

    assert page.input_value("#ban") == "jam"
    assert "too sweet" in page.inner_text("[data-table=rule-versions]")
    visit.wrong[:] = [one for one in visit.wrong if "401" not in one and "403" not in one]  # the browser notes both
    page.click("text=Undo")
    page.wait_for_selector("text=Undone")


def test_a_preview_after_the_session_ended_asks_for_the_password_and_goes_on(visit: Visit, place: Path) -> None:
    page = visit.open("rules")
    page.fill("#apart", "pasta | basil")
    sessions.end(ids_of(place), visit.session)

    page.click("text=Preview >> nth=-1")
    page.wait_for_selector("dialog[open]")
    page.fill("dialog [name=name]", "ada")
    page.fill("dialog [name=password]", "correct horse")
    page.click("dialog button")
    page.wait_for_selector("#preview h3")

    assert "pasta | basil" in page.inner_text("#preview")
    visit.wrong[:] = [one for one in visit.wrong if "401" not in one]


def test_a_rule_that_was_left_half_written_is_there_when_one_comes_back(visit: Visit) -> None:
    page = visit.open("rules")
    page.fill("#pin", "honey")

    visit.open("explore")
    page = visit.open("rules")

    assert page.input_value("#pin") == "honey"
    page.click("text=Discard them")
    page.wait_for_function("document.querySelector('#pin').value === ''")


def test_everything_is_reached_by_keyboard(visit: Visit) -> None:
    page = visit.open("explore?product=pasta")

    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    for _ in range(4):
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")
