"""Which columns of a catalogue speak, and in which order."""

import polars as pl

LAST = ("brand", "size", "description")
MUTE = {
    "product_id", "price", "currency", "image", "images", "picture", "photo", "thumbnail", "url", "link", "href",
    "available", "latitude", "longitude", "lat", "lon", "lng", "opens", "closes", "stock", "lead_time_days",
    "sku", "ean", "upc", "gtin", "isbn", "asin", "barcode", "date", "timestamp", "created", "updated",
}  # fmt: skip
_NUMERIC = r"^[\s\d.,:/%€$£¥+\-]+$"
_ADDRESS = r"^(?:https?://|www\.|data:|/\S*/\S+\.(?:jpe?g|png|gif|webp)$)"
_CODE = r"^[\w\-]*\d[\w\-]*$"


def text_fields(products: pl.DataFrame) -> tuple[str, ...]:
    """Columns that a sentence about a product is made of, in their order.

    The name comes first; then category and every further column of words, from the most specific (most distinct
    values) to the most general; then brand, size and description. Left out are identifiers (`*_id`, and columns of
    codes), addresses, pictures, places, times, and columns whose values look like numbers.

    Examples
    --------
    >>> shelf = pl.DataFrame(
    ...     {
    ...         "product_id": [1, 2, 3],
    ...         "aisle": ["food", "food", "drinks"],
    ...         "name": ["rye", "oat", "tea"],
    ...         "kind": ["bread", "flakes", "black tea"],
    ...         "maker_id": ["a1", "b2", "c3"],
    ...         "grams": ["500", "750", "100"],
    ...     }
    ... )
    >>> text_fields(shelf)
    ('name', 'kind', 'aisle')
    """
    first = [column for column in ("name",) if column in products.columns and _is_text(products[column])]
    # `package_size` says what `size` says.
    known = [c for last in LAST for c in products.columns if c.lower().split("_")[-1] == last and _is_text(products[c])]
    further = [c for c in products.columns if c not in (*first, *known) and _speaks(products[c])]
    distinct = {column: products[column].n_unique() for column in further}
    return (*first, *sorted(further, key=lambda column: -distinct[column]), *known)


def _is_text(column: pl.Series) -> bool:
    return column.dtype in (pl.String, pl.Categorical, pl.Enum, pl.List(pl.String)) and column.null_count() < len(
        column
    )


def _speaks(column: pl.Series) -> bool:
    name = column.name.lower()
    if name in MUTE or name.endswith(("_id", "_code", "_url", "_image", "_link", "_sku")) or not _is_text(column):
        return False
    if column.dtype == pl.List:
        return True
    values = column.cast(pl.String).drop_nulls().unique()
    if not len(values):
        return False
    sample = values.sort().sample(min(len(values), 2_000), seed=0).str.strip_chars()

    def share(pattern: str) -> float:
        return float(sample.str.contains(pattern).sum()) / len(sample)

    codes = share(_CODE) > 0.95 and (sample.str.len_chars().median() or 0) >= 5  # type: ignore[operator]
    return share(_NUMERIC) < 0.9 and share(_ADDRESS) < 0.5 and not codes
