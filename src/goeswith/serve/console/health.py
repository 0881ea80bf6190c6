"""What a shop knows, and how sound its data are: counted once for a model version."""

from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from goeswith.serve.at_work import COLD, AtWork
from goeswith.serve.console.holding import Console

WARMTH = (
    (0, 0, "never sold"),
    (1, COLD - 1, "1 to 4 baskets"),
    (COLD, 19, "5 to 19 baskets"),
    (20, None, "20 or more"),
)


def known(console: Console, work: AtWork) -> dict[str, Any]:
    return console.once("known", (work.version, len(work.catalogue)), lambda: _known(work))


def set_aside(shop: Path) -> list[dict[str, Any]]:
    """Reasons for which rows were set aside when files were read, with how many rows, the most first."""
    counts: dict[tuple[str, str], int] = {}
    for file in sorted((shop / "data" / "rejected").glob("*.parquet")):
        frame = pl.scan_parquet(file)
        if "reason" not in frame.collect_schema().names():
            continue
        for reason, n in frame.group_by("reason").len().collect().iter_rows():
            key = (file.stem.rpartition("-")[0], str(reason))
            counts[key] = counts.get(key, 0) + n
    rows = [{"table": table, "reason": reason, "rows": n} for (table, reason), n in counts.items()]
    return sorted(rows, key=lambda row: -row["rows"])


def _known(work: AtWork) -> dict[str, Any]:
    log, counts = work.model.log, work.model.parts.counts
    events, products = log.events, log.products
    n = max(len(events), 1)
    kinds = events["event"].cast(pl.String).value_counts(sort=True).rows()
    purchases = log.purchases
    lines = purchases.select("basket", "item").drop_nulls()
    weeks = (
        purchases.group_by(pl.col("time").dt.truncate("1w").alias("week"))
        .agg(pl.col("basket").n_unique().alias("baskets"))
        .sort("week")
    )
    first, last = events["time"].min(), events["time"].max()
    texts = [name for name in ("name", "description") if name in products.columns]
    nameless = _empty(products["name"]) if texts else len(products)
    without = {
        column: _empty(products[column]) if column in products.columns else None
        for column in ("category", "brand", "price")
    }
    warmth = [
        {"name": name, "n": int(((counts.items >= low) & (counts.items <= (2**62 if high is None else high))).sum())}
        for low, high, name in WARMTH
    ]
    return {
        "products": len(work.catalogue),
        "customers": log.n_customers,
        "baskets": counts.n_baskets,
        "events": len(events),
        "kinds": kinds,
        "first": first,
        "last": last if isinstance(last, datetime) else None,
        "per_basket": len(lines.unique()) / max(counts.n_baskets, 1),
        "nameless": nameless,
        "without": without,
        "anonymous": int(events["customer"].null_count()) / n,
        "priceless": int(events["price"].null_count()) / n if "price" in events.columns else 1.0,
        "warmth": warmth,
        "weeks": [(week.strftime("%Y-%m-%d"), baskets) for week, baskets in weeks.iter_rows() if week is not None],
    }


def _empty(column: pl.Series) -> int:
    return int((column.cast(pl.String).fill_null("") == "").sum())
