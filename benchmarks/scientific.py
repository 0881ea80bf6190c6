"""Amazon Scientific: ordered reviews, leave one out, every product ranked. For measurement only."""

from datetime import datetime, timedelta

import polars as pl

from data_sets import SHARED
from goeswith.evaluation.protocol import Task

FOLDER = SHARED / "data" / "scientific"
TODAY = datetime(2020, 1, 1)


def cut(part: str) -> tuple[pl.DataFrame, pl.DataFrame, list[Task]]:
    """products, fit (customer_id, product_id, position, timestamp, basket_id), the one task.

    The last review of each user is the test, the one before it validation. Times are made up, a day a step and
    everybody's last on the same day, since the files hold order only; each review is a basket of its own.
    """
    if not FOLDER.exists():
        raise SystemExit(f"{FOLDER} is not there. Leave this data set out.")
    index = FOLDER / "Scientific.item2index"
    names = pl.read_csv(index, separator="\t", has_header=False, new_columns=["product_id", "at"])
    text = pl.read_csv(FOLDER / "Scientific.text", separator="\t", quote_char=None, new_columns=["product_id", "name"])
    products = names.join(text, on="product_id", how="left").sort("at").select("product_id", "name")
    file = FOLDER / f"Scientific.{'test' if part == 'test' else 'valid'}.inter"
    rows = pl.read_csv(file, separator="\t", new_columns=["customer_id", "history", "target"])
    code = products["product_id"]
    history = rows.select("customer_id", at=pl.col("history").cast(pl.String).str.split(" ")).explode("at")
    fit = history.select(
        "customer_id",
        product_id=code.gather(history["at"].cast(pl.Int64)),
        position=pl.int_range(pl.len()).over("customer_id"),
        back=(pl.len() - 1 - pl.int_range(pl.len())).over("customer_id"),
    )
    timed = fit.with_columns(timestamp=TODAY - pl.col("back") * timedelta(days=1)).with_row_index("basket_id")
    truth = pl.DataFrame({"query": range(rows.height), "product_id": code.gather(rows["target"])})
    task = Task("next", "the next review, every product ranked", truth, rows["customer_id"], novel=True, among=code)
    return products, timed.sort("timestamp", "customer_id").drop("back"), [task]
