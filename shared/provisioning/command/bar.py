"""A bar of time: how a person stands to a service, from the first boundary to the last."""

from collections.abc import Iterator
from typing import Final
from zoneinfo import ZoneInfo

from provisioning.core.explanation import Explained
from provisioning.core.period import BEGINNING, DAY, FOREVER, Instant
from provisioning.core.wording import starting

_SIGNS: Final = {"active": "█", "grace": "▓", "suspended": "░", "absent": "·"}
_KEY: Final = "█ active  ▓ grace  ░ suspended  · absent"


def bar(explained: Explained, at: Instant, zone: ZoneInfo, width: int) -> Iterator[str]:
    """Three lines: the bar between its first and last day, a mark at the instant, and what the signs mean.

    Nothing if there is no boundary but `at` itself.
    """
    bounds = [change.start for change in explained.course if BEGINNING < change.start < FOREVER]
    if len(bounds) < 2:
        return
    margin = max((max(*bounds, at) - min(*bounds, at)) // 20, DAY)
    start, end = min(*bounds, at) - margin, max(*bounds, at) + margin
    first, last = starting(start, zone)[:10], starting(end, zone)[:10]
    columns = max(width - len(first) - len(last) - 4, 20)
    signs = [_sign(explained, start + (end - start) * column // columns) for column in range(columns)]
    mark = (at - start) * columns // (end - start)
    yield f"{first} {''.join(signs)} {last}"
    yield f"{' ' * (len(first) + 1 + mark)}^ {starting(at, zone)[:10]}"
    yield f"{' ' * (len(first) + 1)}{_KEY}"


def _sign(explained: Explained, instant: Instant) -> str:
    """The sign of one column: what holds at its beginning."""
    standing = next((change.standing for change in reversed(explained.course) if change.start <= instant), "absent")
    return _SIGNS[standing]
