"""Instants, days and durations.

An `Instant` is whole seconds since 1970-01-01T00:00:00Z. Boundaries are instants; the dates of an affiliation
are days in the tenant's zone, so a boundary on the day the clocks change is where that zone's midnight is.
"""

import math
import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from provisioning.core.errors import InvalidError

Instant = int

BEGINNING: Final[Instant] = -62135596800  # 0001-01-01T00:00:00Z: has always been so
FOREVER: Final[Instant] = 253402300800  # 10000-01-01T00:00:00Z: no end is known
# Sources write 9999-12-31 for "open" and 1900-01-01 for "always"; zone arithmetic breaks at the ends of the
# calendar. Whatever lies outside these days is taken as open and flagged.
FIRST_DAY: Final = date(1900, 1, 2)
LAST_DAY: Final = date(2200, 1, 1)
DAY: Final = 86400

LONGEST_DAYS: Final = 999_999  # of one duration, and its longest time beside the days
LONGEST_SECONDS: Final = 999_999_999

# Written so that JSON Schema can say them too.
DURATION_PATTERN: Final = (
    "P(?=[0-9T])(?:([0-9]{1,4})W)?(?:([0-9]{1,6})D)?"
    "(?:T(?=[0-9])(?:([0-9]{1,5})H)?(?:([0-9]{1,6})M)?(?:([0-9]{1,9})S)?)?"
)
# A day, or RFC 3339 (section 5.6), of which seconds may be missing.
DATE_PATTERN: Final = (
    "[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,9})?)?(Z|[+-][0-9]{2}:[0-9]{2}))?"
)
_DURATION = re.compile(DURATION_PATTERN)
_DATE = re.compile(DATE_PATTERN)


class Period(NamedTuple):
    """`[start, end)` in instants; empty unless start < end."""

    start: Instant
    end: Instant


class Duration(NamedTuple):
    """Days by the calendar of a zone, then seconds by the clock."""

    days: int = 0
    seconds: int = 0

    def __str__(self) -> str:
        return f"P{self.days}DT{self.seconds}S"

    def __bool__(self) -> bool:
        return bool(self.days or self.seconds)


def parse_duration(text: str) -> Duration:
    """Read an ISO 8601 duration of weeks, days, hours, minutes and seconds: `P30D`, `P2W`, `PT12H`.

    Raises InvalidError. Months and years are refused: their length depends on where they begin.
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        raise InvalidError(f"{text!r} is not a duration", right="weeks, days or a time such as P2W, P30D, PT12H")
    weeks, days, hours, minutes, seconds = (int(group or 0) for group in match.groups())
    duration = Duration(weeks * 7 + days, hours * 3600 + minutes * 60 + seconds)
    if duration.days > LONGEST_DAYS or duration.seconds > LONGEST_SECONDS:  # it is written with as many digits
        raise InvalidError(
            f"{text!r} is too long a duration", right=f"at most {LONGEST_DAYS} days and {LONGEST_SECONDS} seconds"
        )
    return duration


# Many people begin and end on the same days, and days of a zone are what a decision would spend most on.
@lru_cache(maxsize=16384)
def shift(instant: Instant, duration: Duration, zone: ZoneInfo, sign: int = 1) -> Instant:
    """Move an instant forward (or back, sign -1): days keep the local time of day, seconds are exact.

    The beginning of a day moves to the beginning of a day, also where the clocks change at midnight and it is not at
    0:00. A time of day that the clocks skip is as much later as they skip. Out of the calendar is no boundary.
    """
    if not duration or instant <= BEGINNING or instant >= FOREVER:
        return instant
    moved = instant + sign * (duration.days * DAY + duration.seconds)
    if not BEGINNING + 2 * DAY < moved < FOREVER - 2 * DAY:
        return FOREVER if sign > 0 else BEGINNING
    if not duration.days:
        return moved
    local = datetime.fromtimestamp(instant, zone)
    target = local + timedelta(days=sign * duration.days)  # on the zone's clock, whatever it does between
    if local.hour == local.minute == local.second == 0 or instant == midnight(local, zone):
        return midnight(target, zone) + sign * duration.seconds
    return int(target.timestamp()) + sign * duration.seconds


def midnight(day: date, zone: ZoneInfo) -> Instant:
    """The instant at which a day begins in a zone: the first of that day.

    Where it has two midnights it is the former. A day that the zone skips begins where the next one does.
    """
    instant = int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp())
    local = datetime.fromtimestamp(instant, zone)
    inside = local.hour * 3600 + local.minute * 60 + local.second
    if not inside:
        return instant
    # 0:00 is in a gap, for which the offset from before was taken: the day began this long ago, or less.
    early, late = instant - inside, instant
    while late - early > 1:
        middle = (early + late) // 2
        began = datetime.fromtimestamp(middle, zone).toordinal() >= day.toordinal()
        early, late = (early, middle) if began else (middle, late)
    return late


def parse_start(text: str, zone: ZoneInfo) -> tuple[Instant, bool]:
    """The instant at which `text` (a day, or an RFC 3339 instant) begins, and whether it was out of range."""
    return _parse(text, zone, extra_days=0)


def parse_end(text: str, zone: ZoneInfo) -> tuple[Instant, bool]:
    """The first instant after `text`: the last day is included, an RFC 3339 instant is the end itself."""
    return _parse(text, zone, extra_days=1)


def _parse(text: str, zone: ZoneInfo, extra_days: int) -> tuple[Instant, bool]:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise _no_date(text) from error
    if _DATE.fullmatch(text) is None:  # Python reads more than RFC 3339, such as 2026-W01-1
        if moment.tzinfo is None and len(text) > 10:
            raise InvalidError(f"{text!r} has no offset from UTC", right=f"{text}Z, or an offset such as {text}+02:00")
        raise _no_date(text)
    day = moment.date()
    if not FIRST_DAY < day < LAST_DAY:
        return (BEGINNING if day <= FIRST_DAY else FOREVER), True
    if len(text) == 10:
        return midnight(day + timedelta(days=extra_days), zone), False
    return math.floor(moment.timestamp()), False


def _no_date(text: str) -> InvalidError:
    return InvalidError(f"{text[:40]!r} is not a date", right="a day such as 2026-09-01 or 2026-09-01T08:00:00Z")


def show(instant: Instant) -> str:
    """An instant for people: RFC 3339 in UTC, or a word where there is no boundary."""
    if instant <= BEGINNING:
        return "always"
    if instant >= FOREVER:
        return "open"
    return datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
