"""Times of a day, in seconds after its midnight."""

import re

from goeswith.errors import DataError

DAY = 24 * 3600
_WRITTEN = re.compile(r"^\s*(\d{1,2})(?:[:.h](\d{2}))?(?::(\d{2}))?\s*$")


def seconds_of(text: str, where: str) -> int:
    """
    >>> seconds_of("8:30", "stops.csv"), seconds_of("24:00", "stops.csv")
    (30600, 86400)
    """
    found = _WRITTEN.match(text)
    hours, minutes, seconds = (int(part or 0) for part in found.groups()) if found else (99, 0, 0)
    total = 3600 * hours + 60 * minutes + seconds
    if minutes > 59 or seconds > 59 or total > DAY:
        raise DataError(f"{where}: {text!r} is not a time of day. Write it as 08:30.")
    return total


def hour_and_minute(seconds: float) -> str:
    """
    >>> hour_and_minute(30_629), hour_and_minute(90_000)
    ('08:30', '25:00')
    """
    minutes = int(seconds // 60)
    return f"{minutes // 60:02}:{minutes % 60:02}"
