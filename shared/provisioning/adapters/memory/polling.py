"""What poll keeps, in dicts."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from provisioning.adapters.memory.request import Checkpoint, Request, pass_by
from provisioning.adapters.memory.store import MemoryStore
from provisioning.core.errors import ConflictError
from provisioning.core.polled import Polled


class MemoryPolls:
    """Ports Polls, Spool and Intake. `items`, `files`, `orders` and `sent` are public for tests to look at."""

    def __init__(self, checkpoint: Checkpoint = pass_by) -> None:
        self.requests: Counter[str] = Counter()
        self.items: dict[str, Polled] = {}
        self.files: dict[str, bytes] = {}
        self.orders: list[str] = []
        self.sent: list[str] = []
        self.bulk = 0  # of these
        self._checkpoint = checkpoint

    def _request(self, name: str) -> Request:
        return Request(self.requests, name, self._checkpoint)

    async def polled(self, source: str) -> Polled:
        async with self._request("GetItem"):
            return self.items.get(source, Polled(source))

    async def put_polled(self, item: Polled) -> None:
        async with self._request("PutItem"):
            # Loses to another process that wrote since our read.
            stored = self.items.get(item.source, Polled(item.source)).revision
            if stored != item.revision:
                raise ConflictError(f"revision {stored} is stored, {item.revision} was read")
            self.items[item.source] = replace(item, revision=item.revision + 1)

    async def continue_poll(self, body: str, delay: int = 0) -> None:  # noqa: ARG002  orders are handled when they are taken
        async with self._request("SendMessage"):
            self.orders.append(body)

    async def write(self, name: str, body: bytes) -> None:
        async with self._request("PutObject"):
            self.files[name] = body

    async def read(self, name: str, start: int, most: int) -> bytes | None:
        async with self._request("GetObject"):
            body = self.files.get(name)
            return body[start : start + most] if body is not None else None

    async def drop(self, names: Sequence[str]) -> None:
        if names:
            async with self._request("DeleteObjects"):
                for name in names:
                    self.files.pop(name, None)

    async def send(self, bodies: Sequence[str], *, bulk: bool = False) -> None:
        for start in range(0, len(bodies), 10):
            async with self._request("SendMessageBatch"):
                self.bulk += len(bodies[start : start + 10]) if bulk else 0
                self.sent += bodies[start : start + 10]


class MemoryRecall:
    """Port Recall, over a table in dicts."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def recall(self, source: str, position: str | None, most: int) -> tuple[Sequence[str], str | None]:
        ids, after = await self._store.walk(0, 1, position, most)
        records = (self._store.identities[id_].records.get(source) for id_ in ids)
        return [record.key for record in records if record is not None and not record.deleted], after
