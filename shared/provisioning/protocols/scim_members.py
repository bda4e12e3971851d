"""Members of a group in SCIM: many are added and removed by one PATCH, and the group is never replaced."""

from collections import deque
from collections.abc import Sequence
from typing import Final, NamedTuple

from provisioning.core.account import Json, Known
from provisioning.core.catalog import Service
from provisioning.core.scim_presets import options_of
from provisioning.protocols.dialogue import Dialogue, Ending, Members, Outcome
from provisioning.protocols.ending import discreet
from provisioning.protocols.scim_calls import GONE, Refused, call, patch, place_of
from provisioning.protocols.scim_filter import literal
from provisioning.protocols.scim_patch import Operation

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
    most = member_batch(service) or 1
    left = deque(everyone[first : first + most] for first in range(0, len(everyone), most))
    changed: list[str] = []
    refused: dict[str, str] = {}
    while left:
        some = left.popleft()
        answer = yield from call(patch(place_of("Groups", members.remote_id), _operations(some)), Known())
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


def _operations(changes: Sequence[_Change]) -> list[Operation]:
    operations: list[Operation] = [
        {"op": "remove", "path": f"members[value eq {literal(change.member)}]"}
        for change in changes
        if not change.joins
    ]
    joining: list[Json] = [{"value": change.member} for change in changes if change.joins]
    return [*operations, {"op": "add", "path": "members", "value": joining}] if joining else operations


def _is_none_already(answer: Refused, change: _Change) -> bool:
    return not change.joins and answer.scim_type == _NO_TARGET
