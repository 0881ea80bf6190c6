"""What somebody who knows the shop says of pairs of products; kept in its folder, whatever is fitted later."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from goeswith.data.atomic import disk_errors, file_aside
from goeswith.data.lock import folder_lock
from goeswith.data.shop import Shop
from goeswith.data.vocabulary import Vocabulary
from goeswith.errors import ColumnError, DataError

TOGETHER, SUBSTITUTE, UNRELATED = "goes together", "substitute", "unrelated"
LABELS = (TOGETHER, SUBSTITUTE, UNRELATED)
SPELLINGS = {
    "together": TOGETHER, "complement": TOGETHER, "goes with": TOGETHER, "搭配": TOGETHER,
    "instead": SUBSTITUTE, "替代": SUBSTITUTE, "neither": UNRELATED, "no": UNRELATED, "无关": UNRELATED,
}  # fmt: skip
FIRST = ("product_a", "a", "first", "source", "source_id", "product_id_a", "product_1")
SECOND = ("product_b", "b", "second", "target", "target_id", "product_id_b", "product_2")
KIND = ("label", "kind", "relation")
FILE = "labels.parquet"


def read_labels(file: str | Path, products: Vocabulary) -> pl.DataFrame:
    """A CSV file of pairs: product_a, product_b, label.

    A pair counts in both orders. The same label twice is one.

    Returns
    -------
    a, b (rows of the products, a < b), label (one of LABELS), line (of the file)

    Raises
    ------
    DataError : no such file, not CSV, a label of a fourth kind, a product beside itself, or two labels for one pair
    ColumnError : a column is missing
    UnknownId : products that the shop has not
    """
    path = Path(file)
    try:
        rows = pl.read_csv(path, infer_schema=False, truncate_ragged_lines=True)
    except FileNotFoundError as error:
        raise DataError(f"{path}: there is no such file.") from error
    except pl.exceptions.NoDataError as error:
        raise DataError(f"{path}: is empty. Write one pair a line: product_a,product_b,label.") from error
    except (OSError, pl.exceptions.PolarsError) as error:
        reason = str(error).strip().split("\n")[0]
        raise DataError(f"{path}: cannot be read as CSV ({reason}).") from error
    names = {name: _column(path, rows.columns, spellings) for name, spellings in
             (("product_a", FIRST), ("product_b", SECOND), ("label", KIND))}  # fmt: skip
    told = rows.select(pl.col(theirs).str.strip_chars().alias(ours) for ours, theirs in names.items())
    told = told.with_row_index("line", offset=2).filter(~pl.all_horizontal(pl.exclude("line").is_null()))
    return checked(told, products, str(path))


def checked(told: pl.DataFrame, products: Vocabulary, where: str) -> pl.DataFrame:
    """Labels with rows for ids. told : line, product_a, product_b, label"""
    plain = pl.col("label").str.to_lowercase().str.replace_all(r"[\s_-]+", " ")
    named = told.with_columns(label=plain.replace(SPELLINGS))
    fourth = named.filter(~pl.col("label").is_in(LABELS).fill_null(False))
    if len(fourth):
        line = fourth.row(0, named=True)["line"]
        given = told.filter(pl.col("line") == line)["label"].item()
        raise DataError(
            f"{where}, line {line}: {given!r} is no label ({len(fourth)} such lines). Say one of: {', '.join(LABELS)}."
        )
    a, b = (products.rows(named[name].to_list()) for name in ("product_a", "product_b"))
    rows = named.with_columns(a=pl.Series(a, dtype=pl.Int64), b=pl.Series(b, dtype=pl.Int64))
    if (same := rows.filter(pl.col("a") == pl.col("b"))).height:
        line = same["line"][0]
        raise DataError(f"{where}, line {line}: a product beside itself ({same['product_a'][0]}). Name two.")
    ordered = rows.select(
        a=pl.min_horizontal("a", "b"), b=pl.max_horizontal("a", "b"), label="label", line="line"
    )  # fmt: skip
    torn = ordered.filter(pl.col("label").n_unique().over("a", "b") > 1).sort("a", "b", "line")
    if len(torn):
        one, other = torn.head(2).iter_rows(named=True)
        pair = " and ".join(map(str, products.ids([one["a"], one["b"]]).to_list()))
        raise DataError(
            f"{where}, lines {one['line']} and {other['line']}: {pair} are {one['label']!r} and {other['label']!r}. "
            "Keep one of them."
        )
    return ordered.unique(["a", "b"], keep="first", maintain_order=True)


def keep_labels(shop: Shop, labels: pl.DataFrame, replace: bool = False) -> pl.DataFrame:
    """Add labels to those that the shop has, and return all of them as ids.

    Parameters
    ----------
    labels : as `read_labels` gives them
    replace : a new label wins over an old one of the same pair; else that is an error

    Raises
    ------
    DataError : a pair that has another label already
    ShopError : the disk is full; the labels are as they were
    """
    products = shop.products()["product_id"]
    ids = labels.select(
        product_a=products.gather(labels["a"]), product_b=products.gather(labels["b"]), label=labels["label"]
    )
    with folder_lock(shop.folder, "label"):
        old = stored_labels(shop)
        clash = old.join(ids, on=["product_a", "product_b"], how="inner", suffix="_new").filter(
            pl.col("label") != pl.col("label_new")
        )
        if len(clash) and not replace:
            a, b, was, _, now = clash.row(0)
            raise DataError(
                f"{shop.folder}: {a} and {b} are {was!r} already, and now {now!r} ({len(clash)} such pairs). "
                "Pass --replace to let the new labels win."
            )
        fresh = ids.with_columns(since=pl.lit(datetime.now(UTC).replace(tzinfo=None)).cast(pl.Datetime("us")))
        kept = old.join(ids, on=["product_a", "product_b"], how="anti", maintain_order="left")
        every = pl.concat([kept, fresh.select(old.columns)])
        with file_aside(shop.folder / "data" / FILE) as aside, disk_errors(shop.folder / "data" / FILE):
            every.write_parquet(aside)
    return every


def stored_labels(shop: Shop) -> pl.DataFrame:
    """product_a, product_b, label, since; no rows where nothing was said yet.

    Raises
    ------
    DataError : the file is damaged
    """
    file = shop.folder / "data" / FILE
    kind = shop.products().schema["product_id"]
    schema: dict[str, Any] = {"product_a": kind, "product_b": kind, "label": pl.String, "since": pl.Datetime("us")}
    if not file.is_file():
        return pl.DataFrame(schema=schema)
    try:
        return pl.read_parquet(file).select(pl.col(name).cast(dtype) for name, dtype in schema.items())
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataError(f"{file}: cannot be read ({error}). Restore it, or remove it and label again.") from error


def labels_of(shop: Shop, products: Vocabulary) -> pl.DataFrame:
    """The shop's labels as rows of these products; pairs of products that are not among them are left out."""
    stored = stored_labels(shop)
    known = stored.filter(
        pl.col("product_a").is_in(products.series.implode()) & pl.col("product_b").is_in(products.series.implode())
    )
    a, b = (products.rows(known[name]) for name in ("product_a", "product_b"))
    return pl.DataFrame(
        {"a": a, "b": b, "label": known["label"]}, schema={"a": pl.Int64, "b": pl.Int64, "label": pl.String}
    )


def _column(path: Path, headers: Sequence[str], spellings: Sequence[str]) -> str:
    plain = {header.strip().lower().replace(" ", "_"): header for header in headers}
    found = next((plain[name] for name in spellings if name in plain), None)
    if found is None:
        raise ColumnError(
            f"{path}: no column {spellings[0]} (found: {', '.join(headers) or 'none'}). "
            "The first line must name product_a, product_b and label."
        )
    return found
