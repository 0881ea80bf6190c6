"""Ids outside, rows inside: the one place where the two meet."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

import numpy as np
import polars as pl
from numpy.typing import NDArray

from goeswith.errors import UnknownId


class Vocabulary:
    """The ids of a shop in a fixed order; row r is ids[r].

    Ids keep the type of the user's files. A lookup forgives a number given as text, and the reverse, because a
    command line knows text only.

    Examples
    --------
    >>> products = Vocabulary(pl.Series(["007", "8"]), kind="product")
    >>> products.rows(["8"])
    array([1])
    >>> products.ids([0]).to_list()
    ['007']
    """

    def __init__(self, ids: pl.Series, kind: str) -> None:
        self.series, self.kind = ids, kind
        self._row = {value: row for row, value in enumerate(ids.to_list())}

    def __len__(self) -> int:
        return len(self.series)

    def __contains__(self, value: object) -> bool:
        return self._find(value) is not None

    def _find(self, value: object) -> int | None:
        row = self._row.get(value)
        if row is not None or isinstance(value, bool):
            return row
        if isinstance(value, str) and self.series.dtype.is_integer():
            return self._row.get(int(value)) if value.removeprefix("-").isdecimal() else None
        return self._row.get(str(value)) if self.series.dtype == pl.String else None

    def rows(self, values: Iterable[object], unknown: str = "error") -> NDArray[np.int64]:
        """Rows of these ids, in their order.

        Parameters
        ----------
        unknown : "error" raises, "skip" leaves unknown ids out

        Raises
        ------
        UnknownId : names the ids, with near matches for the first
        """
        wanted = list(values)
        found = [self._find(value) for value in wanted]
        missing = [value for value, row in zip(wanted, found, strict=True) if row is None]
        if missing and unknown != "skip":
            raise UnknownId(self.kind, missing, self.near(missing[0]))
        return np.array([row for row in found if row is not None], dtype=np.int64)

    def ids(self, rows: Sequence[int] | NDArray[np.integer]) -> pl.Series:
        return self.series.gather(np.asarray(rows, dtype=np.int64))

    def near(self, value: object, n: int = 3) -> list[str]:
        """Ids that are spelt like this one; at most 50,000 are looked at."""
        return get_close_matches(str(value), [str(v) for v in self.series.head(50_000).to_list()], n=n, cutoff=0.6)
