"""The catalogue: one clean row a product, whatever the file called its columns."""

import json

import polars as pl

from goeswith.data.columns import ColumnMap
from goeswith.data.ids import as_id
from goeswith.data.numbers import number
from goeswith.data.readers.numbering import ROW

NUMBERS = ("price", "latitude", "longitude", "stock", "lead_time_days")
UNNAMED = ("product_id", "brand", "size", "image", "opens", "closes")
"""Text that is not a name, whatever else is missing."""
SAYS_NO = ("false", "no", "n", "0", "f", "off", "out of stock", "unavailable", "否", "无", "下架", "缺货")


def clean(rows: pl.DataFrame, columns: ColumnMap) -> pl.DataFrame:
    """Our names and types for the columns that were recognised; the others follow as attributes.

    Returns
    -------
    ROW, product_id, name, then what else the catalogue has; product_id may be null or occur twice, rows as read
    """
    ours = {theirs: name for name, theirs in columns.theirs.items()}
    expressions = {ROW: pl.col(ROW)}
    for header in rows.columns:
        if header == ROW or header in ours:
            continue
        expressions[header if header not in columns.theirs else f"{header} (further)"] = _plain(rows[header])
    for header, name in ours.items():
        expressions[name] = _typed(name, rows[header])
    frame = rows.select([expression.alias(name) for name, expression in expressions.items()])
    named = named_rows(expanded(frame))
    first = [ROW, "product_id", "name", *(name for name in columns.theirs if name not in ("product_id", "name"))]
    first = [name for name in first if name in named.columns]
    return named.select(*first, *(name for name in named.columns if name not in first))


def distinct(frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The products, the last row of each id at the place of its first; and what was set aside: ROW, reason."""
    keyed = frame.filter(pl.col("product_id").is_not_null())
    kept = keyed.unique("product_id", keep="last", maintain_order=False)
    place = keyed.group_by("product_id", maintain_order=True).agg(place=pl.col(ROW).first())
    ordered = kept.join(place, on="product_id").sort("place").drop("place")
    reasons = (
        frame.join(ordered.select(ROW, kept=pl.lit(True)), on=ROW, how="left", maintain_order="left")
        .filter(pl.col("kept").is_null())
        .select(
            ROW,
            reason=pl.when(pl.col("product_id").is_null())
            .then(pl.lit("no product id"))
            .otherwise(pl.lit("the same product id comes again later")),
        )
    )
    return ordered.drop(ROW), reasons


def merged(old: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
    """The old catalogue with the rows of `new` in the place of those with the same id, and its other rows at the end.

    A column that `new` has not keeps its old values.
    """
    updates = new.join(old.select("product_id"), on="product_id", how="semi")
    lacking = [name for name in old.columns if name not in new.columns]
    filled = updates.join(old.select("product_id", *lacking), on="product_id", how="left") if lacking else updates
    added = new.join(old.select("product_id"), on="product_id", how="anti", maintain_order="left")
    place = old.select("product_id").with_row_index("place")
    stay = old.join(updates.select("product_id"), on="product_id", how="anti")
    rows = pl.concat([stay, filled], how="diagonal_relaxed").join(place, on="product_id").sort("place").drop("place")
    return pl.concat([rows, added], how="diagonal_relaxed")


def named_rows(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with a `name` in every row: the name itself, else the description, else the most specific text.

    Most specific is the text column with the most distinct values; where it is empty the next one speaks. A product
    without any text gets an empty name.
    """
    texts = [
        name for name, dtype in frame.schema.items()
        if dtype == pl.String and name not in (*UNNAMED, ROW, "name", "description") and not name.endswith("_id")
    ]  # fmt: skip
    specific = sorted(texts, key=lambda name: -frame[name].n_unique())
    if "name" in frame.columns:
        sources = ["name", "description"]
    else:
        sources = ["description", *specific]
    present = [pl.col(name) for name in sources if name in frame.columns]
    return frame.with_columns(name=pl.coalesce(*present, pl.lit("")) if present else pl.lit(""))


def expanded(frame: pl.DataFrame) -> pl.DataFrame:
    """A column `attributes` of JSON objects becomes one text column for each of their keys."""
    if "attributes" not in frame.columns or frame["attributes"].dtype != pl.String:
        return frame
    records = [_record(text) for text in frame["attributes"].to_list()]
    keys = list(dict.fromkeys(key for record in records for key in record))[:100]
    if not keys:
        return frame
    new = {key: [_text(record.get(key)) for record in records] for key in keys if key not in frame.columns}
    return frame.drop("attributes").with_columns([pl.Series(k, v, dtype=pl.String) for k, v in new.items()])


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _record(text: str | None) -> dict[str, object]:
    try:
        record = json.loads(text or "{}")
    except json.JSONDecodeError:
        return {}
    return record if isinstance(record, dict) else {}


def _typed(name: str, values: pl.Series) -> pl.Expr:
    column = pl.col(values.name)
    if name == "product_id":
        return as_id(column, values.dtype)
    if name in NUMBERS:
        return number(column, values.dtype, values.drop_nulls().head(2000))
    if name == "available":
        if values.dtype == pl.Boolean:
            return column
        return ~column.cast(pl.String).str.strip_chars().str.to_lowercase().is_in(SAYS_NO)
    plain = _plain(values)
    return plain.cast(pl.String) if name in ("name", "description", "category", "brand", "size", "image") else plain


def _plain(values: pl.Series) -> pl.Expr:
    """Text without blanks around it (none if empty), lists as text, all else as it is."""
    column, dtype = pl.col(values.name), values.dtype
    if isinstance(dtype, pl.List | pl.Array):
        return column.cast(pl.List(pl.String)).list.join(", ")
    if isinstance(dtype, pl.Struct):
        return column.struct.json_encode()
    if dtype in (pl.Categorical, pl.Enum, pl.String):
        text = column.cast(pl.String).str.strip_chars()
        return pl.when(text != "").then(text)
    if dtype == pl.Object:
        return column.map_elements(str, return_dtype=pl.String)
    return column
