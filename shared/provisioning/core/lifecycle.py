"""What follows from a timeline: previous × timeline × now → entitlement and next boundary. Pure and total."""

from dataclasses import dataclass, replace
from enum import StrEnum
from zoneinfo import ZoneInfo

from provisioning.core.catalog import Lifecycle
from provisioning.core.eligibility import Timeline
from provisioning.core.period import FOREVER, Instant, shift


class Standing(StrEnum):
    """How a person stands to a service."""

    ABSENT = "absent"
    ACTIVE = "active"
    GRACE = "grace"
    SUSPENDED = "suspended"


@dataclass(frozen=True, slots=True)
class Entitlement:
    """What evaluate decided for one service, and remembers.

    `until`: the end, as known when it was decided, of the segment that holds. `ended`: when the right to use it
    ended (ends, in grace), once no segment holds. `digest`: of the account that this wants. `turn`: how often that
    digest has changed. Accounts answer for a turn and not for a digest: after A, B, A in quick succession an
    account that was settled for the first A while B is still under way would look settled.
    """

    standing: Standing = Standing.ABSENT
    authorizations: tuple[str, ...] = ()
    until: Instant | None = None
    ended: Instant | None = None
    digest: str = ""
    turn: int = 0


NOTHING = Entitlement()


def decide(
    previous: Entitlement, timeline: Timeline, lifecycle: Lifecycle, now: Instant, zone: ZoneInfo
) -> tuple[Entitlement, Instant]:
    """The entitlement at `now` and the next instant at which it may change (FOREVER: never by itself).

    `digest` and `turn` are carried over; evaluate sets them when it knows the account that this wants.
    """
    segment = timeline.at(now)
    if segment is not None:
        until = segment.end if segment.end < FOREVER else None
        holding = replace(
            previous, standing=Standing(segment.phase), authorizations=segment.authorizations, until=until, ended=None
        )
        return holding, segment.end
    upcoming = timeline.next_start(now)
    if previous.standing is Standing.ABSENT:
        return replace(previous, authorizations=(), until=None, ended=None), upcoming
    ended = _ended(previous, timeline, lifecycle, now, zone)
    if now < ended:
        return replace(previous, standing=Standing.GRACE, until=None, ended=ended), min(ended, upcoming)
    removed = shift(ended, lifecycle.retention, zone)
    resting = replace(previous, authorizations=(), until=None, ended=ended)
    if now < removed:
        return replace(resting, standing=Standing.SUSPENDED), min(removed, upcoming)
    return replace(resting, standing=Standing.ABSENT, ended=None), upcoming


def _ended(previous: Entitlement, timeline: Timeline, lifecycle: Lifecycle, now: Instant, zone: ZoneInfo) -> Instant:
    """When the right to use ended or, in grace, will end."""
    if timeline.denied(now):
        return min(now, previous.ended) if previous.ended is not None else now
    if previous.ended is not None:
        return previous.ended
    if previous.until is not None and previous.until <= now:
        # The end was announced. If the clock passed several boundaries since, the last one is it.
        return max((segment.end for segment in timeline.segments if segment.end <= now), default=previous.until)
    # It vanished: a fact withdrawn, a rule edited, an end moved into the past. It ends as we learn of it, never
    # earlier, or a bad feed with old dates would skip suspension and delete at once.
    return shift(now, lifecycle.grace, zone)
