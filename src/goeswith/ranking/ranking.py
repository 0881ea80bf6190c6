"""The one answer that every ranking verb gives."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, overload
from unicodedata import east_asian_width

import numpy as np
import polars as pl
from numpy.typing import NDArray

from goeswith.errors import UsageError


@dataclass(frozen=True, eq=False, repr=False)
class Ranking:
    """Products in order, best first. Stable.

    ids : product ids, as in the user's files
    scores : (n,), what the order was made of; no unit, comparable within one ranking only
    probabilities : (n,), between 0 and 1; NaN where none could be given
    kinds : "complement", "substitute" or "both", one a product
    reasons : short reasons, one list a product; the list may be empty
    names : product names

    Raises
    ------
    UsageError : the six are not equally long

    Examples
    --------
    >>> ranking = Ranking(
    ...     ["basil", "bread"],
    ...     np.array([2.0, 1.0]),
    ...     np.array([0.5, 0.125]),
    ...     ["complement"] * 2,
    ...     [["in 4 of 8 baskets"], []],
    ...     ["Fresh Basil", "Sourdough Bread"],
    ... )
    >>> ranking
    rank  id     name             probability  kind        reason
       1  basil  Fresh Basil           50.0 %  complement  in 4 of 8 baskets
       2  bread  Sourdough Bread       12.5 %  complement
    >>> list(ranking)
    ['basil', 'bread']
    >>> len(ranking[:1])
    1
    """

    ids: Sequence[Any]
    scores: NDArray[np.float64]
    probabilities: NDArray[np.float64]
    kinds: Sequence[str]
    reasons: Sequence[list[str]]
    names: Sequence[str]

    def __post_init__(self) -> None:
        lengths = {field: len(value) for field, value in vars(self).items()}
        if len(set(lengths.values())) > 1:
            raise UsageError(f"a ranking needs one of each for every product, got {lengths}")
        plain = [value.item() if isinstance(value, np.generic) else value for value in self.ids]
        object.__setattr__(self, "ids", plain)
        object.__setattr__(self, "scores", np.asarray(self.scores, dtype=np.float64))
        object.__setattr__(self, "probabilities", np.asarray(self.probabilities, dtype=np.float64))

    def __len__(self) -> int:
        return len(self.ids)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.ids)

    @overload
    def __getitem__(self, place: int) -> Any: ...
    @overload
    def __getitem__(self, place: slice) -> "Ranking": ...
    def __getitem__(self, place: int | slice) -> Any:
        """An id by its place from 0, or a part of the ranking."""
        if isinstance(place, slice):
            return Ranking(**{field: value[place] for field, value in vars(self).items()})
        return self.ids[place]

    def to_frame(self) -> pl.DataFrame:
        """rank (from 1), product_id, name, score, probability, kind, reasons (joined by "; ")."""
        return pl.DataFrame(
            {
                "rank": pl.Series(range(1, len(self) + 1), dtype=pl.Int64),
                "product_id": pl.Series(self.ids),
                "name": pl.Series(self.names, dtype=pl.String),
                "score": self.scores,
                "probability": self.probabilities,
                "kind": pl.Series(self.kinds, dtype=pl.String),
                "reasons": pl.Series(["; ".join(some) for some in self.reasons], dtype=pl.String),
            }
        )

    def to_dict(self) -> dict[str, Any]:
        """As `to_frame`, for JSON: a number that is not finite becomes None, reasons stay lists."""
        return {
            "products": [
                {
                    "rank": place + 1,
                    "product_id": self.ids[place],
                    "name": self.names[place],
                    "score": _finite(self.scores[place]),
                    "probability": _finite(self.probabilities[place]),
                    "kind": self.kinds[place],
                    "reasons": list(self.reasons[place]),
                }
                for place in range(len(self))
            ]
        }

    def __repr__(self) -> str:
        if not len(self):
            return "no products to show"
        rows = [("rank", "id", "name", "probability", "kind", "reason")]
        for place, product in enumerate(self.ids):
            reason = self.reasons[place][0] if self.reasons[place] else ""
            chance = percent(self.probabilities[place])
            rows.append((str(place + 1), str(product), self.names[place], chance, self.kinds[place], reason))
        return aligned(rows, right=(0, 3))


def percent(share: float) -> str:
    """A share as people read it: "12.5 %", "<0.1 %", "-" where there is none."""
    if not math.isfinite(share):
        return "-"
    return "<0.1 %" if 0 < share < 0.0005 else f"{100 * share:.1f} %"


def aligned(rows: Sequence[Sequence[str]], right: Sequence[int] = (), widest: int = 40) -> str:
    """Rows as columns of equal width, all but the last cut at `widest`; those in `right` end flush."""
    last = len(rows[0]) - 1
    cut = [[cell if at == last else _shortened(cell, widest) for at, cell in enumerate(row)] for row in rows]
    widths = [max(map(_width, column)) for column in zip(*cut, strict=True)]
    lines = []
    for row in cut:
        blanks = [" " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)]
        lines.append(
            "  ".join(b + c if at in right else c + b for at, (c, b) in enumerate(zip(row, blanks, strict=True)))
        )
    return "\n".join(line.rstrip() for line in lines)


def _width(text: str) -> int:
    """Columns on a terminal; Chinese characters take two."""
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)


def _shortened(text: str, widest: int) -> str:
    if _width(text) <= widest:
        return text
    while _width(text) > widest - 1:
        text = text[:-1]
    return text + "…"


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
