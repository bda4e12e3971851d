"""What follows from a timeline: previous × timeline × now → entitlement and next boundary. Pure and total."""

from dataclasses import dataclass, field
from enum import StrEnum
from operator import attrgetter
from typing import Final
from zoneinfo import ZoneInfo

from provisioning.core.catalog import Lifecycle
from provisioning.core.eligibility import SegmentPhase, Timeline
from provisioning.core.period import FOREVER, Instant, shift
from provisioning.core.segments import Match


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
    of duties that a person must end, in words. `learned`: when its end was learned of, the one that is known or the
    one that came; 0: nobody knows. `notice`: for how many seconds it had been known when what is taken away was.
    Neither says anything new of the account, so neither is compared.
    """

    standing: Standing = Standing.ABSENT
    authorizations: tuple[str, ...] = ()
    until: Instant | None = None
    ended: Instant | None = None
    digest: str = ""
    turn: int = 0
    dispute: str = ""
    learned: Instant = field(default=0, compare=False)
    notice: int = field(default=0, compare=False)


NOTHING = Entitlement()
_fields = attrgetter("standing", "authorizations", "until", "ended", "digest", "turn", "dispute")

# An attribute of an enumeration is looked up at a price, and every decision does for every service.
_ABSENT: Final = Standing.ABSENT
_ACTIVE: Final = Standing.ACTIVE
_GRACE: Final = Standing.GRACE
_SUSPENDED: Final = Standing.SUSPENDED
_GIVEN: Final = SegmentPhase.ACTIVE


def decide(
    previous: Entitlement, timeline: Timeline, lifecycle: Lifecycle, now: Instant, zone: ZoneInfo
) -> tuple[Entitlement, Instant]:
    """The entitlement at `now` and the next instant at which it may change (FOREVER: never by itself).

    `digest` and `turn` are carried over; evaluate sets them when it knows the account that this wants.
    """
    holding = timeline.holding(now)
    if holding is not None:
        phase, authorizations, end = holding
        standing = _ACTIVE if phase is _GIVEN else _GRACE
        until = end if end < FOREVER else None
        return _standing(previous, timeline, now, standing, authorizations, until), min(end, timeline.next_word(now))
    upcoming = min(timeline.next_start(now), timeline.next_word(now))
    if previous.standing is _ABSENT or timeline.urgent(now):
        return _standing(previous, timeline, now, _ABSENT, begins=now), upcoming
    ended = _ended(previous, timeline, lifecycle, now, zone)
    if now < ended:
        lingering = _standing(previous, timeline, now, _GRACE, previous.authorizations, ended=ended)
        return lingering, min(ended, upcoming)
    removed = shift(ended, lifecycle.retention, zone)
    if now < removed:
        return _standing(previous, timeline, now, _SUSPENDED, ended=ended, begins=ended), min(removed, upcoming)
    return _standing(previous, timeline, now, _ABSENT, begins=removed), upcoming


def continued(previous: Entitlement, match: Match, now: Instant) -> Instant | None:
    """The next boundary, if one match alone means what a person has already; None: it must be decided.

    Nearly all that is ever decided is that nothing changes. This says the same as `decide` at a third of its price.
    """
    _, _, (start, end), grace_end, authorizations, deny, _ = match
    if deny or start >= end:
        return None
    if now < start or (now >= end and now >= grace_end):
        return None if previous is not NOTHING else start if now < start else FOREVER
    standing, until = (_ACTIVE, end) if now < end else (_GRACE, grace_end)
    if previous.standing is not standing or previous.authorizations != authorizations or previous.ended is not None:
        return None
    known = until if until < FOREVER else None
    return until if previous.until == known and not previous.dispute else None


def _standing(
    previous: Entitlement,
    timeline: Timeline,
    now: Instant,
    standing: Standing,
    authorizations: tuple[str, ...] = (),
    until: Instant | None = None,
    ended: Instant | None = None,
    begins: Instant | None = None,
) -> Entitlement:
    """`begins`: when what is taken away was to be; None: nothing is."""
    dispute = "" if timeline.plain else timeline.dispute(now)
    found = (standing, authorizations, until, ended, previous.digest, previous.turn, dispute)
    if _fields(previous) == found:
        return previous
    learned = _learned(previous, until if ended is None else ended, now, ends=begins is not None)
    notice = max(0, begins - learned) if begins is not None and learned else 0
    return Entitlement(*found, learned, notice)


def _learned(previous: Entitlement, end: Instant | None, now: Instant, *, ends: bool) -> Instant:
    """When an end was learned of: before, if it is the one that was known, or if that came to pass; else now."""
    known = previous.until if previous.ended is None else previous.ended
    if ends:
        came = previous.standing is _SUSPENDED or (known is not None and known <= now)
        return previous.learned if came else now
    return previous.learned if known == end else now if end is not None else 0


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
