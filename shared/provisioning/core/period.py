"""Instants, days and durations.

An `Instant` is whole seconds since 1970-01-01T00:00:00Z. Boundaries are instants; the dates of an affiliation
are days in the tenant's zone, so a boundary on the day the clocks change is where that zone's midnight is.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
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

_DURATION = re.compile(r"P(?:(\d{1,4})W)?(?:(\d{1,6})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:(\d{1,9})S)?)?")


class Period(NamedTuple):
    """`[start, end)` in instants; empty unless start < end."""

    start: Instant
    end: Instant


@dataclass(frozen=True, slots=True)
class Duration:
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
    if match is None or not any(match.groups()):
        raise InvalidError(f"{text!r} is not a duration", right="weeks, days or a time such as P2W, P30D, PT12H")
    weeks, days, hours, minutes, seconds = (int(group or 0) for group in match.groups())
    return Duration(weeks * 7 + days, hours * 3600 + minutes * 60 + seconds)


def shift(instant: Instant, duration: Duration, zone: ZoneInfo, sign: int = 1) -> Instant:
    """Move an instant forward (or back, sign -1): days keep the local time of day, seconds are exact."""
    if not duration or instant <= BEGINNING or instant >= FOREVER:
        return instant
    moved = instant
    if duration.days:
        local = datetime.fromtimestamp(instant, zone).replace(tzinfo=None)
        target = local + timedelta(days=sign * duration.days)
        moved = int(target.replace(tzinfo=zone).timestamp())
    return moved + sign * duration.seconds


def midnight(day: date, zone: ZoneInfo) -> Instant:
    """The instant at which a day begins in a zone."""
    return int(datetime.combine(day, time(), zone).timestamp())


def parse_start(text: str, zone: ZoneInfo) -> tuple[Instant, bool]:
    """The instant at which `text` (a day, or an RFC 3339 instant) begins, and whether it was out of range."""
    return _parse(text, zone, extra_days=0)


def parse_end(text: str, zone: ZoneInfo) -> tuple[Instant, bool]:
    """The first instant after `text`: the last day is included, an RFC 3339 instant is the end itself."""
    return _parse(text, zone, extra_days=1)


def _parse(text: str, zone: ZoneInfo, extra_days: int) -> tuple[Instant, bool]:
    try:
        if len(text) == 10:
            day = date.fromisoformat(text)
            if not FIRST_DAY < day < LAST_DAY:
                return (BEGINNING if day <= FIRST_DAY else FOREVER), True
            return midnight(day + timedelta(days=extra_days), zone), False
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidError(
            f"{text[:40]!r} is not a date", right="a day such as 2026-09-01 or 2026-09-01T08:00:00Z"
        ) from error
    if moment.tzinfo is None:
        raise InvalidError(f"{text!r} has no offset from UTC", right=f"{text}Z, or an offset such as {text}+02:00")
    if not FIRST_DAY < moment.date() < LAST_DAY:
        return (BEGINNING if moment.date() <= FIRST_DAY else FOREVER), True
    return int(moment.timestamp()), False


def show(instant: Instant) -> str:
    """An instant for people: RFC 3339 in UTC, or a word where there is no boundary."""
    if instant <= BEGINNING:
        return "always"
    if instant >= FOREVER:
        return "open"
    return datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
