"""Identity × policy × now → what every service should hold, what changed, and which doors to ring."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from provisioning.core.account import Account, answers
from provisioning.core.eligibility import EMPTY
from provisioning.core.identity import Identity, prune
from provisioning.core.lifecycle import NOTHING, Entitlement, Standing, decide
from provisioning.core.mapping import desired
from provisioning.core.period import FOREVER, Instant, shift
from provisioning.core.policy import Evaluation, Policy, evaluate


@dataclass(frozen=True, slots=True)
class Decision:
    """The identity as decided, whether it must be written, and the services to ring.

    `rings` compares what is wanted with what each account answers for, and never with what changed just now: an
    evaluation that is repeated after a crash rings what the first one did not get to.
    """

    identity: Identity
    changed: bool
    rings: tuple[str, ...]
    failures: tuple[str, ...] = ()


def decide_identity(
    policy: Policy, stored: Identity, identity: Identity, accounts: Mapping[str, Account], now: Instant
) -> Decision:
    """Decide all services for an identity. `stored` is what the table holds, `identity` the same with new records."""
    identity = prune(identity, shift(now, policy.longest_grace, policy.zone, -1))
    evaluation = evaluate(policy, identity, now)
    entitlements: dict[str, Entitlement] = dict(identity.entitlements)
    due_at = FOREVER
    for service in policy.services:
        entitlement, boundary = _entitlement(policy, service, identity, evaluation, now)
        due_at = min(due_at, boundary)
        if entitlement.turn:
            entitlements[service] = entitlement
    decided = replace(
        identity,
        entitlements=entitlements,
        sequence=policy.sequence,
        due_at=due_at if due_at < FOREVER else None,
    )
    rings = tuple(
        service
        for service, entitlement in entitlements.items()
        if service in policy.services and not answers(accounts.get(service), entitlement.turn, now)
    )
    return Decision(decided, decided != stored, rings, evaluation.failures)


def _entitlement(
    policy: Policy, service: str, identity: Identity, evaluation: Evaluation, now: Instant
) -> tuple[Entitlement, Instant]:
    previous = identity.entitlements.get(service, NOTHING)
    timeline = evaluation.timelines.get(service)
    if timeline is None and previous.standing is Standing.ABSENT and not previous.dispute:
        return previous, FOREVER
    entitlement, boundary = decide(previous, timeline or EMPTY, policy.services[service].lifecycle, now, policy.zone)
    if entitlement.standing is Standing.ABSENT and not entitlement.turn and not entitlement.dispute:
        return entitlement, boundary  # never wanted: nothing to compute, nothing to store
    digest = desired(policy.mappings[service], identity.id, evaluation.person, entitlement).digest
    if digest != entitlement.digest:
        entitlement = replace(entitlement, digest=digest, turn=entitlement.turn + 1)
    return entitlement, boundary
