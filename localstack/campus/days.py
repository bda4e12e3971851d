"""Days, instants and durations as the oracle reads them: by the standard library's zones, in local time."""

import re
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

Span = timedelta

_UNITS: Final = {"W": "weeks", "D": "days", "H": "hours", "M": "minutes", "S": "seconds"}


def span(text: str) -> Span:
    """An ISO 8601 duration such as P2W or PT30S."""
    return timedelta(**{_UNITS[unit]: int(number) for number, unit in re.findall(r"(\d+)([WDHMS])", text)})


def day_start(text: str, zone: ZoneInfo) -> datetime:
    """When a day begins, or the instant itself."""
    if "T" in text:
        return datetime.fromisoformat(text).astimezone(zone)
    return datetime.combine(date.fromisoformat(text), time(), zone)


def day_end(text: str, zone: ZoneInfo) -> datetime:
    """When a day is over, or the instant itself."""
    return day_start(text, zone) + timedelta(days=0 if "T" in text else 1)


def later(instant: datetime | None, by: Span) -> datetime | None:
    """An instant moved: whole days keep the time of day (an aware datetime's arithmetic is its zone's wall clock)."""
    return instant + by if instant is not None else None
