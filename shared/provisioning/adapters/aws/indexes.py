"""What the indexes tell: who waits for an instant, all identities, accounts by state."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from provisioning.adapters.aws import keys
from provisioning.adapters.aws.items import read_account
from provisioning.adapters.aws.rows import Rows
from provisioning.core.account import Account, Condition
from provisioning.core.period import Instant


class Indexes:
    """Ports Due, Walk and Counts. Indexes lag behind the table, usually by less than a second."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    @property
    def requests(self) -> Counter[str]:
        """What was asked of the table, by the service's name for it."""
        return self._rows.requests

    # Due

    @property
    def shards(self) -> int:
        return keys.SHARDS

    async def due(self, shard: int, after: Instant, until: Instant) -> AsyncIterator[tuple[str, Instant]]:
        if until <= after:
            return
        waiting = self._rows.query(
            IndexName=keys.DUE_INDEX,
            KeyConditionExpression=f"{keys.DUE_SHARD} = :d AND {keys.DUE_AT} BETWEEN :a AND :u",
            ExpressionAttributeValues={":d": {"S": str(shard)}, ":a": {"N": str(after + 1)}, ":u": {"N": str(until)}},
        )
        async for item in waiting:
            yield keys.identity_of(item["pk"]["S"]), int(item[keys.DUE_AT]["N"])

    async def cursor(self, shard: int) -> Instant:
        item = await self._rows.get(keys.sweep_key(shard))
        return int(item[keys.CURSOR]["N"]) if item is not None else 0

    async def advance(self, shard: int, cursor: Instant) -> None:
        await self._rows.put({**keys.sweep_key(shard).attributes(), keys.CURSOR: {"N": str(cursor)}})

    # Walk

    async def walk(self, segment: int, segments: int, start: str | None, most: int) -> tuple[Sequence[str], str | None]:
        shard, after = keys.read_position(start, segment)
        found: list[str] = []
        while shard < keys.SHARDS:
            page, more = await self._rows.query_page(
                **_range(keys.identities_partition(shard), after=after), Limit=most - len(found)
            )
            found += (item[keys.STATE]["S"] for item in page)
            if len(found) == most:
                return found, keys.write_position(shard, found[-1])
            if more:
                after = more[keys.STATE]["S"]
            else:
                shard, after = shard + segments, ""
        return found, None

    # Counts

    async def count(self, service: str) -> Mapping[tuple[str, str], int]:
        counts: Counter[tuple[str, str]] = Counter()
        for some in await asyncio.gather(*(self._states(service, shard) for shard in range(keys.SHARDS))):
            counts += some
        return counts

    async def _states(self, service: str, shard: int) -> Counter[tuple[str, str]]:
        accounts = self._rows.query(**_range(keys.accounts_partition(service, shard)), ProjectionExpression=keys.STATE)
        counts: Counter[tuple[str, str]] = Counter()
        async for item in accounts:
            counts[keys.read_account_state(item[keys.STATE]["S"])] += 1
        return counts

    async def resting(self, service: str, condition: Condition, most: int) -> Sequence[Account]:
        found: list[keys.Key] = []
        for shard in range(keys.SHARDS):
            page, _ = await self._rows.query_page(
                **_range(keys.accounts_partition(service, shard), keys.in_condition(condition)), Limit=most - len(found)
            )
            found += (keys.key_of(item) for item in page)
            if len(found) == most:
                break
        accounts = [read_account(item) for item in await self._rows.get_batch(found)]
        return [account for account in accounts if account.condition is condition]


def _range(partition: str, prefix: str = "", after: str = "") -> dict[str, Any]:
    """A partition of `by-service`: all of it, what begins with a prefix, or what comes after something."""
    expression, values = f"{keys.SERVICE} = :s", {":s": {"S": partition}}
    if prefix:
        expression, values = f"{expression} AND begins_with({keys.STATE}, :c)", {**values, ":c": {"S": prefix}}
    if after:
        expression, values = f"{expression} AND {keys.STATE} > :c", {**values, ":c": {"S": after}}
    return {
        "IndexName": keys.SERVICE_INDEX,
        "KeyConditionExpression": expression,
        "ExpressionAttributeValues": values,
    }
