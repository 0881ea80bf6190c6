"""Online Retail (UCI, CC BY 4.0): a gift shop's invoices; next invoice, novel and cold products, basket completion,
new customers.

One fit serves all tasks: a tenth of the products loses all its sales before the cut and is asked for apart.
"""

from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl

from data_sets import SHARED
from goeswith.evaluation.protocol import Task
from protocol_tasks import ask_customers, ask_newcomers, complete_baskets

FILE = SHARED / "data" / "online_retail" / "online_retail.parquet"
PRODUCT_CODE = r"^\d{5}[A-Za-z]{0,2}$"  # POST, M, BANK CHARGES and their like are no products
WEEKS = 4
HIDDEN_SHARE = 0.1


def read() -> tuple[pl.DataFrame, pl.DataFrame]:
    """products (product_id, name) and sales: no returns, no cancelled invoice, no zero price."""
    _need(FILE)
    rows = pl.read_parquet(FILE).filter(
        pl.col("StockCode").str.contains(PRODUCT_CODE)
        & (pl.col("Quantity") > 0)
        & (pl.col("UnitPrice") > 0)
        & ~pl.col("InvoiceNo").str.starts_with("C")
    )
    sales = rows.select(
        product_id=pl.col("StockCode").str.to_uppercase(),
        customer_id=pl.col("CustomerID"),
        basket_id=pl.col("InvoiceNo"),
        timestamp=pl.col("InvoiceDate").str.to_datetime("%m/%d/%y %H:%M"),
        quantity=pl.col("Quantity"),
        price=pl.col("UnitPrice"),
        name=pl.col("Description").str.strip_chars(),
    ).sort("timestamp", "basket_id", maintain_order=True)
    named = sales.drop_nulls("name").group_by("product_id", "name").len()
    commonest = named.sort(["len", "name"], descending=[True, False])
    products = commonest.unique("product_id", keep="first", maintain_order=True).select("product_id", "name")
    return products.sort("product_id"), sales.drop("name").join(products, on="product_id", how="semi")


def cut(part: str) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame, list[Task], object]:
    """products, fit, test, tasks, until; the test slice is the last four weeks, validation the four before."""
    products, sales = read()
    sales = sales.sort("timestamp", "basket_id", maintain_order=True)
    end = sales["timestamp"].max() - timedelta(weeks=0 if part == "test" else WEEKS)  # type: ignore[operator]
    until = end - timedelta(weeks=WEEKS)
    past = sales.filter(pl.col("timestamp") <= until)
    test = sales.filter((pl.col("timestamp") > until) & (pl.col("timestamp") <= end))
    codes = products["product_id"]
    drawn = np.random.default_rng(0).choice(len(codes), int(len(codes) * HIDDEN_SHARE), replace=False)
    hidden = codes.gather(np.sort(drawn))
    fit = past.filter(~pl.col("product_id").is_in(hidden.implode()))
    return products, fit, test, [*_tasks(fit, past, test, hidden)], until


def _tasks(fit: pl.DataFrame, past: pl.DataFrame, test: pl.DataFrame, hidden: pl.Series) -> list[Task]:
    warm = fit["product_id"].unique().sort()
    owned = past.select("customer_id", "product_id").drop_nulls().unique()
    known = test.join(fit.select("customer_id").drop_nulls(), on="customer_id", how="semi", maintain_order="left")
    first = known.filter(pl.col("timestamp") == pl.col("timestamp").min().over("customer_id"))
    pair = ["customer_id", "product_id"]
    novel = first.select(pair).unique().join(owned, on=pair, how="anti")
    among_warm = novel.filter(pl.col("product_id").is_in(warm.implode()))
    strangers = test.drop_nulls("customer_id").join(past, on="customer_id", how="anti", maintain_order="left")
    later = known.select(pair).unique().join(owned, on=pair, how="anti")
    later_warm = later.filter(pl.col("product_id").is_in(warm.implode()))
    cold = later.filter(pl.col("product_id").is_in(hidden.implode()))
    return [
        ask_customers("next", "the next invoice, never bought before", among_warm, warm, novel=True),
        ask_customers("novel", "four weeks, never bought before", later_warm, warm, novel=True),
        *complete_baskets(known, warm),
        ask_customers("cold", "a tenth of the products, without any sale", cold, hidden, novel=True),
        *ask_newcomers(strangers, warm),
    ]


def _need(file: Path) -> None:
    if not file.exists():
        raise SystemExit(f"{file} is not there. Get Online Retail from the UCI repository, or leave this data set out.")
