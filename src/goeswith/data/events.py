"""Events: our columns and types, and for every row that cannot be used the reason."""

from datetime import UTC, datetime, timedelta

import polars as pl

from goeswith.data.columns import ColumnMap
from goeswith.data.ids import as_id, to_type
from goeswith.data.kinds import are_numbered_kinds, kind
from goeswith.data.numbers import number
from goeswith.data.readers.numbering import ROW
from goeswith.data.times import POSITION_EPOCH, time_form

STORED = [
    "product_id",
    "customer_id",
    "basket_id",
    "time",
    "event",
    "quantity",
    "price",
    "discount",
    "store_id",
    "session_id",
]
"""The columns of data/events/part-*.parquet."""

NO_PRODUCT = "no product id"
NO_TIME = "no time"
BAD_TIME = "the time cannot be read"
TOO_EARLY = "the time is before 1970"
TOO_LATE = "the time is in the future"
UNKNOWN_KIND = "the kind of event is not known"
ADJUSTMENT = "an adjustment of stock, not a sale: no customer, no price"
UNKNOWN_PRODUCT = "the product is not in the catalogue"
WRONG_CUSTOMER = "the customer id is not a whole number, as the shop's are"
DUPLICATE = "a duplicate of another row"

_AHEAD = timedelta(days=2)


def normalised(
    rows: pl.LazyFrame, columns: ColumnMap, id_types: dict[str, pl.DataType], catalogue: pl.Series | None, zone: str
) -> pl.LazyFrame:
    """ROW, the STORED columns, what describes products (p:), and `reason` (null for a row that can be used).

    Parameters
    ----------
    rows : ROW and our names for the columns that were recognised, values as written; `p:name` where events describe
        their products
    id_types : what type product_id and customer_id must have
    catalogue : the known product ids, or None where the catalogue follows from the events
    zone : the shop's time zone, for times that carry one
    """
    schema = rows.collect_schema()
    sample = rows.select(pl.exclude(ROW)).head(2000).collect()

    def numeric(name: str) -> pl.Expr:
        return number(pl.col(name), schema[name], sample[name]) if name in schema else pl.lit(None, pl.Float64)

    def identity(name: str, want: pl.DataType) -> pl.Expr:
        if name not in schema:
            return pl.lit(None, want)
        have = pl.Int64() if schema[name].is_integer() or schema[name].is_float() else pl.String()
        return to_type(as_id(pl.col(name), schema[name]), have, want)

    quantity = numeric("quantity").fill_null(1.0)
    price = numeric("price") if "price" in schema else numeric("line_total") / quantity
    zero_price = ~(price > 0).fill_null(False)
    returned = (quantity < 0) | _cancelled(schema, columns)
    event = _event(schema, sample, columns)
    time = _time(rows, schema, zone)
    customer = identity("customer_id", id_types["customer_id"])
    described = _present(pl.col("p:name")) if "p:name" in schema else pl.lit(True)
    sales_have_customers = "customer_id" in schema and "price" in schema
    adjustment = customer.is_null() & zero_price & (~described | returned) & pl.lit(sales_have_customers)
    given_customer = pl.col("customer_id").is_not_null() if "customer_id" in schema else pl.lit(False)
    rows = rows.select(
        ROW,
        product_id=identity("product_id", id_types["product_id"]),
        given_id=as_id(pl.col("product_id"), schema["product_id"]).is_not_null(),
        customer_id=customer,
        basket_id=identity("basket_id", pl.String()),
        time=time,
        event=pl.when(returned & (event == "purchase")).then(pl.lit("return")).otherwise(event),
        quantity=quantity.abs().cast(pl.Float32),
        price=pl.when(~zero_price & price.is_finite()).then(price).cast(pl.Float32),
        discount=numeric("discount").cast(pl.Float32),
        store_id=identity("store_id", pl.String()),
        session_id=identity("session_id", pl.String()),
        adjustment=adjustment,
        lost_customer=given_customer & customer.is_null() & pl.lit(id_types["customer_id"] == pl.Int64)
        & (_is_text(schema, "customer_id")),
        given_time=pl.col(_time_column(schema)).is_not_null(),
        **{name: pl.col(name) for name in schema if name.startswith("p:")},
    )  # fmt: skip
    return _judged(rows, catalogue, dated="timestamp" in schema)


def counted_notes(kept: pl.LazyFrame, has_customers: bool, has_prices: bool) -> dict[str, int]:
    """What is worth knowing of the rows that were kept."""
    priceless = (pl.col("event") == "purchase") & pl.col("price").is_null()
    is_text = kept.collect_schema()["product_id"] == pl.String
    notes = {
        "returns (negative quantity, or a cancelled invoice)": pl.col("event") == "return",
        "events without a customer: they count in baskets only": pl.col("customer_id").is_null() & has_customers,
        "purchases without a price above zero: the price is left empty": priceless & has_prices,
        "with a product code that has no digit (postage, fees, vouchers?)": ~pl.col("product_id").str.contains(r"\d")
        if is_text
        else pl.lit(False),
    }
    counts = kept.select([marks.sum().alias(note) for note, marks in notes.items()]).collect(engine="streaming")
    return {note: int(count) for note, count in counts.row(0, named=True).items() if count}


def _judged(rows: pl.LazyFrame, catalogue: pl.Series | None, dated: bool) -> pl.LazyFrame:
    latest = datetime.now(UTC).replace(tzinfo=None) + _AHEAD
    reason = (
        pl.when(~pl.col("given_id")).then(pl.lit(NO_PRODUCT))
        .when(~pl.col("given_time")).then(pl.lit(NO_TIME))
        .when(pl.col("time").is_null()).then(pl.lit(BAD_TIME))
        .when(pl.col("time") < datetime(1970, 1, 1)).then(pl.lit(TOO_EARLY))
        .when((pl.col("time") > latest) & pl.lit(dated)).then(pl.lit(TOO_LATE))
        .when(pl.col("event").is_null()).then(pl.lit(UNKNOWN_KIND))
        .when(pl.col("adjustment")).then(pl.lit(ADJUSTMENT))
        .when(pl.col("lost_customer")).then(pl.lit(WRONG_CUSTOMER))
    )  # fmt: skip
    if catalogue is None:
        return rows.select(ROW, *STORED, "^p:.*$", reason=reason)
    known = catalogue.to_frame("product_id").lazy().with_columns(known=pl.lit(True))
    joined = rows.join(known, on="product_id", how="left", maintain_order="left")
    unknown = pl.when(pl.col("known").is_null()).then(pl.lit(UNKNOWN_PRODUCT))
    return joined.select(ROW, *STORED, "^p:.*$", reason=pl.coalesce(reason, unknown))


def _event(schema: pl.Schema, sample: pl.DataFrame, columns: ColumnMap) -> pl.Expr:
    if "event" not in schema:
        return pl.lit("purchase")
    numbered = columns["event"].lower() == "behavior_type" and are_numbered_kinds(sample["event"])
    column = pl.col("event")
    return pl.when(column.is_null()).then(pl.lit("purchase")).otherwise(kind(column, numbered))


def _cancelled(schema: pl.Schema, columns: ColumnMap) -> pl.Expr:
    """A C before the number of an invoice, as UK tills print it."""
    if "basket_id" not in schema or "invoice" not in columns["basket_id"].lower():
        return pl.lit(False)
    return pl.col("basket_id").cast(pl.String).str.contains(r"^\s*[Cc]\d+\s*$").fill_null(False)


def _time_column(schema: pl.Schema) -> str:
    return "timestamp" if "timestamp" in schema else "position"


def _time(rows: pl.LazyFrame, schema: pl.Schema, zone: str) -> pl.Expr:
    if "timestamp" in schema:
        return time_form(rows, "timestamp").moments(pl.col("timestamp"), zone)
    days = pl.col("position").cast(pl.Float64, strict=False).cast(pl.Int64, strict=False)
    return POSITION_EPOCH + pl.duration(days=days)


def _present(column: pl.Expr) -> pl.Expr:
    return column.cast(pl.String).str.strip_chars().fill_null("") != ""


def _is_text(schema: pl.Schema, name: str) -> bool:
    return name in schema and not schema[name].is_numeric()
