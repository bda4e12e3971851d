"""The reconcile stage on memory: a bench whose library lists its accounts, and what comes of that."""

import json
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from provisioning.adapters.memory.files import MemoryExtracts
from provisioning.adapters.memory.policies import MemoryPolicies
from provisioning.adapters.memory.queues import MemoryQueue
from provisioning.adapters.memory.reconciles import MemoryReconciles
from provisioning.core.catalog import Service
from provisioning.core.reconciled import Reconciled, Summary
from provisioning.protocols.dialogue import Answer, Request
from provisioning.stages.message import Message
from provisioning.stages.reconcile import Reconcile, reconcile
from provisioning.stages.reconcile_orders import Do, Order, write_order
from tests.stages.bench import VISIBILITY, Bench, new_bench
from tests.stages.tenant import bundle, says

Result = TypeVar("Result")
REPAIRS = {"drifted": "repair", "missing": "repair"}


@dataclass
class Slow:
    """A way to the SP that ends a message's time after so many pages. None: never."""

    bench: Bench
    pages: int | None = None
    asked: int = 0

    async def drive(self, service: Service, dialogue: Generator[Request, Answer, Result]) -> Result:
        self.asked += 1
        result: Result = await self.bench.courier.drive(service, dialogue)
        return result

    def clock(self) -> float:
        return 0.0 if self.pages is None else 1000.0 * (self.asked // self.pages)


class Rig:
    """A bench with the queue of reconcile, and the process that works on it."""

    def __init__(self, bench: Bench, service: str = "library", pages: int | None = None) -> None:
        self.bench, self.service = bench, service
        self.queue = MemoryQueue(bench.clock, visibility=VISIBILITY)
        self.reconciles = MemoryReconciles(bench.store, self.queue, bench.checkpoint)
        self.slow = Slow(bench, pages)
        self.failed = False

    def shell(self) -> Reconcile:
        bench = self.bench
        policies = MemoryPolicies(bench.publishing, bench.clock, bench.checkpoint)
        held = MemoryExtracts(bench.store, None, bench.checkpoint)
        return Reconcile(
            self.service, policies, bench.store, held, self.reconciles, self.reconciles, self.slow, bench.bells,
            lambda: int(bench.now), self.slow.clock, bench.say,
        )  # fmt: skip

    def order(self, do: Do = Do.START, **fields: Any) -> None:
        self.queue.send(write_order(Order(do, **fields)))

    async def handle(self) -> bool:
        """Take one message; False if there is none now. A message is gone only if its handler says so."""
        batch = self.queue.receive(1)
        for item in batch:
            message = Message(item.id, item.body, again=item.receives > 1)
            self.failed = bool(await reconcile(self.shell(), [message]))
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

    async def run(self) -> dict[str, Any]:
        """One reconciliation, some time after whatever was last delivered; its report. Bells are not answered yet."""
        self.bench.now += 3600
        before = len(self.item.ended)
        self.order()
        await self.rest()
        assert len(self.item.ended) == before + 1, self.bench.lines[-5:]
        return self.report()

    async def mend(self) -> dict[str, Any]:
        """One reconciliation, and whatever deliver does because of it."""
        report = await self.run()
        await self.bench.settle()
        return report

    def report(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.reconciles.files[f"{self.service}/{self.last.number:06d}/report.json"])
        return told

    @property
    def item(self) -> Reconciled:
        return self.reconciles.items.get(self.service, Reconciled(self.service))

    @property
    def last(self) -> Summary:
        return self.item.ended[-1]


def of(report: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    """The accounts of a class, without it."""
    listed = [each for each in report["accounts"] if each["class"] == kind]
    return [{name: value for name, value in each.items() if name != "class"} for each in listed]


async def new_rig(
    people: int = 3, policy: dict[str, Any] | None = None, pages: int | None = None, **service: Any
) -> Rig:
    """People with an account at the library."""
    fields = {"reconcile": policy if policy is not None else REPAIRS, **service}
    messages: Sequence[Message] = [says(f"p{number + 1}", 1, "student") for number in range(people)]
    return Rig(await new_bench(bundle({"library": fields}), messages), pages=pages)
