"""The corner shop: a baker's dozen of products and 25 baskets that can be counted by hand.

Five customers, six weeks from Monday 1 January 2024. Ana has breakfast, Ben cooks pasta on Tuesdays, Chen drinks
coffee on Wednesdays with oat milk and milk in turn, Dora and Emil print. Two baskets belong to nobody.

Baskets that hold both (and on the diagonal, in brackets, baskets that hold the product):

                bread butter jam pasta sauce basil oat-m. milk coffee tea printer toner
    bread       (11)
    butter        7    (7)
    jam           3     3    (3)
    pasta         1     0     0   (7)
    tomato-sauce  1     0     0    6   (6)
    basil         1     0     0    4    3   (4)
    oat-milk      1     0     0    0    0    0   (3)
    milk          0     0     0    0    0    0    0    (2)
    coffee        1     0     0    0    0    0    3     2   (6)
    tea           1     0     0    0    0    0    0     0    0   (1)
    printer       1     1     0    0    0    0    0     0    0    0   (3)
    toner         2     1     1    0    0    0    0     0    1    0    0   (4)

What else is known by heart:
- honey has never been sold; its text resembles jam's (same category, same brand).
- tea is no longer available, and was sold once.
- toner follows the printer and never comes before it: dora, ana and emil.
- oat-milk and milk are never in one basket; chen takes them in turn.
- dora brought a toner back; printers are viewed before they are bought.
"""

import csv
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl

from goeswith.data.log import PURCHASE, Log
from goeswith.testing.big_corner_shop import BigShop, big_corner_shop
from goeswith.testing.clean_log import as_log

__all__ = ["BigShop", "as_log", "basket_sets", "big_corner_shop", "events", "log", "products", "write"]

FIRST_DAY = datetime(2024, 1, 1, 9)

_PRODUCTS = (
    # product_id, name, category, brand, price, available
    ("bread", "Sourdough Bread 500 g", "bakery", "Miller", 3.20, True),
    ("butter", "Salted Butter 250 g", "dairy", "Alpine", 2.60, True),
    ("jam", "Strawberry Jam 340 g", "spreads", "Orchard", 2.90, True),
    ("honey", "Forest Honey 340 g", "spreads", "Orchard", 5.80, True),
    ("pasta", "Spaghetti Pasta 500 g", "pasta and sauces", "Nonna", 1.50, True),
    ("tomato-sauce", "Tomato Sauce with Basil 400 g", "pasta and sauces", "Nonna", 2.25, True),
    ("basil", "Fresh Basil in a Pot", "herbs", "Alpine", 1.95, True),
    ("oat-milk", "Oat Milk Barista 1 l", "milk", "Haver", 2.40, True),
    ("milk", "Whole Milk 1 l", "milk", "Alpine", 1.20, True),
    ("coffee", "Barista Coffee Beans 1 kg", "coffee and tea", "Roast", 14.40, True),
    ("tea", "Green Tea 100 g", "coffee and tea", "Roast", 4.80, False),
    ("printer", "Laser Printer Black and White", "office", "Inkwell", 120.00, True),
    ("toner", "Toner Cartridge for Laser Printer", "office", "Inkwell", 48.00, True),
)

_BASKETS = (
    # day from 0, customer, products
    (0, "ana", "bread butter jam"),
    (1, "ben", "pasta tomato-sauce basil"),
    (2, "chen", "oat-milk coffee"),
    (4, "dora", "printer"),
    (5, None, "bread butter"),
    (7, "ana", "bread butter"),
    (8, "ben", "pasta tomato-sauce"),
    (9, "chen", "milk coffee"),
    (11, "dora", "toner bread"),
    (14, "ana", "bread butter jam"),
    (15, "ben", "pasta tomato-sauce basil bread"),
    (16, "chen", "oat-milk coffee"),
    (18, "dora", "bread tea"),
    (19, None, "pasta tomato-sauce"),
    (21, "ana", "bread butter printer"),
    (22, "ben", "pasta basil"),
    (23, "chen", "milk coffee"),
    (25, "dora", "toner"),
    (26, "emil", "printer"),
    (28, "ana", "bread butter jam toner"),
    (29, "ben", "pasta tomato-sauce"),
    (30, "chen", "oat-milk coffee bread"),
    (35, "ana", "bread butter"),
    (36, "ben", "pasta tomato-sauce basil"),
    (37, "emil", "toner coffee"),
)

_BROWSING = (
    # day from 0, customer, event, product
    (3, "dora", "view", "printer"),
    (13, "ben", "view", "jam"),
    (17, None, "view", "milk"),
    (19, "ana", "view", "printer"),
    (20, "ana", "cart", "printer"),
    (23, "chen", "wish", "honey"),
    (25, "emil", "view", "printer"),
    (29, "dora", "return", "toner"),
    (36, "emil", "view", "toner"),
)

_EVENT_SCHEMA: dict[str, type[pl.DataType] | pl.DataType] = {
    "timestamp": pl.Datetime("us"),
    "customer_id": pl.String,
    "basket_id": pl.String,
    "event": pl.String,
    "product_id": pl.String,
    "quantity": pl.Int64,
    "price": pl.Float64,
}


def products() -> pl.DataFrame:
    """(13, 6): product_id, name, category, brand, price, available."""
    columns = ["product_id", "name", "category", "brand", "price", "available"]
    return pl.DataFrame(_PRODUCTS, schema=columns, orient="row")


def events() -> pl.DataFrame:
    """(66, 7): 57 purchases in baskets b01 to b25 and 9 browsing events without a basket, by time.

    Customers buy at 9 in the morning and browse at the same hour of other days. Bread is bought two at a time.
    """
    price = {row[0]: row[4] for row in _PRODUCTS}
    rows: list[tuple[datetime, str | None, str | None, str, str, int, float]] = []
    for place, (day, customer, names) in enumerate(_BASKETS, start=1):
        for name in names.split():
            quantity = 2 if name == "bread" else 1
            rows.append((_at(day), customer, f"b{place:02}", PURCHASE, name, quantity, price[name]))
    rows += [(_at(day), customer, None, event, name, 1, price[name]) for day, customer, event, name in _BROWSING]
    return pl.DataFrame(rows, schema=_EVENT_SCHEMA, orient="row").sort("timestamp", maintain_order=True)


def log() -> Log:
    """The corner shop as every later room reads it; item i is the i-th product, customers as they first appear."""
    return as_log(products(), events())


def write(folder: str | Path) -> tuple[Path, Path]:
    """The corner shop as two files, products.csv and events.csv, in a folder that is made if need be."""
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    written = []
    for name, frame in (("products.csv", products()), ("events.csv", events())):
        with open(place / name, "w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow(frame.columns)
            table.writerows([_cell(value) for value in row] for row in frame.iter_rows())
        written.append(place / name)
    return written[0], written[1]


def _at(day: int) -> datetime:
    return FIRST_DAY + timedelta(days=day)


def _cell(value: object) -> object:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else value


def basket_sets() -> Sequence[set[str]]:
    """The 25 baskets as sets of ids, in order: the shortest form to count by hand."""
    return [set(names.split()) for _, _, names in _BASKETS]
