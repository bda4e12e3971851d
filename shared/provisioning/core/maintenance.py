"""Maintenance windows: whether one is open, and when the service may be called again. Arithmetic of clocks only."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from provisioning.core.maintenance_options import DAYS, Window
from provisioning.core.period import DAY, Instant, Period

FURTHEST: Final = 366 * DAY  # seconds that windows which follow each other are looked at; whoever waits asks again then


def open_again(windows: Sequence[Window], zone: ZoneInfo, now: Instant) -> Instant | None:
    """When all windows that are open at `now`, and those that overlap or touch them, have ended. None: none is open.

    Never later than `FURTHEST` from now: a chain of windows that is longer is cut there.
    """
    end, limit = now, now + FURTHEST
    while end < limit:
        ends = [period.end for period in _near(windows, zone, end) if period.start <= end < period.end]
        if not ends:
            return end if end > now else None
        end = max(ends)
    return limit


def _near(windows: Sequence[Window], zone: ZoneInfo, now: Instant) -> Iterable[Period]:
    """The times of the windows that may be open at an instant."""
    if not windows:
        return
    today = datetime.fromtimestamp(now, zone).date()
    for window in windows:
        if window.since is not None:
            yield _once(window.since, window.until, zone)
            continue
        # One that began yesterday may last until tomorrow's clock; and clocks are set back over midnight, too.
        for number in (-2, -1, 0, 1):
            day = today + timedelta(days=number)
            if DAYS[day.weekday()] in window.days and window.start is not None:
                yield _weekly(day, window.start, window.until, zone)


@lru_cache(maxsize=4096)
def _once(since: str, until: str, zone: ZoneInfo) -> Period:
    return Period(_first(datetime.fromisoformat(since), zone), _last(datetime.fromisoformat(until), zone))


@lru_cache(maxsize=4096)
def _weekly(day: date, start: str, until: str, zone: ZoneInfo) -> Period:
    begins, ends = (datetime.combine(day, time.fromisoformat(text)) for text in (start, until))
    return Period(_first(begins, zone), _last(ends if ends > begins else ends + timedelta(days=1), zone))


def _first(moment: datetime, zone: ZoneInfo) -> Instant:
    """The first instant at which a zone's clocks show a moment, or the first after it if they skip it."""
    instant = int(moment.replace(tzinfo=zone).timestamp())
    return instant if _shown(instant, zone) == moment else _change(moment, zone)


def _last(moment: datetime, zone: ZoneInfo) -> Instant:
    """The last instant at which a zone's clocks show a moment, or the first after it if they skip it."""
    instant = int(moment.replace(tzinfo=zone, fold=1).timestamp())
    return instant if _shown(instant, zone) == moment else _change(moment, zone)


def _change(moment: datetime, zone: ZoneInfo) -> Instant:
    """The instant at which a zone's clocks skip a moment."""
    # By the offset from after the change it would be before it, by that from before it is not: it is between them.
    early, late = (int(moment.replace(tzinfo=zone, fold=fold).timestamp()) for fold in (1, 0))
    while late - early > 1:
        middle = (early + late) // 2
        early, late = (early, middle) if _shown(middle, zone) > moment else (middle, late)
    return late


def _shown(instant: Instant, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(instant, zone).replace(tzinfo=None)
