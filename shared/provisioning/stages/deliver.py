"""deliver: make the account at one SP what it should be. One deployment of this for each service."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from provisioning.core import delivery
from provisioning.core.account import Account, Condition, Desired, Intent, waits
from provisioning.core.bell import OWN_SPAN, Bell, Cause, read_bell
from provisioning.core.catalog import Service
from provisioning.core.errors import ConflictError, InvalidError, PermanentError, StalePolicyError, TransientError
from provisioning.core.gate import spacing
from provisioning.core.identity import Identity, person
from provisioning.core.lifecycle import NOTHING
from provisioning.core.mapping import desired
from provisioning.core.period import Instant
from provisioning.core.policy import Policy
from provisioning.core.wire import digest_of
from provisioning.ports import Accounts, Bells, Courier, Policies
from provisioning.protocols.dialogue import Delivery, Ending, Outcome
from provisioning.protocols.registry import PROTOCOLS
from provisioning.stages.groups import Groups, GroupsNotReadyError, forget_group, group_ids
from provisioning.stages.message import Failed, Log, Message, Rung, gather

ATTEMPTS: Final = 5


@dataclass(frozen=True, slots=True)
class Deliver:
    """What deliver needs. `groups` remembers the remote ids of groups between invocations."""

    service: str
    accounts: Accounts
    policies: Policies
    courier: Courier
    bells: Bells
    groups: dict[str, str]
    log: Log


@dataclass(frozen=True, slots=True)
class Visit:
    """One account as read, with what is wanted of it."""

    policy: Policy
    service: Service
    account: Account
    desired: Desired
    turn: int
    plan: delivery.Plan
    trace: str

    @property
    def operation(self) -> str:
        """Stands for this change of this account: the same whenever it is repeated."""
        return digest_of([self.account.identity, self.service.id, self.turn, self.desired.digest])

    @property
    def has_slot(self) -> bool:
        """Whether it waited for a slot of the budget and the slot has come."""
        return self.account.condition is Condition.PENDING and self.account.intent is None


async def deliver(shell: Deliver, messages: Sequence[Message], now: Instant) -> Failed:
    """Answer a batch of bells. Those of one identity succeed or come again together, so their order holds."""
    rung = []
    for message in messages:
        try:
            rung.append(Rung(message.id, read_bell(message.body), now))
        except InvalidError as error:  # nobody but the engine may write to this queue: drop it and say so
            shell.log("bell.unreadable", message=message.id, reason=str(error))
    by_identity = gather(rung)
    traces = {identity: items[-1].bell.trace for identity, items in by_identity.items()}
    visits, bells = await _look_at(shell, traces, now)
    slots = await _slots(shell, visits, now)
    results = await asyncio.gather(
        *(_pay(shell, visit, slots.get(visit.account.identity, now), now) for visit in visits)
    )
    bells += [bell for result in results for bell in result or ()]
    if bells:
        await shell.bells.ring(bells, now)
    failed = {visit.account.identity for visit, result in zip(visits, results, strict=True) if result is None}
    return frozenset(item.message for identity in failed for item in by_identity[identity])


async def _look_at(shell: Deliver, traces: Mapping[str, str], now: Instant) -> tuple[list[Visit], list[Bell]]:
    """Read what is wanted and what is known of every identity; keep those with something to do."""
    rows = await shell.accounts.deliveries(shell.service, list(traces))
    sequences = [item.sequence for row in rows.values() for item in row if item is not None]
    policy = await shell.policies.current(at_least=max(sequences, default=0))
    service = policy.services.get(shell.service)
    if service is None:
        raise TransientError(f"service {shell.service!r} is not in bundle {policy.sequence}")
    visits: list[Visit] = []
    bells: list[Bell] = []
    for identity, trace in traces.items():
        wanted, account = rows.get(identity, (None, None))
        if wanted is None:
            shell.log("identity.unknown", identity=identity, service=shell.service, trace=trace)
            continue
        visit = _visit(policy, service, wanted, account, trace, now)
        if visit is not None:
            visits.append(visit)
        elif account is not None:
            # Its writer may have died before it rang for this instant, which the sweep has already passed.
            bells += _bells(account, trace, now)
    return visits, bells


def _visit(
    policy: Policy, service: Service, identity: Identity, account: Account | None, trace: str, now: Instant
) -> Visit | None:
    entitlement = identity.entitlements.get(service.id, NOTHING)
    if not entitlement.turn or waits(account, entitlement.turn, now):
        return None
    account = account or Account(identity.id, service.id)
    wanted = desired(policy.mappings[service.id], identity.id, person(identity, policy.sources), entitlement)
    plan = delivery.plan(wanted, account, entitlement.turn)
    return Visit(policy, service, account, wanted, entitlement.turn, plan, trace)


async def _slots(shell: Deliver, visits: Sequence[Visit], now: Instant) -> Mapping[str, Instant]:
    """For those that will call the SP: the second in which the budget lets each of them. One update for all."""
    callers = [visit for visit in visits if visit.plan.call and not visit.has_slot]
    if not callers or callers[0].service.rate is None:
        return {}
    taken = await shell.accounts.take_slots(shell.service, len(callers), spacing(callers[0].service.rate), now)
    return {visit.account.identity: taken.at(number) for number, visit in enumerate(callers)}


async def _pay(shell: Deliver, visit: Visit, slot: Instant, now: Instant) -> list[Bell] | None:
    """Pay one visit; the bells it leads to, or None if its messages must come again."""
    identity, again = visit.account.identity, visit
    try:
        for _ in range(ATTEMPTS):
            try:
                account = await _act(shell, again, slot, now)
                return _bells(account, visit.trace, now)
            except (ConflictError, StalePolicyError):
                # Another delivery wrote the account first, or a newer bundle did: look at it again.
                visits, bells = await _look_at(shell, {identity: visit.trace}, now)
                if not visits:
                    return bells
                again = visits[0]
    except (TransientError, PermanentError) as error:
        shell.log("deliver.failed", identity=identity, service=shell.service, reason=str(error), trace=visit.trace)
    return None


def _bells(account: Account, trace: str, now: Instant) -> list[Bell]:
    if account.due_at is None or not account.due_at < now + OWN_SPAN:
        return []
    return [Bell(account.identity, Cause.CLOCK, trace, at=account.due_at)]


async def _act(shell: Deliver, visit: Visit, slot: Instant, now: Instant) -> Account:
    """Do what the plan says and store what came of it."""
    account, sequence = visit.account, visit.policy.sequence
    if not visit.plan.call:
        # Loses to any delivery that wrote since our read; nothing was asked of the SP.
        return await _store(shell, delivery.rested(account, visit.desired, visit.turn, sequence, now), visit)
    if slot > now:
        # Loses to any delivery that wrote since our read; the slot is then wasted, nothing else.
        return await _store(shell, delivery.deferred(account, slot, sequence), visit)
    if visit.plan.doubt and (account.intent is None or account.intent.attempt != visit.operation):
        # Another delivery than this one left the doubt, and deliveries between may have died unseen.
        account = replace(account, known=delivery.suspected(account.known, visit.service))
    if visit.plan.intent:
        # Loses to another delivery of this account: only the winner calls the SP.
        intended = delivery.intended(account, visit.desired, visit.service, visit.operation, sequence, now)
        await shell.accounts.put_account(intended)
        account = replace(intended, revision=intended.revision + 1)
    ending = await _converse(shell, visit, account, now)
    after = _after(visit, account, ending, now)
    try:
        # Loses to a delivery that began after ours should have ended. We have touched the SP, so has it.
        return await _store(shell, after, visit)
    except (ConflictError, StalePolicyError):
        return await _doubt(shell, visit, now)


async def _converse(shell: Deliver, visit: Visit, account: Account, now: Instant) -> Ending:
    protocol = PROTOCOLS[visit.service.protocol]
    # A protocol that cannot look says again what is wanted; its receiver orders what it hears by turn.
    look = visit.plan.doubt and protocol.looks_up
    known = account.known
    wanted, had = {*visit.desired.groups}, {*known.groups}
    groups_shell = Groups(shell.accounts, shell.courier, shell.groups)
    try:
        # A new account joins all of its groups; after a doubt every membership is said again.
        joined = wanted if look or visit.plan.intent else wanted - had
        groups = await group_ids(groups_shell, visit.service, joined, had - wanted, now)
    except GroupsNotReadyError as error:
        return Ending(error.outcome, account.known, str(error), error.retry_after)
    request = Delivery(account.identity, visit.desired, known, look, visit.operation, visit.turn, groups)
    ending = await shell.courier.converse(visit.service, protocol.deliver(visit.service, request))
    if ending.missing_group is not None:
        await forget_group(groups_shell, shell.service, ending.missing_group)
    return ending


def _after(visit: Visit, account: Account, ending: Ending, now: Instant) -> Account:
    ended = delivery.Ended(ending.known, ending.reason, ending.retry_after)
    sequence = visit.policy.sequence
    # A call that did not come to its end leaves the doubt that it was to clear up.
    deadline = visit.account.intent.deadline if visit.account.intent is not None else now
    doubt = Intent(visit.operation, deadline) if visit.plan.doubt else None
    match ending.outcome:
        case Outcome.DONE:
            return delivery.done(account, ended.known, visit.turn, sequence, now)
        case Outcome.TRANSIENT:
            return delivery.failed(account, ended, visit.turn, sequence, now, doubt)
        case Outcome.PERMANENT:
            return delivery.parked(account, ended, visit.turn, sequence, doubt)
        case Outcome.UNKNOWN:
            return delivery.lost(account, ended, visit.service, visit.operation, sequence, now)


async def _store(shell: Deliver, account: Account, visit: Visit) -> Account:
    await shell.accounts.put_account(account)
    shell.log(
        "delivered", identity=account.identity, service=account.service, phase=account.known.phase.value,
        condition=account.condition.value, reason=account.error, trace=visit.trace,
    )  # fmt: skip
    return account


async def _doubt(shell: Deliver, visit: Visit, now: Instant) -> Account:
    """Leave the account unknown: two deliveries touched the SP and nobody knows whose call came last."""
    for _ in range(ATTEMPTS):
        rows = await shell.accounts.deliveries(shell.service, [visit.account.identity])
        account = rows[visit.account.identity][1] or visit.account
        doubtful = delivery.raced(account, visit.service, visit.operation, now)
        try:
            # Loses to the other delivery's next write, then is tried on top of that.
            return await _store(shell, doubtful, visit)
        except ConflictError:
            continue
    raise TransientError("an account is being written by others")
