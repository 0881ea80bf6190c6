"""What every later room reads: a catalogue and its events, as rows and columns of numbers."""

from dataclasses import dataclass, replace
from datetime import datetime

import polars as pl

from goeswith.data.vocabulary import Vocabulary

PURCHASE = "purchase"
BROWSING = ("view", "cart", "wish", "return")
EVENT_COLUMNS: dict[str, type[pl.DataType] | pl.DataType] = {
    "item": pl.Int32,  # row of the product in `products`
    "customer": pl.Int32,  # row in `customers`; null where the log does not say who
    "basket": pl.Int64,  # dense, from 0; a customer's day is one where the shop has no baskets; null for browsing
    "time": pl.Datetime("us"),
    "event": pl.String,  # purchase, view, cart, wish, return
    "quantity": pl.Float32,
    "price": pl.Float32,  # per unit; null where unknown
}


@dataclass(frozen=True)
class Log:
    """A shop's products and events; ids only in the two vocabularies.

    products : one row an item, in item order; `product_id`, `name` and whatever else the shop has
    events : EVENT_COLUMNS (further columns may follow), sorted by time
    """

    products: pl.DataFrame
    items: Vocabulary
    customers: Vocabulary
    events: pl.DataFrame

    @property
    def n_items(self) -> int:
        return len(self.items)

    @property
    def n_customers(self) -> int:
        return len(self.customers)

    @property
    def purchases(self) -> pl.DataFrame:
        return self.events.filter(pl.col("event") == PURCHASE)

    def until(self, time: datetime) -> "Log":
        """The events up to and including this moment."""
        return replace(self, events=self.events.filter(pl.col("time") <= time))

    def between(self, after: datetime, until: datetime) -> "Log":
        """The events later than `after`, up to and including `until`."""
        return replace(self, events=self.events.filter((pl.col("time") > after) & (pl.col("time") <= until)))

    def without(self, hidden: pl.Expr) -> "Log":
        """The log less the events that this expression is true of; the catalogue stays."""
        return replace(self, events=self.events.filter(~hidden))
