"""Stages on the in-memory adapters: one process after another, a clock that is set by hand, and scripted SPs."""

import itertools
import json
import random
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

from provisioning.adapters.delivery.driver import Courier
from provisioning.adapters.memory import bells as memory_bells
from provisioning.adapters.memory.bells import MemoryBells
from provisioning.adapters.memory.hearings import MemoryHearings
from provisioning.adapters.memory.policies import MemoryBundles, MemoryPolicies
from provisioning.adapters.memory.queues import MemoryQueue
from provisioning.adapters.memory.store import MemoryStore
from provisioning.core.account import Account
from provisioning.core.bell import Bell, Cause, read_bell, write_bell
from provisioning.core.catalog import Bundle, Service
from provisioning.core.identity import Identity
from provisioning.core.wire import canonical, digest_of
from provisioning.protocols.dialogue import Accepted, Answer, HttpRequest, Publish, Unanswered
from provisioning.stages.campaign import Campaign, campaign
from provisioning.stages.decide import Decide
from provisioning.stages.deliver import Deliver, deliver
from provisioning.stages.evaluate import Evaluate, evaluate
from provisioning.stages.message import Failed, Message
from provisioning.stages.receive import Receive, receive
from provisioning.stages.schedule import Schedule, schedule
from tests.delivery.watched import judge, noted
from tests.simulation.provider import Provider
from tests.stages.deaths import Deaths
from tests.stages.steps import Step, as_it_is
from tests.stages.tenant import SOURCE, START, bundle, says

VISIBILITY: Final = 360  # seconds until a message that a dead handler held comes again
SERVICES: Final = ("library", "wiki", "badges")


class Process:
    """What one warm function process remembers: its bundle, and the groups it has met."""

    def __init__(self, bench: "Bench", hearings: MemoryHearings | None = None) -> None:
        self._bench = bench
        self.policies = MemoryPolicies(bench.publishing, bench.clock, bench.checkpoint)
        self._groups: dict[str, dict[str, str]] = {service: {} for service in SERVICES}
        decide = Decide(bench.store, self.policies, bench.new_identity, bench.say)
        self.receiving = Receive(decide, bench.store, bench.bells, bench.microseconds, hearings=hearings)
        self._evaluate = Evaluate(decide, bench.bells)

    async def receive(self, *messages: Message) -> Failed:
        return await receive(self.receiving, messages, int(self._bench.now))

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
        self._asked = 0
        self.store = MemoryStore(self.clock, lambda: 0.0, self.checkpoint)
        self.publishing = MemoryBundles()
        fifo = dict.fromkeys(SERVICES, True)
        self.queues = {
            name: MemoryQueue(self.clock, fifo=fifo.get(name, False), visibility=VISIBILITY)
            for name in ("identities", "campaign", *SERVICES)
        }
        deliver_queues = {name: self.queues[name] for name in SERVICES}
        self.bells = MemoryBells(
            self.queues["identities"],
            deliver_queues,
            self.queues["campaign"],
            lambda bell: memory_bells.unique(bell),  # asked for at each send: a mutant puts another in its place
            self.checkpoint,
        )
        self.providers = {name: Provider(name, random.Random(0), self.clock) for name in SERVICES}  # noqa: S311  unused
        self.judges = {name: judge() for name in SERVICES}  # of our calls
        self.steps: dict[str, deque[Step]] = {name: deque() for name in SERVICES}
        self.meanwhile: Callable[[], Awaitable[Any]] | None = None  # happens once, while an SP is being called
        self.calls: list[tuple[str, str, str]] = []  # service, method, path
        self.badges: dict[str, dict[str, Any]] = {}
        self.lines: list[tuple[str, dict[str, Any]]] = []
        self.courier = Courier(self._call, self._send)
        self.deaths = Deaths()
        self._numbers = itertools.count(1)
        self.process = Process(self)

    def microseconds(self) -> int:
        """The bench's clock, and a little later each time it is asked."""
        self._asked += 1
        return int(self.now * 1_000_000) + self._asked

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

    def bell_of(self, identity: str) -> Message:
        """A bell's message, for an identity."""
        return Message(f"bell-{next(self._numbers)}", write_bell(Bell(identity, Cause.COMMAND, "trace")))

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

    async def version(self, number: int, *kinds: str, **attributes: Any) -> None:
        """Receive a version of p1; nothing that comes of it is handled yet."""
        assert await self.process.receive(says("p1", number, *kinds, **attributes)) == frozenset()

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
        if not isinstance(answer, Unanswered) or answer.sent:
            noted(self.judges[service.id], request, answer, self.now)
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


async def new_bench(content: Bundle | None = None, sent: Iterable[Message] = ()) -> Bench:
    """A bench with a bundle in force, at rest after some notifications."""
    bench = Bench()
    await bench.publish(content or bundle())
    messages = list(sent)
    if messages:
        await bench.arrive(*messages)
    return bench


async def decided(
    *kinds: str, people: int = 1, services: dict[str, dict[str, Any]] | None = None, **attributes: Any
) -> Bench:
    """People for whom all is decided and nothing delivered; no bell is on its way."""
    bench = await new_bench(bundle(services))
    keys = (f"p{number + 1}" for number in range(people))
    await bench.process.receive(*(says(key, 1, *(kinds or ("student",)), **attributes) for key in keys))
    bench.drain()
    return bench
