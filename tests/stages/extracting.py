"""The extract stage on memory: a bench whose badges are staged, and what their SP finds."""

import csv
import hashlib
import io
from typing import Any

from provisioning.adapters.delivery.files import parquet_writer
from provisioning.adapters.memory.files import MemoryExtracts, MemoryFiles
from provisioning.adapters.memory.policies import MemoryPolicies
from provisioning.adapters.memory.queues import MemoryQueue
from provisioning.core.extract import LATENCY, Extracts
from provisioning.core.extract_writer import MakeWriter
from provisioning.core.wire import read_json
from provisioning.stages.extract import Extract, extract
from provisioning.stages.extract_orders import Do, Order, write_order
from provisioning.stages.message import Message
from tests.stages.bench import VISIBILITY, Bench, new_bench
from tests.stages.tenant import bundle, says

PLACE = "s3:///badges"
SERVICE = "badges"
EVERY_WEEK: dict[str, Any] = {"full_every": "P7D"}


class Rig:
    """A bench whose badges are an extract, and the process that makes it."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.queue = MemoryQueue(bench.clock, visibility=VISIBILITY)
        self.files = MemoryFiles(bench.checkpoint)
        self.extracts = MemoryExtracts(bench.store, self.queue, bench.checkpoint)
        self.failed = False
        self.parquet: MakeWriter = parquet_writer

    def shell(self) -> Extract:
        bench = self.bench
        policies = MemoryPolicies(bench.publishing, bench.clock, bench.checkpoint)
        return Extract(bench.store, self.extracts, self.extracts, self.files, policies, self.parquet, bench.say)

    def order(self, do: Do = Do.START, **fields: Any) -> None:
        self.queue.send(write_order(Order(do, SERVICE, **fields)))

    async def handle(self) -> bool:
        """Take one message; False if there is none now. A message is gone only if its handler says so."""
        batch = self.queue.receive(1)
        for item in batch:
            message = Message(item.id, item.body, again=item.receives > 1)
            self.failed = bool(await extract(self.shell(), [message], int(self.bench.now)))
            if not self.failed:
                self.queue.delete(item.receipt)
        return bool(batch)

    async def rest(self) -> None:
        for _ in range(500):
            if not await self.handle():
                upcoming = self.queue.next_at()
                if upcoming is None:
                    return
                self.bench.now = max(self.bench.now, upcoming)
        raise AssertionError("no rest")

    async def make(self, **fields: Any) -> dict[str, Any]:
        """One extract; its manifest."""
        self.bench.now += LATENCY
        before = len(self.manifests())
        self.order(**fields)
        await self.rest()
        made = self.manifests()[before:]
        assert len(made) == 1, self.bench.lines[-5:]
        return made[0]

    def manifests(self) -> list[dict[str, Any]]:
        found = [read_json(body.decode(), "", 10**6) for (_, name), body in sorted(self.files.kept.items())
                 if name.endswith("/manifest.json")]  # fmt: skip
        return sorted(found, key=lambda manifest: int(manifest["number"]))

    def acknowledge(self, manifest: dict[str, Any]) -> None:
        self.files.kept[PLACE, f"{folder(manifest)}/manifest.json.ack"] = b""

    def rows(self, manifest: dict[str, Any]) -> list[dict[str, str]]:
        """The rows of an extract in CSV, checked as a consumer does."""
        found: list[dict[str, str]] = []
        for part in manifest["parts"]:
            body = self.files.kept[PLACE, f"{folder(manifest)}/{part['name']}"]
            rows = list(csv.DictReader(io.StringIO(body.decode(), newline="")))
            assert (len(rows), len(body), hashlib.sha256(body).hexdigest()) == (
                part["rows"], part["bytes"], part["sha256"],
            )  # fmt: skip
            assert list(rows[0]) == manifest["schema"]["columns"]
            found += rows
        assert len(found) == manifest["rows"]
        return found

    def logins(self, manifest: dict[str, Any]) -> list[str]:
        return sorted(row["login"] for row in self.rows(manifest))

    @property
    def item(self) -> Extracts:
        return self.extracts.kept[SERVICE]


def folder(manifest: dict[str, Any]) -> str:
    return f"{manifest['number']:06d}-{manifest['kind']}"


async def new_rig(people: int = 3, lifecycle: dict[str, Any] | None = None, **options: Any) -> Rig:
    """People with a badge, staged."""
    service = {"protocol": "extract", "endpoint": PLACE, "extract": options, "lifecycle": lifecycle or {}}
    messages = [says(f"p{number + 1}", 1, "visitor") for number in range(people)]
    return Rig(await new_bench(bundle({SERVICE: service}), messages))


async def shrunk(people: int = 30) -> Rig:
    """A rig with an extract that is held: half of its rows would go."""
    rig = await new_rig(people)
    await rig.make()
    await rig.bench.arrive(*(says(f"p{number + 1}", 2) for number in range(people // 2)))
    rig.bench.now += LATENCY
    rig.order()
    await rig.rest()
    return rig
