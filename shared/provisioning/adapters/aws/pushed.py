"""What sources push over HTTP, in the table."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from secrets import token_bytes
from typing import Final

from provisioning.adapters.aws import keys, pushed_keys
from provisioning.adapters.aws import pushed_items as items
from provisioning.adapters.aws.items import Item
from provisioning.adapters.aws.keys import Key
from provisioning.adapters.aws.pushed_items import Write, read_resource, read_unsent
from provisioning.adapters.aws.rows import Rows
from provisioning.core.errors import ConflictError, PermanentError, TransientError
from provisioning.core.period import Instant
from provisioning.core.pushed import (
    MOST_GROUPS,
    Answer,
    Gone,
    Held,
    Kind,
    Resource,
    TakenError,
    Unsent,
    claim_of,
    claims_of,
)

MOST_WRITES: Final = 100  # of one transaction
AT_ONCE: Final = 8  # transactions
DROPS_AT_ONCE: Final = 25  # of what is told
_ATTEMPTS: Final = 6  # of a transaction that met others
_PAUSE: Final = 0.02  # seconds before the first of them is repeated; doubles
_FOUND: Final = 100
_REFUSED: Final = "ConditionalCheckFailed"


class PushedTable:
    """Port Pushed."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._busy, self._dropping = asyncio.Semaphore(AT_ONCE), asyncio.Semaphore(DROPS_AT_ONCE)

    @property
    def requests(self) -> Counter[str]:
        """What was asked of the table, by the service's name for it."""
        return self._rows.requests

    async def get(self, source: str, kind: Kind, id_: str) -> Held | None:
        found: Resource | None = None
        groups: list[str] = []
        resource_and_memberships = self._rows.query(
            KeyConditionExpression="pk = :p AND sk < :m",
            ExpressionAttributeValues={
                ":p": {"S": pushed_keys.pushed_key(source, kind, id_).pk},
                ":m": {"S": pushed_keys.MEMBER},
            },
            ConsistentRead=True,
        )
        async for item in resource_and_memberships:
            if item["sk"]["S"] == pushed_keys.PUSHED_SORT:
                found = read_resource(source, kind, item)
            else:
                groups.append(item["sk"]["S"].removeprefix(pushed_keys.MEMBERSHIP))
        return None if found is None else Held(found, tuple(groups))

    async def get_many(self, source: str, kind: Kind, ids: Sequence[str]) -> Sequence[Resource]:
        wanted = [pushed_keys.pushed_key(source, kind, id_) for id_ in ids]
        found = {keys.key_of(item): item for item in await self._rows.get_batch(wanted)}
        resources = [read_resource(source, kind, found[key]) for key in dict.fromkeys(wanted) if key in found]
        return [resource for resource in resources if not resource.deleted]

    async def ids(self, source: str, kind: Kind) -> Sequence[str]:
        async def shard(number: int) -> list[str]:
            every = self._rows.query(
                IndexName=keys.SERVICE_INDEX,
                KeyConditionExpression=f"{keys.SERVICE} = :s",
                ExpressionAttributeValues={":s": {"S": pushed_keys.pushed_partition(source, kind, number)}},
            )
            return [item[keys.STATE]["S"] async for item in every]

        shards = await asyncio.gather(*(shard(number) for number in range(keys.SHARDS)))
        return sorted(id_ for ids in shards for id_ in ids)

    async def find(self, source: str, kind: Kind, attribute: str, value: str) -> Sequence[str]:
        held = pushed_keys.claim_key(source, kind, attribute, claim_of(attribute, value).value, None)
        found, _ = await self._rows.query_page(
            KeyConditionExpression="pk = :p",
            ExpressionAttributeValues={":p": {"S": held.pk}},
            ConsistentRead=True,
            Limit=_FOUND,
        )
        return [item[keys.BODY]["S"] for item in found]

    async def put_resource(self, resource: Resource, was: Resource | None, *, tell: bool) -> Resource:
        write = token_bytes(16)
        before, after = claims_of(was) if was is not None else frozenset(), claims_of(resource)
        taken = sorted(after - before)
        # Loses to whoever wrote this resource since it was read, and to whoever took one of its values first.
        writes = [items.put_resource(resource, was, write), *(items.claim(resource, each) for each in taken)]
        writes += [items.unclaim(resource, each) for each in sorted(before - after)]
        if resource.deleted:
            writes.append(items.gone_item(resource))
        if tell:
            writes.append(items.unsent_item(resource.source, resource.kind, resource.id, write))
        refused = await self._rows.transact(writes, write.hex())
        for claim, reason in zip(taken, refused[1:], strict=False):
            if reason == _REFUSED and refused[0] != _REFUSED:
                raise TakenError(claim.attribute)
        if refused:
            raise ConflictError("another writer came first")
        return replace(resource, version=resource.version + 1)

    async def members(self, source: str, group: str, after: str, most: int) -> Sequence[str]:
        found, position = [], f"{pushed_keys.MEMBER}{after}"
        every = self._rows.query(
            KeyConditionExpression="pk = :p AND sk BETWEEN :a AND :z",
            ExpressionAttributeValues={
                ":p": {"S": pushed_keys.pushed_key(source, "Group", group).pk},
                ":a": {"S": position},
                ":z": {"S": pushed_keys.MEMBER[0] + "$"},
            },
            ConsistentRead=True,
            Limit=most + 1,
        )
        async for item in every:
            if item["sk"]["S"] != position:
                found.append(item["sk"]["S"].removeprefix(pushed_keys.MEMBER))
            if len(found) == most:
                break
        return found

    async def holds(self, source: str, group: str, members: Sequence[str]) -> frozenset[str]:
        wanted = {pushed_keys.member_key(source, group, member): member for member in members}
        return frozenset(wanted[keys.key_of(item)] for item in await self._rows.get_batch(list(wanted)))

    async def change_members(self, source: str, group: str, added: Sequence[str], removed: Sequence[str]) -> bool:
        changed = await asyncio.gather(
            *(self._change(source, group, some, join=True) for some in _chunks(added, MOST_WRITES // 4)),
            *(self._change(source, group, some, join=False) for some in _chunks(removed, MOST_WRITES // 4)),
        )
        return any(changed)

    async def _change(self, source: str, group: str, members: Sequence[str], *, join: bool) -> bool:
        """One transaction. What it is made of is read first, and again if it has changed since."""
        async with self._busy:
            for attempt in range(_ATTEMPTS):
                if attempt:
                    await asyncio.sleep(_PAUSE * 2**attempt)
                held = await self.holds(source, group, members)
                meant = [member for member in members if (member in held) is not join]
                if not meant:
                    return False
                kinds = await self._kinds(source, meant, join=join)
                write, one = token_bytes(16), items.joined if join else items.left
                writes = [each for id_ in meant for each in one(source, group, kinds.get(id_), id_, write)]
                # Loses to whoever changed one of these memberships, or deleted one of these resources, since.
                if not await self._rows.transact(writes, write.hex()):
                    return True
        raise TransientError(f"the members of a group were changed by others {_ATTEMPTS} times")

    async def _kinds(self, source: str, ids: Sequence[str], *, join: bool) -> Mapping[str, Kind]:
        users = await self.get_many(source, "User", ids)
        known = [*users, *(await self.get_many(source, "Group", ids) if len(users) < len(ids) else ())]
        full = next((each.id for each in known if join and each.memberships >= MOST_GROUPS), None)
        if full is not None:
            raise PermanentError(f"{full} is in {MOST_GROUPS} groups, which is the most")
        return {each.id: each.kind for each in known}

    async def touch(self, source: str, users: Sequence[str]) -> None:
        await asyncio.gather(*(self._touch(source, some) for some in _chunks(users, MOST_WRITES // 2)))

    async def _touch(self, source: str, users: Sequence[str]) -> None:
        async with self._busy:
            for attempt in range(_ATTEMPTS):
                if attempt:
                    await asyncio.sleep(_PAUSE * 2**attempt)
                live, write = await self.get_many(source, "User", users), token_bytes(16)
                writes: list[Write] = []
                for user in live:
                    writes += [
                        items.bump(source, "User", user.id, 0),
                        items.unsent_item(source, "User", user.id, write),
                    ]
                # Loses to whoever deleted one of these since.
                if not live or not await self._rows.transact(writes, write.hex()):
                    return
        raise TransientError(f"users were changed by others {_ATTEMPTS} times")

    async def unsent(self, source: str, most: int) -> Sequence[Unsent]:
        found, _ = await self._rows.query_page(
            KeyConditionExpression="pk = :p",
            ExpressionAttributeValues={":p": {"S": pushed_keys.unsent_key(source, "U", "").pk}},
            ConsistentRead=True,
            Limit=most,
        )
        return [read_unsent(item) for item in found]

    async def sent(self, source: str, unsent: Sequence[Unsent]) -> None:
        async def drop(each: Unsent) -> None:
            async with self._dropping:
                # Loses to whoever changed the resource since it was read: that is told, too.
                await self._rows.drop(pushed_keys.unsent_key(source, each.kind, each.id), bytes.fromhex(each.mark))

        await asyncio.gather(*map(drop, unsent))

    async def forget_memberships(self, source: str, kind: Kind, id_: str, groups: Sequence[str]) -> None:
        gone: list[Item | Key] = []
        for group in groups:
            gone += [pushed_keys.member_key(source, group, id_), pushed_keys.membership_key(source, kind, id_, group)]
        await self._rows.write_batch(gone)

    async def gone(self, source: str, kind: Kind, after: str, most: int) -> Sequence[Gone]:
        first = pushed_keys.gone_key(source, kind, after)
        found, _ = await self._rows.query_page(
            KeyConditionExpression="pk = :p AND sk > :a",
            ExpressionAttributeValues={":p": {"S": first.pk}, ":a": {"S": first.sk}},
            ConsistentRead=True,
            Limit=most,
        )
        return [items.read_gone(item) for item in found]

    async def keep_answer(self, source: str, answer: Answer) -> None:
        await self._rows.put(items.answer_item(source, answer))

    async def answers(self, source: str, most: int, now: Instant, request: str | None = None) -> Sequence[Answer]:
        key = pushed_keys.answer_key(source, request or "")
        found, _ = await self._rows.query_page(
            KeyConditionExpression=f"pk = :p AND {'sk > :a' if request is None else 'sk = :a'}",
            ExpressionAttributeValues={":p": {"S": key.pk}, ":a": {"S": key.sk}},
            ConsistentRead=True,
            Limit=most,
        )
        # The service deletes what has expired within days, not at once.
        return [answer for answer in map(items.read_answer, found) if answer.until > now]


def _chunks(ids: Sequence[str], most: int) -> list[Sequence[str]]:
    distinct = list(dict.fromkeys(ids))
    return [distinct[first : first + most] for first in range(0, len(distinct), most)]
