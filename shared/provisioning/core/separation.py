"""Separation of duties: of duties that exclude each other a person holds one at a time.

Exclusions are resolved one after the other, in the order of the bundle, each on what the former ones left. What is
refused is refused for stretches of time, so a duty that was refused begins when the other one ends.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from provisioning.core.catalog import Bundle, Duty, Exclusion
from provisioning.core.eligibility import Match, Refusal, Segment, Timeline, timeline
from provisioning.core.errors import InvalidError
from provisioning.core.lifecycle import Entitlement, Standing
from provisioning.core.period import Instant, Period

_HELD = (Standing.ACTIVE, Standing.GRACE)


@dataclass(frozen=True, slots=True)
class _Claim:
    """A stretch of time in which somebody would hold a duty. `held`: they hold it already."""

    number: int  # of the duty in its exclusion
    period: Period
    held: bool


def separate(
    exclusions: Sequence[Exclusion],
    matches: Mapping[str, Sequence[Match]],
    previous: Mapping[str, Entitlement],
    now: Instant,
) -> dict[str, Timeline]:
    """The timelines of all services that have matches, after what the exclusions refuse.

    `previous` are the entitlements as stored: what a person holds at `now` is not taken for what comes later.
    """
    timelines = {service: timeline(found) for service, found in matches.items()}
    refusals: dict[str, list[Refusal]] = {}
    for exclusion in exclusions:
        touched = set()
        claims = list(_claims(exclusion, timelines, previous, now))
        for number, refusal in (*_refused(exclusion, claims), *_lingering(exclusion, claims, timelines, previous, now)):
            service = exclusion.between[number].service
            refusals.setdefault(service, []).append(refusal)
            touched.add(service)
        for service in touched:
            timelines[service] = timeline(matches.get(service, ()), refusals[service])
    return timelines


def _claims(
    exclusion: Exclusion, timelines: Mapping[str, Timeline], previous: Mapping[str, Entitlement], now: Instant
) -> Iterator[_Claim]:
    for number, duty in enumerate(exclusion.between):
        line = timelines.get(duty.service)
        had, until = _had(duty, previous), previous[duty.service].until if duty.service in previous else None
        for period in _stretches(duty, line.segments if line else ()):
            # What ended before this stretch began is not held by it, also if nobody looked in between.
            goes_on = period.start <= now < period.end and not (until is not None and until <= period.start)
            yield _Claim(number, period, had and goes_on)


def _had(duty: Duty, previous: Mapping[str, Entitlement]) -> bool:
    entitlement = previous.get(duty.service)
    if entitlement is None or entitlement.standing not in _HELD:
        return False
    return not duty.authorizations or not set(duty.authorizations).isdisjoint(entitlement.authorizations)


def _stretches(duty: Duty, segments: Iterable[Segment]) -> list[Period]:
    """The unbroken stretches in which a timeline gives a duty."""
    found: list[Period] = []
    for segment in segments:
        if duty.authorizations and set(duty.authorizations).isdisjoint(segment.authorizations):
            continue
        if found and found[-1].end == segment.start:
            found[-1] = Period(found[-1].start, segment.end)
        else:
            found.append(Period(segment.start, segment.end))
    return found


def _refused(exclusion: Exclusion, claims: Sequence[_Claim]) -> Iterator[tuple[int, Refusal]]:
    """Duties by their number, and what is refused of each, in stretches as long as they can be."""
    cuts = sorted({cut for claim in claims for cut in claim.period})
    open_: dict[int, Refusal] = {}
    for start, end in itertools.pairwise(cuts):
        rivals = [claim for claim in claims if claim.period.start <= start < claim.period.end]
        found = dict(_stretch(exclusion, rivals, Period(start, end)) if len(rivals) > 1 else ())
        for number, refusal in list(open_.items()):
            longer = found.get(number)
            if longer is not None and _alike(refusal, longer):
                found[number] = Refusal(Period(refusal.period.start, end), *_words(longer))
            else:
                yield number, refusal
        open_ = found
    yield from open_.items()


def _stretch(exclusion: Exclusion, rivals: Sequence[_Claim], period: Period) -> Iterator[tuple[int, Refusal]]:
    kept = _kept(exclusion, rivals)
    parked = exclusion.resolve == "park"
    for claim in rivals:
        stays = claim in kept
        if stays and not (parked and len(kept) == len(rivals)):
            continue
        others = [other for other in kept or rivals if other != claim]
        words = " and ".join(_named(exclusion.between[other.number]) for other in others)
        authorizations = exclusion.between[claim.number].authorizations
        yield claim.number, Refusal(period, exclusion.id, authorizations, words, parked, not stays)


def _kept(exclusion: Exclusion, rivals: Sequence[_Claim]) -> Sequence[_Claim]:
    """Who of the rivals stays."""
    if exclusion.resolve == "stronger":
        return rivals[:1]
    held = [claim for claim in rivals if claim.held]
    if exclusion.resolve == "park" and held:
        return held  # a person decides what to take away, nobody else
    first = min(claim.period.start for claim in held or rivals)
    earliest = [claim for claim in held or rivals if claim.period.start == first]
    if exclusion.resolve == "park" and len(earliest) > 1:
        return ()
    return earliest[:1]


def _lingering(
    exclusion: Exclusion,
    claims: Sequence[_Claim],
    timelines: Mapping[str, Timeline],
    previous: Mapping[str, Entitlement],
    now: Instant,
) -> Iterator[tuple[int, Refusal]]:
    """A service that was held and is not due any more lingers for its lifecycle's grace, but not beside a rival."""
    holding = [claim for claim in claims if claim.period.start <= now < claim.period.end]
    for number, duty in enumerate(exclusion.between):
        line = timelines.get(duty.service)
        rivals = [claim for claim in holding if exclusion.between[claim.number].service != duty.service]
        if rivals and _had(duty, previous) and (line is None or line.at(now) is None):
            end = max(claim.period.end for claim in rivals)
            words = " and ".join(_named(exclusion.between[claim.number]) for claim in rivals)
            yield number, Refusal(Period(now, end), exclusion.id, duty.authorizations, words)


def _alike(one: Refusal, other: Refusal) -> bool:
    return one.period.end == other.period.start and _words(one) == _words(other)


def _words(refusal: Refusal) -> tuple[str, tuple[str, ...], str, bool, bool]:
    return refusal.exclusion, refusal.authorizations, refusal.kept, refusal.parked, refusal.takes


def _named(duty: Duty) -> str:
    return f"{duty.service} [{', '.join(duty.authorizations)}]" if duty.authorizations else duty.service


def exclusion_problems(bundle: Bundle) -> Iterator[InvalidError]:
    """Duties that nobody can have, and duties that are the same: an exclusion of these would exclude nothing."""
    given: dict[str, set[str]] = {service.id: set() for service in bundle.services}
    for rule in bundle.rules:
        given.get(rule.service, set()).update(() if rule.deny else rule.authorizations)
    for exclusion in bundle.exclusions:
        for number, duty in enumerate(exclusion.between):
            where = f"exclusions/{exclusion.id}.between.{number}"
            if duty.service not in given:
                right = f"one of {', '.join(sorted(given))}"
                yield InvalidError(f"there is no service {duty.service!r}", f"{where}.service", right=right)
                continue
            for name in sorted(set(duty.authorizations) - given[duty.service]):
                right = f"one of {', '.join(sorted(given[duty.service]))}"
                yield InvalidError(f"no rule gives {name!r}", f"{where}.authorizations", right=right)
            for other in exclusion.between[:number]:
                if duty.service == other.service and _overlap(duty, other):
                    right = "duties that have nothing in common"
                    yield InvalidError(
                        f"{_named(duty)} is part of {_named(other)}, or has it as a part", where, right=right
                    )


def _overlap(one: Duty, other: Duty) -> bool:
    whole = not one.authorizations or not other.authorizations
    return whole or not set(one.authorizations).isdisjoint(other.authorizations)
