"""The compiled bundle: what functions hold in memory, and the one evaluation that everything else uses."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache, partial
from typing import NamedTuple
from zoneinfo import ZoneInfo

from provisioning.core.account import Json
from provisioning.core.catalog import Bundle, Rule, Service, Source
from provisioning.core.eligibility import Match, Timeline, make_match
from provisioning.core.expression import EvaluationError, Expression, Selection
from provisioning.core.identity import Identity, affiliations, person
from provisioning.core.mapping import AccountMapping
from provisioning.core.period import BEGINNING, FOREVER, Duration, Instant, Period, shift
from provisioning.core.reading import Reader
from provisioning.core.record import Schema
from provisioning.core.separation import separate


@dataclass(frozen=True, slots=True, eq=False)  # compared as the object that it is, which is quick: `reach` makes one
class Reach:
    """How a rule's own period, lead and grace change the period of a fact. None: not at all."""

    window: Period | None
    lead: Duration | None
    grace: Duration | None


class Gives(NamedTuple):
    """What a rule contributes wherever it holds, ready for use."""

    rule: str
    service: str
    reach: Reach
    authorizations: tuple[str, ...]
    deny: bool
    urgent: bool


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """A rule with its expression; `window` is its own from/until."""

    rule: Rule
    expression: Expression
    window: Period
    gives: Gives

    @property
    def per_affiliation(self) -> bool:
        """Whether it is tried for each affiliation, or once for the person."""
        return "affiliation" in self.expression.variables


def compiled_rule(rule: Rule, expression: Expression, window: Period) -> CompiledRule:
    """A rule, compiled."""
    own = None if window == (BEGINNING, FOREVER) else window
    reach = _reach(own, rule.lasting.lead or None, rule.lasting.grace or None)
    authorizations = tuple(sorted(set(rule.authorizations)))
    gives = Gives(rule.id, rule.service, reach, authorizations, rule.deny, rule.urgent)
    return CompiledRule(rule, expression, window, gives)


@lru_cache(maxsize=4096)
def _reach(window: Period | None, lead: Duration | None, grace: Duration | None) -> Reach:
    return Reach(window, lead, grace)


@dataclass(frozen=True, slots=True)
class Policy:
    """Rules and mappings of one published bundle. `sequence` grows with every publication."""

    bundle: Bundle
    hash: str
    sequence: int
    schema: Schema
    sources: tuple[str, ...]  # in the order of their precedence
    readers: Mapping[str, Reader]  # by source: of those that speak of fields of their own
    services: Mapping[str, Service]
    mappings: Mapping[str, AccountMapping]
    person_rules: tuple[CompiledRule, ...]
    affiliation_rules: tuple[CompiledRule, ...]
    longest_grace: Duration  # how long after its end a fact can still matter
    person_selection: Selection = field(repr=False)  # of (person)
    affiliation_selection: Selection = field(repr=False)  # of (person, affiliation)

    def source(self, id_: str) -> Source:
        """A source by its id. Raises KeyError."""
        return {source.id: source for source in self.bundle.sources}[id_]

    @property
    def zone(self) -> ZoneInfo:
        return self.schema.zone


@dataclass(frozen=True)  # without slots, so that its timelines can be kept when they are first needed
class Evaluation:
    """The matches of one identity by service, its merged attributes, and what failed.

    `failures`: the rules that could not be evaluated, with the fact and why. `separation` makes the timelines.
    """

    person: Mapping[str, Json]
    matches: Mapping[str, Sequence[Match]]
    failures: tuple[str, ...]
    separation: Callable[[], Mapping[str, Timeline]] = field(repr=False)

    @cached_property
    def timelines(self) -> Mapping[str, Timeline]:
        """The timeline of every service that any match names, or an exclusion takes away."""
        return self.separation()


def evaluate(policy: Policy, identity: Identity, now: Instant) -> Evaluation:
    """Try every rule for every fact. Time is structure: `now` only says which duties are held already."""
    attributes = person(identity, policy.sources)
    failures: list[str] = []
    matches: dict[str, list[Match]] = {}
    if identity.live:
        found = policy.person_selection(attributes)
        _gather(matches, failures, policy.person_rules, found, "person", None, policy.zone)
    for fact, affiliation in affiliations(identity, policy.sources):
        found = policy.affiliation_selection(attributes, affiliation.facts)
        if found:
            _gather(matches, failures, policy.affiliation_rules, found, fact, affiliation.period, policy.zone)
    separation = partial(separate, policy.bundle.exclusions, matches, identity.entitlements, now)
    return Evaluation(attributes, matches, tuple(sorted(set(failures))) if failures else (), separation)


def _gather(
    matches: dict[str, list[Match]],
    failures: list[str],
    rules: Sequence[CompiledRule],
    found: Sequence[tuple[int, bool | EvaluationError]],
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
