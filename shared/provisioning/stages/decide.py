"""Load an identity, decide, store, and say which bells must ring: what receive and evaluate share."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from provisioning.core.bell import OWN_SPAN, Bell, Cause
from provisioning.core.decision import Decision, decide_identity
from provisioning.core.errors import ConflictError, StalePolicyError, TransientError
from provisioning.core.identity import Absorbed, Identity, absorb
from provisioning.core.matching import is_another
from provisioning.core.period import Instant
from provisioning.core.policy import Policy
from provisioning.core.record import Absence, Record
from provisioning.core.together import LinkTo, Together
from provisioning.ports import Identities, Policies
from provisioning.stages.linking import Change, Matching, Part, another, match
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
    part = await _load(shell, subject, trace)
    if part is None:
        return []
    stored = part.stored
    if subject.key is not None and _is_elsewhere(stored, subject.key):
        links = await shell.identities.links([subject.key])
        if links.get(subject.key) != stored.id:  # it was linked to another one since the caller looked
            return await _decide(shell, replace(subject, identity=links.get(subject.key)), now, cause, trace)
    policy = await shell.policies.current(at_least=max(stored.sequence, subject.sequence))
    change = await _changed(shell, policy, subject, part, now, trace)
    newest = max((each.stored.sequence for each in change.parts if each.stored.id != stored.id), default=0)
    if newest > policy.sequence:  # somebody else, whom it concerns too, was decided by a newer bundle
        return await _decide(shell, replace(subject, sequence=newest), now, cause, trace)
    bells = await settle(shell, policy, change, now, cause, trace, again=subject.again)
    return bells + await _others(shell, subject, change, now, cause, trace)


async def settle(
    shell: Decide, policy: Policy, change: Change, now: Instant, cause: Cause, trace: str, *, again: bool = False
) -> list[Bell]:
    """Decide for everybody whom a change concerns, store all of it, and return the bells to ring.

    Raises ConflictError if anything was written by others since it was read.
    """
    decisions = [
        _waking(decide_identity(policy, each.stored, each.identity, each.accounts, now), change.wake)
        for each in change.parts
    ]
    await _store(shell, change, decisions)
    bells: list[Bell] = []
    for each, decision in zip(change.parts, decisions, strict=True):
        for failure in decision.failures:
            shell.log("rule.failed", identity=each.stored.id, reason=failure, trace=trace)
        shell.log(
            "decided", identity=each.stored.id, cause=cause.value, changed=decision.changed,
            rings=list(decision.rings), trace=trace,
        )  # fmt: skip
        bells += _bells(decision, cause, again=again, now=now, trace=trace)
    return bells


def _waking(decision: Decision, at: Instant | None) -> Decision:
    due_at = decision.identity.due_at
    if at is None or (due_at is not None and due_at <= at):
        return decision
    return replace(decision, identity=replace(decision.identity, due_at=at), changed=True)


async def _load(shell: Decide, subject: Subject, trace: str) -> Part | None:
    """Whom to decide for, as stored; None: nobody."""
    if subject.identity is None and isinstance(subject.record, Absence):
        shell.log("absence.unknown", source=subject.record.source, trace=trace)
        return None
    if subject.identity is None:
        new = Identity(shell.new_identity())
        return Part(new, new)
    holding = await shell.identities.holding(subject.identity)
    if holding.identity is None:
        shell.log("identity.unknown", identity=subject.identity, trace=trace)
        return None
    return Part(holding.identity, holding.identity, dict(holding.accounts))


def _is_elsewhere(stored: Identity, key: tuple[str, str]) -> bool:
    """Whether a record may have left this identity: then only its link says where it is."""
    known = stored.records.get(key[0])
    return bool(stored.linking.past) and (known is None or known.deleted or known.key != key[1])


async def _changed(shell: Decide, policy: Policy, subject: Subject, part: Part, now: Instant, trace: str) -> Change:
    """What the record, if there is one, makes of the identity, and of those whom its claims concern."""
    stored = part.stored
    absorbed = None
    if subject.record is not None:
        identity, absorbed = absorb(stored, subject.record, now)
        part = replace(part, identity=identity)
        if absorbed is not Absorbed.NEWER:
            version = subject.record.version if isinstance(subject.record, Record) else None
            shell.log(
                f"record.{absorbed}", identity=stored.id, source=subject.record.source, version=version, trace=trace
            )
    matching = Matching(shell.identities, policy, shell.log, now, trace)
    record = subject.record
    if absorbed is Absorbed.NEWER and isinstance(record, Record) and _is_another(policy, stored, record):
        return await another(matching, part, record, shell.new_identity())
    links = (LinkTo(*subject.key, stored.id),) if subject.key is not None and stored.revision == 0 else ()
    return await match(matching, part, links)


def _is_another(policy: Policy, stored: Identity, record: Record) -> bool:
    if record.deleted or record.source not in stored.records or record.source not in policy.sources:
        return False
    reassigned = policy.source(record.source).reassigned
    return reassigned is not None and is_another(reassigned.when, stored.records[record.source], record)


async def _store(shell: Decide, change: Change, decisions: Sequence[Decision]) -> None:
    if change.is_plain:
        (decision,) = decisions
        if decision.changed:
            # Loses to whoever wrote the identity since our read, and to whoever linked the same key to another one.
            link = change.links[0][:2] if change.links else None
            await shell.identities.put_identity(decision.identity, link)
        return
    # Loses to whoever wrote any of these since our reads: of two sources that state one value at once, one is first,
    # and the other finds its claim when it looks again.
    await shell.identities.put_together(
        Together(
            tuple(decision.identity for decision in decisions if decision.changed) + change.merged,
            change.links, change.claims, change.questions, change.accounts,
        )
    )  # fmt: skip


def _bells(decision: Decision, cause: Cause, *, again: bool, now: Instant, trace: str) -> list[Bell]:
    identity, due_at = decision.identity.id, decision.identity.due_at
    bells = [Bell(identity, cause, trace, service) for service in decision.rings]
    # If nothing changed, whoever made it so rings for the boundary, or their message comes again and does.
    if due_at is not None and due_at < now + OWN_SPAN and (decision.changed or again):
        bells.append(Bell(identity, Cause.CLOCK, trace, at=due_at))
    return bells


async def _others(
    shell: Decide, subject: Subject, change: Change, now: Instant, cause: Cause, trace: str
) -> list[Bell]:
    """Bells of the identities from which this record came: who took it from there may have died before they rang."""
    if not subject.again or subject.key is None:
        return []
    past = change.parts[-1].identity.linking.past
    decided = {each.stored.id for each in change.parts}
    origins = {each.origin for each in past if each.origin and (each.source, each.key) == subject.key} - decided
    bells: list[Bell] = []
    for origin in sorted(origins):
        bells += await decide(shell, Subject(origin, again=True), now, cause, trace)
    return bells
