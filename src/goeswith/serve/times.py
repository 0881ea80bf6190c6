"""Moments as the service keeps them."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from goeswith.errors import UsageError

EARLIEST, LATEST = datetime(1970, 1, 2), datetime(9990, 1, 1)


def as_utc(moment: datetime) -> datetime:
    """Without a zone it is UTC already."""
    return _moved(moment, "UTC")


def in_zone(moment: datetime | None, zone: str, ahead: float) -> datetime:
    """When an event happened, in the shop's time zone, without a name for it; None is now.

    Raises
    ------
    UsageError : before 1970, or in the future
    """
    now = datetime.now(ZoneInfo(zone)).replace(tzinfo=None)
    if moment is None:
        return now
    told = _moved(moment, zone)
    if told > now + timedelta(seconds=ahead):
        raise UsageError(
            f"time: {told.isoformat(sep=' ', timespec='seconds')} lies in the future; here it is "
            f"{now.isoformat(sep=' ', timespec='seconds')} ({zone}). Mend the clock, or the zone."
        )
    return told


def _moved(moment: datetime, zone: str) -> datetime:
    plain = moment.replace(tzinfo=None)
    if not EARLIEST <= plain <= LATEST:
        raise UsageError(f"time: {plain.isoformat()} is not between 1970 and 9990.")
    return plain if moment.tzinfo is None else moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)


def utc_now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
