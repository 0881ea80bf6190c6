"""The catalogue as it is sold now: the model's, with what was changed, added or withdrawn since it was fitted."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from goeswith.data.vocabulary import Vocabulary
from goeswith.errors import UnknownId
from goeswith.ranking.rules import runs_out, says_no
from goeswith.serve.filters import Filter, mask, parsed

NEIGHBOURS = 150
"""Ids on either side of where an unknown one would stand, among which near matches are looked for."""


@dataclass(frozen=True)
class Change:
    """One product as the service knows it beyond the shop's files."""

    product_id: str
    data: Mapping[str, Any]
    withdrawn: bool = False


class Catalogue:
    """Row i is item i of the model; newcomers follow.

    frame : (products,), product_id, name and what else is known
    n_items : products that the model knows
    """

    def __init__(self, products: pl.DataFrame, items: Vocabulary, changes: Sequence[Change] = ()) -> None:
        self.items, self.n_items = items, len(items)
        changed = [c for c in changes if c.product_id in items]
        new = [c for c in changes if c.product_id not in items]
        self.frame = _with(products, changed, [int(items.rows([c.product_id])[0]) for c in changed], new)
        self.changed_rows = [int(items.rows([c.product_id])[0]) for c in changed]
        self._new = {c.product_id: self.n_items + at for at, c in enumerate(new)}
        gone = [c for c in changes if c.withdrawn]
        self.withdrawn = np.zeros(len(self.frame), bool)
        self.withdrawn[[self.row(c.product_id) for c in gone]] = True
        self.names: list[str] = self.frame["name"].cast(pl.String).fill_null("").to_list()
        self.ids: list[Any] = [*items.series.to_list(), *self._new]

    def __len__(self) -> int:
        return len(self.frame)

    def find(self, product: object) -> int | None:
        row = self.items._find(product)
        return self._new.get(str(product)) if row is None else row

    def row(self, product: object) -> int:
        """
        Raises
        ------
        UnknownId : with near matches
        """
        found = self.find(product)
        if found is None:
            raise UnknownId("product", [product], self.near(product))
        return found

    def rows(self, products: Iterable[object]) -> NDArray[np.int64]:
        wanted = list(products)
        found = [self.find(product) for product in wanted]
        missing = [p for p, row in zip(wanted, found, strict=True) if row is None]
        if missing:
            raise UnknownId("product", missing, self.near(missing[0]))
        return np.array(found, dtype=np.int64)

    def near(self, value: object, n: int = 3) -> list[str]:
        return near_ids(str(value), self._sorted, self._sorted_by_end, n)

    def product(self, row: int) -> dict[str, Any]:
        values = self.frame.row(row, named=True)
        return {key: value for key, value in values.items() if value is not None} | {"product_id": self.ids[row]}

    def met(self, text: str) -> NDArray[np.bool_]:
        """(products,), which meet a filter; the last few filters are remembered."""
        return self._met(text)

    @cached_property
    def unavailable(self) -> NDArray[np.bool_]:
        has = "available" in self.frame.columns
        return says_no(self.frame["available"]) if has else np.zeros(len(self), bool)

    @cached_property
    def out_of_stock(self) -> NDArray[np.bool_]:
        return runs_out(self.frame["stock"]) if "stock" in self.frame.columns else np.zeros(len(self), bool)

    @cached_property
    def lower_names(self) -> pl.Series:
        return self.frame["name"].cast(pl.String).fill_null("").str.to_lowercase()

    @cached_property
    def _met(self) -> Any:
        return lru_cache(maxsize=200)(lambda text: mask(_tree(text), self.frame))

    @cached_property
    def _sorted(self) -> list[str]:
        return sorted(map(str, self.ids))

    @cached_property
    def _sorted_by_end(self) -> list[str]:
        return sorted(str(i)[::-1] for i in self.ids)


def near_ids(value: str, ordered: Sequence[str], ordered_by_end: Sequence[str], n: int = 3) -> list[str]:
    """Ids spelt like this one, among those that begin or end like it: a few hundred are looked at, of any number.

    Examples
    --------
    >>> ids = ["basil", "bread", "butter"]
    >>> near_ids("bread1", ids, sorted(i[::-1] for i in ids))
    ['bread']
    """
    short = value[:100]
    at, back = bisect_left(ordered, short), bisect_left(ordered_by_end, short[::-1])
    some = ordered[max(at - NEIGHBOURS, 0) : at + NEIGHBOURS]
    ends = ordered_by_end[max(back - NEIGHBOURS, 0) : back + NEIGHBOURS]
    return get_close_matches(short, [*dict.fromkeys([*some, *(end[::-1] for end in ends)])], n=n, cutoff=0.6)


def _tree(text: str) -> Filter:
    return parsed(text)


def _with(products: pl.DataFrame, changed: list[Change], rows: list[int], new: list[Change]) -> pl.DataFrame:
    if not changed and not new:
        return products
    columns = {name: None for c in (*changed, *new) for name in c.data if name != "product_id"}
    frame = products.with_columns(product_id=pl.col("product_id").cast(pl.String))
    updates = {}
    for name in [*frame.columns, *(c for c in columns if c not in frame.columns)]:
        old = frame[name] if name in frame.columns else pl.Series(name, [None] * len(frame))
        told = [(row, c.data[name]) for row, c in zip(rows, changed, strict=True) if name in c.data]
        added = [c.product_id if name == "product_id" else c.data.get(name) for c in new]
        if not told and not added:
            updates[name] = old
            continue
        dtype = _common(old.dtype, [value for _, value in told] + added)
        values = old.cast(dtype, strict=False).to_list()
        for row, value in told:
            values[row] = value
        updates[name] = pl.Series(name, [*values, *added], dtype=dtype, strict=False)
    whole = pl.DataFrame(list(updates.values()))
    return whole.with_columns(name=pl.col("name").cast(pl.String).fill_null(""))


def _common(dtype: pl.DataType, values: list[Any]) -> pl.DataType:
    """A type that holds the old values and the new ones."""
    told = [value for value in values if value is not None]
    are_truths = all(isinstance(value, bool) for value in told)
    are_numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in told)
    if dtype == pl.Null:
        return pl.Boolean() if are_truths and told else pl.Float64() if are_numbers and told else pl.String()
    if not told or (dtype == pl.Boolean and are_truths):
        return dtype
    if dtype.is_numeric() and are_numbers:
        is_whole = dtype.is_integer() and all(isinstance(value, int) for value in told)
        return dtype if is_whole else pl.Float64()
    return pl.String()
