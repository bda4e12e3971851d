"""What receive could not understand: its body in the bucket, its reason in the table."""

import asyncio
from collections import Counter
from collections.abc import Sequence

from provisioning.adapters.aws import keys
from provisioning.adapters.aws.items import Item
from provisioning.adapters.aws.objects import Objects
from provisioning.adapters.aws.rows import Rows
from provisioning.core.period import DAY
from provisioning.core.wire import pack, unpack
from provisioning.ports import Rejected


class KeptRejections:
    """Port Rejections."""

    def __init__(self, rows: Rows, objects: Objects) -> None:
        self._rows, self._objects = rows, objects

    @property
    def requests(self) -> Counter[str]:
        """What was asked of the table and the bucket, by the services' names for it."""
        return self._rows.requests + self._objects.requests

    async def keep(self, rejected: Rejected) -> None:
        body = keys.rejected_object(rejected.source, rejected.message)
        # The body first: an item without one would point to nothing. Killed between the two, the message comes again.
        await self._objects.put(body, rejected.body.encode("utf-8", "surrogatepass"))
        shard = keys.shard_of(rejected.message)
        item = {
            **keys.rejected_key(rejected.source, rejected.message).attributes(),
            keys.BODY: {"B": pack([rejected.message, rejected.reason, rejected.at])},
            keys.SERVICE: {"S": keys.rejected_partition(rejected.source, shard)},
            keys.STATE: {"S": keys.rejected_state(rejected.at)},
            keys.EXPIRES: {"N": str(rejected.at + keys.REJECTED_DAYS * DAY)},
        }
        # Loses to an earlier receipt of the same message: the first is the one that is kept.
        await self._rows.put_new(item)

    async def rejections(self, source: str, most: int) -> Sequence[Rejected]:
        pages = await asyncio.gather(*(self._newest(source, shard, most) for shard in range(keys.SHARDS)))
        found = sorted((item[keys.STATE]["S"], keys.key_of(item)) for page in pages for item in page)
        newest = [key for _, key in reversed(found[-most:])]
        items = {keys.key_of(item): item for item in await self._rows.get_batch(newest)}
        return await asyncio.gather(*(self._read(source, items[key]) for key in newest if key in items))

    async def forget(self, source: str, message: str) -> None:
        # The item first: one without a body would be shown with nothing in it.
        await self._rows.write_batch([keys.rejected_key(source, message)])
        await self._objects.drop(keys.rejected_object(source, message))

    async def _newest(self, source: str, shard: int, most: int) -> list[Item]:
        page, _ = await self._rows.query_page(
            IndexName=keys.SERVICE_INDEX,
            KeyConditionExpression=f"{keys.SERVICE} = :s",
            ExpressionAttributeValues={":s": {"S": keys.rejected_partition(source, shard)}},
            ScanIndexForward=False,
            Limit=most,
        )
        return page

    async def _read(self, source: str, item: Item) -> Rejected:
        message, reason, at, *_ = unpack(item[keys.BODY]["B"])
        body = await self._objects.get(keys.rejected_object(source, message))
        # The bucket forgets bodies at the end of a day, the table forgets items some time after.
        return Rejected(source, message, reason, (body or b"").decode("utf-8", "surrogatepass"), at)
