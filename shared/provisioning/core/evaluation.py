"""Rules × identity → what every service is given: the one evaluation that everything else uses."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache, partial
from zoneinfo import ZoneInfo

from provisioning.core.account import Json
from provisioning.core.catalog import Rule
from provisioning.core.eligibility import Match, Timeline, make_match
from provisioning.core.expression import EvaluationError
from provisioning.core.identity import Identity
from provisioning.core.merge import beyond, said
from provisioning.core.period import Instant, Period, shift
from provisioning.core.policy import CompiledRule, Policy, Reach
from provisioning.core.separation import separate
from provisioning.core.support import Supported
from provisioning.core.view import View, view_of_all, view_within


@dataclass(frozen=True)  # without slots, so that its timelines can be kept when they are first needed
class Evaluation:
    """The matches of one identity by service, its merged attributes as rules see them, and what failed.

    `failures`: the rules that could not be evaluated, with the fact and why. `separation` makes the timelines;
    `telling` what a service may be told of the person, if that is not just what rules see. `spared`: services whose
    accounts are not removed, because a source is stale that gave them.
    """

    person: Mapping[str, Json]
    matches: Mapping[str, Sequence[Match]]
    failures: tuple[str, ...]
    separation: Callable[[], Mapping[str, Timeline]] = field(repr=False)
    telling: Callable[[str], Mapping[str, Json]] | None = field(default=None, repr=False)
    spared: frozenset[str] = frozenset()

    @cached_property
    def timelines(self) -> Mapping[str, Timeline]:
        """The timeline of every service that any match names, or an exclusion takes away."""
        return self.separation()

    def told(self, service: str) -> Mapping[str, Json]:
        """The person as a service may be told of: what its mapping sees."""
        return self.person if self.telling is None else self.telling(service)


def evaluate(policy: Policy, identity: Identity, now: Instant) -> Evaluation:
    """Try every rule for every fact. Time is structure: `now` only says which duties are held already."""
    view = view_of_all(policy, identity)
    failures: list[str] = []
    if policy.trust is None:
        matches = _matches(policy, view, failures)
    else:
        matches = _supported(policy, identity, failures)
        failures += beyond(said(identity, policy.trust), policy.trust)
    spared = _spared(policy, identity, now) if policy.stale and policy.ended() != policy.ended(spared=True) else ()
    separation = partial(separate, policy.bundle.exclusions, matches, identity.entitlements, now)
    told = tuple(sorted(set(failures))) if failures else ()
    gone = any(record.deleted for record in identity.records.values())
    telling = partial(policy.told, identity) if gone or policy.stale or policy.trust is not None else None
    return Evaluation(view.person, matches, told, separation, telling, frozenset(spared))


def _spared(policy: Policy, identity: Identity, now: Instant) -> Iterator[str]:
    """The services that the person would have now, if those stale sources that spare people were fresh."""
    if policy.trust is None:
        matches = _matches(policy, view_within(policy, identity, frozenset(policy.sources), spared=True), [])
    else:
        matches = _supported(policy, identity, [], spared=True)
    for service, line in separate(policy.bundle.exclusions, matches, identity.entitlements, now).items():
        if line.holding(now) is not None:
            yield service


def _supported(
    policy: Policy, identity: Identity, failures: list[str], *, spared: bool = False
) -> dict[str, list[Match]]:
    """The same where not every source may support every service: each circle of sources is heard alone."""
    supported = Supported()
    for circle in policy.circles:
        view = view_within(policy, identity, circle.sources, spared=spared)
        supported.take(circle, _matches(policy, view, failures, circle.services))
    return supported.matches()


def _matches(
    policy: Policy, view: View, failures: list[str], services: frozenset[str] | None = None
) -> dict[str, list[Match]]:
    """What rules give by what they see, by service. `services`: only of these."""
    matches: dict[str, list[Match]] = {}
    attributes, live, facts = view
    if live:
        found = _of(services, policy.person_rules, policy.person_selection(attributes))
        _gather(matches, failures, policy.person_rules, found, "person", None, policy.zone)
    for fact, affiliation in facts:
        found = _of(services, policy.affiliation_rules, policy.affiliation_selection(attributes, affiliation.facts))
        if found:
            _gather(matches, failures, policy.affiliation_rules, found, fact, affiliation.period, policy.zone)
    return matches


Found = Sequence[tuple[int, bool | EvaluationError]]


def _of(services: frozenset[str] | None, rules: Sequence[CompiledRule], found: Found) -> Found:
    if services is None:
        return found
    return [(number, result) for number, result in found if rules[number].rule.service in services]


def _gather(
    matches: dict[str, list[Match]],
    failures: list[str],
    rules: Sequence[CompiledRule],
    found: Found,
    fact: str,
    period: Period | None,
    zone: ZoneInfo,
) -> None:
    """Add what the rules found contribute, by service. Without a period of the fact they hold for their own."""
    spans: dict[Reach, tuple[Period, Instant]] = {}
    for number, result in found:
        compiled = rules[number]
        if result is not True and not _holds(compiled.rule, result, fact, failures):
            continue
        rule, service, reach, authorizations, deny, urgent = compiled.gives
        if reach in spans:
            active, grace_end = spans[reach]
        else:
            active, grace_end = spans[reach] = _span(reach, period or compiled.window, zone)
        urgent = urgent and result is True  # what could not be evaluated removes nobody
        match = make_match((rule, fact, active, grace_end, authorizations, deny, urgent))
        if service in matches:
            matches[service].append(match)
        else:
            matches[service] = [match]


def _holds(rule: Rule, error: bool | EvaluationError, fact: str, failures: list[str]) -> bool:
    """A grant that cannot be evaluated grants nothing; a deny that cannot be evaluated holds. Both are told."""
    failures.append(f"{rule.id} for {fact}: {error}")
    return rule.deny


def match_of(compiled: CompiledRule, fact: str, period: Period, zone: ZoneInfo, result: object) -> Match:
    """What a rule that holds for a fact contributes: the fact's period, widened, within the rule's own."""
    rule, _, reach, authorizations, deny, urgent = compiled.gives
    active, grace_end = _span(reach, period, zone)
    # What could not be evaluated does not remove an account: removal needs evidence.
    return Match(rule, fact, active, grace_end, authorizations, deny, urgent and result is True)


@lru_cache(maxsize=16384)  # terms and contracts begin and end on the same days
def _span(reach: Reach, period: Period, zone: ZoneInfo) -> tuple[Period, Instant]:
    """The active period, and the end of the grace after it."""
    (start, end), window = period, reach.window
    if window is not None:
        start, end = max(start, window.start), min(end, window.end)
    if reach.lead is not None and start < end:  # lead and grace widen what is there; of nothing they make nothing
        start = shift(period.start, reach.lead, zone, -1)
        start = start if window is None else max(start, window.start)
    return Period(start, end), end if reach.grace is None else shift(end, reach.grace, zone)
