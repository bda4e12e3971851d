"""Timestamps and durations: reading, writing, arithmetic, and the parts of a date in a time zone."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from functools import cache, lru_cache
from typing import Final

from provisioning.core.expression.errors import EvaluationError
from provisioning.core.expression.values import Duration, Timestamp

SECOND: Final = 1_000_000_000
_EARLIEST: Final = -62_135_596_800 * SECOND
_LATEST: Final = 253_402_300_800 * SECOND - 1
_LONGEST: Final = 315_576_000_000 * SECOND
_EPOCH: Final = date(1970, 1, 1).toordinal()
_DAY: Final = 86_400
_UNITS: Final = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": SECOND, "m": 60 * SECOND, "h": 3_600 * SECOND}
_LONGEST_TEXT: Final = 64


@cache
def _timestamp_form() -> re.Pattern[str]:
    return re.compile(r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


@cache
def _duration_form() -> re.Pattern[str]:
    return re.compile(r"([+-]?)((?:(?:\d+\.?\d*|\.\d+)(?:ns|us|ms|s|m|h))+|0)", re.ASCII)


@cache
def _part_form() -> re.Pattern[str]:
    return re.compile(r"(\d*)\.?(\d*)(ns|us|ms|s|m|h)", re.ASCII)


def timestamp(text: str) -> Timestamp:
    """RFC 3339, with `Z` or an offset and up to nine decimals of a second."""
    return _timestamp(text[:_LONGEST_TEXT])  # so that what is remembered is small; a longer text is none anyway


@lru_cache(maxsize=4096)
def _timestamp(text: str) -> Timestamp:
    found = _timestamp_form().fullmatch(text)
    try:
        if found is None:
            raise ValueError
        offset = "+00:00" if found[4] in "Zz" else found[4]
        moment = datetime.fromisoformat(f"{found[1]}T{found[2]}{offset}")
        elapsed = moment - datetime(1970, 1, 1, tzinfo=UTC)
    except (ValueError, OverflowError):
        raise EvaluationError("not a timestamp such as 2026-09-01T08:00:00Z") from None
    seconds = elapsed.days * _DAY + elapsed.seconds
    return instant(seconds * SECOND + int((found[3] or "0").ljust(9, "0")))


def timestamp_of_seconds(seconds: int) -> Timestamp:
    """Seconds since 1970-01-01T00:00:00Z."""
    return instant(seconds * SECOND)


def seconds_of_timestamp(value: Timestamp) -> int:
    """Whole seconds since 1970-01-01T00:00:00Z, rounded down."""
    return value // SECOND


def instant(nanoseconds: int) -> Timestamp:
    """A timestamp within the years 1 to 9999."""
    if not _EARLIEST <= nanoseconds <= _LATEST:
        raise EvaluationError("the timestamp is outside the years 1 to 9999")
    return Timestamp(nanoseconds)


def duration(text: str) -> Duration:
    """Hours, minutes, seconds and parts of them, such as `36h`, `1h30m` or `-2.5s`."""
    if len(text) > _LONGEST_TEXT:
        raise EvaluationError("a duration in too many characters")
    return _duration(text)


@lru_cache(maxsize=1024)
def _duration(text: str) -> Duration:
    found = _duration_form().fullmatch(text)
    if found is None:
        raise EvaluationError("not a duration such as 36h, 90m or 1.5s")
    total = 0
    for whole, fraction, unit in _part_form().findall(found[2]):
        total += int(whole or "0") * _UNITS[unit]
        total += int(fraction) * _UNITS[unit] // 10 ** len(fraction) if fraction else 0
    return span(-total if found[1] == "-" else total)


def span(nanoseconds: int) -> Duration:
    """A duration within the limits."""
    if not -_LONGEST <= nanoseconds <= _LONGEST:
        raise EvaluationError("the duration is longer than 315,576,000,000 s")
    return Duration(nanoseconds)


def between(nanoseconds: int) -> Duration:
    """The difference of two timestamps; as in other implementations it must fit 64 bits, about 292 years."""
    if not -(1 << 63) <= nanoseconds < 1 << 63:
        raise EvaluationError("the timestamps are more than 292 years apart")
    return Duration(nanoseconds)


def timestamp_text(value: Timestamp) -> str:
    """RFC 3339 in UTC with 0, 3, 6 or 9 decimals."""
    seconds, rest = divmod(value, SECOND)
    days, second = divmod(seconds, _DAY)
    day = date.fromordinal(_EPOCH + days).isoformat()
    return f"{day}T{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}{_decimals(rest)}Z"


def duration_text(value: Duration) -> str:
    """Seconds with 0, 3, 6 or 9 decimals, such as `5400s` or `-1.500s`."""
    seconds, rest = divmod(abs(value), SECOND)
    return f"{'-' if value < 0 else ''}{seconds}{_decimals(rest)}s"


def _decimals(nanoseconds: int) -> str:
    digits = f"{nanoseconds:09d}"
    while digits.endswith("000"):
        digits = digits[:-3]
    return f".{digits}" if digits else ""


def zone(name: str) -> tzinfo:
    """A time zone by its name, or an offset such as `+02:00` or `02:00`."""
    return _zone(name[:_LONGEST_TEXT])


@lru_cache(maxsize=64)
def _zone(name: str) -> tzinfo:
    offset = re.fullmatch(r"([+-]?)(\d\d):(\d\d)", name, re.ASCII)
    try:
        if offset is not None:
            minutes = int(offset[2]) * 60 + int(offset[3])
            return timezone(timedelta(minutes=-minutes if offset[1] == "-" else minutes))
        from zoneinfo import ZoneInfo  # here, so that only those pay who name a zone

        return ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        raise EvaluationError("not a time zone such as Europe/Berlin or +02:00") from None


def _local(value: Timestamp, name: str) -> tuple[date, int]:
    """The day, and the second of that day, in a time zone."""
    seconds = value // SECOND
    if name != "UTC":
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
        try:
            offset = moment.astimezone(zone(name)).utcoffset()
        except OverflowError:
            raise EvaluationError("the local time is outside the years 1 to 9999") from None
        seconds += int(offset.total_seconds()) if offset is not None else 0
    days, second = divmod(seconds, _DAY)
    return date.fromordinal(_EPOCH + days), second


def _of_day(read: Callable[[date], int]) -> Callable[..., int]:
    return lambda value, name="UTC": read(_local(value, name)[0])


def _of_second(read: Callable[[int], int]) -> Callable[..., int]:
    return lambda value, name="UTC": read(_local(value, name)[1])


# What each accessor of a timestamp gives, in UTC or in the zone that it is given.
TIMESTAMP_PARTS: Final[Mapping[str, Callable[..., int]]] = {
    "getFullYear": _of_day(lambda day: day.year),
    "getMonth": _of_day(lambda day: day.month - 1),
    "getDate": _of_day(lambda day: day.day),
    "getDayOfMonth": _of_day(lambda day: day.day - 1),
    "getDayOfWeek": _of_day(lambda day: day.isoweekday() % 7),
    "getDayOfYear": _of_day(lambda day: day.timetuple().tm_yday - 1),
    "getHours": _of_second(lambda second: second // 3600),
    "getMinutes": _of_second(lambda second: second // 60 % 60),
    "getSeconds": _of_second(lambda second: second % 60),
    "getMilliseconds": lambda value, _name="UTC": int(value % SECOND // 1_000_000),
}


def _truncated(value: int, unit: int) -> int:
    return value // unit if value >= 0 else -(-value // unit)


# Whole units of a duration; of milliseconds only what is beyond the seconds.
DURATION_PARTS: Final[Mapping[str, Callable[[Duration], int]]] = {
    "getHours": lambda value: _truncated(value, 3_600 * SECOND),
    "getMinutes": lambda value: _truncated(value, 60 * SECOND),
    "getSeconds": lambda value: _truncated(value, SECOND),
    "getMilliseconds": lambda value: _truncated(value, 1_000_000) - _truncated(value, SECOND) * 1_000,
}
