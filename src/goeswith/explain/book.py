"""The events of a shop grouped once, so that counting a reason takes a fraction of a millisecond."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from goeswith.data.log import PURCHASE, Log
from goeswith.language.text_fields import text_fields
from goeswith.language.words import words

NOT_ATTRIBUTES = ("name", "description")
RARE_SHARE, RARE_FLOOR = 0.1, 5  # a word says something where at most so many of the names have it


@dataclass(frozen=True)
class Trips:
    """Purchases of one product or one customer, a basket counted once, by customer and time.

    customer, item, basket : (trips,), rows and basket numbers
    second : (trips,), seconds since 1970 at the first line of the basket
    """

    customer: NDArray[np.int64]
    item: NDArray[np.int64]
    basket: NDArray[np.int64]
    second: NDArray[np.int64]


class EvidenceBook:
    """What explanations count from. Each index is built when it is first needed, and kept.

    Times are compared to the second; a basket happens when its first line does.
    """

    def __init__(self, log: Log) -> None:
        self.log = log

    @classmethod
    def of(cls, log: "Log | EvidenceBook") -> "EvidenceBook":
        """The book itself, or a new one; keep it where more than one question is asked."""
        return log if isinstance(log, EvidenceBook) else cls(log)

    # --- baskets

    @cached_property
    def _basket_lists(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Baskets of every item, sorted; and where each item's begin."""
        lines = self.log.purchases.select("item", "basket").drop_nulls().unique().sort("item", "basket")
        return lines["basket"].to_numpy().astype(np.int64), _starts(lines["item"], self.log.n_items)

    @cached_property
    def n_baskets(self) -> int:
        return self.log.purchases["basket"].drop_nulls().n_unique()

    def baskets_of(self, item: int) -> NDArray[np.int64]:
        """Numbers of the baskets that hold this product, rising."""
        baskets, starts = self._basket_lists
        return baskets[starts[item] : starts[item + 1]]

    def n_with(self, item: int) -> int:
        return len(self.baskets_of(item))

    def n_with_both(self, a: int, b: int) -> int:
        fewer, more = sorted((self.baskets_of(a), self.baskets_of(b)), key=len)
        if not len(fewer):
            return 0
        places = np.searchsorted(more, fewer)
        return int((more[np.minimum(places, len(more) - 1)] == fewer).sum())

    # --- customers

    @cached_property
    def _trips(self) -> pl.DataFrame:
        known = self.log.purchases.filter(pl.col("customer").is_not_null() & pl.col("basket").is_not_null())
        when = pl.col("time").min().over("customer", "basket").dt.epoch("s")
        lines = known.select(pl.col("customer", "item", "basket").cast(pl.Int64), second=when)
        return lines.unique(["customer", "item", "basket"])

    @cached_property
    def _trips_by_item(self) -> tuple[Trips, NDArray[np.int64]]:
        lines = self._trips.sort("item", "customer", "second", "basket")
        return _columns(lines), _starts(lines["item"], self.log.n_items)

    @cached_property
    def _trips_by_customer(self) -> tuple[Trips, NDArray[np.int64]]:
        lines = self._trips.sort("customer", "second", "basket", "item")
        return _columns(lines), _starts(lines["customer"], self.log.n_customers)

    def trips_for(self, item: int) -> Trips:
        """Who bought this product, and when."""
        return _part(*self._trips_by_item, item)

    def trips_of(self, customer: int) -> Trips:
        """What this customer bought, and when, oldest first."""
        return _part(*self._trips_by_customer, customer)

    @cached_property
    def _browsing(self) -> dict[int, pl.DataFrame]:
        rows = self.log.events.filter((pl.col("event") != PURCHASE) & pl.col("customer").is_not_null())
        parts = rows.select("customer", "item", "event", "time").partition_by("customer", as_dict=True)
        return {int(customer): part for (customer, *_), part in parts.items()}

    def browsing(self, customer: int, item: int) -> pl.DataFrame:
        """event, time: what this customer did with this product besides buying it."""
        rows = self._browsing.get(customer)
        return self._none_browsed if rows is None else rows.filter(pl.col("item") == item).select("event", "time")

    @cached_property
    def _none_browsed(self) -> pl.DataFrame:
        return self.log.events.select("event", "time").clear()

    # --- time

    @cached_property
    def last_moment(self) -> datetime | None:
        """When the last event happened; None in an empty log."""
        last = self.log.events["time"].max()
        return last if isinstance(last, datetime) else None

    def buyers_since(self, after: datetime, until: datetime) -> tuple[NDArray[np.int64], int]:
        """Customers who bought each item later than `after`, up to `until`: (items,); and how many bought anything."""
        key = (after, until)
        if key not in self._buyers:
            now = self.log.between(after, until).purchases.select("item", "customer").drop_nulls().unique()
            each = np.bincount(now["item"].to_numpy(), minlength=self.log.n_items).astype(np.int64)
            self._buyers.clear()  # one window is asked about at a time
            self._buyers[key] = (each, now["customer"].n_unique())
        return self._buyers[key]

    @cached_property
    def _buyers(self) -> dict[tuple[datetime, datetime], tuple[NDArray[np.int64], int]]:
        return {}

    # --- the catalogue

    @cached_property
    def names(self) -> list[str]:
        """The name of every item; its id where it has none."""
        column = "name" if "name" in self.log.products.columns else "product_id"
        ids = self.log.products["product_id"].cast(pl.String).to_list()
        return [name or id for name, id in zip(self.log.products[column].cast(pl.String), ids, strict=True)]

    def names_of(self, *items: int) -> list[str]:
        """Names that can be told apart: where two of these products have one name, their ids stand behind it."""
        names = [self.names[item] for item in items]
        ids = self.log.items.ids(np.array(items))
        return [f"{name} ({id})" if names.count(name) > 1 else name for name, id in zip(names, ids, strict=True)]

    @cached_property
    def attributes(self) -> dict[str, NDArray[np.object_]]:
        """Columns whose values products can share: category, brand and further words of the shop; (items,) each."""
        products = self.log.products
        texts = [c for c in text_fields(products) if c not in NOT_ATTRIBUTES and products[c].dtype != pl.List]
        return {column: np.array(products[column].cast(pl.String).to_list(), dtype=object) for column in texts}

    @cached_property
    def n_with_value(self) -> dict[str, Counter[str]]:
        """attribute -> value -> products that have it."""
        return {column: Counter(values.tolist()) for column, values in self.attributes.items()}

    @cached_property
    def n_with_word(self) -> dict[str, int]:
        """word -> products whose name has it, for words rare enough to say something."""
        counted = Counter(word for item in range(self.log.n_items) for word in self.words_of(item))
        most = max(RARE_FLOOR, RARE_SHARE * self.log.n_items)
        return {word: n for word, n in counted.items() if n <= most}

    def words_of(self, item: int) -> set[str]:
        """Words of the name that hold a letter; single Latin letters say nothing."""
        return {w for w in words(self.names[item]) if not w[0].isdigit() and (len(w) > 1 or not w.isascii())}

    @cached_property
    def _prices(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        paid = self.log.purchases.filter(pl.col("price") > 0).group_by("item").agg(pl.col("price").median())
        median = np.full(self.log.n_items, np.nan)
        median[paid["item"].to_numpy()] = paid["price"].to_numpy()
        if "price" not in self.log.products.columns:
            return np.full(self.log.n_items, np.nan), median
        return self.log.products["price"].cast(pl.Float64, strict=False).fill_null(np.nan).to_numpy(), median

    def price(self, item: int) -> float | None:
        """The catalogue's price, else the median of the prices paid; None where neither is known."""
        listed, paid = (float(prices[item]) for prices in self._prices)
        return listed if listed > 0 else paid if paid > 0 else None


def _starts(sorted_rows: pl.Series, n: int) -> NDArray[np.int64]:
    return np.searchsorted(sorted_rows.to_numpy(), np.arange(n + 1))


def _columns(lines: pl.DataFrame) -> Trips:
    return Trips(**{column: lines[column].to_numpy() for column in ("customer", "item", "basket", "second")})


def _part(trips: Trips, starts: NDArray[np.int64], row: int) -> Trips:
    here = slice(starts[row], starts[row + 1])
    return Trips(trips.customer[here], trips.item[here], trips.basket[here], trips.second[here])
