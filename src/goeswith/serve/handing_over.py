"""Events and products that came over HTTP, into the shop's own folder, where the next fit reads them."""

from typing import Any

import polars as pl

from goeswith.data.shop import Shop
from goeswith.serve.catalogue import Change
from goeswith.serve.store.database import Database
from goeswith.serve.store.event_log import Row, mark_handed_over, not_handed_over
from goeswith.serve.store.product_changes import all_changes


def hand_over(database: Database, shop: Shop) -> dict[str, Any]:
    """Killed at any moment it can be repeated: the shop sets aside what it has already."""
    changes = all_changes(database)
    products = _products(changes, shop)
    if products is not None:
        shop.add(products=products)
    handed = 0
    while True:
        with database.reading() as connection:
            rows = not_handed_over(connection)
        if not rows:
            return {"products": len(changes), "events": handed}
        shop.add(events=_events(rows, shop))
        mark_handed_over(database, rows[-1].seq)
        handed += len(rows)


def _products(changes: list[Change], shop: Shop) -> pl.DataFrame | None:
    if not changes:
        return None
    known = shop.products()
    rows = []
    for change in changes:
        row = {"product_id": change.product_id, **change.data}
        if change.withdrawn or "available" in known.columns:
            row.setdefault("available", not change.withdrawn)
        if change.withdrawn:
            row["available"] = False
        rows.append(row)
    frame = pl.DataFrame(rows, infer_schema_length=None, strict=False)
    old = (
        {str(i): row for i, row in zip(known["product_id"].to_list(), known.iter_rows(named=True), strict=True)}
        if len(rows)
        else {}
    )
    filled = [
        {
            name: row[name] if row[name] is not None else old.get(str(row["product_id"]), {}).get(name)
            for name in frame.columns
        }
        for row in frame.iter_rows(named=True)
    ]
    return _with_ids(pl.DataFrame(filled, schema=frame.schema, strict=False), shop)


def _events(rows: list[Row], shop: Shop) -> pl.DataFrame:
    told = [row.told for row in rows]
    frame = pl.DataFrame(
        {
            "product_id": [one.product_id for one in told],
            "customer_id": [one.customer_id for one in told],
            "basket_id": [one.basket_id for one in told],
            "timestamp": [one.time for one in told],
            "event": [one.kind for one in told],
            "quantity": [one.quantity for one in told],
            "price": [one.price for one in told],
            "session_id": [one.session_id for one in told],
        },
        schema={
            "product_id": pl.String, "customer_id": pl.String, "basket_id": pl.String, "timestamp": pl.Datetime("us"),
            "event": pl.String, "quantity": pl.Float64, "price": pl.Float64, "session_id": pl.String,
        },
    )  # fmt: skip
    empty = [
        name for name in ("customer_id", "basket_id", "price", "session_id") if frame[name].null_count() == len(frame)
    ]
    return _with_ids(frame.drop(empty), shop)


def _with_ids(frame: pl.DataFrame, shop: Shop) -> pl.DataFrame:
    """Whole numbers where the shop's ids are; ids of another form stay text, and the shop says so."""
    if not shop.products().schema["product_id"].is_integer():
        return frame
    numbers = frame["product_id"].cast(pl.Int64, strict=False)
    return frame.with_columns(product_id=numbers) if numbers.null_count() == 0 else frame
