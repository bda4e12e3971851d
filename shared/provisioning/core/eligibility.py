"""Rules × facts → timeline: who has a service, when, with which authorizations, because of what."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, NamedTuple

from provisioning.core.period import FOREVER, Instant, Period
from provisioning.core.segments import Match, Reason, Refusal, Segment, SegmentPhase, alone, holding, segments_of

__all__ = [
    "EMPTY",
    "Match",
    "Reason",
    "Refusal",
    "Segment",
    "SegmentPhase",
    "Timeline",
    "make_match",
    "timeline",
]


class Timeline(NamedTuple):
    """What a person may have of one service and when.

    `allows` give, `denials` and `refusals` take away. A decision asks for one instant, which is computed alone; the
    segments of all time are computed whenever they are asked for.
    """

    allows: Sequence[Match] = ()
    denials: Sequence[Match] = ()
    refusals: Sequence[Refusal] = ()

    @property
    def plain(self) -> bool:
        """Whether nothing is taken away."""
        return not self[1] and not self[2]

    @property
    def segments(self) -> tuple[Segment, ...]:
        """Sorted, disjoint segments with minimal boundaries."""
        return segments_of(self.allows, self.denials, [refusal for refusal in self.refusals if refusal.takes])

    def __eq__(self, other: object) -> bool:
        """Whether both tell the same, whatever rules it comes from and in whatever order."""
        return isinstance(other, Timeline) and self._told() == other._told()

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(self._told())

    def _told(self) -> tuple[object, ...]:
        return self.segments, tuple(self.denials), tuple(self.refusals)

    def at(self, instant: Instant) -> Segment | None:
        """The segment that holds at an instant."""
        for segment in self.segments:
            if segment.start <= instant < segment.end:
                return segment
        return None

    def holding(self, instant: Instant) -> tuple[SegmentPhase, tuple[str, ...], Instant] | None:
        """Phase, authorizations and end of the segment that holds at an instant."""
        if not self[1] and not self[2]:
            return (alone if len(self.allows) == 1 else holding)(self.allows, instant)
        segment = self.at(instant)
        return None if segment is None else (segment.phase, segment.authorizations, segment.end)

    def next_start(self, instant: Instant) -> Instant:
        """When the right begins next, of which nothing holds at an instant; FOREVER if it does not."""
        next_ = FOREVER
        if self.plain:
            for match in self.allows:
                start = match[2][0]
                if instant < start < next_:
                    next_ = start
            return next_
        return min((segment.start for segment in self.segments if segment.start > instant), default=FOREVER)

    def next_word(self, instant: Instant) -> Instant:
        """When an urgent deny begins, or a conflict that is parked begins or ends; FOREVER if none does."""
        if self.plain:
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


EMPTY: Final = Timeline()

# The same without the constructor that a named tuple has in Python, at less than half its price.
make_match: Callable[[tuple[str, str, Period, Instant, tuple[str, ...], bool, bool]], Match] = partial(
    tuple.__new__, Match
)
_timeline: Callable[[tuple[Sequence[Match], Sequence[Match], Sequence[Refusal]]], Timeline] = partial(
    tuple.__new__, Timeline
)


def timeline(matches: Sequence[Match], refusals: Sequence[Refusal] = ()) -> Timeline:
    """The timeline of all matches of one service, in any order."""
    denials: list[Match] = []
    allows: list[Match] = []
    for match in matches:
        start, end = match[2]
        if start < end:  # nothing that was never held leaves a grace
            (denials if match[5] else allows).append(match)
    if denials:
        denials.sort(key=lambda match: (match.active, match.reason, match.grace_end, match.authorizations))
    return _timeline((allows, denials, sorted(refusals) if refusals else ()))
