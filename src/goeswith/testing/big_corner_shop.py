"""A larger shop whose truths are planted, for tests that need statistics."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
import polars as pl

from goeswith.data.log import PURCHASE, Log
from goeswith.testing.clean_log import as_log

FIRST_DAY = datetime(2024, 1, 1)
SHARE_REFILLED = 0.7  # of the customers with a device: its refill 3 to 10 days later, then every four weeks
SHARE_TOGETHER = 0.6  # of the baskets with the first of a pair: the second is in it
SHARE_ALONE = 0.03  # of the other baskets: the second is in it all the same
SHARE_WEEKLY = 0.9  # of a customer's visits: each of their three staples
SHARE_VIEWED_BOUGHT = 0.3  # of the views of a gadget: bought at the visit of that week
SHARE_UNSEEN_BOUGHT = 0.002  # of the visits: a gadget nobody looked at
SHARE_NEW_TAKEN = 0.4  # of the baskets with the companion, once the new product is there

DEVICES = (
    ("laser printer", "toner cartridge for laser printer"),
    ("espresso machine", "coffee capsules for espresso machine"),
    ("electric toothbrush", "brush heads for electric toothbrush"),
    ("safety razor", "blades for safety razor"),
    ("water filter jug", "cartridges for water filter jug"),
    ("fountain pen", "ink bottle for fountain pen"),
)
PAIRS = (
    ("burger buns", "beef patties"),
    ("tortilla chips", "salsa dip"),
    ("spaghetti", "tomato sauce"),
    ("bagels", "cream cheese"),
    ("pancake mix", "maple syrup"),
    ("hot dog rolls", "frankfurters"),
)
RIVALS = (
    ("red label cola", "blue label cola"),
    ("whole milk", "oat milk"),
    ("mild washing powder", "white washing powder"),
    ("orange juice", "apple juice"),
)
STAPLES = ("rye bread", "eggs", "butter", "bananas", "rice", "yogurt", "onions", "mineral water", "black tea", "honey")
GADGETS = ("headphones", "desk lamp", "kettle", "toaster", "blender", "bathroom scale", "alarm clock", "hair dryer")
NEWCOMERS = {
    "smoked sauce for burger buns": "burger buns",
    "parmesan topping for spaghetti": "spaghetti",
    "chive spread for bagels": "bagels",
    "berry syrup for pancake mix": "pancake mix",
}
SHELF = ("biscuits", "crisps", "soap", "candles", "napkins", "chocolate", "raisins", "pepper", "vinegar", "matches")
COLOURS = ("plain", "royal", "garden", "harbour")


@dataclass(frozen=True)
class BigShop:
    """The frames, as the corner shop's, and what was planted in them. Names are ids: "laser printer".

    directed : (device, refill); the refill comes later, in another basket, and never first
    together : (first, second), bought in one basket
    substitutes : pairs of which a customer takes one a visit, never both
    weekly : customer -> the three products they buy on 9 visits of 10
    gadgets : viewed one to three days before they are bought; `share_viewed_bought` of the views end so
    companions : new product -> the product that its text names; sold from `launch` on, in baskets with the companion
    """

    products: pl.DataFrame
    events: pl.DataFrame
    directed: Sequence[tuple[str, str]]
    together: Sequence[tuple[str, str]]
    substitutes: Sequence[tuple[str, str]]
    weekly: Mapping[str, Sequence[str]]
    gadgets: Sequence[str]
    companions: Mapping[str, str]
    launch: datetime
    share_viewed_bought: float = SHARE_VIEWED_BOUGHT

    def log(self) -> Log:
        return as_log(self.products, self.events)


def big_corner_shop(n_customers: int = 300, n_weeks: int = 26, seed: int = 0) -> BigShop:
    """A shop with planted truths; the same seed gives the same shop. 300 customers and half a year take a second.

    Each customer visits once a week, on a day of their own, and makes further trips for refills. New products
    are sold in the last fifth of the weeks.
    """
    rng = np.random.default_rng(seed)
    products = _catalogue(rng)
    launch = FIRST_DAY + timedelta(weeks=n_weeks - max(1, n_weeks // 5))
    till = _Till(dict(products.select("product_id", "price").iter_rows()))
    weekly: dict[str, Sequence[str]] = {}
    for number in range(n_customers):
        customer = f"c{number:04}"
        weekly[customer] = [STAPLES[at] for at in rng.choice(len(STAPLES), size=3, replace=False)]
        _live(customer, weekly[customer], n_weeks, launch, till, rng)
    return BigShop(
        products=products,
        events=till.frame(),
        directed=DEVICES,
        together=PAIRS,
        substitutes=RIVALS,
        weekly=weekly,
        gadgets=GADGETS,
        companions=NEWCOMERS,
        launch=launch,
    )


@dataclass
class _Till:
    """Collects events; a basket is a customer's trip."""

    price: Mapping[str, float]
    rows: list[tuple[datetime, str, str | None, str, str, int, float]] = field(default_factory=list)
    n_baskets: int = 0

    def ring_up(self, time: datetime, customer: str, basket: Sequence[str]) -> None:
        self.n_baskets += 1
        name = f"b{self.n_baskets:06}"
        self.rows += [(time, customer, name, PURCHASE, item, 1, self.price[item]) for item in dict.fromkeys(basket)]

    def note(self, time: datetime, customer: str, event: str, item: str) -> None:
        self.rows.append((time, customer, None, event, item, 1, self.price[item]))

    def frame(self) -> pl.DataFrame:
        columns = ["timestamp", "customer_id", "basket_id", "event", "product_id", "quantity", "price"]
        return pl.DataFrame(self.rows, schema=columns, orient="row").sort("timestamp", maintain_order=True)


def _live(
    customer: str, staples: Sequence[str], n_weeks: int, launch: datetime, till: _Till, rng: np.random.Generator
) -> None:
    """Half a year of one customer."""
    first_visit = FIRST_DAY + timedelta(days=int(rng.integers(7)), hours=int(rng.integers(9, 19)))
    pairs = [PAIRS[at] for at in rng.choice(len(PAIRS), size=2, replace=False)]
    rivals = [RIVALS[at] for at in rng.choice(len(RIVALS), size=2, replace=False)]
    device, refill = DEVICES[rng.integers(len(DEVICES))]
    device_week = int(rng.integers(n_weeks))
    shelf = [f"{colour} {thing}" for thing in SHELF for colour in COLOURS]
    liked = rng.zipf(1.6, size=4 * n_weeks) - 1  # a few of the shelf sell most
    for week in range(n_weeks):
        time = first_visit + timedelta(weeks=week)
        basket = [staple for staple in staples if rng.random() < SHARE_WEEKLY]
        for first, second in pairs:
            takes_first = rng.random() < 0.35
            basket += [first] * takes_first
            basket += [second] * (rng.random() < (SHARE_TOGETHER if takes_first else SHARE_ALONE))
        basket += [pair[rng.integers(2)] for pair in rivals if rng.random() < 0.5]
        basket += [shelf[at] for at in liked[4 * week : 4 * week + rng.integers(4)] if at < len(shelf)]
        basket += _seen_and_bought(customer, time, till, rng)
        if time >= launch:
            basket += [new for new, old in NEWCOMERS.items() if old in basket and rng.random() < SHARE_NEW_TAKEN]
        if week == device_week:
            basket.append(device)
            _refill(customer, time, refill, FIRST_DAY + timedelta(weeks=n_weeks), till, rng)
        if basket:
            till.ring_up(time, customer, basket)


def _seen_and_bought(customer: str, visit: datetime, till: _Till, rng: np.random.Generator) -> list[str]:
    """Gadgets of this visit: looked at some days before, or, rarely, out of the blue."""
    bought = [gadget for gadget in GADGETS if rng.random() < SHARE_UNSEEN_BOUGHT]
    if rng.random() < 0.3:
        gadget = GADGETS[rng.integers(len(GADGETS))]
        seen = visit - timedelta(days=int(rng.integers(1, 4)))
        if seen >= FIRST_DAY:
            till.note(seen, customer, "view", gadget)
            bought += [gadget] * (rng.random() < SHARE_VIEWED_BOUGHT)
    return bought


def _refill(customer: str, bought: datetime, refill: str, end: datetime, till: _Till, rng: np.random.Generator) -> None:
    """Trips for the refill alone, after the device."""
    if rng.random() >= SHARE_REFILLED:
        return
    time = bought + timedelta(days=int(rng.integers(3, 11)), hours=1)
    while time < end:
        till.ring_up(time, customer, [refill])
        time += timedelta(days=28 + int(rng.integers(-3, 4)))


def _catalogue(rng: np.random.Generator) -> pl.DataFrame:
    sections = {
        "appliances": [device for device, _ in DEVICES],
        "refills": [refill for _, refill in DEVICES],
        "kitchen": [name for pair in PAIRS for name in pair],
        "drinks and care": [name for pair in RIVALS for name in pair],
        "staples": list(STAPLES),
        "gadgets": list(GADGETS),
        "new": list(NEWCOMERS),
        "shelf": [f"{colour} {thing}" for thing in SHELF for colour in COLOURS],
    }
    rows = [(name, name.title(), category) for category, names in sections.items() for name in names]
    frame = pl.DataFrame(rows, schema=["product_id", "name", "category"], orient="row")
    return frame.with_columns(price=pl.Series(np.round(rng.lognormal(1.2, 0.8, size=len(rows)), 2)))
