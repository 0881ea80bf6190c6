"""What a traveller asks for: days, must-sees, pace, meals, money."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from goeswith.errors import UsageError

Pace = Literal["relaxed", "normal", "brisk"]
PACES: dict[str, float] = {"relaxed": 1.3, "normal": 1.0, "brisk": 0.75}
"""How long a stay takes, of what it usually takes."""


@dataclass(frozen=True)
class Meal:
    """A pause that begins between two times of the day, in seconds after midnight."""

    name: str
    earliest: int
    latest: int
    seconds: int = 3600


LUNCH = Meal("lunch", 11 * 3600 + 1800, 13 * 3600 + 1800)
DINNER = Meal("dinner", 18 * 3600, 20 * 3600)


@dataclass(frozen=True)
class Day:
    """A day out. starts, ends : seconds after midnight; closed : product ids where weather or works allow nobody"""

    date: date
    starts: int = 9 * 3600
    ends: int = 18 * 3600
    closed: frozenset[object] = frozenset()


@dataclass(frozen=True)
class Request:
    """What is asked for.

    must, never : product ids; a must-see is in every plan, or there is none
    themes : that the traveller likes
    start, end : latitude and longitude of a hotel or a station; None where a day may begin and end anywhere
    budget : money for all days, None without limit
    most : points a day
    """

    days: tuple[Day, ...]
    must: tuple[object, ...] = ()
    never: tuple[object, ...] = ()
    themes: tuple[str, ...] = ()
    start: tuple[float, float] | None = None
    end: tuple[float, float] | None = None
    pace: Pace = "normal"
    meals: tuple[Meal, ...] = field(default=(LUNCH,))
    budget: float | None = None
    most: int | None = None

    def __post_init__(self) -> None:
        if not self.days:
            raise UsageError("A plan needs at least one day.")
        if self.pace not in PACES:
            raise UsageError(f"pace must be one of {', '.join(PACES)}; got {self.pace!r}.")
        for day in self.days:
            if day.ends <= day.starts:
                raise UsageError(f"{day.date}: the day ends before it starts. Swap or correct the two times.")
        if self.budget is not None and self.budget < 0:
            raise UsageError(f"budget cannot be below 0; got {self.budget:g}.")
        if self.most is not None and self.most < 1:
            raise UsageError(f"most must be at least 1; got {self.most}.")
        both = [one for one in self.must if one in self.never]
        if both:
            raise UsageError(f"{both[0]} is a must-see and never wanted at once. Take it off one of the lists.")

    def without(self, dropped: Sequence[object]) -> tuple[object, ...]:
        return tuple(one for one in self.must if one not in dropped)
