"""What follows from a timeline: previous × timeline × now → entitlement and next boundary. Pure and total."""

from dataclasses import dataclass
from enum import StrEnum
from zoneinfo import ZoneInfo

from provisioning.core.catalog import Lifecycle
from provisioning.core.eligibility import SegmentPhase, Timeline
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
    account that was settled for the first A while B is still under way would look settled. `dispute`: the conflict
    of duties that a person must end, in words.
    """

    standing: Standing = Standing.ABSENT
    authorizations: tuple[str, ...] = ()
    until: Instant | None = None
    ended: Instant | None = None
    digest: str = ""
    turn: int = 0
    dispute: str = ""


NOTHING = Entitlement()


def decide(
    previous: Entitlement, timeline: Timeline, lifecycle: Lifecycle, now: Instant, zone: ZoneInfo
) -> tuple[Entitlement, Instant]:
    """The entitlement at `now` and the next instant at which it may change (FOREVER: never by itself).

    `digest` and `turn` are carried over; evaluate sets them when it knows the account that this wants.
    """
    word = timeline.next_word(now)
    segment = timeline.at(now)
    if segment is not None:
        standing = Standing.ACTIVE if segment.phase is SegmentPhase.ACTIVE else Standing.GRACE
        until = segment.end if segment.end < FOREVER else None
        return _holding(previous, timeline, now, standing, segment.authorizations, until), min(segment.end, word)
    upcoming = min(timeline.next_start(now), word)
    if previous.standing is Standing.ABSENT or timeline.urgent(now):
        return _holding(previous, timeline, now, Standing.ABSENT), upcoming
    ended = _ended(previous, timeline, lifecycle, now, zone)
    if now < ended:
        lingering = _holding(previous, timeline, now, Standing.GRACE, previous.authorizations, ended=ended)
        return lingering, min(ended, upcoming)
    removed = shift(ended, lifecycle.retention, zone)
    if now < removed:
        return _holding(previous, timeline, now, Standing.SUSPENDED, ended=ended), min(removed, upcoming)
    return _holding(previous, timeline, now, Standing.ABSENT), upcoming


def _holding(
    previous: Entitlement,
    timeline: Timeline,
    now: Instant,
    standing: Standing,
    authorizations: tuple[str, ...] = (),
    until: Instant | None = None,
    ended: Instant | None = None,
) -> Entitlement:
    dispute = timeline.dispute(now) if timeline.refusals else ""
    return Entitlement(standing, authorizations, until, ended, previous.digest, previous.turn, dispute)


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
