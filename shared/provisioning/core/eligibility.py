"""Rules × facts → timeline: who has a service, when, with which authorizations, because of what.

The values are named tuples, which are made three times as fast as dataclasses: every decision makes dozens.
"""

import itertools
from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from provisioning.core.period import FOREVER, Instant, Period


class SegmentPhase(StrEnum):
    """The phase of a segment: what the rule gives, and what its grace leaves."""

    ACTIVE = "active"
    GRACE = "grace"


class Reason(NamedTuple):
    """Which rule, and which fact it matched: `person` or the name of an affiliation."""

    rule: str
    fact: str


class Match(NamedTuple):
    """One rule that holds for one fact: its active period and the grace after it. `urgent`: a deny that removes."""

    reason: Reason
    active: Period
    grace_end: Instant
    authorizations: tuple[str, ...] = ()
    deny: bool = False
    urgent: bool = False

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


class Timeline(NamedTuple):
    """Sorted, disjoint segments with minimal boundaries; what denies took away, and what exclusions did."""

    segments: tuple[Segment, ...] = ()
    denials: tuple[Match, ...] = ()
    refusals: tuple[Refusal, ...] = ()

    def at(self, instant: Instant) -> Segment | None:
        """The segment that holds at an instant."""
        for segment in self.segments:
            if segment.start <= instant < segment.end:
                return segment
        return None

    def next_start(self, instant: Instant) -> Instant:
        """When the next segment begins; FOREVER if none does."""
        for segment in self.segments:
            if segment.start > instant:
                return segment.start
        return FOREVER

    def next_word(self, instant: Instant) -> Instant:
        """When an urgent deny begins, or a conflict that is parked begins or ends; FOREVER if none does."""
        if not self.denials and not self.refusals:
            return FOREVER
        urgent = [match.active.start for match in self.denials if match.urgent]
        parked = [bound for refusal in self.refusals if refusal.parked for bound in refusal.period]
        return min((bound for bound in urgent + parked if bound > instant), default=FOREVER)

    def denied(self, instant: Instant) -> bool:
        """Whether a deny holds at an instant, or an exclusion takes something away."""
        return any(match.active.start <= instant < match.active.end for match in self.denials) or any(
            refusal.takes and refusal.period.start <= instant < refusal.period.end for refusal in self.refusals
        )

    def urgent(self, instant: Instant) -> bool:
        """Whether an urgent deny holds at an instant."""
        return any(match.urgent and match.active.start <= instant < match.active.end for match in self.denials)

    def dispute(self, instant: Instant) -> str:
        """The conflicts that wait for a person at an instant, in words; empty if there is none."""
        return "; ".join(
            f"{refusal.exclusion}: conflicts with {refusal.kept}"
            for refusal in self.refusals
            if refusal.parked and refusal.period.start <= instant < refusal.period.end
        )


EMPTY = Timeline()


def timeline(matches: Iterable[Match], refusals: Iterable[Refusal] = ()) -> Timeline:
    """Unite what the allowing matches give and subtract what the denying ones and the refusals take.

    Between two neighbouring boundaries nothing changes, so each such stretch is decided once; equal neighbours are
    joined. The result does not depend on the order of the matches.
    """
    allows: list[Match] = []
    denials: list[Match] = []
    for match in matches:
        if match.active.start < match.active.end:  # nothing that was never held leaves a grace
            (denials if match.deny else allows).append(match)
    denials.sort(key=lambda match: (match.active, match.reason, match.grace_end, match.authorizations))
    refused = sorted(refusals)
    if not allows:
        return Timeline((), tuple(denials), tuple(refused)) if denials or refused else EMPTY
    if len(allows) == 1 and not denials and not refused:
        return Timeline(_single(allows[0]))
    taken = [refusal for refusal in refused if refusal.takes]
    cuts = {cut for match in allows for cut in (match.active.start, match.active.end, match.grace_end)}
    cuts.update(cut for match in denials for cut in match.active)
    cuts.update(cut for refusal in taken for cut in refusal.period)
    segments: list[Segment] = []
    for start, end in itertools.pairwise(sorted(cuts)):
        holding = [match for match in allows if match.active.start <= start < match.end]
        if holding and not any(match.active.start <= start < match.active.end for match in denials):
            _join(segments, _stretch(start, end, holding, taken))
    return Timeline(tuple(segments), tuple(denials), tuple(refused))


def _single(match: Match) -> tuple[Segment, ...]:
    """The common case, one match alone, without the general sweep."""
    authorizations, reasons = tuple(sorted(set(match.authorizations))), (match.reason,)
    start, end = match.active
    active = Segment(start, end, SegmentPhase.ACTIVE, authorizations, reasons)
    if match.grace_end <= end:
        return (active,)
    return active, Segment(end, match.grace_end, SegmentPhase.GRACE, authorizations, reasons)


def _stretch(start: Instant, end: Instant, holding: list[Match], taken: list[Refusal]) -> Segment | None:
    """The segment of a stretch in which nothing changes. A match that gives only what is refused gives nothing."""
    refused = {
        name
        for refusal in taken
        if refusal.period.start <= start < refusal.period.end
        for name in refusal.authorizations or ("",)
    }
    if "" in refused:  # the whole service
        return None
    if refused:
        holding = [
            match for match in holding if not match.authorizations or not refused.issuperset(match.authorizations)
        ]
        if not holding:
            return None
    active = any(start < match.active.end for match in holding)
    # A match in its grace keeps what it gave, also beside one that is active.
    authorizations = tuple(sorted({name for match in holding for name in match.authorizations} - refused))
    reasons = tuple(sorted({match.reason for match in holding}))
    return Segment(start, end, SegmentPhase.ACTIVE if active else SegmentPhase.GRACE, authorizations, reasons)


def _join(segments: list[Segment], segment: Segment | None) -> None:
    if segment is None:
        return
    last = segments[-1] if segments else None
    alike = last is not None and (last.phase, last.authorizations) == (segment.phase, segment.authorizations)
    if last is None or not alike or last.end != segment.start:
        segments.append(segment)
    else:
        reasons = tuple(sorted({*last.reasons, *segment.reasons}))
        segments[-1] = Segment(last.start, segment.end, last.phase, last.authorizations, reasons)


def gathered(matches: Iterable[tuple[str, Match]]) -> dict[str, list[Match]]:
    """Matches by the service that they are for."""
    found: dict[str, list[Match]] = {}
    for service, match in matches:
        found.setdefault(service, []).append(match)
    return found
