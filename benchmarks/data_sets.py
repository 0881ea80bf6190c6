"""The data that is compared on, each cut into fit and test."""

from datetime import timedelta
from pathlib import Path

import polars as pl

from goeswith.demo import journey_folder
from protocol_tasks import Slice

SHARED = Path(__file__).resolve().parents[2] / "shared"  # optional: beside the checkout
NOT_PRODUCTS = ["FUEL", "COUPON", "MISCELLANEOUS", "MISC. TRANS.", "MISC SALES TRAN", "CNTRL/STORE SUP"]
WEEKS = 4


def complete_journey(part: str) -> Slice:
    """The Complete Journey (dunnhumby, published for study), cut by time.

    Parameters
    ----------
    part : "validation", weeks -8 to -5, or "test", the last four
    """
    folder = journey_folder()
    products = pl.read_parquet(folder / "products.parquet").filter(
        ~pl.col("department").is_in(NOT_PRODUCTS).fill_null(False) & pl.col("product_type").is_not_null()
    )
    names = {"household_id": "customer_id", "transaction_timestamp": "timestamp"}
    sold = pl.read_parquet(folder / "transactions.parquet").rename(names)
    sold = sold.with_columns(pl.col("timestamp").cast(pl.Datetime("us")))
    sold = sold.join(products.select("product_id"), on="product_id", how="semi", maintain_order="left")
    end = sold["timestamp"].max() - timedelta(weeks=0 if part == "test" else WEEKS)  # type: ignore[operator]
    until = end - timedelta(weeks=WEEKS)
    fit = sold.filter(pl.col("timestamp") <= until)
    test = sold.filter((pl.col("timestamp") > until) & (pl.col("timestamp") <= end))
    return Slice("complete-journey", part, products, fit, test, until)


def complete_journey_terms(products: pl.DataFrame) -> list[list[str]]:
    """Attribute values of each product, and its type crossed with maker and brand."""
    columns = ["product_type", "product_category", "department", "brand", "manufacturer_id", "package_size"]
    rows = products.select(columns).iter_rows()
    return [[f"{at}:{value}" for at, value in enumerate(row)] + [f"{row[0]}|{row[4]}|{row[3]}"] for row in rows]


def complete_journey_texts(products: pl.DataFrame) -> list[str]:
    """One sentence a product, from fine to coarse."""
    columns = ["product_type", "package_size", "product_category", "brand", "department"]
    return [", ".join(str(value).lower() for value in row if value) for row in products.select(columns).iter_rows()]
