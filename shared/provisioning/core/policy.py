"""The compiled bundle: what functions hold in memory, and the one evaluation that everything else uses."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from provisioning.core.account import Json
from provisioning.core.catalog import Bundle, Rule, Service
from provisioning.core.eligibility import Match, Reason, Timeline, gathered
from provisioning.core.expression import EvaluationError, Expression
from provisioning.core.identity import Identity, affiliations, person
from provisioning.core.mapping import AccountMapping
from provisioning.core.period import Duration, Instant, Period, shift
from provisioning.core.record import Schema
from provisioning.core.separation import separate


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """A rule with its expression; `window` is its own from/until."""

    rule: Rule
    expression: Expression
    window: Period

    @property
    def per_affiliation(self) -> bool:
        """Whether it is tried for each affiliation, or once for the person."""
        return "affiliation" in self.expression.variables


Program = Callable[..., Sequence[Json | EvaluationError]]


@dataclass(frozen=True, slots=True)
class Policy:
    """Rules and mappings of one published bundle. `sequence` grows with every publication."""

    bundle: Bundle
    hash: str
    sequence: int
    schema: Schema
    services: Mapping[str, Service]
    mappings: Mapping[str, AccountMapping]
    person_rules: tuple[CompiledRule, ...]
    affiliation_rules: tuple[CompiledRule, ...]
    longest_grace: Duration  # how long after its end a fact can still matter
    person_program: Program = field(repr=False)
    affiliation_program: Program = field(repr=False)

    @property
    def zone(self) -> ZoneInfo:
        return self.schema.zone

    @property
    def sources(self) -> tuple[str, ...]:
        """Sources in the order of their precedence."""
        return tuple(source.id for source in self.bundle.sources)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All timelines of one identity, the matches that made them, its merged attributes, and what failed.

    `failures`: the rules that could not be evaluated, with the fact and why.
    """

    person: Mapping[str, Json]
    matches: Mapping[str, Sequence[Match]]
    timelines: Mapping[str, Timeline]
    failures: tuple[str, ...] = ()


def evaluate(policy: Policy, identity: Identity, now: Instant) -> Evaluation:
    """Try every rule for every fact. Time is structure: `now` only says which duties are held already."""
    attributes = person(identity, policy.sources)
    failures: list[str] = []
    matches = gathered(_matches(policy, identity, attributes, failures))
    timelines = separate(policy.bundle.exclusions, matches, identity.entitlements, now)
    return Evaluation(attributes, matches, timelines, tuple(sorted(set(failures))))


def _matches(
    policy: Policy, identity: Identity, attributes: Mapping[str, Json], failures: list[str]
) -> Iterator[tuple[str, Match]]:
    if identity.live:
        results = policy.person_program(attributes)
        for compiled, result in zip(policy.person_rules, results, strict=True):
            if _holds(compiled.rule, result, "person", failures):
                yield compiled.rule.service, match_of(compiled, "person", compiled.window, policy.zone, result)
    for fact, affiliation in affiliations(identity, policy.sources):
        results = policy.affiliation_program(attributes, affiliation.facts)
        for compiled, result in zip(policy.affiliation_rules, results, strict=True):
            if _holds(compiled.rule, result, fact, failures):
                yield compiled.rule.service, match_of(compiled, fact, affiliation.period, policy.zone, result)


def _holds(rule: Rule, result: Json | EvaluationError, fact: str, failures: list[str]) -> bool:
    """A grant that cannot be evaluated grants nothing; a deny that cannot be evaluated holds. Both are told."""
    if isinstance(result, EvaluationError):
        failures.append(f"{rule.id} for {fact}: {result}")
        return rule.deny
    return result is True


def match_of(compiled: CompiledRule, fact: str, period: Period, zone: ZoneInfo, result: object) -> Match:
    """What a rule that holds for a fact contributes: the fact's period, widened, within the rule's own."""
    rule, window = compiled.rule, compiled.window
    start, end = max(period.start, window.start), min(period.end, window.end)
    if start < end:  # lead and grace widen what is there; they make nothing out of an empty period
        start = max(shift(period.start, rule.lasting.lead, zone, -1), window.start)
    grace_end = shift(end, rule.lasting.grace, zone)
    # What could not be evaluated does not remove an account: removal needs evidence.
    urgent = rule.urgent and result is True
    return Match(Reason(rule.id, fact), Period(start, end), grace_end, rule.authorizations, rule.deny, urgent)
