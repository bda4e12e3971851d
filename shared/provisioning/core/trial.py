"""A case run against a policy: expected and got, service by service, by the functions that decide in production."""

from dataclasses import dataclass, field

from provisioning.core.cases import Case, ExpectedSegment, ExpectedStanding, instant_of, records_of
from provisioning.core.decision import decide_identity
from provisioning.core.eligibility import EMPTY, SegmentPhase, Timeline
from provisioning.core.evaluation import evaluate
from provisioning.core.identity import Identity
from provisioning.core.lifecycle import NOTHING
from provisioning.core.period import BEGINNING, FOREVER, Instant, parse_end, parse_start
from provisioning.core.policy import Policy


@dataclass(frozen=True, slots=True, order=True)
class Stretch:
    """A segment as a case tells it. `rules` are those that made it: for people, not compared."""

    start: Instant
    end: Instant
    phase: SegmentPhase
    authorizations: tuple[str, ...]
    rules: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Held:
    """A standing at an instant, and with which authorizations. None: whatever they are."""

    standing: str
    authorizations: tuple[str, ...] | None = None


Answer = tuple[Stretch, ...] | Held


@dataclass(frozen=True, slots=True)
class Difference:
    """One service that is not as expected; both sides have the same form."""

    service: str
    expected: Answer
    got: Answer


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a case showed: nothing, if all is as expected. `failures`: rules that could not be evaluated for it."""

    case: Case
    differences: tuple[Difference, ...]
    failures: tuple[str, ...] = ()


def try_case(policy: Policy, case: Case) -> Verdict:
    """Run a case in which `case_problems` found nothing."""
    at = instant_of(case, policy)
    identity = _lived(policy, Identity("case", records_of(case, policy)), BEGINNING if at is None else at)
    evaluation = evaluate(policy, identity, BEGINNING if at is None else at)
    differences = []
    for service in policy.services:
        line = evaluation.timelines.get(service, EMPTY)
        expected = _expected(policy, case, service)
        if expected is None:
            continue
        got = _stretches(line) if at is None or not isinstance(expected, Held) else _held(identity, service, line, at)
        if not _agree(expected, got, named=service in case.expect):
            differences.append(Difference(service, expected, got))
    return Verdict(case, tuple(differences), evaluation.failures)


def _lived(policy: Policy, identity: Identity, until: Instant) -> Identity:
    """The identity after every boundary up to an instant: how it stands then depends on how it stood before."""
    now: Instant | None = BEGINNING
    while now is not None and now <= until:
        identity = decide_identity(policy, identity, identity, {}, now).identity
        now = identity.due_at
    return identity


def _expected(policy: Policy, case: Case, service: str) -> Answer | None:
    """What the case expects of a service; None if it is not compared."""
    expected = case.expect.get(service)
    if expected is None:
        if not case.only:
            return None
        return () if case.at is None else Held("absent")
    if isinstance(expected, tuple):
        return tuple(sorted(_stretch(segment, policy) for segment in expected))
    if isinstance(expected, ExpectedStanding):
        names = expected.authorizations
        return Held(expected.standing, None if names is None else tuple(sorted(set(names))))
    return Held(expected)


def _stretch(segment: ExpectedSegment, policy: Policy) -> Stretch:
    start = BEGINNING if segment.since is None else parse_start(segment.since, policy.zone)[0]
    end = FOREVER if segment.until is None else parse_end(segment.until, policy.zone)[0]
    return Stretch(start, end, SegmentPhase(segment.phase), tuple(sorted(set(segment.authorizations))))


def _stretches(line: Timeline) -> tuple[Stretch, ...]:
    return tuple(
        Stretch(
            segment.start,
            segment.end,
            segment.phase,
            segment.authorizations,
            tuple(sorted({reason.rule for reason in segment.reasons})),
        )
        for segment in line.segments
    )


def _held(identity: Identity, service: str, line: Timeline, at: Instant) -> Held:
    entitlement = identity.entitlements.get(service, NOTHING)
    standing = entitlement.standing.value
    if standing == "absent" and line.next_start(at) < FOREVER:
        standing = "future"
    return Held(standing, entitlement.authorizations)


def _agree(expected: Answer, got: Answer, named: bool) -> bool:
    if not isinstance(expected, Held) or not isinstance(got, Held):
        return expected == got
    if not named:  # whoever has nothing yet has nothing
        return got.standing in ("absent", "future")
    return expected.standing == got.standing and expected.authorizations in (None, got.authorizations)
