"""The Complete Journey as a planner has it: a log by store, and the promotion calendar that came with it."""

from datetime import date, timedelta

import polars as pl

from goeswith.data.log import Log
from goeswith.data.vocabulary import Vocabulary
from goeswith.demo import complete_journey, journey_folder
from goeswith.scenarios.inventory.promotions import SCHEMA, Promotions

LAST_SUNDAY = date(2017, 12, 31)
MIDNIGHT = timedelta(hours=5)
"""Times are those of Greenwich: a week of the promotion calendar begins on Monday at five."""
SECOND_WEEK = date(2017, 1, 2)
MAILER = {"0": 0.0, "C": 0.4, "A": 0.6, "P": 0.6, "J": 0.6, "X": 0.8, "D": 1.0, "F": 1.0, "H": 1.0, "L": 1.0, "Z": 1.0}
"""How loud a place in the mailer is: a line inside, a feature inside, the front page."""


def journey_log() -> Log:
    """All purchases of 2017, with store and discount."""
    products, events = complete_journey()
    customers = events["customer_id"].unique().sort()
    rows = (
        events.join(products.select("product_id").with_row_index("item"), on="product_id", maintain_order="left")
        .join(customers.to_frame().with_row_index("customer"), on="customer_id", how="left", maintain_order="left")
        .select(
            item=pl.col("item").cast(pl.Int32),
            customer=pl.col("customer").cast(pl.Int32),
            basket=pl.col("basket_id").rank("dense").cast(pl.Int64) - 1,
            time=pl.col("timestamp") - MIDNIGHT,
            event=pl.lit("purchase"),
            quantity=pl.col("quantity").cast(pl.Float32),
            price=pl.col("price").cast(pl.Float32),
            discount=pl.col("discount").cast(pl.Float32),
            store_id=pl.col("store_id").cast(pl.String),
        )
        .sort("time", maintain_order=True)
    )
    return Log(products, Vocabulary(products["product_id"], "product"), Vocabulary(customers, "customer"), rows)


def journey_promotions(log: Log, products: pl.Series | None = None) -> Promotions:
    """The calendar of these products; all of those sold where None. It is known before its weeks begin."""
    folder = journey_folder()
    wanted = log.products.select("product_id").with_row_index("item")
    sold = log.events["item"].unique() if products is None else products
    wanted = wanted.filter(pl.col("item").is_in(sold.cast(pl.UInt32).implode()))
    rows = (
        pl.scan_parquet(folder / "promotions.parquet")
        .join(wanted.lazy(), on="product_id")
        .select(
            item=pl.col("item").cast(pl.Int32),
            store_id=pl.col("store_id").cast(pl.String),
            date=pl.lit(SECOND_WEEK) + pl.duration(days=7 * (pl.col("week") - 2)),
            display=(pl.col("display_location") != "0").cast(pl.Float64),
            mailer=pl.col("mailer_location").replace_strict(MAILER, default=0.0, return_dtype=pl.Float64),
        )
        .cast(SCHEMA)  # type: ignore[arg-type]
        .collect()
    )
    return Promotions(rows)


HOLIDAYS = [
    date(2017, 1, 16), date(2017, 2, 20), date(2017, 4, 16), date(2017, 5, 29), date(2017, 7, 4), date(2017, 9, 4),
    date(2017, 11, 23), date(2017, 12, 24), date(2017, 12, 25), date(2017, 12, 31), date(2018, 1, 1),
]  # fmt: skip
