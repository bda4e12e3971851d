"""Days and instants of a zone, found by walking along its clock: slow, plain, and none of the engine's code.

All instants walked are whole quarters of an hour, as are all changes of clocks in the zones and years tested.
"""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from provisioning.core.period import BEGINNING, FIRST_DAY, FOREVER, LAST_DAY

QUARTER = 900  # seconds


def wall(instant: int, zone: ZoneInfo) -> datetime:
    """What a clock on the wall shows."""
    return datetime.fromtimestamp(instant, zone).replace(tzinfo=None)


def _around(moment: datetime) -> range:
    middle = int(moment.replace(tzinfo=UTC).timestamp())
    return range(middle - 2 * 86400, middle + 3 * 86400, QUARTER)


@lru_cache(maxsize=100_000)
def beginning(day: date, zone: ZoneInfo) -> int:
    """The first instant at which the wall shows this day, or a later one if it never shows this."""
    return next(instant for instant in _around(datetime.combine(day, time())) if wall(instant, zone).date() >= day)


@lru_cache(maxsize=100_000)
def showing(moment: datetime, zone: ZoneInfo) -> int:
    """The first instant at which the wall shows a moment; a skipped one is as long after the change as it is inside."""
    for instant in _around(moment):
        shown = wall(instant, zone)
        if shown == moment:
            return instant
        if shown > moment:
            before = instant - QUARTER
            return before + int((moment - wall(before, zone)).total_seconds())
    raise AssertionError(f"{moment} is never passed in {zone}")


def moved(instant: int, days: int, seconds: int, zone: ZoneInfo) -> int:
    """An instant so many days later on the wall, then seconds; a day's beginning stays a day's beginning."""
    if instant in (BEGINNING, FOREVER):
        return instant
    shown = wall(instant, zone)
    if days and beginning(shown.date(), zone) == instant:
        instant = beginning(shown.date() + timedelta(days=days), zone)
    elif days:
        instant = showing(shown + timedelta(days=days), zone)
    return instant + seconds


def bound(text: str | None, zone: ZoneInfo, last: bool) -> int:
    """The start (or, `last`, the end) that a source states: nothing, a day, or an instant."""
    if text is None:
        return FOREVER if last else BEGINNING
    day = date.fromisoformat(text[:10])
    if not FIRST_DAY < day < LAST_DAY:
        return BEGINNING if day <= FIRST_DAY else FOREVER
    if len(text) == 10:
        return beginning(day + timedelta(days=last), zone)
    return int(datetime.fromisoformat(text).timestamp())
