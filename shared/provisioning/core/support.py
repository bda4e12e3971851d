"""Whose word a service goes by: each right by those who may support it, and only while all do who must."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from provisioning.core.eligibility import Match
from provisioning.core.period import Instant, Period
from provisioning.core.trust import ACCESS, Circle


@dataclass(slots=True)
class Supported:
    """Takes what each circle of sources gives, and says what of it counts."""

    _matches: dict[str, list[Match]] = field(default_factory=dict)
    _covers: dict[str, dict[str, list[Match]]] = field(default_factory=dict)  # by service and demand

    def take(self, circle: Circle, found: Mapping[str, Sequence[Match]]) -> None:
        """What rules give by the word of one circle."""
        for service, matches in found.items():
            if service in circle.gives:
                named = circle.gives[service]
                kept = [_with(match, named) for match in matches if not match.deny]
                self._matches.setdefault(service, []).extend(match for match in kept if match is not None)
            if service in circle.denies:
                self._matches.setdefault(service, []).extend(match for match in matches if match.deny)
        for service, demand in circle.covers:
            cover = [match for match in found.get(service, ()) if not match.deny]
            self._covers.setdefault(service, {})[demand] = cover

    def matches(self) -> dict[str, list[Match]]:
        """What counts, by service."""
        for service, covers in self._covers.items():
            for cover in covers.values():
                pieces = _pieces(cover)
                found = self._matches.get(service, ())
                self._matches[service] = [part for match in found for part in _clipped(match, pieces)]
        return {service: matches for service, matches in self._matches.items() if matches}


def _with(match: Match, named: frozenset[str] | None) -> Match | None:
    """A match with the authorizations that these sources may support; None: it gave others only."""
    if named is None or (not match.authorizations and ACCESS in named):
        return match
    left = tuple(name for name in match.authorizations if name in named)
    return match._replace(authorizations=left) if left else None


def _pieces(cover: Iterable[Match]) -> list[tuple[Period, Instant]]:
    """The stretches in which a demand is met, each with the end of the grace after it."""
    joined: list[tuple[Period, Instant]] = []
    for match in sorted(cover, key=lambda match: match.active):
        if match.active.start >= match.active.end:
            continue
        if joined and match.active.start <= joined[-1][0].end:
            period, grace = joined[-1]
            joined[-1] = (Period(period.start, max(period.end, match.active.end)), max(grace, match.end))
        else:
            joined.append((match.active, match.end))
    return joined


def _clipped(match: Match, pieces: Iterable[tuple[Period, Instant]]) -> Iterable[Match]:
    """The parts of a match that lie within; a deny stays as it is. Neither grace outlasts the other."""
    if match.deny:
        yield match
        return
    for period, grace in pieces:
        start, end = max(match.active.start, period.start), min(match.active.end, period.end)
        if start < end:
            yield match._replace(active=Period(start, end), grace_end=max(end, min(match.end, grace)))
