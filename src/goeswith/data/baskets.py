"""What was bought together: the shop's own baskets, else a customer's day, else a moment at the till."""

import polars as pl


def with_baskets(events: pl.DataFrame) -> pl.DataFrame:
    """The events, sorted by time, with `basket`: dense, from 0, in order of time; null for browsing and returns.

    A purchase belongs to its basket_id (of that customer: some shops count each customer's orders from 1). Without
    one, the purchases of a customer on a day belong together. Without a customer either, those of one store at one
    moment do, if the log knows the time of day; else each stands alone.

    Parameters
    ----------
    events : basket_id, customer_id, store_id, time, event; sorted by time
    """
    day = pl.col("time").dt.date()
    has_clock = bool(events.select((pl.col("time").dt.time() != pl.time(0, 0, 0)).any()).item())
    basket, customer = pl.col("basket_id").is_not_null(), pl.col("customer_id").is_not_null()
    at_till = ~basket & ~customer
    numbered = events.with_row_index("place")
    keys = numbered.filter(pl.col("event") == "purchase").select(
        "place",
        "basket_id",
        "customer_id",
        day=pl.when(~basket & customer).then(day),
        store=pl.when(at_till).then(pl.col("store_id")),
        moment=pl.when(at_till).then(pl.col("time")) if has_clock else pl.lit(None, pl.Datetime("us")),
        alone=pl.when(at_till & pl.lit(not has_clock)).then(pl.col("place")),
    )
    by = ["basket_id", "customer_id", "day", "store", "moment", "alone"]
    by = [name for name in by if keys[name].null_count() < len(keys)] or ["basket_id"]
    baskets = keys.select(by).unique(maintain_order=True).with_row_index("basket")
    dense = keys.join(baskets, on=by, how="left", nulls_equal=True, maintain_order="left")
    found = dense.select("place", pl.col("basket").cast(pl.Int64))
    return numbered.join(found, on="place", how="left", maintain_order="left").drop("place")
