"""Amazon's reviews and metadata (JSON Lines; Ni et al. 2019 and Hou et al. 2024), under plain names.

A review is a purchase. What metadata say of others' behaviour (also_buy, rating_number) is left out: it was collected
later than the reviews, so that a model would see the future.
"""

from dataclasses import replace

import polars as pl

from goeswith.data.readers.numbering import ROW
from goeswith.data.readers.source import Table

_REVIEWS = {
    "product_id": ("parent_asin", "asin"),
    "customer_id": ("reviewerID", "user_id"),
    "timestamp": ("unixReviewTime", "timestamp", "reviewTime"),
    "rating": ("overall", "rating"),
}
_METADATA = {
    "product_id": ("parent_asin", "asin"),
    "name": ("title",),
    "description": ("description",),
    "category": ("categories", "category", "main_category", "main_cat"),
    "brand": ("brand", "store"),
    "price": ("price",),
    "features": ("features", "feature"),
    "main_category": ("main_category", "main_cat"),
}


def is_reviews(table: Table) -> bool:
    headers = set(table.headers)
    return bool(headers & {"parent_asin", "asin"}) and bool(headers & {"reviewerID", "user_id"})


def is_metadata(table: Table) -> bool:
    headers = set(table.headers)
    return bool(headers & {"parent_asin", "asin"}) and "title" in headers and not is_reviews(table)


def reviews(table: Table) -> Table:
    return _renamed(table, _REVIEWS)


def metadata(table: Table) -> Table:
    return _renamed(table, _METADATA)


def _renamed(table: Table, names: dict[str, tuple[str, ...]]) -> Table:
    present = set(table.headers)
    chosen = {ours: [pl.col(t) for t in theirs if t in present] for ours, theirs in names.items()}
    columns = {ours: _first_filled(found, table) for ours, found in chosen.items() if found}
    return replace(table, rows=table.rows.select(ROW, **columns))


def _first_filled(found: list[pl.Expr], table: Table) -> pl.Expr:
    schema = table.rows.collect_schema()
    first = schema[found[0].meta.output_name()]
    same = [column for column in found if schema[column.meta.output_name()] == first]
    if first != pl.String:
        return pl.coalesce(same)
    return pl.coalesce([pl.when(column.str.strip_chars("[] ") != "").then(column) for column in same])
