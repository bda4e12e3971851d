"""Maintenance windows of an SP: whether one is open at an instant, when it ends, and who comes when after that.

A window is open from the first instant at which the clocks of the zone show its beginning or later, until they show
its end or later for good. So it is open whenever they show a time within it: an hour that they show twice is in it
both times, and where they skip its beginning or its end it begins or ends at the skip.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from provisioning.core.catalog import Service
from provisioning.core.errors import InvalidError
from provisioning.core.gate import Gate, budget, derived
from provisioning.core.maintenance_options import WEEK, Window
from provisioning.core.period import FIRST_DAY, LAST_DAY, Instant, Period

SPREAD: Final = 300  # seconds after its end in which those who waited come again, at a service without a rate
_WEEK: Final = 7 * 24 * 60  # minutes
_DAY: Final = 24 * 60
_NEAR: Final = range(-2, 2)  # days on which a window that is open now may have begun, as far as clocks ever jump


def closed_until(windows: Sequence[Window], zone: ZoneInfo, now: Instant) -> Instant | None:
    """When the maintenance that goes on at `now` is over, windows that touch being one; None if none is open."""
    end = now
    # Each turn leaves windows behind; those of every week leave time between them, as `problems` sees to.
    while (later := _end_of_those_open(windows, zone, end)) is not None:
        end = later
    return end if end > now else None


def resumes(windows: Sequence[Window], zone: ZoneInfo, instant: Instant, subject: str) -> Instant:
    """The instant itself outside of all windows; else one after their end, spread by the subject's name.

    If there is little time before the next window, all of them come in that.
    """
    end = closed_until(windows, zone, instant)
    if end is None:
        return instant
    offset = derived(subject) % SPREAD
    while closed_until(windows, zone, end + offset) is not None:
        offset //= 2
    return end + offset


def delivered_by(service: Service, zone: ZoneInfo, gate: Gate, waiting: int, now: Instant) -> Instant:
    """When the last of those that wait for a slot will have had it: slots that are taken lie in no window."""
    free = gate.next_free // 1000
    end = closed_until(service.maintenance, zone, now)
    if end is None or not waiting or budget(gate, service.rate, end) is not None:
        return free
    return max(free, end + SPREAD)


def problems(service: Service) -> Iterator[InvalidError]:
    """What is wrong with the windows of a service: they must be times that come, and leave some between them."""
    for number, window in enumerate(service.maintenance):
        where = f"services/{service.id}.maintenance.{number}"
        if window.days:
            continue
        try:
            empty = _start(window) >= _end(window)
            days = (_start(window).date(), _end(window).date())
        except (ValueError, OverflowError):
            yield InvalidError("there is no such day", where, right=f"days of the calendar, before {LAST_DAY}")
            continue
        if empty:
            yield InvalidError("the window is empty", f"{where}.until", right="from before until")
        elif not all(FIRST_DAY < day < LAST_DAY for day in days):
            yield InvalidError("the window is out of range", where, right=f"days after {FIRST_DAY}, before {LAST_DAY}")
    if _leaves_nothing([window for window in service.maintenance if window.days]):
        yield InvalidError(
            "the service would never be called", f"services/{service.id}.maintenance", right="some time in every week"
        )


def _end_of_those_open(windows: Sequence[Window], zone: ZoneInfo, instant: Instant) -> Instant | None:
    periods = (period for window in windows for period in _periods(window, zone, instant))
    return max((period.end for period in periods if period.start <= instant < period.end), default=None)


def _periods(window: Window, zone: ZoneInfo, instant: Instant) -> Iterator[Period]:
    """The window's periods that may hold an instant."""
    if not window.days:
        yield Period(_reached(_start(window), zone), _passed(_end(window), zone))
        return
    today = datetime.fromtimestamp(instant, zone).date()
    begins, length = _minutes(window)
    for offset in _NEAR:
        day = today + timedelta(days=offset)
        if WEEK[day.weekday()] in window.days:
            start = datetime.combine(day, time()) + timedelta(minutes=begins)
            yield Period(_reached(start, zone), _passed(start + timedelta(minutes=length), zone))


def _minutes(window: Window) -> tuple[int, int]:
    """When a weekly window begins, in minutes of its day, and how many it lasts by the clock."""
    begins, ends = (int(text[:2]) * 60 + int(text[3:]) for text in (window.since, window.until))
    return begins, (ends - begins) % _DAY or _DAY


def _start(window: Window) -> datetime:
    return datetime.fromisoformat(window.since)


def _end(window: Window) -> datetime:
    """The first moment after it: of a day without a time, the next day."""
    end = datetime.fromisoformat(window.until)
    return end if "T" in window.until else end + timedelta(days=1)


def _reached(moment: datetime, zone: ZoneInfo) -> Instant:
    """The first instant at which the clocks show a moment or a later one."""
    before, after = _readings(moment, zone)
    return before if before <= after else _skip(moment, zone, after, before)


def _passed(moment: datetime, zone: ZoneInfo) -> Instant:
    """The first instant from which on the clocks show a moment or a later one for good."""
    before, after = _readings(moment, zone)
    if before > after:
        return _skip(moment, zone, after, before)
    # Shown twice, with nothing earlier between: the clocks went back to this very moment.
    return after if _shown(after - 1, zone) < moment else before


def _readings(moment: datetime, zone: ZoneInfo) -> tuple[Instant, Instant]:
    """A moment as an instant by the offset before a change of clocks, and by the one after it.

    They are the same but for a moment that is shown twice, then in this order, or never, then in the other.
    """
    first, second = (int(moment.replace(tzinfo=zone, fold=fold).timestamp()) for fold in (0, 1))
    return first, second


def _skip(moment: datetime, zone: ZoneInfo, early: Instant, late: Instant) -> Instant:
    """The instant in `(early, late]` at which the clocks skip a moment."""
    while late - early > 1:
        middle = (early + late) // 2
        early, late = (early, middle) if _shown(middle, zone) >= moment else (middle, late)
    return late


def _shown(instant: Instant, zone: ZoneInfo) -> datetime:
    """What a clock on the wall shows."""
    return datetime.fromtimestamp(instant, zone).replace(tzinfo=None)


def _leaves_nothing(weekly: Sequence[Window]) -> bool:
    """Whether windows of every week fill it, by the clock."""
    taken = bytearray(_WEEK)
    for window in weekly:
        begins, length = _minutes(window)
        for day in window.days:
            start = WEEK.index(day) * _DAY + begins
            for minute in range(start, start + length):
                taken[minute % _WEEK] = 1
    return bool(weekly) and all(taken)
