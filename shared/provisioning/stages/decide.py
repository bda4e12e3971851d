"""Load an identity, decide, store, and say which bells must ring: what receive and evaluate share."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from provisioning.core.bell import OWN_SPAN, Bell, Cause
from provisioning.core.decision import decide_identity
from provisioning.core.errors import ConflictError, StalePolicyError, TransientError
from provisioning.core.identity import Absorbed, Identity, absorb
from provisioning.core.period import Instant
from provisioning.core.record import Absence, Record
from provisioning.ports import Identities, Policies
from provisioning.stages.message import Log

ATTEMPTS: Final = 5  # lost races before the message is left to its redelivery


@dataclass(frozen=True, slots=True)
class Decide:
    """What deciding needs. `new_identity` gives a fresh, meaning-free identifier."""

    identities: Identities
    policies: Policies
    new_identity: Callable[[], str]
    log: Log


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom to decide for: by identity, or by (source, key) with the record that arrived.

    `sequence`: of the oldest bundle that may decide. `again`: somebody may have done a part of this and died.
    """

    identity: str | None
    key: tuple[str, str] | None = None
    record: Record | Absence | None = None
    sequence: int = 0
    again: bool = False


async def decide(shell: Decide, subject: Subject, now: Instant, cause: Cause, trace: str) -> list[Bell]:
    """Decide for one subject and return the bells to ring; nothing is rung here.

    Raises TransientError if the races do not end or the newest bundle cannot be loaded.
    """
    for _ in range(ATTEMPTS):
        try:
            return await _decide(shell, subject, now, cause, trace)
        except ConflictError:
            # Somebody else wrote this identity, or linked this key, between our read and our write.
            subject = await _find(shell, subject)
        except StalePolicyError:
            # Between our read and our write it was decided by a newer bundle; the next read shows which.
            continue
    raise TransientError(f"identity {subject.identity or subject.key} is being written by others")


async def _find(shell: Decide, subject: Subject) -> Subject:
    if subject.identity is not None or subject.key is None:
        return subject
    links = await shell.identities.links([subject.key])
    return replace(subject, identity=links.get(subject.key))


async def _decide(shell: Decide, subject: Subject, now: Instant, cause: Cause, trace: str) -> list[Bell]:
    if subject.identity is None and isinstance(subject.record, Absence):
        shell.log("absence.unknown", source=subject.record.source, trace=trace)
        return []
    if subject.identity is None:
        stored, accounts = Identity(shell.new_identity()), {}
    else:
        holding = await shell.identities.holding(subject.identity)
        if holding.identity is None:
            shell.log("identity.unknown", identity=subject.identity, trace=trace)
            return []
        stored, accounts = holding.identity, dict(holding.accounts)
    policy = await shell.policies.current(at_least=max(stored.sequence, subject.sequence))
    identity = stored
    if subject.record is not None:
        identity, absorbed = absorb(identity, subject.record, now)
        if absorbed is not Absorbed.NEWER:
            version = subject.record.version if isinstance(subject.record, Record) else None
            shell.log(
                f"record.{absorbed}", identity=stored.id, source=subject.record.source, version=version, trace=trace
            )
    decision = decide_identity(policy, stored, identity, accounts, now)
    for failure in decision.failures:
        shell.log("rule.failed", identity=stored.id, reason=failure, trace=trace)
    if decision.changed:
        # Loses to whoever wrote the identity since our read, and to whoever linked the same key to another one.
        await shell.identities.put_identity(decision.identity, subject.key if stored.revision == 0 else None)
    shell.log(
        "decided",
        identity=stored.id,
        cause=cause.value,
        changed=decision.changed,
        rings=list(decision.rings),
        trace=trace,
    )
    bells = [Bell(stored.id, Cause.DECISION, trace, service) for service in decision.rings]
    due_at = decision.identity.due_at
    # If nothing changed, whoever made it so rings for the boundary, or their message comes again and does.
    if due_at is not None and due_at < now + OWN_SPAN and (decision.changed or subject.again):
        bells.append(Bell(stored.id, Cause.CLOCK, trace, at=due_at))
    return bells
