"""What matches give together, from the first boundary to the last, or at one instant.

Between two neighbouring boundaries nothing changes, so each such stretch is decided once; equal neighbours are joined.
No result depends on the order of the matches. Values are named tuples, which are made three times as fast as
dataclasses: every decision makes dozens.
"""

import itertools
from collections.abc import Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from provisioning.core.period import FOREVER, Instant, Period


class SegmentPhase(StrEnum):
    """The phase of a segment: what the rule gives, and what its grace leaves."""

    ACTIVE = "active"
    GRACE = "grace"


_ACTIVE: Final = SegmentPhase.ACTIVE  # an attribute of an enumeration is looked up at a price
_GRACE: Final = SegmentPhase.GRACE


class Reason(NamedTuple):
    """Which rule, and which fact it matched: `person` or the name of an affiliation."""

    rule: str
    fact: str


class Match(NamedTuple):
    """One rule that holds for one fact: its active period and the grace after it. `urgent`: a deny that removes.

    `authorizations` are sorted, each once.
    """

    rule: str
    fact: str
    active: Period
    grace_end: Instant
    authorizations: tuple[str, ...] = ()
    deny: bool = False
    urgent: bool = False

    @property
    def reason(self) -> Reason:
        """Rule and fact."""
        return Reason(self.rule, self.fact)

    @property
    def end(self) -> Instant:
        """The end of what it gives, grace included."""
        return max(self.active.end, self.grace_end)


class Refusal(NamedTuple):
    """What an exclusion takes from a service for a time: some authorizations, or all of it if none is named.

    `kept`: the duties for which it is taken, in words. `parked`: a person must end the conflict. `takes` is false
    where all sides were held before and are left until then.
    """

    period: Period
    exclusion: str
    authorizations: tuple[str, ...]
    kept: str
    parked: bool = False
    takes: bool = True


class Segment(NamedTuple):
    """`[start, end)` with one phase and one set of authorizations, sorted; `reasons` for people, sorted."""

    start: Instant
    end: Instant
    phase: SegmentPhase
    authorizations: tuple[str, ...]
    reasons: tuple[Reason, ...]


def segments_of(
    allows: Sequence[Match], denials: Sequence[Match] = (), refusals: Sequence[Refusal] = ()
) -> tuple[Segment, ...]:
    """Unite what the allows give and subtract what the denials and the refusals take. Boundaries are minimal."""
    cuts = {cut for match in allows for cut in (match.active.start, match.active.end, match.grace_end)}
    cuts.update(cut for match in denials for cut in match.active)
    cuts.update(cut for refusal in refusals for cut in refusal.period)
    segments: list[Segment] = []
    for start, end in itertools.pairwise(sorted(cuts)):
        if any(match.active.start <= start < match.active.end for match in denials):
            continue
        left, refused = _left(allows, refusals, start)
        phase, names, _ = _state(left, start)
        if phase is not None:
            names = tuple(name for name in names if name not in refused)
            reasons = {match.reason for match in left if match.active.start <= start < match.end}
            _extend(segments, Segment(start, end, phase, names, tuple(sorted(reasons))))
    return tuple(segments)


def _left(
    allows: Sequence[Match], refusals: Sequence[Refusal], instant: Instant
) -> tuple[Sequence[Match], frozenset[str]]:
    """The matches that give anything at an instant beside what is refused, and the authorizations that are."""
    holding = [refusal for refusal in refusals if refusal.period.start <= instant < refusal.period.end]
    if not holding:
        return allows, frozenset()
    if any(not refusal.authorizations for refusal in holding):  # the whole service
        return (), frozenset()
    refused = frozenset(name for refusal in holding for name in refusal.authorizations)
    # A match that gives only what is refused gives nothing.
    left = [match for match in allows if not match.authorizations or not refused.issuperset(match.authorizations)]
    return left, refused


def _extend(segments: list[Segment], segment: Segment) -> None:
    """Add a segment; it is one with the last if they touch and are alike."""
    last = segments[-1] if segments else None
    alike = last is not None and (last.end, *last[2:4]) == (segment.start, *segment[2:4])
    if last is not None and alike:
        reasons = tuple(sorted({*last.reasons, *segment.reasons}))
        segments[-1] = Segment(last.start, segment.end, last.phase, last.authorizations, reasons)
    else:
        segments.append(segment)


def holding(allows: Sequence[Match], instant: Instant) -> tuple[SegmentPhase, tuple[str, ...], Instant] | None:
    """Phase, authorizations and end of the segment that holds at an instant, where nothing is taken away.

    The same as `segments_of` says, and all that a decision needs: what was before and comes after is not computed.
    """
    phase, names, end = _state(allows, instant)
    if phase is None:
        return None
    while end < FOREVER:
        after, others, cut = _state(allows, end)
        if after is not phase or others != names:
            break
        end = cut
    return phase, names, end


def alone(allows: Sequence[Match], instant: Instant) -> tuple[SegmentPhase, tuple[str, ...], Instant] | None:
    """The same for one match, as it nearly always is."""
    _, _, (start, end), grace_end, authorizations, _, _ = allows[0]
    if instant < start:
        return None
    if instant < end:
        return _ACTIVE, authorizations, end
    return (_GRACE, authorizations, grace_end) if instant < grace_end else None


def _state(allows: Sequence[Match], instant: Instant) -> tuple[SegmentPhase | None, tuple[str, ...], Instant]:
    """Phase (None: nothing holds), authorizations, and the next boundary of any match."""
    phase: SegmentPhase | None = None
    names: tuple[str, ...] = ()
    cut = FOREVER
    several = False
    for _, _, (start, end), grace_end, authorizations, _, _ in allows:
        if instant < start:
            cut = start if start < cut else cut
            continue
        if instant < end:
            phase = _ACTIVE
            cut = end if end < cut else cut
        elif instant < grace_end:
            phase = phase or _GRACE
            cut = grace_end if grace_end < cut else cut
        else:
            continue
        if names and authorizations and names != authorizations:
            names += authorizations
            several = True
        else:
            names = names or authorizations  # a match in its grace keeps what it gave, also beside one that is active
    if several:
        names = tuple(sorted(set(names)))
    return phase, names, cut
