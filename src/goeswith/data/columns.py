"""Which of the user's columns is which of ours: by header first, then by content, shown, and overridable."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

import polars as pl

from goeswith.data.headers import EVENTS, PRODUCTS, loosely, rank_of
from goeswith.data.kinds import are_kinds, are_numbered_kinds
from goeswith.data.times import is_position, share_of_times, share_true
from goeswith.errors import ColumnError

SAMPLE = 2000  # rows that content is judged on
KNOWN = {"products": PRODUCTS, "events": EVENTS}


@dataclass(frozen=True)
class ColumnMap:
    """Ours to theirs for one table, and how each was found: "header", "content", "given" or "computed".

    Examples
    --------
    >>> print(ColumnMap("events", {"product_id": "StockCode"}, {"product_id": "header"}))
    product_id <- StockCode, by header
    """

    what: str
    theirs: dict[str, str]
    found: dict[str, str] = field(default_factory=dict)

    def __contains__(self, ours: str) -> bool:
        return ours in self.theirs

    def __getitem__(self, ours: str) -> str:
        return self.theirs[ours]

    def __str__(self) -> str:
        how = {"given": "as given", "computed": "computed"}
        return "\n".join(
            f"{ours} <- {theirs}, {how.get(self.found.get(ours, ''), 'by ' + self.found.get(ours, 'header'))}"
            for ours, theirs in self.theirs.items()
        )

    def with_column(self, ours: str, theirs: str, how: str) -> "ColumnMap":
        return ColumnMap(self.what, {**self.theirs, ours: theirs}, {**self.found, ours: how})


def recognise(
    what: str, sample: pl.DataFrame, given: Mapping[str, str] | None = None, catalogue: pl.Series | None = None
) -> ColumnMap:
    """The column map of a table.

    Parameters
    ----------
    what : "products" or "events"
    sample : some of its rows, under the user's headers
    given : ours to theirs; wins over every guess
    catalogue : for events, the known product ids; a column that holds them is recognised by that
    """
    theirs: dict[str, str] = dict(given or {})
    found = dict.fromkeys(theirs, "given")
    for ours, header in _by_header(what, sample, theirs).items():
        theirs[ours], found[ours] = header, "header"
    if what == "events":
        if catalogue is not None and "product_id" not in (given or {}):
            _correct_by_catalogue(sample, theirs, found, catalogue)
        _events_by_content(sample, theirs, found)
    else:
        _products_by_content(sample, theirs, found)
    order = [ours for ours in KNOWN[what] if ours in theirs]
    return ColumnMap(what, {ours: theirs[ours] for ours in order}, found)


def given_for(what: str, columns: Mapping[str, str] | None, headers: list[str]) -> dict[str, str]:
    """The part of the user's `columns` that is meant for this table: "events.price" for events alone, "price" for
    whichever table has that header."""
    mine = {}
    for ours, theirs in (columns or {}).items():
        table, _, name = ours.rpartition(".")
        if table in ("", what) and theirs in headers and name in KNOWN[what]:
            mine[name] = theirs
    return mine


def check_given(columns: Mapping[str, str] | None, headers: Mapping[str, list[str]]) -> None:
    """Every entry of `columns` names a column of ours and one of theirs.

    Raises
    ------
    ColumnError : names the entry, and what is near it
    """
    for ours, theirs in (columns or {}).items():
        table, _, name = ours.rpartition(".")
        tables = [table] if table else [t for t in headers if t in KNOWN]
        known = sorted({c for t in tables for c in KNOWN.get(t, {})})
        if name not in known:
            near = get_close_matches(name, known, n=3) or known
            raise ColumnError(f"columns: goeswith has no column {ours!r}. Did you mean {', '.join(near)}?")
        present = [header for t in tables for header in headers.get(t, [])]
        if theirs not in present:
            near = get_close_matches(theirs, present, n=3, cutoff=0.4)
            shown = list(dict.fromkeys([*near, *present]))[:12]
            raise ColumnError(
                f"columns: {ours} should be {theirs!r}, but there is no such column. There are: {', '.join(shown)}."
            )


def _by_header(what: str, sample: pl.DataFrame, taken: Mapping[str, str]) -> dict[str, str]:
    free = [header for header in sample.columns if header not in taken.values()]
    chosen: dict[str, str] = {}
    for loose in (False, True):
        for ours, names in KNOWN[what].items():
            if ours in taken or ours in chosen:
                continue
            left = [h for h in free if h not in chosen.values() and _plausible(what, ours, sample[h])]
            if loose:
                fits = [h for h in left if loosely(h, ours)]
            else:
                ranked = [(rank_of(h, names), h) for h in left]
                fits = [h for _, h in sorted((r, h) for r, h in ranked if r is not None)]
            if fits:
                chosen[ours] = fits[0]
    return chosen


def _plausible(what: str, ours: str, values: pl.Series) -> bool:
    """Whether the content allows what the header says."""
    if values.null_count() == len(values):
        return False
    if ours == "timestamp":
        return share_of_times(values) >= 0.5
    if ours == "position":
        return is_position(values)
    if what == "events" and ours == "event":
        return are_kinds(values) or (values.name.lower() == "behavior_type" and are_numbered_kinds(values))
    if ours in ("price", "quantity", "line_total", "discount", "rating", "latitude", "longitude", "stock"):
        return _share_of_numbers(values) >= 0.5
    if ours == "name":
        return values.dtype == pl.String
    return True


def _share_of_numbers(values: pl.Series) -> float:
    present = values.drop_nulls()
    if present.dtype.is_numeric():
        return 1.0
    digits = present.cast(pl.String).str.replace_all(r"[\s,.£$€¥￥元+-]|USD|EUR|GBP|CNY", "")
    return share_true(digits.str.contains(r"^\d+$"))


def _correct_by_catalogue(
    sample: pl.DataFrame, theirs: dict[str, str], found: dict[str, str], catalogue: pl.Series
) -> None:
    """Take for product_id the column whose values are in the catalogue, if the header's choice holds none of them."""
    known = catalogue.cast(pl.String).unique()

    def share(header: str) -> float:
        values = sample[header].drop_nulls().cast(pl.String, strict=False)
        return share_true(values.is_in(known.implode()))

    chosen = theirs.get("product_id")
    if chosen is not None and share(chosen) > 0:
        return
    free = [h for h in sample.columns if h == chosen or h not in theirs.values()]
    best = max(free, key=share, default=None)
    if best is not None and best != chosen and share(best) >= 0.5:
        theirs["product_id"], found["product_id"] = best, "content"


def _events_by_content(sample: pl.DataFrame, theirs: dict[str, str], found: dict[str, str]) -> None:
    def free() -> list[str]:
        return [header for header in sample.columns if header not in theirs.values()]

    if "timestamp" not in theirs:
        times = [h for h in free() if share_of_times(sample[h]) >= 0.9]
        if times:
            theirs["timestamp"], found["timestamp"] = times[0], "content"
    if "event" not in theirs:
        kinds = [h for h in free() if sample[h].dtype == pl.String and are_kinds(sample[h])]
        if kinds:
            theirs["event"], found["event"] = kinds[0], "content"


def _products_by_content(sample: pl.DataFrame, theirs: dict[str, str], found: dict[str, str]) -> None:
    free = [h for h in sample.columns if h not in theirs.values()]
    if "product_id" not in theirs:
        codes = [
            h for h in free
            if not sample[h].dtype.is_float() and sample[h].null_count() == 0 and sample[h].is_unique().all()
            and share_true(sample[h].cast(pl.String).str.contains(" ", literal=True)) <= 0.2
        ]  # fmt: skip
        if codes and len(sample) > 1:
            theirs["product_id"], found["product_id"] = codes[0], "content"
