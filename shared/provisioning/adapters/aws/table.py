"""Identities, accounts, groups and budgets in the table."""

from collections import Counter
from collections.abc import Mapping, Sequence
from secrets import token_bytes

from provisioning.adapters.aws import keys
from provisioning.adapters.aws.items import (
    account_item,
    group_item,
    identity_item,
    read_account,
    read_group,
    read_identity,
)
from provisioning.adapters.aws.rows import Read, Rows
from provisioning.core.account import Account
from provisioning.core.errors import ConflictError
from provisioning.core.gate import Slots
from provisioning.core.identity import Identity
from provisioning.core.period import Instant
from provisioning.ports import Group, Holding


class Table:
    """Ports Identities and Accounts."""

    def __init__(self, rows: Rows) -> None:
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

    async def deliveries(
        self, service: str, identities: Sequence[str]
    ) -> Mapping[str, tuple[Identity | None, Account | None]]:
        wanted = dict.fromkeys(identities)
        batch = [
            key
            for identity in wanted
            for key in (keys.identity_key(identity), keys.account_key(identity, service))
        ]  # fmt: skip
        items = {keys.key_of(item): item for item in await self._rows.get_batch(batch)}
        found: dict[str, tuple[Identity | None, Account | None]] = {}
        for id_ in wanted:
            identity = items.get(keys.identity_key(id_))
            account = items.get(keys.account_key(id_, service))
            found[id_] = (
                read_identity(identity) if identity is not None else None,
                read_account(account) if account is not None else None,
            )
        return found

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


def _draw() -> bytes:
    """What tells this write from every other one."""
    return token_bytes(8)
