"""Why a person has, or lacks, a service: the computation itself, told. The same function, the same inputs."""

from collections.abc import Mapping
from dataclasses import dataclass

from provisioning.core.account import Account
from provisioning.core.eligibility import EMPTY, Segment, Timeline
from provisioning.core.identity import Identity
from provisioning.core.lifecycle import NOTHING, Entitlement, decide
from provisioning.core.period import FOREVER, Instant, show
from provisioning.core.policy import Policy, evaluate


@dataclass(frozen=True, slots=True)
class Explained:
    """One service: how the person stands to it at `now`, until when, the whole timeline, and the account."""

    service: str
    standing: str
    until: Instant
    timeline: Timeline
    entitlement: Entitlement
    account: Account | None
    because: Mapping[str, str]  # rule: its own words


@dataclass(frozen=True, slots=True)
class Explanation:
    """All services asked for, and the rules that could not be evaluated for this person."""

    identity: str
    at: Instant
    services: tuple[Explained, ...]
    failures: tuple[str, ...]


def explain(
    policy: Policy, identity: Identity, accounts: Mapping[str, Account], now: Instant, service: str | None = None
) -> Explanation:
    """Explain one service or all of the bundle's."""
    evaluation = evaluate(policy, identity, now)
    because = {rule.id: rule.because for rule in policy.bundle.rules}
    explained = []
    for name in policy.services if service is None else [service]:
        timeline = evaluation.timelines.get(name, EMPTY)
        previous = identity.entitlements.get(name, NOTHING)
        entitlement, until = decide(previous, timeline, policy.services[name].lifecycle, now, policy.zone)
        standing = entitlement.standing.value
        if standing == "absent" and timeline.next_start(now) < FOREVER:
            standing = "future"
        explained.append(Explained(name, standing, until, timeline, entitlement, accounts.get(name), because))
    return Explanation(identity.id, now, tuple(explained), evaluation.failures)


def segment_words(segment: Segment, because: Mapping[str, str]) -> dict[str, object]:
    """A segment in JSON's terms."""
    return {
        "start": show(segment.start),
        "end": show(segment.end),
        "phase": segment.phase.value,
        "authorizations": list(segment.authorizations),
        "reasons": [
            {"rule": reason.rule, "fact": reason.fact, "because": because.get(reason.rule, "")}
            for reason in segment.reasons
        ],
    }


def words(explanation: Explanation) -> dict[str, object]:
    """The whole explanation in JSON's terms."""
    return {
        "identity": explanation.identity,
        "at": show(explanation.at),
        "services": [_service(explained) for explained in explanation.services],
        "failures": list(explanation.failures),
    }


def _service(explained: Explained) -> dict[str, object]:
    account = explained.account
    return {
        "service": explained.service,
        "standing": explained.standing,
        "until": show(explained.until),
        "timeline": [segment_words(segment, explained.because) for segment in explained.timeline.segments],
        "denied": [
            {
                "rule": match.reason.rule,
                "fact": match.reason.fact,
                "start": show(match.active.start),
                "end": show(match.active.end),
            }
            for match in explained.timeline.denials
        ],
        "account": None
        if account is None
        else {
            "phase": account.known.phase.value,
            "condition": account.condition.value,
            "remote_id": account.known.remote_id,
            "groups": list(account.known.groups),
            "error": account.error,
            "attempts": account.attempts,
            "due_at": show(account.due_at) if account.due_at is not None else None,
        },
    }
