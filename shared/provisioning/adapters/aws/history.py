"""What is remembered of people: one small item for each write, forgotten by the table itself."""

from collections import Counter
from collections.abc import Mapping, Sequence

from provisioning.adapters.aws import keys
from provisioning.adapters.aws.history_keys import history_key, history_partition, history_sort, read_history_key
from provisioning.adapters.aws.items import Item
from provisioning.adapters.aws.rows import Rows
from provisioning.core.history import Entry, Said, Written
from provisioning.core.occurrence import Type
from provisioning.core.period import Instant
from provisioning.core.wire import pack, unpack


class StoredHistory:
    """Port Histories."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    @property
    def requests(self) -> Counter[str]:
        """What was asked of the table, by the service's names for it."""
        return Counter(self._rows.requests)

    async def told(self, writes: Sequence[Written]) -> Mapping[Written, int]:
        items = await self._rows.get_batch([history_key(each) for each in writes])
        return {entry.written: entry.told for entry in map(_read, items)}

    async def keep(self, entries: Sequence[Entry], until: Instant) -> None:
        # Without a condition: whoever reads the same write of the stream again writes the same. A batch may not name
        # one key twice.
        await self._rows.write_batch(list({each.written: _item(each, until) for each in entries}.values()))

    async def entries(self, identity: str, service: str | None = None) -> Sequence[Entry]:
        found = [_read(item) async for item in self._rows.query(**_of(identity, service))]
        return sorted(found, key=lambda entry: (entry.at, entry.service, entry.revision))

    async def erase(self, identity: str) -> int:
        found = [keys.key_of(item) async for item in self._rows.query(**_of(identity, None))]
        await self._rows.write_batch(found)
        return len(found)


def _of(identity: str, service: str | None) -> dict[str, object]:
    values = {":p": {"S": history_partition(identity)}}
    condition = "pk = :p"
    if service is not None:
        values[":s"] = {"S": history_sort(service)}
        condition += " AND begins_with(sk, :s)"
    return {"KeyConditionExpression": condition, "ExpressionAttributeValues": values, "ConsistentRead": True}


def _item(entry: Entry, until: Instant) -> Item:
    said = [[each.type, each.service, each.names, each.causes] for each in entry.said]
    return {
        **history_key(entry.written).attributes(),
        keys.BODY: {"B": pack([entry.at, entry.told, entry.sequence, said, entry.released, entry.reason])},
        keys.EXPIRES: {"N": str(until)},
    }


def _read(item: Item) -> Entry:
    at, told, sequence, said, released, reason, *_ = unpack(item[keys.BODY]["B"])
    identity, service, revision = read_history_key(keys.key_of(item))
    return Entry(
        identity, service, revision, at, told, sequence,
        tuple(Said(Type(kind), of, tuple(names), tuple(causes)) for kind, of, names, causes in said),
        tuple(released), reason,
    )  # fmt: skip
