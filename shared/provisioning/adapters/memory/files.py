"""Files for SPs, the state of extracts, and staged rows: in dicts."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from provisioning.adapters.aws import keys
from provisioning.adapters.memory.queues import MemoryQueue
from provisioning.adapters.memory.request import Checkpoint, Request, pass_by
from provisioning.adapters.memory.store import BATCH, MemoryStore
from provisioning.core.account import Account
from provisioning.core.errors import ConflictError, TransientError
from provisioning.core.extract import Extracts
from provisioning.core.period import Instant


@dataclass(slots=True)
class MemoryFiles:
    """Port Files. `kept`: bodies by place and name."""

    checkpoint: Checkpoint = pass_by
    requests: Counter[str] = field(default_factory=Counter)
    kept: dict[tuple[str, str], bytes] = field(default_factory=dict)

    async def put(self, place: str, name: str, body: bytes) -> None:
        async with Request(self.requests, "PutObject", self.checkpoint):
            self.kept[place, name] = body

    async def has(self, place: str, name: str) -> bool:
        async with Request(self.requests, "ListObjectsV2", self.checkpoint):
            return (place, name) in self.kept


class MemoryExtracts:
    """Ports Staged and Runs over a store, and the queue of extract."""

    def __init__(self, store: MemoryStore, queue: MemoryQueue | None = None, checkpoint: Checkpoint = pass_by) -> None:
        self._store, self._queue, self._checkpoint = store, queue, checkpoint
        self.kept: dict[str, Extracts] = {}

    def _request(self, name: str) -> Request:
        return Request(self._store.requests, name, self._checkpoint)

    # Staged

    async def accounts(self, service: str, identities: Sequence[str]) -> Sequence[Account]:
        found: list[Account] = []
        wanted = list(dict.fromkeys(identities))
        for first in range(0, len(wanted), BATCH):
            async with self._request("BatchGetItem"):
                held = (self._store.accounts.get(identity, {}) for identity in wanted[first : first + BATCH])
                found += (accounts[service] for accounts in held if service in accounts)
        return found

    async def changed(
        self, service: str, after: Instant, until: Instant, start: str | None, most: int
    ) -> tuple[Sequence[str], str | None]:
        shard, last = keys.read_change_position(start)
        found: list[str] = []
        while shard < keys.SHARDS and until > after:
            async with self._request("Query"):
                page = self._store.indexes.read().changes.partition(keys.accounts_partition(service, shard))
            rest = [
                (int(changed_at), keys.identity_of(pk))
                for changed_at, (pk, _) in page
                if after < int(changed_at) <= until
            ]
            rest = [change for change in rest if last is None or change > last]
            taken = rest[: most - len(found)]
            found += (identity for _, identity in taken)
            if len(taken) < len(rest):
                last = taken[-1]
            else:
                shard, last = shard + 1, None
            if len(found) == most:
                return found, keys.write_change_position(shard, last)
        return found, None

    # Runs

    async def extracts(self, service: str) -> Extracts:
        async with self._request("GetItem"):
            return self.kept.get(service, Extracts(service))

    async def put_extracts(self, item: Extracts) -> None:
        async with self._request("PutItem"):
            # Loses to another process that made the same step.
            stored = self.kept.get(item.service, Extracts(item.service)).revision
            if stored != item.revision:
                raise ConflictError(f"revision {stored} is stored, {item.revision} was read")
            self.kept[item.service] = replace(item, revision=item.revision + 1)

    async def continue_extract(self, body: str) -> None:
        async with self._request("SendMessage"):
            if self._queue is None:
                raise TransientError("no queue is known for extracts")
            self._queue.send(body)
