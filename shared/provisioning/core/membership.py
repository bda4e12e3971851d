"""Memberships that are left to the groups' own doorbells: which are in question, and the account after each call.

An account's own dialogue leaves groups alone. What differs is `joining`: written down with the account, and for each
group as one who waits. The group's doorbell changes many members by one call, from what is desired then.
"""

from dataclasses import replace
from typing import Final

from provisioning.core.account import Account, Condition, Desired, Event, Known, Phase, move
from provisioning.core.delivery import done
from provisioning.core.period import Instant

GATHER: Final = 2  # seconds in which the changes of one group are gathered, after its last call
REPAIR: Final = 600  # seconds after which a membership whose doorbell was lost is asked for again, by the sweep


def without_groups(desired: Desired) -> Desired:
    """What an account's own dialogue is to bring about."""
    return replace(desired, groups=())


def after_dialogue(account: Account, ended: Known, *, doubt: bool) -> Known:
    """What is known after a dialogue that left groups alone: a new account is a member of none.

    After a doubt one that was not known may be what a lost delivery made, when groups were not left to doorbells yet.
    """
    same = account.known.remote_id is not None and account.known.remote_id == ended.remote_id
    return replace(ended, groups=account.known.groups if same or doubt else ())


def in_question(account: Account, known: Known, desired: Desired, *, doubt: bool) -> tuple[str, ...]:
    """The groups whose membership may not be as desired: after a doubt, all of which it was or is to be a member."""
    if known.phase is Phase.ABSENT:
        return ()
    had, wanted = {*known.groups}, {*desired.groups}
    differing = had | wanted if doubt else had ^ wanted
    return tuple(sorted({*account.joining} | differing))


def left_to_groups(
    account: Account, known: Known, groups: tuple[str, ...], turn: int, sequence: int, now: Instant
) -> Account:
    """The account as wanted, but for these memberships. Its `due_at` brings it back if a doorbell is lost."""
    return move(
        account, Event.GATHERED, known=known, turn=turn, sequence=sequence, intent=None, attempts=0, error="",
        due_at=now + REPAIR, joining=groups, changed_at=now,
    )  # fmt: skip


def joined(account: Account, desired: Desired, group: str, sequence: int, now: Instant) -> Account:
    """The account after it was made a member of this group, or was made none, as desired.

    It settles when nothing else is in question, for the turn that its own dialogue was for: a later one has its own.
    """
    groups = {*account.known.groups, group} if group in desired.groups else {*account.known.groups} - {group}
    known = replace(account.known, groups=tuple(sorted(groups)))
    left = tuple(name for name in account.joining if name != group)
    if left or account.condition is not Condition.JOINING:
        return replace(account, known=known, joining=left, sequence=sequence)
    return done(account, known, desired, account.turn, sequence, now)


def refused(account: Account, reason: str, sequence: int) -> Account:
    """The account that a group will not have. What is in question stays so, until something else is wanted.

    One that is being tried again for another reason goes on with that, and then says again that it waits.
    """
    if account.condition is not Condition.JOINING:
        return replace(account, sequence=sequence)
    return move(account, Event.PERMANENT, sequence=sequence, error=reason, due_at=None)
