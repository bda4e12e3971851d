"""Stages on the in-memory adapters: one process after another, a clock that is set by hand, and scripted SPs."""

import asyncio
import itertools
import json
import random
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

from provisioning.adapters.delivery.driver import Courier
from provisioning.adapters.memory.bells import MemoryBells
from provisioning.adapters.memory.policies import MemoryBundles, MemoryPolicies
from provisioning.adapters.memory.queues import MemoryQueue
from provisioning.adapters.memory.store import MemoryStore
from provisioning.core.account import Account
from provisioning.core.bell import Bell, Cause, read_bell, write_bell
from provisioning.core.catalog import Bundle, Service
from provisioning.core.identity import Identity
from provisioning.core.wire import canonical, digest_of
from provisioning.protocols.dialogue import Accepted, Answer, HttpRequest, HttpResponse, Publish, Unanswered
from provisioning.stages.campaign import Campaign, campaign
from provisioning.stages.decide import Decide
from provisioning.stages.deliver import Deliver, deliver
from provisioning.stages.evaluate import Evaluate, evaluate
from provisioning.stages.message import Failed, Message
from provisioning.stages.receive import Receive, receive
from provisioning.stages.schedule import Schedule, schedule
from tests.simulation.provider import Provider
from tests.stages.tenant import SOURCE, START, bundle

VISIBILITY: Final = 360  # seconds until a message that a dead handler held comes again
SERVICES: Final = ("library", "wiki", "badges")

Step = Callable[[Provider, HttpRequest], Answer]
"""What becomes of one call to an SP."""


def refused(_provider: Provider, _request: HttpRequest) -> Answer:
    """Nothing was sent."""
    return Unanswered("connection refused", sent=False)


def lost_before(_provider: Provider, _request: HttpRequest) -> Answer:
    """No answer, and no effect."""
    return Unanswered("no answer within 10 s", sent=True)


def lost_after(provider: Provider, request: HttpRequest) -> Answer:
    """No answer, but the effect."""
    provider.answer(request)
    return Unanswered("no answer within 10 s", sent=True)


def says_no(status: int, detail: str = "", **headers: str) -> Step:
    """The SP's own refusal."""

    def answer(_provider: Provider, _request: HttpRequest) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return HttpResponse(status, named, json.dumps({"status": str(status), "detail": detail}).encode())

    return answer


def as_it_is(provider: Provider, request: HttpRequest) -> Answer:
    """The SP does what it does."""
    return provider.answer(request)


class Process:
    """What one warm function process remembers: its bundle, and the groups it has met."""

    def __init__(self, bench: "Bench") -> None:
        self._bench = bench
        self.policies = MemoryPolicies(bench.publishing, bench.clock, bench.checkpoint)
        self._groups: dict[str, dict[str, str]] = {service: {} for service in SERVICES}
        decide = Decide(bench.store, self.policies, bench.new_identity, bench.say)
        self._receive = Receive(decide, bench.store, bench.bells)
        self._evaluate = Evaluate(decide, bench.bells)

    async def receive(self, *messages: Message) -> Failed:
        return await receive(self._receive, messages, int(self._bench.now))

    async def evaluate(self, *messages: Message) -> Failed:
        return await evaluate(self._evaluate, messages, int(self._bench.now))

    async def deliver(self, service: str, *messages: Message) -> Failed:
        bench, groups = self._bench, self._groups[service]
        shell = Deliver(service, bench.store, self.policies, bench.courier, bench.bells, groups, bench.say)
        return await deliver(shell, messages, int(bench.now))


class Bench:
    """A tenant's queues, table and SPs. `process` is the warm process in use."""

    def __init__(self) -> None:
        self.now = float(START)
        self.store = MemoryStore(self.clock, lambda: 0.0, self.checkpoint)
        self.publishing = MemoryBundles()
        fifo = dict.fromkeys(SERVICES, True)
        self.queues = {
            name: MemoryQueue(self.clock, fifo=fifo.get(name, False), visibility=VISIBILITY)
            for name in ("identities", "campaign", *SERVICES)
        }
        deliver_queues = {name: self.queues[name] for name in SERVICES}
        self.bells = MemoryBells(
            self.queues["identities"], deliver_queues, self.queues["campaign"], checkpoint=self.checkpoint
        )
        self.providers = {name: Provider(name, random.Random(0), self.clock) for name in SERVICES}  # noqa: S311  unused
        self.steps: dict[str, deque[Step]] = {name: deque() for name in SERVICES}
        self.meanwhile: Callable[[], Awaitable[Any]] | None = None  # happens once, while an SP is being called
        self.calls: list[tuple[str, str, str]] = []  # service, method, path
        self.badges: dict[str, dict[str, Any]] = {}
        self.lines: list[tuple[str, dict[str, Any]]] = []
        self.courier = Courier(self._call, self._send)
        self.deaths = Deaths()
        self._numbers = itertools.count(1)
        self.process = Process(self)

    def clock(self) -> float:
        return self.now

    async def checkpoint(self) -> None:
        await self.deaths.checkpoint()

    def new_identity(self) -> str:
        return f"i{next(self._numbers)}"

    def say(self, word: str, **fields: Any) -> None:
        self.lines.append((word, fields))

    def said(self, word: str) -> list[dict[str, Any]]:
        """The fields of every line with this word."""
        return [fields for said, fields in self.lines if said == word]

    async def publish(self, content: Bundle) -> None:
        """Put a bundle in force."""
        dumped = content.model_dump(mode="json", by_alias=True)
        await self.publishing.publish(canonical(dumped), digest_of(dumped))

    # What is stored.

    def identity(self, key: str = "p1") -> Identity:
        return self.store.identities[self.store.linked[SOURCE, key]]

    def account(self, service: str = "library", key: str = "p1") -> Account:
        return self.store.accounts[self.identity(key).id][service]

    def users(self, service: str = "library") -> dict[str, dict[str, Any]]:
        """What the SP holds, by userName."""
        return {user.body["userName"]: user.body for user in self.providers[service].users.values()}

    def members(self, service: str = "wiki") -> dict[str, list[str]]:
        """userNames of the members of every group of the SP."""
        provider = self.providers[service]
        return {
            group.body["displayName"]: sorted(
                provider.users[member["value"]].body["userName"] for member in group.body.get("members", [])
            )
            for group in provider.groups.values()
        }

    # Bells.

    def waiting(self, queue: str) -> list[Bell]:
        """The bells of a queue, oldest first."""
        return [read_bell(body) for body in self.queues[queue].bodies()]

    def drain(self, *queues: str) -> None:
        """Lose what the queues hold: as if whoever was to ring had died before."""
        for name in queues or self.queues:
            queue = self.queues[name]
            self.queues[name] = replace(queue, _messages={}, _remembered={})
        self.bells.identities, self.bells.campaign = self.queues["identities"], self.queues["campaign"]
        self.bells.deliver = {name: self.queues[name] for name in SERVICES}

    def bell(self, service: str | None = None, key: str = "p1", **fields: Any) -> Message:
        """A bell's message, for a person."""
        made = Bell(self.identity(key).id, fields.pop("cause", Cause.COMMAND), "trace", service, **fields)
        return Message(f"bell-{next(self._numbers)}", write_bell(made))

    async def deliver(self, service: str = "library", *keys: str) -> Failed:
        """Deliver for these people in one batch."""
        return await self.process.deliver(service, *(self.bell(service, key) for key in keys or ("p1",)))

    # Running.

    async def settle(self, until: float | None = None) -> None:
        """Handle what is in the queues, and what comes of it, until all are empty or only later bells are left.

        Without `until` the clock jumps to whatever a queue still holds back.
        """
        for _ in range(1000):
            upcoming = min((at for queue in self.queues.values() if (at := queue.next_at()) is not None), default=None)
            if upcoming is None or (until is not None and upcoming > until):
                self.now = max(self.now, until or 0)
                return
            self.now = max(self.now, upcoming)
            for name in self.queues:
                await self._handle(name)
        raise AssertionError(f"no rest: {[(name, queue.bodies()) for name, queue in self.queues.items()]}")

    async def _handle(self, name: str) -> None:
        queue = self.queues[name]
        batch = queue.receive()
        messages = [Message(f"{name}-{item.id}", item.body, again=item.receives > 1) for item in batch]
        failed = await self._stage(name, messages) if messages else frozenset()
        for item, message in zip(batch, messages, strict=True):
            if message.id not in failed:
                queue.delete(item.receipt)

    async def _stage(self, name: str, messages: Sequence[Message]) -> Failed:
        if name == "campaign":
            for message in messages:
                await self.campaign(message)
            return frozenset()
        if name == "identities":
            return await self.process.evaluate(*messages)
        return await self.process.deliver(name, *messages)

    async def campaign(self, message: Message) -> None:
        await campaign(Campaign(self.store, self.bells, self.bells, self.say), message, int(self.now))

    async def sweep(self) -> int:
        return await schedule(Schedule(self.store, self.bells, self.say), int(self.now), "sweep")

    async def arrive(self, *messages: Message) -> None:
        """Receive notifications and let everything come to rest."""
        assert await self.process.receive(*messages) == frozenset()
        await self.settle()

    async def killed(self, work: Coroutine[Any, Any, Any], at: int = 0) -> bool:
        """Run some work and kill its process at an await, or where `deaths.die` happens; False if it ended before."""
        died = await self.deaths.kill(work, at)
        self.process = Process(self)
        return died

    # SPs.

    async def _call(self, service: Service, request: HttpRequest, _within: float) -> Answer:
        await self.checkpoint()
        self.calls.append((service.id, request.method, request.path))
        await self._happen()
        steps = self.steps[service.id]
        answer = (steps.popleft() if steps else as_it_is)(self.providers[service.id], request)
        await self.checkpoint()
        return answer

    async def _send(self, service: Service, message: Publish) -> Answer:
        await self.checkpoint()
        self.calls.append((service.id, "SEND", message.id))
        await self._happen()
        content = json.loads(message.body)["data"]
        known = self.badges.get(content["identity"])
        if known is None or known["turn"] <= content["turn"]:
            self.badges[content["identity"]] = content
        await self.checkpoint()
        return Accepted()

    async def _happen(self) -> None:
        if self.meanwhile is not None:
            meanwhile, self.meanwhile = self.meanwhile, None
            await meanwhile()

    def methods(self, service: str = "library") -> list[str]:
        """The methods of all calls to a service."""
        return [method for name, method, _ in self.calls if name == service]

    # Costs.

    @contextmanager
    def counted(self) -> Iterator[Counter[str]]:
        """What was asked meanwhile: of the table by its requests' names, of queues, and of SPs as `call`."""
        counts: Counter[str] = Counter()
        before, calls = self._requests(), len(self.calls)
        yield counts
        counts.update(self._requests() - before)
        counts.update({"call": len(self.calls) - calls} if len(self.calls) > calls else {})

    def _requests(self) -> Counter[str]:
        return self.store.requests + self.bells.requests + self.process.policies.requests


class Deaths:
    """Kills whatever runs, at one of its awaits: nothing of it goes on, not even its clean-up has an effect."""

    def __init__(self) -> None:
        self._left = 0
        self._dead = asyncio.Event()
        self._buried = False

    async def checkpoint(self) -> None:
        if self._buried:
            raise asyncio.CancelledError
        self._left -= 1
        if self._left == 0 or self._dead.is_set():
            await self.die()
        await asyncio.sleep(0)

    async def die(self) -> None:
        """The end of the process in which this is awaited."""
        self._dead.set()
        await asyncio.get_running_loop().create_future()  # nobody will ever set it

    async def kill(self, work: Coroutine[Any, Any, Any], at: int) -> bool:
        self._left = at
        running, death = asyncio.create_task(work), asyncio.create_task(self._dead.wait())
        await asyncio.wait({running, death}, return_when=asyncio.FIRST_COMPLETED)
        died = self._dead.is_set()
        if died:
            self._buried = True
            running.cancel()
            await asyncio.wait({running})
        else:
            death.cancel()
            await running  # raises what the work raised
        self._left, self._buried = 0, False
        self._dead.clear()
        return died


async def new_bench(content: Bundle | None = None, sent: Iterable[Message] = ()) -> Bench:
    """A bench with a bundle in force, at rest after some notifications."""
    bench = Bench()
    await bench.publish(content or bundle())
    messages = list(sent)
    if messages:
        await bench.arrive(*messages)
    return bench
