"""Groups of an SP that memberships need: known, looked up, or made once whoever asks at the same time."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from provisioning.core.account import Intent
from provisioning.core.catalog import Service
from provisioning.core.delivery import CALL
from provisioning.core.errors import ConflictError, ProvisioningError
from provisioning.core.period import Instant
from provisioning.core.quick import quick
from provisioning.ports import Accounts, Courier, Group
from provisioning.protocols.dialogue import Outcome
from provisioning.protocols.registry import PROTOCOLS

_SOON: Final = 3  # seconds until another delivery has probably made the group


@quick
@dataclass(frozen=True, slots=True)
class Groups:
    """What groups need. `known` remembers remote ids between invocations."""

    accounts: Accounts
    courier: Courier
    known: dict[str, str]


class GroupsNotReadyError(ProvisioningError):
    """A group cannot be had now; the account that needs it ends with this outcome."""

    def __init__(self, outcome: Outcome, reason: str, retry_after: int | None = None) -> None:
        super().__init__(reason)
        self.outcome, self.retry_after = outcome, retry_after


async def group_ids(
    shell: Groups, service: Service, joined: Iterable[str], left: Iterable[str], now: Instant
) -> Mapping[str, str]:
    """Remote ids of groups to be joined, made where there are none, and of those to be left, as far as they exist.

    Raises GroupsNotReadyError for the first that cannot be had.
    """
    if PROTOCOLS[service.protocol].make_group is None:
        return {}
    found: dict[str, str] = {}
    for name in sorted(joined):
        found[name] = shell.known.get(name) or await _group_id(shell, service, name, now)
    for name in sorted(left):
        remote_id = shell.known.get(name)
        if remote_id is None:
            group = await shell.accounts.group(service.id, name)
            remote_id = group.remote_id if group is not None else None
        if remote_id is not None:
            found[name] = remote_id
    shell.known.update(found)
    return found


async def _group_id(shell: Groups, service: Service, name: str, now: Instant) -> str:
    group = await shell.accounts.group(service.id, name) or Group(service.id, name)
    if group.remote_id is not None:
        return group.remote_id
    look = group.intent is not None
    if group.intent is not None and now < group.intent.deadline + service.settling:
        raise GroupsNotReadyError(Outcome.TRANSIENT, f"group {name!r} is being made", _SOON)
    intended = replace(group, intent=Intent(f"{service.id}/{name}", now + CALL))
    try:
        await shell.accounts.put_group(
            intended
        )  # loses to another delivery that makes the same group: only one makes it
    except ConflictError as error:
        raise GroupsNotReadyError(Outcome.TRANSIENT, f"group {name!r} is being made", _SOON) from error
    return await _make(shell, service, replace(intended, revision=intended.revision + 1), look)


async def forget_group(shell: Groups, service: str, name: str) -> None:
    """The SP does not have this group any more: whoever needs it next makes it again."""
    gone = shell.known.pop(name, None)
    group = await shell.accounts.group(service, name)
    if group is not None and group.remote_id == gone:
        try:
            await shell.accounts.put_group(replace(group, remote_id=None))
        except ConflictError:
            return  # loses to another delivery that found the same


async def _make(shell: Groups, service: Service, group: Group, look: bool) -> str:
    make_group = PROTOCOLS[service.protocol].make_group
    assert make_group is not None  # noqa: S101  asked by the caller
    ending = await shell.courier.converse(service, make_group(service, group.name, look))
    if ending.outcome is Outcome.UNKNOWN:
        raise GroupsNotReadyError(Outcome.TRANSIENT, f"group {group.name!r}: {ending.reason}", ending.retry_after)
    remote_id = ending.known.remote_id if ending.outcome is Outcome.DONE else None
    try:
        # Loses to a delivery that took over because ours seemed dead; what it stored is as good.
        await shell.accounts.put_group(replace(group, remote_id=remote_id, intent=None))
    except ConflictError as error:
        raise GroupsNotReadyError(
            Outcome.TRANSIENT, f"group {group.name!r} was made by another delivery", _SOON
        ) from error
    if remote_id is None:
        raise GroupsNotReadyError(ending.outcome, f"group {group.name!r}: {ending.reason}", ending.retry_after)
    return remote_id
