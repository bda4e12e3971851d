"""deliver: make the account at one SP what it should be. One deployment of this for each service."""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Final

from provisioning.core import delivery, membership
from provisioning.core.account import Account, Condition, Intent, Known
from provisioning.core.bell import Bell, read_bell
from provisioning.core.changed import changed
from provisioning.core.errors import ConflictError, InvalidError, PermanentError, StalePolicyError, TransientError
from provisioning.core.gate import Gate, Heard, closed
from provisioning.core.period import Instant
from provisioning.ports import Waiting
from provisioning.protocols.dialogue import Delivery, Ending, Outcome
from provisioning.protocols.registry import PROTOCOLS, STAGING
from provisioning.stages.brake import braked
from provisioning.stages.forward import forwarded
from provisioning.stages.gate import admit, learn
from provisioning.stages.groups import Groups, GroupsNotReadyError, forget_group, group_ids
from provisioning.stages.members import answer_groups, once_each_group
from provisioning.stages.message import Failed, Message, Rung, gather
from provisioning.stages.names import choose, refuse
from provisioning.stages.visit import Deliver, Visit, bells_of, dependents, group_bells, look_at

__all__ = ["Deliver", "deliver"]

ATTEMPTS: Final = 5


async def deliver(shell: Deliver, messages: Sequence[Message], now: Instant) -> Failed:
    """Answer a batch of bells. Those of one identity, or group, succeed or come again together: their order holds."""
    rung: list[Rung] = []
    for message in messages:
        try:
            rung.append(Rung(message.id, read_bell(message.body), now))
        except InvalidError as error:  # nobody but the engine may write to this queue: drop it and say so
            shell.log("bell.unreadable", message=message.id, reason=str(error))
    by_identity = gather([item for item in rung if item.bell.group is None])
    traces = {identity: items[-1].bell.trace for identity, items in by_identity.items()}
    causes = {identity: items[-1].bell.cause for identity, items in by_identity.items()}
    visits, bells, gate = await look_at(shell, traces, now) if traces else ([], [], Gate())
    visits, looked, uncounted = await braked(shell, visits, causes, now)
    bells += looked
    callers = {visit.account.identity: visit.has_slot for visit in visits if visit.asks}
    slots = await admit(shell.accounts, visits[0].service, gate, callers, visits[0].policy.zone, now) if visits else {}
    heard: list[Heard] = []
    parts = [shell.courier.take_part(visit.service) for visit in visits]  # all, before the first has anything to say
    results = await asyncio.gather(
        *(
            _pay(shell, visit, slots.get(visit.account.identity, now), part, heard, now)
            for visit, part in zip(visits, parts, strict=True)
        )
    )
    if visits:
        after = await learn(shell.accounts, visits[0].service, gate, heard, now)
        if closed(after, now) and not closed(gate, now):
            shell.log("service.quarantined", service=shell.service, until=after.closed_until)
    bells += [bell for result in results for bell in result or ()]
    failed = {visit.account.identity for visit, result in zip(visits, results, strict=True) if result is None}
    failed |= uncounted
    of_groups, unanswered = await answer_groups(shell, [item for item in rung if item.bell.group is not None], now)
    if bells or of_groups:
        await shell.bells.ring([*once_each_group(bells), *of_groups], now)
    return frozenset(item.message for identity in failed for item in by_identity[identity]) | unanswered


async def _pay(
    shell: Deliver, visit: Visit, slot: Instant, part: AbstractContextManager[None], heard: list[Heard], now: Instant
) -> list[Bell] | None:
    """Pay one visit; the bells it leads to, or None if its messages must come again. `heard` gets what it teaches."""
    identity, again = visit.account.identity, visit
    try:
        for _ in range(ATTEMPTS):
            try:
                with part:  # once: whoever looks again says what it has to say alone
                    account = await _act(shell, again, slot, heard, now)
                return [
                    *bells_of(account, visit.trace, now),
                    *group_bells(account, visit.trace),
                    *dependents(again.policy, again.identity, account, visit.trace),
                ]
            except (ConflictError, StalePolicyError):
                # Another delivery wrote the account first, or a newer bundle did: look at it again.
                looked, bells, _ = await look_at(shell, {identity: visit.trace}, now)
                visits, rung, uncounted = await braked(shell, looked, {}, now)
                if uncounted:
                    return None
                if not visits:
                    return [*bells, *rung]
                again, part = visits[0], nullcontext()
    except (TransientError, PermanentError) as error:
        shell.log("deliver.failed", identity=identity, service=shell.service, reason=str(error), trace=visit.trace)
    return None


async def _act(shell: Deliver, visit: Visit, slot: Instant, heard: list[Heard], now: Instant) -> Account:
    """Do what the plan says and store what came of it."""
    account, sequence = visit.account, visit.policy.sequence
    if not visit.plan.call:
        # Loses to any delivery that wrote since our read; nothing was asked of the SP.
        return await _store(shell, delivery.rested(account, visit.desired, visit.turn, sequence, now), visit)
    if slot > now:
        # Loses to any delivery that wrote since our read; the slot is then wasted, nothing else.
        return await _store(shell, delivery.deferred(account, slot, sequence), visit)
    if visit.desired.names:
        visit = replace(visit, desired=await choose(shell.accounts, account, visit.desired))
        if visit.desired.problem:
            # Loses to any delivery that wrote since our read; nothing was asked of the SP.
            return await _store(shell, delivery.rested(account, visit.desired, visit.turn, sequence, now), visit)
    if visit.stages:
        known = STAGING[visit.service.protocol].stage(visit.service, visit.desired, account.known)
        # Loses to any delivery that wrote since our read; nothing leaves us, so nothing can be in doubt.
        return await _store(shell, delivery.done(account, known, visit.desired, visit.turn, sequence, now), visit)
    if visit.plan.doubt and delivery.left_by_another(account, visit.operation, visit.turn):
        account = replace(account, known=delivery.suspected(account.known, visit.service))
    if visit.plan.intent:
        # Loses to another delivery of this account: only the winner calls the SP.
        intended = delivery.intended(account, visit.own, visit.service, visit.operation, sequence, now)
        await shell.accounts.put_account(intended)
        account = changed(intended, revision=intended.revision + 1)
    ending = await _converse(shell, visit, account, now)
    heard.append(ending.heard)
    after = _after(visit, account, ending, now)
    # Before the account says that it waits: who dies in between leaves one who waits for nothing, which is harmless.
    waiting = [Waiting(name, after.identity, after.revision + 1) for name in after.joining]
    if waiting and after.condition is Condition.JOINING:
        await shell.accounts.put_waiting(shell.service, waiting)
    try:
        # Loses to a delivery that began after ours should have ended. We have touched the SP, so has it.
        return await _store(shell, after, visit)
    except (ConflictError, StalePolicyError):
        return await _doubt(shell, visit, now)


async def _converse(shell: Deliver, visit: Visit, account: Account, now: Instant) -> Ending:
    protocol = PROTOCOLS[visit.service.protocol]
    # A protocol that cannot look says again what is wanted; its receiver orders what it hears by turn.
    look = (visit.plan.doubt or visit.plan.fill) and protocol.looks_up
    known, ticket = account.known, account.intent.ticket if account.intent is not None else None
    if visit.gathers:
        known = replace(known, groups=())
    elif account.joining:  # its memberships were once left to the groups: what was begun there may have been done
        known = replace(known, groups=tuple(sorted({*known.groups, *account.joining})))
    wanted, had = {*visit.own.groups}, {*known.groups}
    groups_shell = Groups(shell.accounts, shell.courier, shell.groups)
    try:
        # A new account joins all of its groups; after a doubt every membership is said again.
        joined = wanted if look or visit.plan.intent else wanted - had
        left = had - wanted
        groups = await group_ids(groups_shell, visit.service, joined, left, now) if joined or left else {}
    except GroupsNotReadyError as error:
        return Ending(error.outcome, account.known, str(error), error.retry_after, ticket=ticket)
    request = Delivery(account.subject, visit.own, known, look, visit.operation, visit.turn, groups, ticket)
    ending = await shell.courier.converse(visit.service, protocol.deliver(visit.service, request))
    if visit.gathers:
        ending = replace(ending, known=membership.after_dialogue(account, ending.known, doubt=visit.plan.doubt))
    if ending.missing_group is not None:
        await forget_group(groups_shell, shell.service, ending.missing_group)
    return await _renamed(shell, visit, account, ending)


async def _renamed(shell: Deliver, visit: Visit, account: Account, ending: Ending) -> Ending:
    """After the SP refused a name of several: it is never tried again, and the next one is tried at once."""
    if ending.taken is None or ending.taken[0] not in visit.desired.chosen:
        return ending
    path, value = ending.taken
    await refuse(shell.accounts, account, path, str(value))
    known = delivery.without_name(ending.known, path)
    return replace(ending, outcome=Outcome.TRANSIENT, known=known, retry_after=0)


def _after(visit: Visit, account: Account, ending: Ending, now: Instant) -> Account:
    ended = delivery.Ended(ending.known, ending.reason, ending.retry_after)
    sequence = visit.policy.sequence
    # A call that did not come to its end leaves the doubt that it was to clear up.
    deadline = visit.account.intent.deadline if visit.account.intent is not None else now
    doubt = Intent(visit.operation, deadline, ending.ticket) if visit.plan.doubt else None
    match ending.outcome:
        case Outcome.DONE if visit.gathers and (groups := _in_question(visit, account, ended.known)):
            return membership.left_to_groups(account, ended.known, groups, visit.turn, sequence, now)
        case Outcome.DONE:
            return delivery.done(account, ended.known, visit.desired, visit.turn, sequence, now)
        case Outcome.TRANSIENT:
            return delivery.failed(account, ended, visit.turn, sequence, now, doubt)
        case Outcome.PERMANENT:
            return delivery.parked(account, ended, visit.turn, sequence, doubt)
        case Outcome.UNKNOWN if ending.ticket is not None:
            return delivery.awaiting(account, ended, visit.operation, ending.ticket, sequence, now)
        case Outcome.UNKNOWN:
            return delivery.lost(account, ended, visit.service, visit.operation, sequence, now)


def _in_question(visit: Visit, account: Account, known: Known) -> tuple[str, ...]:
    return membership.in_question(account, known, visit.desired, doubt=visit.plan.doubt)


async def _store(shell: Deliver, account: Account, visit: Visit) -> Account:
    await shell.accounts.put_account(account)
    shell.log(
        "delivered", identity=account.identity, service=account.service, phase=account.known.phase,
        condition=account.condition, reason=account.error, trace=visit.trace,
    )  # fmt: skip
    return account


async def _doubt(shell: Deliver, visit: Visit, now: Instant) -> Account:
    """Leave the account unknown: two deliveries touched the SP and nobody knows whose call came last.

    If it went to another identity meanwhile, it is there that it is left so.
    """
    for _ in range(ATTEMPTS):
        _, account = await forwarded(shell.accounts, shell.service, visit.account.identity)
        if account is None:  # its identity was merged meanwhile, and nothing of it went along
            return visit.account
        doubtful = delivery.raced(account, visit.service, visit.operation, now)
        try:
            # Loses to the other delivery's next write, then is tried on top of that.
            return await _store(shell, doubtful, visit)
        except ConflictError:
            continue
    raise TransientError("an account is being written by others")
