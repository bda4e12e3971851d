"""The brakes of services: two items each, the brake itself and how many accounts there are."""

from collections.abc import Sequence
from secrets import token_bytes
from typing import Any, Final

from provisioning.adapters.aws import brake_keys, keys
from provisioning.adapters.aws.items import account_item
from provisioning.adapters.aws.rows import Read, Rows, condition
from provisioning.core.account import Account
from provisioning.core.brake import MOST_AT_ONCE, Brake, Lane, Share
from provisioning.core.errors import ConflictError, PermanentError
from provisioning.core.wire import pack, unpack

_SHARD: Final = "n"  # before the shard's number


class BrakedRows:
    """Port Braked."""

    def __init__(self, rows: Rows) -> None:
        self._braked = rows

    @property
    def shards(self) -> int:
        return keys.SHARDS

    async def brake(self, service: str) -> Brake:
        brake, population = brake_keys.brake_key(service), brake_keys.population_key(service)
        items = {keys.key_of(item): item for item in await self._braked.get_batch([brake, population])}
        counted = {
            int(name.removeprefix(_SHARD)): int(value["N"])
            for name, value in items.get(population, {}).items()
            if name.startswith(_SHARD)
        }
        if brake not in items:
            return Brake(population=counted)
        taken, *_ = unpack(items[brake][keys.BODY]["B"])
        found = {Share(Lane(lane), domain): dict(map(tuple, buckets)) for lane, domain, buckets in taken}
        return Brake(found, counted, int(items[brake][keys.REVISION]["N"]))

    async def put_permits(self, service: str, brake: Brake | None, accounts: Sequence[Account]) -> None:
        if len(accounts) > MOST_AT_ONCE:
            raise PermanentError(f"{len(accounts)} accounts are to be written at once, {MOST_AT_ONCE} can be")
        write = token_bytes(8)
        writes: list[Any] = [
            ("Put", {"Item": account_item(each, write), **condition(Read(each.revision, each.sequence))})
            for each in accounts
        ]
        if brake is not None:
            writes.append(("Put", {"Item": _item(service, brake, write), **condition(Read(brake.revision, 0))}))
        # Loses to another batch that takes of the same brake, and to whoever wrote one of the accounts.
        if await self._braked.transact(writes, write.hex()):
            raise ConflictError("another writer came first")


def _item(service: str, brake: Brake, write: bytes) -> dict[str, Any]:
    taken = [
        [share.lane.value, share.domain, [list(each) for each in sorted(buckets.items())]]
        for share, buckets in sorted(brake.taken.items())
    ]
    return {
        **brake_keys.brake_key(service).attributes(),
        keys.REVISION: {"N": str(brake.revision + 1)},
        keys.SEQUENCE: {"N": "0"},
        keys.WRITE: {"B": write},
        keys.BODY: {"B": pack([taken])},
    }


class StoredPopulations:
    """Port Populations."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    @property
    def shards(self) -> int:
        return keys.SHARDS

    async def present(self, service: str, shard: int) -> int:
        accounts = self._rows.query(
            IndexName=keys.SERVICE_INDEX,
            KeyConditionExpression=f"{keys.SERVICE} = :s",
            ExpressionAttributeValues={":s": {"S": keys.accounts_partition(service, shard)}},
            ProjectionExpression=keys.STATE,
        )
        found = 0
        async for item in accounts:
            found += keys.read_account_state(item[keys.STATE]["S"])[0] != "absent"
        return found

    async def put_population(self, service: str, shard: int, count: int) -> None:
        values = {":n": {"N": str(count)}}
        await self._rows.update(brake_keys.population_key(service), f"SET {_SHARD}{shard} = :n", values)
