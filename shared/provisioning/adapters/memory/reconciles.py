"""What reconcile keeps, in dicts, and how the accounts of a store stand."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from provisioning.adapters.aws import keys
from provisioning.adapters.aws.reconcile_keys import read_standing_position, write_standing_position
from provisioning.adapters.memory.queues import MemoryQueue
from provisioning.adapters.memory.request import Checkpoint, Request, pass_by
from provisioning.adapters.memory.store import MemoryStore
from provisioning.core.errors import ConflictError, TransientError
from provisioning.core.reconciled import Reconciled
from provisioning.ports import Standing


@dataclass
class MemoryReconciles:
    """Ports Reconciles and Standings over a store. `items` and `files` are for tests to look at."""

    store: MemoryStore
    queue: MemoryQueue | None = None
    checkpoint: Checkpoint = pass_by
    items: dict[str, Reconciled] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)

    def _request(self, name: str) -> Request:
        return Request(self.store.requests, name, self.checkpoint)

    # Standings

    async def standings(self, service: str, start: str | None, most: int) -> tuple[Sequence[Standing], str | None]:
        shard, last = read_standing_position(start)
        found: list[Standing] = []
        while shard < keys.SHARDS:
            async with self._request("Query"):
                page = self.store.indexes.read().by_service.partition(keys.accounts_partition(service, shard))
            rest = [(str(state), keys.identity_of(pk)) for state, (pk, _) in page]
            rest = [each for each in rest if last is None or each > last]
            taken = rest[: most - len(found)]
            found += (Standing(identity, *keys.read_account_state(state)) for state, identity in taken)
            if len(taken) < len(rest):
                last = taken[-1]
            else:
                shard, last = shard + 1, None
            if len(found) == most:
                return found, write_standing_position(shard, last)
        return found, None

    # Reconciles

    async def reconciled(self, service: str) -> Reconciled:
        async with self._request("GetItem"):
            return self.items.get(service, Reconciled(service))

    async def put_reconciled(self, item: Reconciled) -> None:
        async with self._request("PutItem"):
            # Loses to another process that made the same step.
            stored = self.items.get(item.service, Reconciled(item.service)).revision
            if stored != item.revision:
                raise ConflictError(f"revision {stored} is stored, {item.revision} was read")
            self.items[item.service] = replace(item, revision=item.revision + 1)

    async def continue_reconcile(self, body: str, delay: int = 0) -> None:
        async with self._request("SendMessage"):
            if self.queue is None:
                raise TransientError("no queue is known for reconcile")
            self.queue.send(body, delay=delay)

    async def keep_file(self, name: str, body: bytes) -> None:
        async with self._request("PutObject"):
            self.files[name] = body

    async def file(self, name: str) -> bytes | None:
        async with self._request("GetObject"):
            return self.files.get(name)

    async def drop_files(self, names: Sequence[str]) -> None:
        if names:
            async with self._request("DeleteObjects"):
                for name in names:
                    self.files.pop(name, None)
