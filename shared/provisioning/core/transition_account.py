"""Two states of an account → what happened: to what exists at the SP, and to how that stands to what is wanted."""

from collections.abc import Iterator
from typing import Final

from provisioning.core.account import Account, Condition, Json, Phase
from provisioning.core.occurrence import Change, Occurrence, Type

GROUPS: Final = "groups"
REMOTE_ID: Final = "remote_id"

# (phase before, phase after) → what became of it at the SP.
_PHASES: Final = {
    (Phase.ABSENT, Phase.ACTIVE): Type.ACCOUNT_CREATED,
    (Phase.ABSENT, Phase.SUSPENDED): Type.ACCOUNT_CREATED,
    (Phase.ACTIVE, Phase.SUSPENDED): Type.ACCOUNT_SUSPENDED,
    (Phase.SUSPENDED, Phase.ACTIVE): Type.ACCOUNT_RESUMED,
    (Phase.ACTIVE, Phase.ABSENT): Type.ACCOUNT_REMOVED,
    (Phase.SUSPENDED, Phase.ABSENT): Type.ACCOUNT_REMOVED,
}
_TROUBLES: Final = {
    Condition.FAILED: Type.ACCOUNT_FAILED,
    Condition.PARKED: Type.ACCOUNT_PARKED,
    Condition.HELD: Type.ACCOUNT_HELD,
}


def of_account(change: Change, old: Account | None, new: Account | None, told: int) -> Iterator[Occurrence]:
    """What a write of an account meant.

    Whoever knows the account up to here knows its phase and its condition from any of them: all tell both, and a write
    that changes one of the two yields at least one. Names are told of whatever may have changed: where the outcome of
    a call is in doubt, it may be less.
    """
    before = old if old is not None else Account(change.identity, change.service)
    if new is None:
        yield from _of_loss(change, before, told)
        return
    found = False
    phase = _PHASES.get((before.known.phase, new.known.phase))
    names = changed_names(before, new)
    if phase is not None:
        yield occurrence(change, phase, new, told, names)
        found = True
    elif names:
        yield occurrence(change, Type.ACCOUNT_CHANGED, new, told, names)
        found = True
    condition = _of_condition(before, new, found=found)
    if condition is not None:
        yield occurrence(change, condition, new, told)


def occurrence(change: Change, kind: Type, account: Account, told: int, names: tuple[str, ...] = ()) -> Occurrence:
    """What happened to an account, and how it is now."""
    state = (
        ("phase", account.known.phase.value),
        ("condition", account.condition.value),
        ("in_doubt", account.intent is not None),
    )
    return Occurrence(
        kind, change.identity, change.service, change.revision, told, account.sequence, change.at,
        names, state,
    )  # fmt: skip


def _of_loss(change: Change, before: Account, told: int) -> Iterator[Occurrence]:
    """What the loss of its item meant: it is as if it had never been."""
    after = Account(change.identity, change.service, sequence=before.sequence)
    if before.known.phase is not Phase.ABSENT:
        yield occurrence(change, Type.ACCOUNT_REMOVED, after, told)
    elif before.condition is not Condition.SETTLED:
        yield occurrence(change, Type.ACCOUNT_SETTLED, after, told)


def _of_condition(before: Account, after: Account, *, found: bool) -> Type | None:
    """What is said of the condition. A wait, and its good end, are said only if nothing else is."""
    if before.condition is after.condition:
        return None
    if after.condition in _TROUBLES:
        return _TROUBLES[after.condition]
    if after.condition is Condition.SETTLED:
        return Type.ACCOUNT_REPAIRED if _troubled(before) else None if found else Type.ACCOUNT_SETTLED
    return None if found else Type.ACCOUNT_PENDING


def _troubled(account: Account) -> bool:
    """Whether it failed or was parked, and was not settled since: it may wait for a slot of the budget meanwhile."""
    return account.condition in _TROUBLES or account.attempts > 0


def changed_names(before: Account, after: Account) -> tuple[str, ...]:
    """The paths of what the SP holds that differ. Nothing is held by an account that does not exist."""
    if after.known.phase is Phase.ABSENT:
        return ()
    exists = before.known.phase is not Phase.ABSENT
    # A doubt is written as None where anything may be: that is no value yet.
    was = _values(before) if exists else {}
    now = _values(after)
    names = {path for path in was.keys() | now.keys() if was.get(path) != now.get(path)}
    if after.known.groups != (before.known.groups if exists else ()):
        names.add(GROUPS)
    if after.known.remote_id != (before.known.remote_id if exists else None):
        names.add(REMOTE_ID)
    return tuple(sorted(names))


def released(old: Account | None, new: Account) -> tuple[str, ...]:
    """The paths of which the SP received a value by this write's call, or may have: a create is written before it.

    A value that was sent again as it was is not named again.
    """
    was, now = _values(old) if old is not None else {}, _values(new)
    filled = {*new.known.filled} - {*(old.known.filled if old is not None else ())}
    names = {path for path in now if path not in was or was[path] != now[path]} | filled
    if new.known.groups and new.known.groups != (old.known.groups if old is not None else ()):
        names.add(GROUPS)
    return tuple(sorted(names))


def _values(account: Account) -> dict[str, Json]:
    return {path: value for path, value in account.known.values.items() if value is not None}
