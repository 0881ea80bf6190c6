"""The console as a newcomer and a merchandiser meet it, in a real browser."""

from collections.abc import Iterator
from typing import Any

import pytest

from goeswith.testing import corner_shop
from goeswith.testing.console import DESK, PASSWORD, PHONE, USER, Visit, chromium, serious, served

PAGES = (
    "", "explore", "explore?product=pasta", "explore?product=pasta&with=basil", "explore?q=milk",
    "explore?text=oat+milk+barista", "map?find=milk", "basket", "basket?p=pasta&p=basil", "customers", "inventory",
    "customers?segment=loyal", "customers?id=ben", "rules", "models", "evaluation", "data", "data/fit", "keys", "audit",
    "explore?product=nothing-of-this-name",
)  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def first(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Visit, list[str]]]:
    """A folder that does not exist becomes a shop, by hand: files, columns, fit, Explore."""
    place = tmp_path_factory.mktemp("first")
    products, events = corner_shop.write(place / "files")
    with served(place / "shop", ready=False) as url:
        visit = Visit(browser, url)
        page, seen = visit.page, []

        page.goto(url)
        page.fill("[name=name]", USER)
        page.fill("[name=password]", PASSWORD)
        page.fill("[name=again]", PASSWORD)
        page.click("button.main")
        page.wait_for_url("**/console/data")
        seen += serious(page)
        with page.expect_navigation():
            page.set_input_files("#file-events", events)
        with page.expect_navigation():
            page.set_input_files("#file-products", products)
        with page.expect_navigation(wait_until="load"):
            page.click("text=Read the files")
        page.wait_for_selector("text=What was read")
        seen += serious(page)
        page.check("input[value=quick]")
        page.click("text=Make the shop and fit")
        page.wait_for_selector("[data-table=stages] tbody tr")
        seen += serious(page)
        page.wait_for_url("**/console/explore", timeout=240_000)

        yield url, visit, seen


def test_the_first_run_ends_in_explore_and_breaks_nothing(first: tuple[str, Visit, list[str]]) -> None:
    _, visit, seen = first

    assert visit.page.locator(".tiles li").count() == 12
    assert seen == []
    assert visit.wrong == []
    assert visit.foreign == []


@pytest.mark.parametrize(
    "language,theme,width",
    [("en", "light", DESK), ("en", "dark", PHONE), ("zh", "dark", DESK), ("zh", "light", PHONE)],
)
def test_every_page_in_a_language_a_theme_and_a_width(
    first: tuple[str, Visit, list[str]], browser: Any, language: str, theme: str, width: int
) -> None:
    url, signed_in, _ = first
    visit = Visit(browser, url, language, theme, width).with_session(signed_in.session)
    found = []

    for path in PAGES:
        page = visit.open(path)
        found += [f"{path}: {one}" for one in serious(page)]
        found += [f"{path}: wider than the screen"] if visit.overflows else []
        if page.locator("main h1").count() != 1:
            found.append(f"{path}: one headline")

    assert found == []
    assert [one for one in visit.wrong if "404" not in one] == []
    assert visit.foreign == []
    visit.context.close()


def test_a_planner_uploads_what_is_in_stock_and_sees_orders_arrive(
    first: tuple[str, Visit, list[str]], tmp_path: Any
) -> None:
    _, visit, _ = first
    stock = tmp_path / "stock.csv"
    stock.write_text("product_id,stock,case_size\nbread,0,6\nbutter,1,4\n")

    page = visit.open("inventory")
    with page.expect_navigation():
        page.set_input_files("#file-stock", stock)
    page.check("input[value=plan]")
    page.click("details button.main")
    page.wait_for_selector("[data-table=orders] tbody tr", timeout=120_000)

    assert "Sells with" in page.locator("[data-table=orders]").inner_text()
    assert page.locator("figure.demand svg").count() > 12
    assert serious(page) == []
    assert not visit.overflows
