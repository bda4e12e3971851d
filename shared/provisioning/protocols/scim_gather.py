"""Members of a group who waited for each other: many are changed by one call, and each has an ending of their own."""

from collections import deque
from typing import Final, NamedTuple

from provisioning.core.account import Known
from provisioning.core.catalog import Service
from provisioning.core.scim_presets import options_of
from provisioning.protocols import scim_members
from provisioning.protocols.dialogue import Dialogue, Ending, Members, Outcome
from provisioning.protocols.ending import discreet
from provisioning.protocols.scim_calls import GONE, Refused, checked

_NO_TARGET: Final = "noTarget"


class _Change(NamedTuple):
    member: str
    joins: bool


def member_batch(service: Service) -> int | None:
    """How many members of a group the SP changes at once; None: memberships are changed with each account."""
    return options_of(service).member_batch


def change_members(service: Service, members: Members) -> Dialogue:
    """Make accounts members of a group, and others none. The ending says of whom that is known.

    A PATCH has its effect as a whole or not at all (RFC 7644 3.5.2), so one member whom the SP will not have keeps
    the others out: what is refused for good is said again in halves, until it is known who. Ends where the SP has no
    time: what was done counts, and doing it twice is harmless.
    """
    return discreet((yield from _change(service, members)))


def _change(service: Service, members: Members) -> Dialogue:
    everyone = [_Change(one, joins=False) for one in members.remove]
    everyone += [_Change(one, joins=True) for one in members.add]
    scim = options_of(service)
    most = scim.member_batch or 1
    left = deque(everyone[first : first + most] for first in range(0, len(everyone), most))
    changed: list[str] = []
    refused: dict[str, str] = {}
    while left:
        some = left.popleft()
        join = [change.member for change in some if change.joins]
        leave = [change.member for change in some if not change.joins]
        answer = yield from scim_members.change_members(scim, members.remote_id, join, leave, Known())
        if answer is not None:
            answer = yield from checked(scim, "Groups", members.remote_id, answer, Known())
        if answer is None or (len(some) == 1 and _is_none_already(answer, some[0])):
            changed += [change.member for change in some]
        elif answer.status in GONE:
            return Ending(
                Outcome.TRANSIENT, Known(), f"group {members.group!r} is gone", missing_group=members.group,
                changed=tuple(changed), refused=refused,
            )  # fmt: skip
        elif answer.ending.outcome is not Outcome.PERMANENT:
            ending = answer.ending
            return Ending(
                ending.outcome, Known(), ending.reason, ending.retry_after, changed=tuple(changed), refused=refused
            )
        elif len(some) == 1:
            refused[some[0].member] = discreet(answer.ending).reason
        else:
            half = len(some) // 2
            left.extendleft([some[half:], some[:half]])
    return Ending(Outcome.DONE, Known(), changed=tuple(changed), refused=refused)


def _is_none_already(answer: Refused, change: _Change) -> bool:
    return not change.joins and answer.scim_type == _NO_TARGET
