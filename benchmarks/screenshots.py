"""Every page of the console as a picture, looked over by axe-core: make screenshots

    python benchmarks/screenshots.py OUT                the corner shop, whose folder is made for it
    python benchmarks/screenshots.py OUT --shop SHOP    a fitted shop; it is copied, so that nothing is written into it
    python benchmarks/screenshots.py OUT --times        also how long each page takes to its first paint, and a click

Pictures are taken in English and Chinese, light and dark, at 390 and 1280 pixels; --few takes English and light alone.
"""

import argparse
import itertools
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import polars as pl

import goeswith as gw
from goeswith.scenarios import inventory
from goeswith.serve.console import sessions, users
from goeswith.serve.console.tables import make_tables
from goeswith.serve.store.database import Database
from goeswith.testing import corner_shop
from goeswith.testing.console import DESK, PHONE, Visit, chromium, serious, served

QUICK = gw.FitConfig(finetune={"method": "frozen"})


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--shop", type=Path, help="a fitted shop")
    parser.add_argument("--few", action="store_true", help="English and light alone")
    parser.add_argument("--times", action="store_true")
    asked = parser.parse_args()

    asked.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        folder = Path(scratch) / "shop"
        if asked.shop:
            shutil.copytree(asked.shop, folder)
        else:
            gw.fit(gw.Shop.create(folder, corner_shop.products(), corner_shop.events(), name="Corner shop"), QUICK)
        planned(gw.Shop.open(folder))
        token = somebody(folder)
        with served(folder) as url, chromium() as browser:
            found = pictures(browser, url, token, pages_of(folder), asked.out, asked.few)
            if asked.times:
                print(times(browser, url, token, pages_of(folder)))
    print("\n".join(found) if found else "nothing of serious impact, no errors, nothing wider than the screen")
    return 1 if found else 0


def planned(shop: gw.Shop) -> None:
    """Orders, a simulation and advice for the best sellers, every one of which has three units in stock."""
    told = inventory.forecast(shop, top=60)
    stock = told.demand.keys.select("product_id").with_columns(stock=pl.lit(3.0), case_size=pl.lit(6.0))
    folder = shop.folder / inventory.FOLDER
    inventory.write_plan(inventory.plan(shop, stock, top=60), shop.products(), folder, shop.name)
    inventory.write_simulation(inventory.simulate(shop, weeks=2, top=60), folder)
    inventory.write_advice(inventory.advise(shop, top=200), folder)


def somebody(folder: Path) -> str:
    """The session of an admin who is made for the pictures."""
    (folder / "serve").mkdir(exist_ok=True)
    database = Database(f"sqlite:///{folder / 'serve' / 'serve.db'}")
    database.migrate()
    make_tables(database)
    if not users.has_users(database):
        users.add_user(database, "ada", "admin", "correct horse", "screenshots", first=True)
    token = sessions.begin(database, users.all_users(database)[0].name)
    database.close()
    return token


def pages_of(folder: Path) -> dict[str, str]:
    """Name and address of every page, about products and customers that this shop has."""
    model = gw.load(folder)
    sold = model.parts.counts.items
    rows = sorted(range(len(sold)), key=lambda row: -sold[row])
    first = str(model.log.items.ids([rows[len(rows) // 400]])[0])
    beside = model.related(first, n=2).ids
    customer = str(model.log.customers.ids([int(model.parts.histories.n_baskets.argmax())])[0])
    return {
        "home": "",
        "explore-start": "explore",
        "explore": f"explore?product={first}",
        "explore-why": f"explore?product={first}&with={beside[0]}",
        "explore-text": "explore?text=oat+milk+barista",
        "explore-search": "explore?q=milk",
        "map": "map",
        "map-found": "map?find=milk",
        "basket": f"basket?p={first}&p={beside[0]}",
        "customers": "customers",
        "segment": "customers?segment=loyal",
        "customer": f"customers?id={customer}",
        "rules": f"rules?apart={first}&apart={beside[1]}",
        "models": "models",
        "inventory": "inventory",
        "evaluation": "evaluation",
        "data": "data",
        "fit": "data/fit",
        "keys": "keys",
        "audit": "audit",
    }


def pictures(browser: Any, url: str, token: str, pages: dict[str, str], out: Path, few: bool) -> list[str]:
    """Take them all, and say what is wrong with any."""
    found = []
    kinds = [("en", "light", DESK)] if few else itertools.product(("en", "zh"), ("light", "dark"), (PHONE, DESK))
    for language, theme, width in kinds:
        visit = Visit(browser, url, language, theme, width).with_session(token)
        for name, path in pages.items():
            page = visit.open(path)
            page.wait_for_timeout(400)  # for what moves into place
            told = f"{name} {language} {theme} {width}"
            found += [f"{told}: {one}" for one in serious(page)]
            found += [f"{told}: wider than the screen"] if visit.overflows else []
            page.screenshot(path=out / f"{name}-{language}-{theme}-{width}.png", full_page=True)
        found += visit.wrong + [f"leaves the machine: {one}" for one in visit.foreign]
        visit.context.close()
    return found


def times(browser: Any, url: str, token: str, pages: dict[str, str], again: int = 5) -> str:
    """Milliseconds to the first contentful paint, medians of some visits after one that fills caches; and of clicks."""
    visit = Visit(browser, url).with_session(token)
    lines = ["| page | kB | first paint, ms | whole page, ms |", "|---|---|---|---|"]
    for name, path in pages.items():
        visit.open(path)
        paints, wholes, size = [], [], 0
        for _ in range(again):
            page = visit.open(path)
            paint, whole, size = page.evaluate(PAINT)
            paints.append(paint)
            wholes.append(whole)
        middle = again // 2
        lines.append(f"| {name} | {size / 1024:.0f} | {sorted(paints)[middle]:.0f} | {sorted(wholes)[middle]:.0f} |")
    lines += ["", "| click | ms |", "|---|---|"]
    for name, start, act, seen in CLICKS:
        took = []
        for _ in range(again + 1):
            page = visit.open(pages[start])
            page.wait_for_timeout(600)  # until the page rests
            took.append(page.evaluate(CLICK, [act, seen]))
        lines.append(f"| {name} | {sorted(took[1:])[middle]:.0f}, the first time {took[0]:.0f} |")
    return "\n".join(lines)


CLICKS = (
    # what, on which page, what is clicked or typed into, and what is seen once the answer is there
    ("why?", "explore", "table.answers a.button", "#why h2"),
    ("only substitutes", "explore", "nav.tabs a:nth-child(3)", "nav.tabs a:nth-child(3)[aria-current]"),
    ("a suggestion (120 ms of it wait for more letters)", "explore-start", "#find", "[role=option]"),
    ("put into the basket", "basket", "table a.button", ".chips li:nth-child(3)"),
    ("preview of a rule", "rules", "[hx-post$=preview]", "#preview h3"),
)
CLICK = """([act, seen]) => new Promise((done) => {
    const begun = performance.now(), element = document.querySelector(act);
    const look = () => document.querySelector(seen) ? done(performance.now() - begun) : requestAnimationFrame(look);
    if (element.tagName === "INPUT") { element.value = "milk"; element.dispatchEvent(new Event("input")); }
    else element.click();
    look();
})"""
PAINT = """() => [
    performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0,
    performance.getEntriesByType("navigation")[0].loadEventEnd,
    performance.getEntriesByType("navigation")[0].encodedBodySize,
]"""


if __name__ == "__main__":
    sys.exit(main())
