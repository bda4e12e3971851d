"""Identities, accounts, groups, names and budgets in the table."""

from collections import Counter
from collections.abc import Mapping, Sequence
from secrets import token_bytes
from typing import Any

from provisioning.adapters.aws import keys
from provisioning.adapters.aws.braking import BrakedRows
from provisioning.adapters.aws.items import (
    account_item,
    gate_body,
    group_item,
    identity_item,
    name_item,
    read_account,
    read_gate,
    read_group,
    read_identity,
    read_name,
)
from provisioning.adapters.aws.linking import LinkedRows
from provisioning.adapters.aws.rows import Read, Rows
from provisioning.core.account import Account
from provisioning.core.errors import ConflictError
from provisioning.core.gate import Gate, Slots
from provisioning.core.identity import Identity
from provisioning.core.period import Instant
from provisioning.ports import Deliveries, Group, Holding, Name, Waiting


class Table(LinkedRows, BrakedRows):
    """Ports Identities and Accounts."""

    def __init__(self, rows: Rows) -> None:
        LinkedRows.__init__(self, rows)
        BrakedRows.__init__(self, rows)
        self._rows = rows
        self._busy: dict[str, bool] = {}

    @property
    def requests(self) -> Counter[str]:
        """What was asked of the table, by the service's name for it."""
        return self._rows.requests

    # Identities

    async def links(self, wanted: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], str]:
        by_key = {keys.link_key(*pair): pair for pair in wanted}
        items = await self._rows.get_batch(list(by_key))
        return {by_key[keys.key_of(item)]: item[keys.BODY]["S"] for item in items}

    async def holding(self, identity: str) -> Holding:
        found: Identity | None = None
        accounts: dict[str, Account] = {}
        everything = self._rows.query(
            KeyConditionExpression="pk = :p",
            ExpressionAttributeValues={":p": {"S": keys.identity_key(identity).pk}},
            ConsistentRead=True,
        )
        async for item in everything:
            if item["sk"]["S"] == keys.IDENTITY_SORT:
                found = read_identity(item)
            elif item["sk"]["S"].startswith(keys.ACCOUNT_SORT):
                account = read_account(item)
                accounts[account.service] = account
        return Holding(found, accounts)

    async def put_identity(self, identity: Identity, link: tuple[str, str] | None = None) -> None:
        item = identity_item(identity, _draw())
        read = Read(identity.revision, identity.sequence)
        if link is None:
            # Loses to another evaluation of this identity.
            await self._rows.put_next(item, read)
        else:
            # Loses to another evaluation of this identity, and to another receive that linked the same key.
            new = {**keys.link_key(*link).attributes(), keys.BODY: {"S": identity.id}}
            await self._rows.put_next_with_new(item, read, new)

    # Accounts

    async def deliveries(self, service: str, identities: Sequence[str], others: Sequence[str] = ()) -> Deliveries:
        wanted, gate = dict.fromkeys(identities), keys.gate_key(service)
        batch = [gate]
        for id_ in wanted:
            batch += [keys.identity_key(id_), *(keys.account_key(id_, name) for name in (service, *others))]
        items = {keys.key_of(item): item for item in await self._rows.get_batch(batch)}
        found: dict[str, tuple[Identity | None, Account | None]] = {}
        for id_ in wanted:
            identity = items.get(keys.identity_key(id_))
            account = items.get(keys.account_key(id_, service))
            found[id_] = (
                read_identity(identity) if identity is not None else None,
                read_account(account) if account is not None else None,
            )
        beside = {
            (id_, other): read_account(items[key])
            for id_ in wanted
            for other in others
            if (key := keys.account_key(id_, other)) in items
        }
        return Deliveries(found, read_gate(items[gate]) if gate in items else Gate(), beside)

    async def put_gate(self, service: str, gate: Gate) -> None:
        values: dict[str, Any] = {":b": {"B": gate_body(gate)}, ":r": {"N": str(gate.revision + 1)}}
        read = {":o": {"N": str(gate.revision)}} if gate.revision else {}
        # Loses to another batch that learned something of the SP, and to an operator. The budget goes on beside it.
        await self._rows.update(
            keys.gate_key(service),
            f"SET {keys.BODY} = :b, {keys.REVISION} = :r",
            {**values, **read},
            f"{keys.REVISION} = :o" if read else f"attribute_not_exists({keys.REVISION})",
        )

    async def put_account(self, account: Account) -> None:
        # Loses to another delivery of this account.
        await self._rows.put_next(account_item(account, _draw()), Read(account.revision, account.sequence))

    async def take_slots(self, service: str, count: int, spacing: int, now: Instant) -> Slots:
        start, length = now * 1000, count * spacing
        busy = self._busy.get(service, False)  # what was true the last time is tried first
        while True:
            values = {":n": {"N": str(start)}, ":s": {"N": str(length if busy else start + length)}}
            field = keys.NEXT_FREE
            try:
                # Loses to another batch that moved the budget past this instant, or found it idle before it: then it
                # is the other case, and since the budget only moves on, the one after that is the last.
                changed = await self._rows.update(
                    keys.gate_key(service),
                    f"SET {field} = {field} + :s" if busy else f"SET {field} = :s",
                    values,
                    f"{field} >= :n" if busy else f"attribute_not_exists({field}) OR {field} < :n",
                )
            except ConflictError:
                busy = not busy
                continue
            self._busy[service] = busy
            return Slots(int(changed[field]["N"]) - length, spacing)

    async def group(self, service: str, name: str) -> Group | None:
        item = await self._rows.get(keys.group_key(service, name))
        return read_group(service, name, item) if item is not None else None

    async def put_group(self, group: Group) -> None:
        # Loses to another delivery that makes the same group.
        await self._rows.put_next(group_item(group, _draw()), Read(group.revision, 0))

    async def put_waiting(self, service: str, waiting: Sequence[Waiting]) -> None:
        await self._rows.write_batch([keys.waiting_key(service, *each).attributes() for each in waiting])

    async def waiting(self, service: str, group: str, most: int) -> Sequence[Waiting]:
        found: list[Waiting] = []
        everything = self._rows.query(
            KeyConditionExpression="pk = :p",
            ExpressionAttributeValues={":p": {"S": keys.waiting_partition(service, group)}},
            ConsistentRead=True,
            Limit=most,
        )
        async for item in everything:
            found.append(Waiting(group, *keys.read_waiting(item["sk"]["S"])))
            if len(found) == most:
                break
        return found

    async def drop_waiting(self, service: str, waiting: Sequence[Waiting]) -> None:
        await self._rows.write_batch([keys.waiting_key(service, *each) for each in waiting])

    async def reserve(self, name: Name) -> Name:
        # Loses to whoever reserved the name first, also to itself: then it has the name. Only whose name it is may
        # say that the SP refused it.
        unless = f" OR {keys.BODY} = :i" if name.refused else ""
        values = {":i": {"S": name.identity}} if name.refused else {}
        return read_name(name, await self._rows.put_first(name_item(name), unless, values))


def _draw() -> bytes:
    """What tells this write from every other one."""
    return token_bytes(8)
