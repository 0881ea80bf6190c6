"""A request as it is typed: dates, times and lists of text."""

from collections.abc import Sequence
from datetime import date

from goeswith.errors import DataError, UsageError
from goeswith.scenarios.clock import seconds_of
from goeswith.scenarios.itinerary.request import DINNER, LUNCH, Day, Pace, Request

MEALS = {"lunch": LUNCH, "dinner": DINNER}


def request_of(
    dates: Sequence[str],
    begin: str,
    until: str,
    *,
    must: Sequence[str] = (),
    never: Sequence[str] = (),
    themes: Sequence[str] = (),
    start: str | None = None,
    end: str | None = None,
    pace: Pace = "normal",
    meals: Sequence[str] = ("lunch",),
    budget: float | None = None,
    most: int | None = None,
    closed: Sequence[str] = (),
) -> Request:
    """The request in these words.

    Parameters
    ----------
    closed : "P,P" on every day, "2024-05-01:P,P" on one

    Raises
    ------
    UsageError : a date, time, place or meal that is none; says how to write it
    """
    days = [_date(text) for text in dates] or [date.today()]
    twice = [day for at, day in enumerate(days) if day in days[:at]]
    if twice:
        raise UsageError(f"--date {twice[0]} is there twice. Name each day once.")
    shut: dict[date, set[object]] = {day: set() for day in days}
    for text in closed:
        when, colon, names = text.rpartition(":")
        chosen = [_date(when)] if colon else days
        for day in chosen:
            if day not in shut:
                raise UsageError(f"--closed {text}: {day} is none of the days. They are: {', '.join(map(str, days))}.")
            shut[day] |= {part for part in map(str.strip, names.split(",")) if part}
    try:
        starts, ends = seconds_of(begin, "--from"), seconds_of(until, "--until")
    except DataError as error:
        raise UsageError(str(error)) from error
    chosen_meals = [] if list(meals) == ["none"] else list(meals)
    for meal in chosen_meals:
        if meal not in MEALS:
            raise UsageError(f"--meals: {meal!r} is not known. Write lunch, dinner, both with a comma, or none.")
    return Request(
        tuple(Day(day, starts, ends, frozenset(shut[day])) for day in sorted(days)),
        tuple(must),
        tuple(never),
        tuple(themes),
        _place("--start", start),
        _place("--end", end),
        pace,
        tuple(MEALS[meal] for meal in chosen_meals),
        budget,
        most,
    )


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError as error:
        raise UsageError(f"--date {text!r} is no day. Write it as 2024-05-01.") from error


def _place(option: str, text: str | None) -> tuple[float, float] | None:
    if text is None:
        return None
    try:
        latitude, longitude = map(float, text.split(","))
    except ValueError as error:
        raise UsageError(f"{option} {text!r} is no place. Write latitude,longitude: 34.70,135.49") from error
    return latitude, longitude
