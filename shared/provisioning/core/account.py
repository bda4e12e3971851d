"""Accounts: what we know to exist at an SP for an identity, and the one table that moves its condition."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final

from provisioning.core.period import Instant

Json = Any  # a value as JSON has them; every boundary checks its own


class Phase(StrEnum):
    """What an account is, at the SP or as wanted there."""

    ABSENT = "absent"
    ACTIVE = "active"
    SUSPENDED = "suspended"


class Condition(StrEnum):
    """How what we know stands to what is wanted."""

    SETTLED = "settled"
    PENDING = "pending"  # an intent is open, or a slot of the budget is awaited
    UNKNOWN = "unknown"  # a call may or may not have had its effect: look before it is repeated
    FAILED = "failed"  # will be tried again at `due_at`
    PARKED = "parked"  # needs a person; nothing happens until what is wanted changes


class Event(StrEnum):
    """What happened to a delivery."""

    INTENDED = "intended"  # a create is about to be called
    DEFERRED = "deferred"  # the gate gave a later slot
    DONE = "done"
    TRANSIENT = "transient"
    PERMANENT = "permanent"
    LOST = "lost"  # no trustworthy answer after the request was sent
    RACED = "raced"  # another writer won after we had touched the SP


_C, _E = Condition, Event
_AFTER: Final[Mapping[Event, Condition]] = {
    _E.DONE: _C.SETTLED,
    _E.TRANSIENT: _C.FAILED,
    _E.PERMANENT: _C.PARKED,
    _E.LOST: _C.UNKNOWN,
    _E.RACED: _C.UNKNOWN,
}
# (condition, event) -> condition: the only place that changes a condition. A pair that is not here is a defect.
TRANSITIONS: Final[Mapping[tuple[Condition, Event], Condition]] = {
    **{(condition, event): after for condition in Condition for event, after in _AFTER.items()},
    **{(condition, _E.INTENDED): _C.PENDING for condition in Condition},
    **{(condition, _E.DEFERRED): _C.PENDING for condition in (_C.SETTLED, _C.PENDING, _C.FAILED, _C.PARKED)},
    # Waiting for a slot teaches nothing about a call whose effect is not known.
    (_C.UNKNOWN, _E.DEFERRED): _C.UNKNOWN,
}


@dataclass(frozen=True, slots=True)
class Intent:
    """An open doubt: a call that may have had, or may yet have, an effect that we did not see.

    Written before every create, and after any call that ended without a trustworthy answer. While it is open, the
    dialogue looks before it changes anything; not finding an account proves its absence only after `deadline` and
    the service's settling time.
    """

    attempt: str
    deadline: Instant  # the latest instant at which the call can still be under way


@dataclass(frozen=True, slots=True)
class Known:
    """What we know to exist at the SP: values as last applied, names of groups as last joined."""

    phase: Phase = Phase.ABSENT
    remote_id: str | None = None
    values: Mapping[str, Json] = field(default_factory=dict)
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Desired:
    """What one SP should hold for one identity: phase, values by attribute path, groups. Compared by digest."""

    phase: Phase
    values: Mapping[str, Json] = field(default_factory=dict)
    groups: tuple[str, ...] = ()
    digest: str = ""
    problem: str = ""  # why it cannot be made: a required value is missing


@dataclass(frozen=True, slots=True)
class Account:
    """The account item. `turn` is the entitlement's turn for which it is settled, parked or backing off."""

    identity: str
    service: str
    known: Known = Known()
    condition: Condition = Condition.SETTLED
    intent: Intent | None = None
    turn: int = 0
    attempts: int = 0
    error: str = ""
    sequence: int = 0
    revision: int = 0
    due_at: Instant | None = None
    changed_at: Instant = 0  # when it last settled, for latency and for people


def move(account: Account, event: Event, **changes: Any) -> Account:
    """The account after an event: its condition by the table, its other fields as given."""
    return replace(account, condition=TRANSITIONS[account.condition, event], **changes)


def answers(account: Account | None, turn: int, now: Instant) -> bool:
    """Whether no bell is needed: the account is settled or parked for this very turn, or tries it again later.

    A delivery that is under way answers for its own turn only, and nothing rings when it ends.
    """
    if account is None or account.turn != turn:
        return False
    return account.condition in (Condition.SETTLED, Condition.PARKED) or _later(account, now)


def waits(account: Account | None, turn: int, now: Instant) -> bool:
    """Whether a bell that came leads to nothing at `now`.

    An open intent, an unknown ending and a slot of the budget are waited for whatever is wanted meanwhile:
    looking earlier proves nothing, and a second slot would be one too many.
    """
    if account is not None and account.condition in (Condition.PENDING, Condition.UNKNOWN):
        return _later(account, now)
    return answers(account, turn, now)


def _later(account: Account, now: Instant) -> bool:
    return account.due_at is not None and account.due_at > now
