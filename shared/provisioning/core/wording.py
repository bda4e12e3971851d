"""Instants and durations in words: days of the tenant's zone where they are days, else the local time."""

from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from provisioning.core.period import BEGINNING, DAY, FOREVER, Duration, Instant

_CLOCK: Final = (("hour", 3600), ("minute", 60), ("second", 1))


def starting(instant: Instant, zone: ZoneInfo) -> str:
    """A beginning: the day, if it begins with one."""
    if not BEGINNING < instant < FOREVER:
        return "always" if instant <= BEGINNING else "never"
    local = datetime.fromtimestamp(instant, zone)
    return local.date().isoformat() if _opens_day(instant, zone) else local.isoformat()


def ending(instant: Instant, zone: ZoneInfo) -> str:
    """An end: the last day, which is included, if it ends with one."""
    if not BEGINNING < instant < FOREVER:
        return "open" if instant >= FOREVER else "never begun"
    local = datetime.fromtimestamp(instant, zone)
    return (local.date() - timedelta(days=1)).isoformat() if _opens_day(instant, zone) else local.isoformat()


def lasting(duration: Duration) -> str:
    """A duration: `31 days`, `2 weeks` as the days they are, `12 hours`."""
    words = (
        [_counted(duration.days + duration.seconds // DAY, "day")] if duration.days or duration.seconds >= DAY else []
    )
    rest = duration.seconds % DAY
    for unit, seconds in _CLOCK:
        if rest >= seconds:
            words.append(_counted(rest // seconds, unit))
            rest %= seconds
    return " and ".join(words) or "no time"


def _counted(count: int, unit: str) -> str:
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"


def _opens_day(instant: Instant, zone: ZoneInfo) -> bool:
    """Whether the second before belongs to another day, wherever the clocks of that day begin."""
    return datetime.fromtimestamp(instant - 1, zone).date() != datetime.fromtimestamp(instant, zone).date()
