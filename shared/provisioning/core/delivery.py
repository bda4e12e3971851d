"""Desired × account × now → what to do about it; and the account after each ending. The planner of deliver."""

from dataclasses import dataclass, replace
from typing import Final

from provisioning.core.account import Account, Condition, Desired, Event, Intent, Known, Phase, move
from provisioning.core.catalog import Service
from provisioning.core.changed import changed
from provisioning.core.gate import wait
from provisioning.core.period import Instant
from provisioning.core.quick import quick
from provisioning.core.repair import seen_by_list

CALL: Final = 60  # seconds after which a call that we began can no longer be under way: the courier's limit, rounded up


@quick
@dataclass(frozen=True, slots=True)
class Plan:
    """What a doorbell leads to. `call`: the SP must be asked. `doubt`: what is known of the account may be wrong.

    `intent`: a create may happen, so the account is written with an open intent before the SP is called. `fill`: the
    SP's account must be seen, because a value is wanted there only if there is none.
    """

    call: bool
    doubt: bool = False
    intent: bool = False
    fill: bool = False


REST: Final = Plan(call=False)


@quick
@dataclass(frozen=True, slots=True)
class Ended:
    """How the dialogue with the SP ended: what is known now, why, and the SP's own word on when to come again."""

    known: Known
    reason: str = ""
    retry_after: int | None = None


def for_account(desired: Desired, account: Account) -> Desired:
    """What is wanted of this very account: a name that it has, or may have been created with, is kept.

    What only a new account gets is neither chosen for one that exists, nor a problem of it.
    """
    if not desired.chosen and not desired.lacks:
        return desired
    known = account.known
    exists = known.phase is not Phase.ABSENT
    values = known.values if exists or account.intent is not None else {}
    kept = {path: values[path] for path in desired.chosen if values.get(path) is not None}
    lacks = [reason for path, reason in desired.lacks.items() if path not in kept] if not exists else []
    return replace(
        desired,
        values={**desired.values, **kept},
        names={
            path: some
            for path, some in desired.names.items()
            if path not in kept and not (exists and path in desired.once)
        },
        problem="; ".join([desired.problem, *lacks] if desired.problem else lacks),
    )


def plan(desired: Desired, account: Account, turn: int, *, gathers: bool = False) -> Plan:
    """Whether anything must be asked of the SP to get from what is known to what is desired.

    `gathers`: memberships are left to the groups' doorbells.

    What is known is in doubt while an intent is open, and also if a turn may have been begun that is not this one:
    its delivery may have been killed after its call and before its write. That is a turn that was passed over, or
    one that failed and was to be tried again.
    """
    known = account.known
    begun = account.turn if account.condition is Condition.FAILED else account.turn + 1
    left = bool(account.joining)
    doubt = account.intent is not None or (account.revision > 0 and turn > begun) or (left and not gathers)
    if desired.problem or (not doubt and not left and agrees(known, desired)):
        return REST
    creates = known.phase is Phase.ABSENT and desired.phase is not Phase.ABSENT
    return Plan(call=True, doubt=doubt, intent=creates, fill=not creates and _fills(known, desired))


def agrees(known: Known, desired: Desired) -> bool:
    """Whether what is known to exist is what is desired."""
    if known.phase is not desired.phase:
        return False
    if desired.phase is Phase.ABSENT:
        return True
    if known.groups != desired.groups or desired.names or _fills(known, desired):
        return False
    return desired.strong(known.values) == desired.strong(desired.values)


def _fills(known: Known, desired: Desired) -> bool:
    """Whether a value is wanted where the SP has none, and it is not known that it has one."""
    return bool(desired.fill) and not {*desired.filled} <= {*known.filled}


def without_name(known: Known, path: str) -> Known:
    """What is known after the SP refused a name: nothing bears it."""
    return replace(known, values={other: value for other, value in known.values.items() if other != path})


def left_by_another(account: Account, operation: str, turn: int) -> bool:
    """Whether what is in doubt was left by another delivery than this one: those between may have died unseen.

    A reconciliation that found another account than we know leaves a doubt, too, but made no call of its own.
    """
    if account.intent is None:
        return True
    return account.intent.attempt != operation and not (seen_by_list(account.intent) and account.turn == turn)


def suspected(known: Known, service: Service) -> Known:
    """What may be there after a doubt that another turn left: any value and membership that the engine ever sets.

    The call that was lost may have had other values and groups than those wanted now. This is stored with the doubt,
    so that a look which needs several attempts goes on where it stopped.
    """
    values = {**dict.fromkeys(service.account), **known.values}
    return replace(known, values=values, groups=tuple(sorted({*known.groups, *service.groups.values()})))


def rested(account: Account, desired: Desired, turn: int, sequence: int, now: Instant) -> Account:
    """The account when the SP need not be asked: settled for this turn, or parked because it cannot be made."""
    if desired.problem:
        return move(account, Event.PERMANENT, turn=turn, sequence=sequence, error=desired.problem, due_at=None)
    return done(account, account.known, desired, turn, sequence, now)


def intended(
    account: Account, desired: Desired, service: Service, attempt: str, sequence: int, now: Instant
) -> Account:
    """The account with an open intent, and what may be there once it is. Its `due_at` brings us back if we die."""
    # What an earlier delivery left at the SP is asked for by its ticket, also if this one dies before it does.
    intent = Intent(attempt, now + CALL, account.intent.ticket if account.intent is not None else None)
    groups = tuple(sorted({*account.known.groups, *desired.groups}))
    known = changed(account.known, values={**account.known.values, **desired.values}, groups=groups)
    due_at = intent.deadline + service.settling
    return move(account, Event.INTENDED, known=known, intent=intent, due_at=due_at, sequence=sequence)


def creating(account: Account, service: Service) -> bool:
    """Whether a pending account waits for the end of a create that was begun, and not for a slot of the budget."""
    return account.intent is not None and account.due_at == account.intent.deadline + service.settling


def deferred(account: Account, slot: Instant, sequence: int) -> Account:
    """The account with a slot of the budget: it waits once, whatever is wanted meanwhile."""
    return move(account, Event.DEFERRED, due_at=slot, sequence=sequence)


def done(account: Account, known: Known, desired: Desired, turn: int, sequence: int, now: Instant) -> Account:
    """The account after the SP was made as desired: settled, or parked for what nobody but a person may decide."""
    return move(
        account, Event.PERMANENT if desired.dispute else Event.DONE, known=known, turn=turn, sequence=sequence,
        intent=None, attempts=0, error=desired.dispute, due_at=None, joining=(), changed_at=now, permits=(), asked="",
    )  # fmt: skip


def held(account: Account, why: str, attempt: str, turn: int, sequence: int) -> Account:
    """The account whose removal the brake refused: as it is at the SP, and left alone while this is wanted of it."""
    return move(
        account, Event.HELD, turn=turn, sequence=sequence, error=why, due_at=None, asked=attempt,
    )  # fmt: skip


def released(account: Account, now: Instant) -> Account:
    """The account whose removal an operator lets through, past the brake."""
    permits = (*account.permits, account.asked)
    return move(account, Event.RELEASED, permits=permits, asked="", attempts=0, due_at=now)


def withdrawn(account: Account, why: str) -> Account:
    """The account whose removal an operator refuses: parked until something else is wanted of it."""
    return move(account, Event.PERMANENT, error=why, asked="", due_at=None)


def failed(account: Account, ending: Ended, turn: int, sequence: int, now: Instant, doubt: Intent | None) -> Account:
    """The account after a transient ending. `doubt`: what was in doubt before the call, and still is."""
    attempts = account.attempts + 1
    pause = (
        0 if ending.retry_after == 0 else wait(attempts, f"{account.identity}/{account.service}", ending.retry_after)
    )
    return move(
        account, Event.LOST if doubt else Event.TRANSIENT, known=ending.known, turn=turn, sequence=sequence,
        intent=doubt, attempts=attempts, error=ending.reason, due_at=now + pause,
    )  # fmt: skip


def parked(account: Account, ending: Ended, turn: int, sequence: int, doubt: Intent | None) -> Account:
    """The account after a permanent ending. What is in doubt stays so: the next attempt looks first."""
    return move(
        account, Event.PERMANENT, known=ending.known, turn=turn, sequence=sequence,
        intent=doubt, attempts=account.attempts + 1, error=ending.reason, due_at=None,
    )  # fmt: skip


def lost(account: Account, ending: Ended, service: Service, attempt: str, sequence: int, now: Instant) -> Account:
    """The account after a call whose effect is not known: look, but not before the SP can show it.

    `now` is when the delivery began; the call that was lost may have been the last of several.
    """
    attempts = account.attempts + 1
    settling = max(service.settling, wait(attempts, f"{account.identity}/{account.service}"))
    return move(
        account, Event.LOST, known=ending.known, sequence=sequence, intent=Intent(attempt, now + CALL),
        attempts=attempts, error=ending.reason, due_at=now + CALL + settling,
    )  # fmt: skip


def awaiting(account: Account, ending: Ended, attempt: str, ticket: str, sequence: int, now: Instant) -> Account:
    """The account whose change the SP does later: asked for with the ticket, at growing distances or when the SP says.

    There is no deadline after which the work is believed to be lost: the SP says that it does not know it any more.
    """
    attempts = account.attempts + 1
    pause = wait(attempts, f"{account.identity}/{account.service}", ending.retry_after)
    return move(
        account, Event.LOST, known=ending.known, sequence=sequence, intent=Intent(attempt, now + CALL, ticket),
        attempts=attempts, error=ending.reason, due_at=now + pause,
    )  # fmt: skip


def raced(account: Account, service: Service, attempt: str, now: Instant) -> Account:
    """The account that another writer stored while we were touching the SP: nobody knows which call came last."""
    return replace(
        move(account, Event.RACED, known=suspected(account.known, service), error="two deliveries at once"),
        intent=Intent(attempt, now + CALL),
        due_at=now + CALL + service.settling,
    )
