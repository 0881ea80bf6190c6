"""When a day's points are reached, by one simple rule; what the solver says is checked against it."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

from goeswith.scenarios.itinerary.orienteering import Field


@dataclass(frozen=True)
class Stay:
    """A point and when somebody is there, seconds after midnight."""

    point: int
    arrives: int
    begins: int
    ends: int


@dataclass(frozen=True)
class Pause:
    """A meal. number : which of the day's; after : how many points were seen before it"""

    number: int
    after: int
    begins: int
    ends: int


@dataclass(frozen=True)
class Timetable:
    stays: tuple[Stay, ...]
    pauses: tuple[Pause, ...]
    leaves: int
    home: int


def timetable(field: Field, day: int, order: Sequence[int]) -> Timetable | None:
    """The earliest day with these points in this order and every meal in its window, or None where there is none.

    A meal may be had on the way: whoever gets hungry between two points stops there.
    """
    places = range(len(order) + 1)
    every = [made for legs in combinations_with_replacement(places, len(field.days[day].meals))
             if (made := _with_meals(field, day, order, legs)) is not None]  # fmt: skip
    return min(every, key=lambda made: made.home, default=None)


def _with_meals(field: Field, day: int, order: Sequence[int], legs: Sequence[int]) -> Timetable | None:
    """legs : (meals,) on which leg each is had; leg 0 leads to the first point, the last one home"""
    outing = field.days[day]
    now, here = outing.starts, None
    stays, pauses = [], []
    for leg, point in enumerate([*order, None]):
        travel = _travel(field, here, point)
        left, now = now, now + travel
        for number in (number for number, at in enumerate(legs) if at == leg):
            earliest, latest, length = outing.meals[number]
            begins = max(left, earliest)
            if begins > latest:
                return None
            now = max(now, earliest) + length
            left = begins + length
            pauses.append(Pause(number, leg, begins, begins + length))
        if point is None:
            break
        opened = _begin(outing.open[point], now, int(field.stay[point]))
        if opened is None:
            return None
        stays.append(Stay(point, now, opened, opened + int(field.stay[point])))
        now, here = stays[-1].ends, point
    if now > outing.ends:
        return None
    leaves = outing.starts
    if stays and not any(pause.after == 0 for pause in pauses):
        leaves = stays[0].begins - _travel(field, None, order[0])  # nobody waits before a door that is still closed
        stays[0] = Stay(stays[0].point, stays[0].begins, stays[0].begins, stays[0].ends)
    return Timetable(tuple(stays), tuple(pauses), leaves, now)


def _travel(field: Field, a: int | None, b: int | None) -> int:
    if a is None:
        return 0 if b is None else int(field.out[b])
    return int(field.home[a]) if b is None else int(field.travel[a, b])


def _begin(spans: Sequence[tuple[int, int]], now: int, stay: int) -> int | None:
    return min((max(now, opens) for opens, closes in spans if max(now, opens) + stay <= closes), default=None)


def violations(field: Field, day: int, made: Timetable) -> list[str]:
    """Every rule that a day breaks, checked step by step and not by how it was made."""
    outing, found = field.days[day], []
    if made.leaves < outing.starts or made.home > outing.ends:
        found.append("the day is longer than it may be")
    for stay in made.stays:
        if stay.ends - stay.begins != field.stay[stay.point]:
            found.append(f"point {stay.point}: the stay has another length")
        if not any(opens <= stay.begins and stay.ends <= closes for opens, closes in outing.open[stay.point]):
            found.append(f"point {stay.point}: it is closed")
    for before, after in zip(made.stays, made.stays[1:], strict=False):
        pauses = sum(p.ends - p.begins for p in made.pauses if before.ends <= p.begins < after.begins)
        if after.begins - before.ends < field.travel[before.point, after.point] + pauses:
            found.append(f"from {before.point} to {after.point} there is not enough time")
    if made.stays:
        first, last = made.stays[0], made.stays[-1]
        before_first = sum(p.ends - p.begins for p in made.pauses if p.begins < first.begins)
        after_last = sum(p.ends - p.begins for p in made.pauses if p.begins >= last.ends)
        if first.begins - made.leaves < field.out[first.point] + before_first:
            found.append("the first point is reached too soon")
        if made.home - last.ends < field.home[last.point] + after_last:
            found.append("the end is reached too soon")
    for pause in made.pauses:
        earliest, latest, length = outing.meals[pause.number]
        if not earliest <= pause.begins <= latest or pause.ends - pause.begins != length:
            found.append(f"meal {pause.number} lies outside its time")
        if any(stay.begins < pause.ends and pause.begins < stay.ends for stay in made.stays):
            found.append(f"meal {pause.number} falls into a stay")
    if len({pause.number for pause in made.pauses}) != len(outing.meals):
        found.append("a meal is missing")
    return found
