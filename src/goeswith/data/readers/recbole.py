"""RecBole's atomic files: .inter, .item, .text, and histories written as sequences.

A sequence file holds for each customer many lines `history -> next`, each the beginning of a longer one. Counting all
of them would count the first purchases many times; only the longest line of each customer is a history.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import polars as pl

from goeswith.data.headers import words
from goeswith.data.readers.numbering import ROW, numbered
from goeswith.data.readers.source import Table, existing_file, open_table
from goeswith.errors import DataError

_ORDER = ("train", "valid", "dev", "test")


def is_recbole(path: Path) -> bool:
    """Whether the headers carry RecBole's types, as in user_id:token."""
    if not path.is_file() or path.name.endswith(".gz"):
        return False
    with open(path, "rb") as file:
        header = file.readline(4096)
    return b":token" in header or (path.suffix == ".inter" and b":float" in header)


def read_interactions(paths: Sequence[Path], scratch: Path) -> list[Table]:
    """One table for all sequence files together, and one for each plain .inter file.

    Ids that are numbers of rows (X.item2index, X.user2index beside the files) become the ids that X.text uses.
    """
    ordered = sorted(paths, key=lambda path: (_place(path), path.name))
    tables = [(path, open_table(path, "events", scratch)) for path in ordered]
    sequences = [(path, table) for path, table in tables if _column(table, "itemidlist")]
    plain = [(path, table) for path, table in tables if not _column(table, "itemidlist")]
    read = [_with_names(_with_position(table), path) for path, table in plain]
    if sequences:
        read.append(_with_names(_histories([table for _, table in sequences]), sequences[0][0]))
    return read


def catalogue_beside(paths: Sequence[Path]) -> Path | None:
    """X.item or X.text beside X.train.inter, if there is one."""
    for path in paths:
        for ending in (".item", ".text"):
            beside = path.with_name(_dataset(path) + ending)
            if beside.is_file():
                return beside
    return None


def _histories(tables: Sequence[Table]) -> Table:
    read = [
        table.rows.select(
            user_id=_required(table, "userid"),
            history=_required(table, "itemidlist").str.split(" "),
            target=_required(table, "itemid"),
            file=pl.lit(place),
        ).collect()
        for place, table in enumerate(tables)
    ]
    lines = pl.concat(read)
    whole = lines.with_columns(sequence=pl.concat_list(pl.col("history").fill_null([]), pl.col("target")))
    longest = (
        whole.with_columns(length=pl.col("sequence").list.len())
        .sort(["length", "file"], descending=True, maintain_order=True)
        .unique("user_id", keep="first", maintain_order=True)
    )
    events = (
        longest.join(lines.select("user_id").unique(maintain_order=True).with_row_index("u"), on="user_id").sort("u")
        .select("user_id", item_id="sequence", position=pl.int_ranges(1, pl.col("length").cast(pl.Int64) + 1))
        .explode("item_id", "position")
        .filter(pl.col("item_id").is_not_null() & (pl.col("item_id") != ""))
    )  # fmt: skip
    note = "come from lines of histories; of each customer the longest line counts, once"
    return Table(
        " + ".join(table.name for table in tables), numbered(events.lazy()), is_text=True, notes={note: len(events)}
    )


def _with_position(table: Table) -> Table:
    """Where there is no time, the order of a customer's lines is the order of events."""
    headers = {"".join(words(header)) for header in table.headers}
    if headers & {"timestamp", "time", "datetime", "date", "position"}:
        return table
    user = _column(table, "userid")
    order = pl.int_range(1, pl.len() + 1)
    return replace(table, rows=table.rows.with_columns(position=order.over(user) if user else order))


def _with_names(table: Table, path: Path) -> Table:
    """Row numbers replaced by the names that the index files give them."""
    rows = table.rows
    for ours, ending in (("itemid", ".item2index"), ("userid", ".user2index")):
        column, index = _column(table, ours), path.with_name(_dataset(path) + ending)
        if column is None or not index.is_file():
            continue
        names = _index(index)
        known = rows.join(names.rename({"index": column}), on=column, how="left", maintain_order="left")
        rows = known.with_columns(pl.coalesce("name", column).alias(column)).drop("name")
    return replace(table, rows=rows)


def _index(path: Path) -> pl.LazyFrame:
    existing_file(path, "events")
    pairs = pl.read_csv(path, separator="\t", has_header=False, infer_schema=False)
    if pairs.width != 2:
        raise DataError(f"{path}: an index file has two columns, the id and its number; this one has {pairs.width}.")
    return pairs.rename(dict(zip(pairs.columns, ("name", "index"), strict=True))).lazy()


def _required(table: Table, name: str) -> pl.Expr:
    column = _column(table, name)
    if column is None:
        raise DataError(f"{table.name}: a RecBole sequence file needs user_id, item_id_list and item_id.")
    return pl.col(column)


def _column(table: Table, name: str) -> str | None:
    return next((header for header in table.headers if header != ROW and "".join(words(header)) == name), None)


def _dataset(path: Path) -> str:
    return path.name.split(".")[0]


def _place(path: Path) -> int:
    parts = path.name.lower().split(".")
    return next((place for place, word in enumerate(_ORDER) if word in parts), len(_ORDER))
