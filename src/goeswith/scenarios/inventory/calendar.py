"""Time as a shop plans it: days, or weeks from Monday."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

By = Literal["day", "week"]
LENGTH: dict[str, int] = {"day": 1, "week": 7}
"""Days in a period."""
SEASON: dict[str, tuple[int, ...]] = {"day": (7, 28), "week": (52, 4)}
"""Periods after which a pattern comes again; the first that the history holds once is used."""


@dataclass(frozen=True)
class Calendar:
    """Whole periods in a row.

    first : the day on which period 0 begins
    n : periods that are over
    """

    first: date
    n: int
    by: By

    @property
    def days(self) -> int:
        return LENGTH[self.by]

    def start(self, period: int) -> date:
        """The day on which a period begins; periods after the last one are the future.

        >>> Calendar(date(2024, 1, 1), 5, "week").start(5)
        datetime.date(2024, 2, 5)
        """
        return self.first + timedelta(days=period * self.days)

    def starts(self, first: int, n: int) -> list[date]:
        return [self.start(first + step) for step in range(n)]

    def number(self, time: pl.Expr) -> pl.Expr:
        """The period of a moment or a day."""
        return (time.cast(pl.Date) - pl.lit(self.first)).dt.total_days().floordiv(self.days).cast(pl.Int32)

    def season(self) -> int:
        """Periods of the longest pattern that this history holds once; 1 where it holds none."""
        return next((length for length in SEASON[self.by] if self.n >= length), 1)

    def until(self, n: int) -> "Calendar":
        return Calendar(self.first, n, self.by)

    def marked(self, days: Sequence[date], horizon: int) -> NDArray[np.float32]:
        """(n + horizon,), the share of a period's days that are marked, as holidays are."""
        marks = np.zeros(self.n + horizon, np.float32)
        for day in set(days):
            at = (day - self.first).days // self.days
            if 0 <= at < len(marks):
                marks[at] += 1 / self.days
        return marks


def whole_periods(first: datetime, last: datetime, by: By) -> Calendar:
    """The periods that these moments cover wholly; a week or day that has begun only is left out.

    A log ends some time on its last day, and begins some time on its first: both days count as whole.

    >>> whole_periods(datetime(2024, 1, 1, 9), datetime(2024, 2, 7, 9), "week")
    Calendar(first=datetime.date(2024, 1, 1), n=5, by='week')
    """
    start, end = first.date(), last.date() + timedelta(days=1)
    if by == "week":
        start += timedelta(days=-start.weekday() % 7)
    return Calendar(start, max((end - start).days // LENGTH[by], 0), by)
