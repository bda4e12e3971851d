"""One seeded run of the whole engine: the real stages and protocols on the in-memory adapters, with faults.

Queues hand out messages to handlers as event source mappings do; handlers interleave at every await; the clock jumps
from one thing to the next. What the engine accepted, and what every SP showed, is written down for the verdict.
"""

import asyncio
import json
import random
import uuid
from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final

from provisioning.adapters.memory.policies import MemoryBundles
from provisioning.adapters.memory.queues import MemoryQueue, Received
from provisioning.adapters.memory.store import MemoryStore
from provisioning.core.catalog import Service
from provisioning.core.errors import ProvisioningError
from provisioning.core.identity import Identity
from provisioning.protocols.dialogue import Accepted, Answer, HttpRequest, HttpResponse, Publish, Unanswered
from provisioning.stages.freshness import Freshness, freshness
from provisioning.stages.holds import Holds, held, release
from provisioning.stages.message import Failed, Message
from provisioning.stages.schedule import Schedule, schedule
from tests.simulation.campus import MINUTE, SOURCE, START, Registry, Version
from tests.simulation.faults import Fault, Faults
from tests.simulation.loop import SimulatedLoop
from tests.simulation.oracle import Accepted as AcceptedVersion
from tests.simulation.provider import Provider

TIMEOUT: Final = 60.0  # seconds that a function may run
VISIBILITY: Final = 6 * TIMEOUT
PATIENCE: Final = 10.0  # seconds after which a caller gives up

_INVOCATION: ContextVar["Invocation | None"] = ContextVar("invocation", default=None)
Stage = Callable[[Sequence[Message], int], Awaitable[Failed]]


@dataclass
class Invocation:
    """One run of a handler. `kill_at` and `stall_at`: the await at which that happens."""

    kill_at: int | None
    stall_at: int | None
    awaits: int = 0
    dead: bool = False


@dataclass
class Mapping:
    """An event source mapping: a queue, the function it invokes, how many at once."""

    queue: MemoryQueue
    stages: list[Stage]
    most: int
    origin: str = ""
    running: int = 0


class Watched(dict[str, Identity]):
    """The stored identities; tells of each write at the moment of its effect, whatever becomes of the writer."""

    def __init__(self, accepted: Callable[[Identity], None]) -> None:
        super().__init__()
        self._accepted = accepted

    def __setitem__(self, key: str, identity: Identity) -> None:
        super().__setitem__(key, identity)
        self._accepted(identity)


@dataclass
class World:
    """Everything of one run."""

    seed: int
    faults: Faults
    chance: random.Random
    loop: SimulatedLoop
    registry: Registry
    store: MemoryStore
    publishing: MemoryBundles
    queues: dict[str, MemoryQueue]
    providers: dict[str, Provider]
    badges: dict[str, dict[str, Any]] = field(default_factory=dict)
    mappings: list[Mapping] = field(default_factory=list)
    log: dict[str, list[AcceptedVersion]] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    seen: list[tuple[float, dict[str, set[str]]]] = field(default_factory=list)  # active accounts over time
    invocations: int = 0
    foreign: dict[str, str] = field(default_factory=dict)  # accounts that are not ours, by provider
    sweeper: Schedule | None = None
    told: Callable[[Version], None] | None = None  # where the registry does not tell, and is asked
    holds: Holds | None = None
    watching: Callable[[], Freshness] | None = None  # a new process of the clock, where sources' silence has a limit
    released: dict[str, list[float]] = field(default_factory=dict)  # by service, when the operator let one through
    wrong: list[str] = field(default_factory=list)  # who was removed by accident
    graveyard: list[Any] = field(default_factory=list)  # what was killed is never resumed, and never cleaned up

    def now(self) -> float:
        return self.loop.time()

    # Checkpoints: where handlers lose the processor, and their lives.

    async def checkpoint(self) -> None:
        invocation = _INVOCATION.get()
        if invocation is None:
            return
        invocation.awaits += 1
        if invocation.awaits == invocation.kill_at:
            invocation.dead = True
        if invocation.dead:
            await self.loop.create_future()  # nobody will ever set it
        if invocation.awaits == invocation.stall_at:
            await asyncio.sleep(self.chance.uniform(10, 50))
        elif self.chance.random() < 0.1:
            await asyncio.sleep(self.chance.uniform(0, 2))
        else:
            await asyncio.sleep(0)

    def say(self, word: str, **fields: Any) -> None:
        self.lines.append(f"{self.now() - START:8.1f} {word} {fields}")

    # The IDMS.

    def publish(self, version: Version) -> None:
        if self.told is not None:
            self.told(version)
        else:
            event = {"specversion": "1.0", "id": f"{version.key}.{version.version}", "data": version.data()}
            self.send_later(json.dumps(event))
        self.say("published", key=version.key, version=version.version)

    def send_later(self, body: str) -> None:
        """SNS delivers at least once, in any order."""
        for _ in range(2 if self.chance.random() < 0.1 else 1):
            delay = self.chance.uniform(0, 90) if self.chance.random() < 0.15 else self.chance.uniform(0, 1)
            self.loop.call_later(delay, lambda: self.queues["changes"].send(body) and None)

    # Functions.

    def pump(self) -> float | None:
        """Invoke whatever has messages; returns when a queue will next have some."""
        waiting: list[float] = []
        for mapping in self.mappings:
            if len(mapping.queue) == 0:
                continue
            upcoming = mapping.queue.next_at() if mapping.running < mapping.most else None
            if upcoming is not None and upcoming > self.now():
                waiting.append(upcoming)
                continue
            while upcoming is not None and mapping.running < mapping.most:
                batch = mapping.queue.receive()
                if not batch:
                    break
                mapping.running += 1
                self.loop.start(self._invoke(mapping, batch))
        # Queues that were received from are asked again when what was started has run.
        return min(waiting, default=None)

    async def _invoke(self, mapping: Mapping, batch: Sequence[Received]) -> None:
        number = self.invocations
        self.invocations += 1
        invocation = Invocation(self.faults.kills.get(number), self.faults.stalls.get(number))
        _INVOCATION.set(invocation)
        messages = [Message(item.id, item.body, mapping.origin, item.receives > 1) for item in batch]
        stage = self.chance.choice(mapping.stages)
        work = self.loop.create_task(_guarded(stage, messages, int(self.now()), self))
        self.graveyard.append(work)
        # At its time-out a function is killed wherever it is; only then is its place free again.
        limit = self.loop.create_future()
        timer = self.loop.call_later(TIMEOUT, _expire, invocation, limit)
        done, _ = await asyncio.wait({work, limit}, return_when=asyncio.FIRST_COMPLETED)
        timer.cancel()
        mapping.running -= 1
        if work in done:
            failed = work.result()
            for item in batch:
                if item.id not in failed:
                    mapping.queue.delete(item.receipt)

    # Service providers.

    async def call(self, service: Service, request: HttpRequest, within: float) -> Answer:
        """The transport: time passes, and what can go wrong goes wrong."""
        provider = self.providers[service.id]
        fault = self._fault(provider)
        await self.checkpoint()
        await asyncio.sleep(self.chance.uniform(0.02, 0.5))
        if fault is Fault.REFUSED:
            return Unanswered("connection refused", sent=False)
        if fault is Fault.BUSY:
            return HttpResponse(429, {"retry-after": "30"})
        if fault in (Fault.LOST_BEFORE, Fault.LATE):
            if fault is Fault.LATE:
                self.loop.call_later(self.chance.uniform(5, 15), lambda: provider.answer(request) and None)
            await asyncio.sleep(PATIENCE)
            return Unanswered("timed out", sent=True)
        answer = provider.answer(request)
        await self.checkpoint()
        match fault:
            case Fault.LOST_AFTER:
                return Unanswered("connection reset", sent=True)
            case Fault.ERROR_AFTER:
                return HttpResponse(500, {"content-type": "text/plain"}, b"oops")
            case Fault.GARBAGE:
                return HttpResponse(200, {"content-type": "text/html"}, b"<html>welcome</html>")
        return answer

    async def send(self, service: Service, message: Publish) -> Answer:
        """The badge system's queue, and the badge system behind it."""
        provider = self.providers[service.id]
        fault = self._fault(provider)
        await self.checkpoint()
        if fault in (Fault.REFUSED, Fault.BUSY, Fault.GARBAGE):
            return Unanswered("queue not reachable", sent=False)
        if fault is not Fault.LOST_BEFORE:
            delay = self.chance.uniform(0, 20) if self.chance.random() < 0.2 else 0.0
            self.loop.call_later(delay, self._badge, message.body)
        await self.checkpoint()
        return Accepted() if fault is None else Unanswered("connection reset", sent=True)

    def _badge(self, body: str) -> None:
        data = json.loads(body)["data"]
        known = self.badges.get(data["identity"])
        if known is None or known["turn"] <= data["turn"]:
            self.badges[data["identity"]] = data

    def _fault(self, provider: Provider) -> Fault | None:
        provider.calls += 1
        for outage in self.faults.outages:
            if outage.provider == provider.name and outage.start <= self.now() < outage.end:
                return outage.fault
        return self.faults.single.get((provider.name, provider.calls))

    def identifier(self) -> str:
        return str(uuid.UUID(int=self.chance.getrandbits(128), version=4))

    def sweep(self) -> None:
        """EventBridge: about once a minute, and sometimes not at all."""
        if self.chance.random() < 0.95 and self.sweeper is not None:
            self.loop.start(self._sweep(self.sweeper))
        self.loop.call_later(MINUTE + self.chance.uniform(-2, 5), self.sweep)

    async def _sweep(self, sweeper: Schedule) -> None:
        await schedule(sweeper, int(self.now()), "sweep")
        if self.watching is not None:
            await freshness(self.watching(), int(self.now()), "sweep")

    def operate(self) -> None:
        """An operator looks at what the brakes hold, every few minutes, and releases all of it."""
        if self.holds is not None:
            self.loop.start(self._release(self.holds))
        self.loop.call_later(4 * MINUTE, self.operate)

    async def _release(self, holds: Holds) -> None:
        for service in (*self.providers,):
            accounts = await held(holds, service, 100)
            count = await release(holds, accounts, int(self.now()), "operator")
            self.released.setdefault(service, []).extend([self.now()] * count)

    # For the verdict.

    def accepted(self, identity: Identity) -> None:
        record = identity.records.get(SOURCE)
        if record is None:
            return
        versions = self.registry.people[record.key]
        version = versions[record.version - 1]
        if record.deleted and not version.deleted:  # a full list did not show them
            found = gone(version, versions)
            if found is None:
                self.wrong.append(record.key)
                return
            version = found
        number = (identity.sequence - 1) % 2
        self.log.setdefault(record.key, []).append(AcceptedVersion(int(self.now()), version, number))

    def look(self) -> None:
        """Write down who is active where; then look again in two minutes."""
        active = {
            name: {str(user.body.get("externalId")) for user in provider.users.values() if user.body.get("active")}
            for name, provider in self.providers.items()
            if name != "gamma"
        }
        active["gamma"] = {identity for identity, badge in self.badges.items() if badge["phase"] == "active"}
        self.seen.append((self.now(), active))
        self.loop.call_later(2 * MINUTE, self.look)


def _expire(invocation: Invocation, limit: "asyncio.Future[None]") -> None:
    if not limit.done():
        invocation.dead = True
        limit.set_result(None)


async def _guarded(stage: Stage, messages: Sequence[Message], now: int, world: World) -> Failed:
    try:
        return await stage(messages, now)
    except ProvisioningError as error:
        world.say("batch.failed", reason=str(error))
        return frozenset(message.id for message in messages)


def gone(known: Version, versions: Sequence[Version]) -> Version | None:
    """The version of somebody who was found to be gone; None if they are not: that would be a removal by accident."""
    after = [each for each in versions[known.version :] if each.deleted]
    return Version(known.key, after[-1].version, True, known.attributes) if after else None
