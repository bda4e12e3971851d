"""Accounts: what we know to exist at an SP for an identity, and the one table that moves its condition."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from provisioning.core.changed import changed
from provisioning.core.period import Instant
from provisioning.core.quick import quick

Json = Any  # a value as JSON has them; every boundary checks its own
FIRST_NUMBER: Final = 2  # of the counter in a candidate for a name: the first of that name has none
LAST_NUMBER: Final = 999


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
    JOINING = "joining"  # as wanted, but for memberships that are left to their groups' doorbells
    HELD = "held"  # a removal that the brake refused: waits for an operator, or until it is not wanted any more
    PARKED = "parked"  # needs a person; nothing happens until what is wanted changes


class Event(StrEnum):
    """What happened to a delivery."""

    INTENDED = "intended"  # a create is about to be called
    DEFERRED = "deferred"  # the gate gave a later slot
    GATHERED = "gathered"  # the account is as wanted, its memberships are left to the groups' doorbells
    DONE = "done"
    TRANSIENT = "transient"
    PERMANENT = "permanent"
    LOST = "lost"  # no trustworthy answer after the request was sent
    HELD = "held"  # the brake did not let a removal through
    RELEASED = "released"  # an operator lets it through
    RACED = "raced"  # another writer won after we had touched the SP
    DIFFERS = "differs"  # the SP's own list shows something else than we know


_C, _E = Condition, Event
_AFTER: Final[Mapping[Event, Condition]] = {
    _E.DONE: _C.SETTLED,
    _E.TRANSIENT: _C.FAILED,
    _E.PERMANENT: _C.PARKED,
    _E.LOST: _C.UNKNOWN,
    _E.RACED: _C.UNKNOWN,
    _E.DIFFERS: _C.UNKNOWN,
}
# (condition, event) -> condition: the only place that changes a condition. A pair that is not here is a defect.
TRANSITIONS: Final[Mapping[tuple[Condition, Event], Condition]] = {
    **{(condition, event): after for condition in Condition for event, after in _AFTER.items()},
    **{(condition, _E.GATHERED): _C.JOINING for condition in Condition},
    **{(condition, _E.HELD): _C.HELD for condition in Condition},
    (_C.HELD, _E.RELEASED): _C.FAILED,
    **{(condition, _E.INTENDED): _C.PENDING for condition in Condition},
    # Waiting for a slot teaches nothing about a call whose effect is not known: its intent stays open.
    **{(condition, _E.DEFERRED): _C.PENDING for condition in Condition},
}


@quick
@dataclass(frozen=True, slots=True)
class Intent:
    """An open doubt: a call that may have had, or may yet have, an effect that we did not see.

    Written before every create, and after any call that ended without a trustworthy answer. While it is open, the
    dialogue looks before it changes anything; not finding an account proves its absence only after `deadline` and
    the service's settling time. `ticket`: the SP took the work and does it later; with this it is asked what became
    of it.
    """

    attempt: str
    deadline: Instant  # the latest instant at which the call can still be under way
    ticket: str | None = None


@quick
@dataclass(frozen=True, slots=True)
class Known:
    """What we know to exist at the SP: values as last applied, names of groups as last joined.

    `filled`: the attributes of strength `fill` that were seen to have a value there, theirs or ours. `staged`: the SP
    is told by an extract, so this is its row.
    """

    phase: Phase = Phase.ABSENT
    remote_id: str | None = None
    values: Mapping[str, Json] = field(default_factory=dict)
    groups: tuple[str, ...] = ()
    filled: tuple[str, ...] = ()
    staged: bool = False


@dataclass(frozen=True, slots=True)
class Candidates:
    """Names for one attribute, best first. Iterating gives each once, and ends.

    `first`: those without a counter, then those with the counter at its beginning. `numbered`: the latter, for
    another number.
    """

    first: tuple[str, ...]
    numbered: Callable[[int], Sequence[str]] | None = field(default=None, compare=False, repr=False)

    def __iter__(self) -> Iterator[str]:
        """Every candidate."""
        tried: set[str] = set()
        for number in range(FIRST_NUMBER, LAST_NUMBER + 1):
            some = self.first if number == FIRST_NUMBER else self.numbered(number) if self.numbered else ()
            yield from (name for name in dict.fromkeys(some) if name not in tried)
            tried.update(some)


@quick
@dataclass(frozen=True, slots=True)
class Desired:
    """What one SP should hold for one identity: phase, values by attribute path, groups. Compared by digest.

    `once`, `fill`: the paths of these strengths, whether they have a value or not. `chosen`: the paths whose value is
    one of several names; `names`: the candidates of those that are not chosen yet. `lacks`: by path, what an account
    cannot be created without, which an account that exists can do without. `dispute`: a conflict of duties that a
    person must end; what is not in dispute is delivered.
    """

    phase: Phase
    values: Mapping[str, Json] = field(default_factory=dict)
    groups: tuple[str, ...] = ()
    digest: str = ""
    problem: str = ""  # why it cannot be made: a required value is missing
    once: frozenset[str] = frozenset()
    fill: frozenset[str] = frozenset()
    chosen: frozenset[str] = frozenset()
    names: Mapping[str, Candidates] = field(default_factory=dict)
    lacks: Mapping[str, str] = field(default_factory=dict)
    dispute: str = ""

    @property
    def held(self) -> Mapping[str, Json]:
        """What is remembered of the values once the SP has them: those that stay ours, and names, which are kept."""
        if not self.once and not self.fill:
            return self.values
        return {path: value for path, value in self.values.items() if path in self.chosen or not self.is_weak(path)}

    @property
    def filled(self) -> tuple[str, ...]:
        """The paths of strength `fill` that have a value."""
        return tuple(sorted(self.fill & self.values.keys())) if self.fill else ()

    def is_weak(self, path: str) -> bool:
        """Whether an account that exists is not compared at this path."""
        return path in self.once or path in self.fill

    def strong(self, values: Mapping[str, Json]) -> Mapping[str, Json]:
        """Those of some values that an account which exists is compared by."""
        if not self.once and not self.fill:
            return values
        return {path: value for path, value in values.items() if not self.is_weak(path)}


@quick
@dataclass(frozen=True, slots=True)
class Account:
    """The account item. `turn` is the entitlement's turn for which it is settled, parked or backing off.

    `joining`: groups of which it is to be or not to be a member, and nobody has seen that it is so. `mark`: the
    identity that the SP knows it by, where that was merged into this one, or split; empty: this one. `permits`: the
    attempts whose removals the brake let through; `asked`: the one that it held.
    """

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
    joining: tuple[str, ...] = ()
    changed_at: Instant = 0  # when it last settled, for latency and for people
    mark: str = ""
    permits: tuple[str, ...] = ()
    asked: str = ""

    @property
    def subject(self) -> str:
        """The identity by which the SP knows it: its owner's mark there."""
        return self.mark or self.identity

    @property
    def may_exist(self) -> bool:
        """Whether the SP holds it, or may."""
        return self.known.phase is not Phase.ABSENT or self.intent is not None

    @property
    def exists(self) -> bool:
        """Whether the SP is known to hold it, and no call is in doubt."""
        return self.known.phase is not Phase.ABSENT and self.intent is None


def move(account: Account, event: Event, **changes: Any) -> Account:
    """The account after an event: its condition by the table, its other fields as given."""
    return changed(account, condition=TRANSITIONS[account.condition, event], **changes)


_AT_REST: Final = (Condition.SETTLED, Condition.HELD, Condition.PARKED)


def answers(account: Account | None, turn: int, now: Instant) -> bool:
    """Whether no bell is needed: the account is settled, held or parked for this very turn, or tries it again later.

    A delivery that is under way answers for its own turn only, and nothing rings when it ends.
    """
    if account is None or account.turn != turn:
        return False
    return account.condition in _AT_REST or _later(account, now)


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
