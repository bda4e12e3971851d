"""Why a person has, or lacks, a service: the computation itself, told. The same functions, the same inputs."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from provisioning.core.account import Account, Json
from provisioning.core.catalog import Rule
from provisioning.core.counterfactual import End, end_of
from provisioning.core.eligibility import EMPTY, Match, Timeline
from provisioning.core.evaluation import Evaluation, evaluate, match_of
from provisioning.core.expression import EvaluationError, Part, deciding
from provisioning.core.identity import Identity
from provisioning.core.lifecycle import NOTHING, Entitlement, Standing, decide
from provisioning.core.linking import Past
from provisioning.core.merge import provenance, said
from provisioning.core.period import BEGINNING, FOREVER, Instant
from provisioning.core.policy import CompiledRule, Policy
from provisioning.core.trust import Trust
from provisioning.core.view import view_for

MOST_CHANGES = 1000  # of the course of one service; a record's affiliations are bounded, and so are these


@dataclass(frozen=True, slots=True)
class Tried:
    """A rule tried for a fact: whether it holds (None: it could not be evaluated), the parts that decided.

    `match`: what it contributes; also of a deny that could not be evaluated.
    """

    fact: str
    holds: bool | None
    parts: tuple[Part, ...]
    match: Match | None


@dataclass(frozen=True, slots=True)
class Told:
    """A rule, and how it did for each fact."""

    rule: Rule
    tried: tuple[Tried, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """From an instant on a person stands to a service like this."""

    start: Instant
    standing: str


@dataclass(frozen=True, slots=True)
class Explained:
    """One service: how the person stands to it at the instant, until when, and everything that leads to it.

    `course`: how they will stand to it if no fact changes, and before `now` what today's facts say of then. `end`: of
    the right that is held, or of the next one if none is.
    """

    service: str
    standing: str
    until: Instant
    timeline: Timeline
    course: tuple[Change, ...]
    end: End | None
    rules: tuple[Told, ...]
    entitlement: Entitlement
    account: Account | None


@dataclass(frozen=True, slots=True)
class Word:
    """An attribute of the person, one of its values, and the sources that state it.

    `told`: the services that may be told of it, of those asked for.
    """

    attribute: str
    value: Json
    sources: tuple[str, ...]
    told: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """All services asked for, the rules that could not be evaluated for this person, and whose word they are.

    `notices`: by source, what was odd about its record, or is not believed. `stale`: those of the person's sources that
    are silent, since when they have been so too long. `past`: how records came to this identity, or left it.
    """

    identity: str
    now: Instant
    at: Instant
    services: tuple[Explained, ...]
    failures: tuple[str, ...]
    words: tuple[Word, ...]
    notices: Mapping[str, tuple[str, ...]]
    stale: Mapping[str, Instant]
    past: tuple[Past, ...] = ()


def explain(
    policy: Policy,
    identity: Identity,
    accounts: Mapping[str, Account],
    now: Instant,
    service: str | None = None,
    at: Instant | None = None,
) -> Explanation:
    """Explain one service or all of the bundle's, for `now` or for another instant."""
    evaluation = evaluate(policy, identity, now)
    names = policy.services if service is None else [service]
    instant = now if at is None else at
    services = tuple(_explained(policy, identity, evaluation, accounts.get(name), name, now, instant) for name in names)
    notices = {source: record.notices for source, record in identity.records.items() if record.notices}
    words = tuple(_words(policy, identity, names))
    stale = {source: since for source, since in policy.stale.items() if source in identity.records}
    past = identity.linking.past
    return Explanation(identity.id, now, instant, services, evaluation.failures, words, notices, stale, past)


def _words(policy: Policy, identity: Identity, services: Iterable[str]) -> Iterator[Word]:
    """Every value that counts for anybody: for rules, or for one of the services."""
    trust = policy.trust or Trust(policy.sources, {})
    heard = said(identity, trust, policy.ended())
    told = {service: provenance(heard, trust, trust.released.get(service)) for service in services}
    for attribute, values in sorted(provenance(heard, trust).items()):
        shown = {service: found.get(attribute, ()) for service, found in told.items()}
        every = {repr(each.value): each for found in (*shown.values(), values) for each in found}
        for value in every.values():
            to = tuple(service for service, found in shown.items() if any(each.value == value.value for each in found))
            yield Word(attribute, value.value, value.sources, to)


def _explained(
    policy: Policy,
    identity: Identity,
    evaluation: Evaluation,
    account: Account | None,
    name: str,
    now: Instant,
    at: Instant,
) -> Explained:
    line = evaluation.timelines.get(name, EMPTY)
    rules = [rule for rule in (*policy.person_rules, *policy.affiliation_rules) if rule.rule.service == name]
    course = tuple(_course(policy, name, line, identity.entitlements.get(name, NOTHING), now))
    standing, until = _at(course, at)
    if standing == Standing.ABSENT and line.next_start(at) < FOREVER:
        standing = "future"
    anchor = at if line.at(at) is not None else line.next_start(at)
    return Explained(
        service=name,
        standing=standing,
        until=until,
        timeline=line,
        course=course,
        end=end_of(line, evaluation.matches.get(name, ()), rules, anchor, policy.zone),
        rules=tuple(_told(policy, identity, rule) for rule in rules),
        entitlement=identity.entitlements.get(name, NOTHING),
        account=account,
    )


def _course(policy: Policy, name: str, line: Timeline, previous: Entitlement, now: Instant) -> Iterator[Change]:
    """What today's facts say of the time before, then one decision after the other, each at the former's boundary."""
    end = BEGINNING
    for segment in line.segments:
        if segment.start < now:
            if segment.start > end:
                yield Change(end, Standing.ABSENT.value)
            yield Change(segment.start, segment.phase.value)
            end = min(segment.end, now)
    if BEGINNING <= end < now:
        yield Change(end, Standing.ABSENT.value)
    instant = now
    for _ in range(MOST_CHANGES):
        previous, boundary = decide(previous, line, policy.services[name].lifecycle, instant, policy.zone)
        yield Change(instant, previous.standing.value)
        if boundary >= FOREVER:
            return
        instant = boundary


def _at(course: tuple[Change, ...], at: Instant) -> tuple[str, Instant]:
    """How it stands at an instant, and when it will stand otherwise."""
    standing = next((change.standing for change in reversed(course) if change.start <= at), Standing.ABSENT.value)
    later = (change.start for change in course if change.start > at and change.standing != standing)
    return standing, next(later, FOREVER)


def _told(policy: Policy, identity: Identity, compiled: CompiledRule) -> Told:
    told = deciding(compiled.expression)
    tried = []
    view = view_for(policy, identity, compiled.rule.service, deny=compiled.rule.deny)
    facts = view.facts if compiled.per_affiliation else ()
    rows = [(name, found.facts, found.period) for name, found in facts]
    if not compiled.per_affiliation and view.live:
        rows = [("person", {}, compiled.window)]
    for fact, data, period in rows:
        variables = {"person": view.person, "affiliation": data}
        given = {name: variables[name] for name in compiled.expression.variables}
        try:
            holds = compiled.expression.evaluate(**given) is True
        except EvaluationError as error:
            match = match_of(compiled, fact, period, policy.zone, error) if compiled.rule.deny else None
            tried.append(Tried(fact, None, told(**given), match))
            continue
        match = match_of(compiled, fact, period, policy.zone, holds) if holds else None
        tried.append(Tried(fact, holds, told(**given), match))
    return Told(compiled.rule, tuple(tried))
