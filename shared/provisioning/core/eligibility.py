"""Rules × facts → timeline: who has a service, when, with which authorizations, because of what."""

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from provisioning.core.period import FOREVER, Instant, Period


class SegmentPhase(StrEnum):
    """The phase of a segment: what the rule gives, and what its grace leaves."""

    ACTIVE = "active"
    GRACE = "grace"


@dataclass(frozen=True, slots=True, order=True)
class Reason:
    """Which rule, and which fact it matched: `person` or the name of an affiliation."""

    rule: str
    fact: str


@dataclass(frozen=True, slots=True)
class Match:
    """One rule that holds for one fact: its active period and the grace after it."""

    reason: Reason
    active: Period
    grace_end: Instant
    authorizations: tuple[str, ...] = ()
    deny: bool = False


@dataclass(frozen=True, slots=True)
class Segment:
    """`[start, end)` with one phase and one set of authorizations, sorted; `reasons` for people, sorted."""

    start: Instant
    end: Instant
    phase: SegmentPhase
    authorizations: tuple[str, ...]
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Timeline:
    """Sorted, disjoint segments with minimal boundaries, and the periods that a deny took away."""

    segments: tuple[Segment, ...] = ()
    denials: tuple[Match, ...] = ()

    def at(self, instant: Instant) -> Segment | None:
        """The segment that holds at an instant."""
        return next((segment for segment in self.segments if segment.start <= instant < segment.end), None)

    def next_start(self, instant: Instant) -> Instant:
        """When the next segment begins; FOREVER if none does."""
        return min((segment.start for segment in self.segments if segment.start > instant), default=FOREVER)

    def denied(self, instant: Instant) -> bool:
        """Whether a deny holds at an instant."""
        return any(match.active.start <= instant < match.active.end for match in self.denials)


EMPTY = Timeline()


def timeline(matches: Iterable[Match]) -> Timeline:
    """Unite what the allowing matches give and subtract what the denying ones take.

    Between two neighbouring boundaries nothing changes, so each such stretch is decided once; equal neighbours are
    joined. The result does not depend on the order of the matches.
    """
    allows: list[Match] = []
    denials: list[Match] = []
    for match in matches:
        if match.active.start < match.active.end:  # nothing that was never held leaves a grace
            (denials if match.deny else allows).append(match)
    denials.sort(key=lambda match: (match.active, match.reason, match.grace_end, match.authorizations))
    if not allows:
        return Timeline((), tuple(denials)) if denials else EMPTY
    if len(allows) == 1 and not denials:
        return Timeline(_single(allows[0]))
    cuts = {cut for match in allows for cut in (match.active.start, match.active.end, match.grace_end)}
    cuts.update(cut for match in denials for cut in match.active)
    ordered = sorted(cuts)
    segments: list[Segment] = []
    for start, end in itertools.pairwise(ordered):
        segment = _stretch(start, end, allows, denials)
        if segment is not None:
            _join(segments, segment)
    return Timeline(tuple(segments), tuple(denials))


def _single(match: Match) -> tuple[Segment, ...]:
    """The common case, one match alone, without the general sweep."""
    authorizations, reasons = tuple(sorted(set(match.authorizations))), (match.reason,)
    start, end = match.active
    active = Segment(start, end, SegmentPhase.ACTIVE, authorizations, reasons)
    if match.grace_end <= end:
        return (active,)
    return active, Segment(end, match.grace_end, SegmentPhase.GRACE, authorizations, reasons)


def _stretch(start: Instant, end: Instant, allows: list[Match], denials: list[Match]) -> Segment | None:
    if any(match.active.start <= start < match.active.end for match in denials):
        return None
    holding = [match for match in allows if match.active.start <= start < max(match.active.end, match.grace_end)]
    if not holding:
        return None
    active = any(start < match.active.end for match in holding)
    # A match in its grace keeps what it gave, also beside one that is active.
    authorizations = tuple(sorted({name for match in holding for name in match.authorizations}))
    reasons = tuple(sorted({match.reason for match in holding}))
    return Segment(start, end, SegmentPhase.ACTIVE if active else SegmentPhase.GRACE, authorizations, reasons)


def _join(segments: list[Segment], segment: Segment) -> None:
    last = segments[-1] if segments else None
    alike = last is not None and (last.phase, last.authorizations) == (segment.phase, segment.authorizations)
    if last is None or not alike or last.end != segment.start:
        segments.append(segment)
    else:
        reasons = tuple(sorted({*last.reasons, *segment.reasons}))
        segments[-1] = Segment(last.start, segment.end, last.phase, last.authorizations, reasons)


def by_service(matches: Iterable[tuple[str, Match]]) -> Mapping[str, Timeline]:
    """One timeline for each service that any match names."""
    gathered: dict[str, list[Match]] = {}
    for service, match in matches:
        gathered.setdefault(service, []).append(match)
    return {service: timeline(found) for service, found in gathered.items()}
