"""Identity × policy × now → what every service should hold, what changed, and which doors to ring."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from provisioning.core.account import Account, answers
from provisioning.core.eligibility import EMPTY, timeline
from provisioning.core.evaluation import Evaluation, evaluate
from provisioning.core.identity import Identity, prune
from provisioning.core.lifecycle import NOTHING, Entitlement, Standing, continued, decide
from provisioning.core.mapping import desired, is_other
from provisioning.core.period import FOREVER, Instant, shift
from provisioning.core.policy import Policy


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
    standings, due_at = standings_of(policy, identity, evaluation, now)
    entitlements: dict[str, Entitlement] = dict(identity.entitlements)
    for service, standing in standings.items():
        entitlement = _turned(policy, service, identity, evaluation, standing, accounts.get(service))
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
        for service, entitlement in sorted(entitlements.items(), key=lambda item: item[0])
        if service in policy.services and not answers(accounts.get(service), entitlement.turn, now)
    )
    return Decision(decided, decided != stored, rings, evaluation.failures)


def standings_of(
    policy: Policy, identity: Identity, evaluation: Evaluation, now: Instant
) -> tuple[dict[str, Entitlement], Instant]:
    """What a person is entitled to of every service that they have or had, and when that next changes by itself.

    Digests and turns are still those from before.
    """
    held, services, zone = identity.entitlements, policy.services, policy.zone
    found: dict[str, Entitlement] = {}
    due_at = FOREVER
    exclusive = bool(policy.bundle.exclusions)
    for service, matches in evaluation.matches.items():
        previous = held.get(service, NOTHING)
        if len(matches) == 1 and not exclusive:
            boundary = continued(previous, matches[0], now)
            if boundary is not None:
                found[service] = previous
                due_at = boundary if boundary < due_at else due_at
                continue
        line = evaluation.timelines[service] if exclusive else timeline(matches)
        found[service], boundary = decide(previous, line, services[service].lifecycle, now, zone)
        due_at = boundary if boundary < due_at else due_at
    for service in held.keys() - evaluation.matches.keys():
        if service in services:  # if not, it left the bundle: nobody decides about it any more
            line = evaluation.timelines.get(service, EMPTY) if exclusive else EMPTY
            found[service], boundary = decide(held[service], line, services[service].lifecycle, now, zone)
            due_at = min(due_at, boundary)
    for service in evaluation.spared & found.keys():
        found[service] = _spared(held.get(service, NOTHING), found[service])
    return found, due_at


def _spared(previous: Entitlement, found: Entitlement) -> Entitlement:
    """Suspended, where it would be removed because a source is silent: until that is heard again."""
    if found.standing is not Standing.ABSENT or previous.standing is Standing.ABSENT:
        return found
    return replace(found, standing=Standing.SUSPENDED, authorizations=(), ended=previous.ended)


def _turned(
    policy: Policy,
    service: str,
    identity: Identity,
    evaluation: Evaluation,
    entitlement: Entitlement,
    account: Account | None,
) -> Entitlement:
    """The entitlement with the digest of what it wants, and with another turn if that is another account."""
    if entitlement.standing is Standing.ABSENT and not entitlement.turn and not entitlement.dispute:
        return entitlement  # never wanted: nothing to compute, nothing to store
    known_by = identity.id if account is None else account.subject
    wanted = desired(policy.mappings[service], known_by, evaluation.told(service), entitlement)
    if is_other(wanted, entitlement.digest, account):
        return replace(entitlement, digest=wanted.digest, turn=entitlement.turn + 1)
    return entitlement
