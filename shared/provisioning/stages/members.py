"""The doorbells of groups: the members that wait for a group are changed together, from what is desired by then."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from provisioning.core import membership
from provisioning.core.account import Account, Condition, Desired, Known, Phase
from provisioning.core.bell import EARLY, Bell, Cause
from provisioning.core.brake import Kind, Lane, Removal, Share, home
from provisioning.core.catalog import Service
from provisioning.core.errors import ConflictError, PermanentError, StalePolicyError, TransientError
from provisioning.core.gate import Gate, wait
from provisioning.core.lifecycle import NOTHING
from provisioning.core.mapping import desired
from provisioning.core.period import Instant
from provisioning.core.policy import Policy
from provisioning.core.wire import digest_of
from provisioning.ports import Group, Waiting
from provisioning.protocols.dialogue import Ending, Members, Outcome
from provisioning.protocols.registry import PROTOCOLS, member_batch
from provisioning.stages.brake import Asked, count, domains_of
from provisioning.stages.gate import admit, learn
from provisioning.stages.groups import Groups, GroupsNotReadyError, forget_group, group_ids
from provisioning.stages.message import Failed, Rung
from provisioning.stages.visit import Deliver

CALLS: Final = 10  # that one answer to a bell makes, at most, if the SP refuses nobody


@dataclass(frozen=True, slots=True)
class _Look:
    """A group, those who wait for it, and of these the accounts that can be changed, with what is desired of them."""

    policy: Policy
    service: Service
    gate: Gate
    group: Group
    waiting: Sequence[Waiting]
    people: Mapping[str, tuple[Account, Desired]]  # by remote id
    domains: Mapping[str, str]  # by remote id, of which their leaving is counted
    more: bool  # others may wait, too

    def members(self, remote_id: str) -> Members:
        """What is asked of the SP for this group, by the id that it has there."""
        name = self.group.name
        join = tuple(one for one, (_, desired) in self.people.items() if name in desired.groups)
        leave = tuple(one for one, (_, desired) in self.people.items() if name not in desired.groups)
        return Members(name, remote_id, join, leave)


def once_each_group(bells: Iterable[Bell]) -> list[Bell]:
    """Bells of which several for one group are one."""
    groups: dict[str, Bell] = {}
    others: list[Bell] = []
    for bell in bells:
        if bell.group is None:
            others.append(bell)
        else:
            groups.setdefault(bell.group, bell)
    return [*others, *groups.values()]


async def answer_groups(shell: Deliver, rung: Sequence[Rung], now: Instant) -> tuple[list[Bell], Failed]:
    """Answer the bells of groups, one group after the other; the bells that follow, and the messages to come again."""
    by_group: dict[str, list[Rung]] = {}
    for item in rung:
        by_group.setdefault(item.bell.group or "", []).append(item)
    bells: list[Bell] = []
    failed: set[str] = set()
    for name, items in by_group.items():
        try:
            bells += await _answer(shell, name, items, now)
        except (TransientError, PermanentError, ConflictError, StalePolicyError) as error:
            shell.log("members.failed", service=shell.service, group=name, reason=str(error))
            failed |= {item.message for item in items}
    return bells, frozenset(failed)


async def _answer(shell: Deliver, name: str, items: Sequence[Rung], now: Instant) -> list[Bell]:
    group = await shell.accounts.group(shell.service, name) or Group(shell.service, name)
    bell = Bell("", Cause.DECISION, items[-1].bell.trace, shell.service, group=name)
    if group.next_at >= now + EARLY:
        if group.rung_at >= group.next_at and not any(item.again for item in items):
            return []  # somebody has rung for that instant already
        # Loses to whoever else looks at the group: then the message comes again.
        await shell.accounts.put_group(replace(group, rung_at=group.next_at))
        return [replace(bell, at=group.next_at)]
    look = await _look(shell, group)
    if look is None:
        return []
    look = await _let_through(shell, look, now)
    slot = await _slot(shell, look, now)
    if slot > now:
        waits = replace(group, next_at=slot, rung_at=slot, slots=_calls(look))
        # Loses to whoever else looks at the group: the slots are then wasted, nothing else.
        await shell.accounts.put_group(waits)
        return [replace(bell, at=slot)]
    ending = await _ask(shell, look, now)
    stored = await _record(shell, look, ending, now)
    handled = [each for each in look.waiting if each.identity not in stored or stored[each.identity]]
    await shell.accounts.drop_waiting(shell.service, handled)
    return await _rest(shell, look, ending, len(handled) < len(look.waiting), bell, now)


async def _look(shell: Deliver, group: Group) -> _Look | None:
    """Who waits, and what is desired of them now. None: nobody, or nothing may be done at this service."""
    policy = await shell.policies.current()
    most = (group.slots or CALLS) * (_batch(policy.services.get(shell.service)) or 1)
    waiting = await shell.accounts.waiting(shell.service, group.name, most)
    found = await shell.accounts.deliveries(shell.service, [each.identity for each in waiting])
    if found.gate.paused:
        shell.log("service.paused", service=shell.service, group=group.name, reason=found.gate.paused)
    sequences = [item.sequence for row in found.rows.values() for item in row if item is not None]
    policy = await shell.policies.current(at_least=max(sequences, default=0))
    service = policy.services.get(shell.service)
    # Where memberships are changed with each account by now, what was left to the groups is seen to there.
    if found.gate.paused or not waiting or service is None or _batch(service) is None:
        return None
    revisions = {one: account.revision if account is not None else 0 for one, (_, account) in found.rows.items()}
    # Who is written down before the account itself is: whoever delivers it rings as soon as it is.
    ready = [each for each in waiting if revisions[each.identity] >= each.revision]
    people: dict[str, tuple[Account, Desired]] = {}
    domains: dict[str, str] = {}
    for one in dict.fromkeys(each.identity for each in ready):
        identity, account = found.rows[one]
        held = account is not None and account.condition is Condition.HELD
        if identity is None or account is None or not account.exists or held or group.name not in account.joining:
            continue  # nothing is in question here; or its own delivery comes first, and says again that it waits
        entitlement = identity.entitlements.get(service.id, NOTHING)
        told = policy.told(identity, service.id)
        wanted = desired(policy.mappings[service.id], account.subject, told, entitlement)
        people[str(account.known.remote_id)] = (account, wanted)
        domains[str(account.known.remote_id)] = home(domains_of(policy), identity.records)
    return _Look(policy, service, found.gate, group, ready, people, domains, len(waiting) == most)


async def _let_through(shell: Deliver, look: _Look, now: Instant) -> _Look:
    """Those who leave the group as far as the brake lets them, and all who join it."""
    removal, name, asked = Removal(Kind.MEMBERSHIP), look.group.name, dict[str, Asked]()
    for remote_id, (account, wanted) in look.people.items():
        # Whoever is suspended was counted for that, and leaves the groups by it.
        leaves = wanted.phase is Phase.ACTIVE and name not in wanted.groups and name in account.known.groups
        attempt = digest_of([account.identity, look.service.id, "leave", name, account.turn])
        if leaves and look.service.brake.off is None and attempt not in account.permits:
            share, sequence = Share(Lane.SUDDEN, look.domains[remote_id]), look.policy.sequence
            asked[remote_id] = Asked(account, removal, share, attempt, account.turn, sequence, f"of {name!r}")
    if not asked:
        return look
    counted = await count(shell.accounts, look.service, look.policy, list(asked.values()), shell.log, now)
    after = dict(zip(asked, counted, strict=True))
    people = {
        remote_id: (after.get(remote_id, account), wanted)
        for remote_id, (account, wanted) in look.people.items()
        if remote_id not in after or not after[remote_id].asked
    }
    return replace(look, people=people)


async def _slot(shell: Deliver, look: _Look, now: Instant) -> Instant:
    """When the calls for this group may be made: the last of their slots, so that it waits once."""
    callers = {f"{look.group.name}#{number}": look.group.slots > 0 for number in range(_calls(look))}
    slots = await admit(shell.accounts, look.service, look.gate, callers, look.policy.zone, now)
    return max(slots.values(), default=now)


def _calls(look: _Look) -> int:
    return -(-len(look.people) // (_batch(look.service) or 1))


async def _ask(shell: Deliver, look: _Look, now: Instant) -> Ending:
    name, protocol = look.group.name, PROTOCOLS[look.service.protocol]
    nobody = Ending(Outcome.DONE, Known())
    if not look.people or protocol.change_members is None:
        return nobody
    groups, asked = Groups(shell.accounts, shell.courier, shell.groups), look.members("")
    try:
        ids = await group_ids(groups, look.service, [name] if asked.add else [], [] if asked.add else [name], now)
    except GroupsNotReadyError as error:
        refused = dict.fromkeys(look.people, str(error)) if error.outcome is Outcome.PERMANENT else {}
        return Ending(error.outcome, Known(), str(error), error.retry_after, refused=refused)
    if name not in ids:
        return replace(nobody, changed=tuple(look.people))  # a group that there is not has no members
    dialogue = protocol.change_members(look.service, look.members(ids[name]))
    ending = await shell.courier.converse(look.service, dialogue)
    if ending.missing_group is not None:
        await forget_group(groups, shell.service, ending.missing_group)
    await learn(shell.accounts, look.service, look.gate, [ending.heard], now)
    return ending


async def _record(shell: Deliver, look: _Look, ending: Ending, now: Instant) -> Mapping[str, bool]:
    """Whether what became of each who waits is stored; who is not among them had nothing in question."""

    async def record(account: Account, desired: Desired) -> bool:
        remote_id, name = str(account.known.remote_id), look.group.name
        after = account
        if remote_id in changed:
            after = membership.joined(account, desired, name, look.policy.sequence, now)
        elif remote_id in ending.refused:
            after = membership.refused(account, f"group {name!r}: {ending.refused[remote_id]}", look.policy.sequence)
        else:
            return False
        try:
            # Loses to a delivery of the account itself, which says again that it waits, if it does.
            await shell.accounts.put_account(after)
        except (ConflictError, StalePolicyError):
            return False
        except (TransientError, PermanentError) as error:  # one that cannot be stored keeps nobody else from it
            shell.log(
                "member.failed", identity=account.identity, service=account.service, group=name, reason=str(error)
            )
            # Who may be stored next time goes on waiting; who is too large comes again with the sweep, not at once.
            return isinstance(error, PermanentError)
        shell.log(
            "member.changed", identity=account.identity, service=account.service, group=name,
            condition=after.condition.value, reason=after.error,
        )  # fmt: skip
        return True

    changed, people = {*ending.changed}, list(look.people.values())
    stored = await asyncio.gather(*(record(*one) for one in people))
    return {account.identity: done for (account, _), done in zip(people, stored, strict=True)}


async def _rest(shell: Deliver, look: _Look, ending: Ending, left: bool, bell: Bell, now: Instant) -> list[Bell]:
    """Say when the group is looked at again, and ring for it if anybody is known to wait."""
    if not look.people and not look.more:
        return []
    group = await shell.accounts.group(shell.service, look.group.name) or look.group
    failed = ending.outcome is not Outcome.DONE and ending.missing_group is None
    attempts = group.attempts + 1 if failed and not ending.changed else 0
    pause = wait(attempts, f"{group.name}/{group.service}", ending.retry_after) if failed else membership.GATHER
    next_at = now if look.more and not failed else now + pause
    again = left or look.more
    after = replace(group, next_at=next_at, rung_at=next_at if again else 0, slots=0, attempts=attempts)
    # Loses to a delivery that makes the group, or forgets it: the message comes again.
    await shell.accounts.put_group(after)
    return [replace(bell, at=next_at if next_at > now else None)] if again else []


def _batch(service: Service | None) -> int | None:
    return member_batch(service) if service is not None else None
