"""The registry as an IDMS that does not tell: it is asked what changed, and for everybody, and sometimes answers badly.

Who is deleted is in no list of changes, as in a table without a row: only full lists show who is gone.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from provisioning.adapters.memory.polling import MemoryPolls, MemoryRecall
from provisioning.core.errors import TransientError
from provisioning.core.source import Evidence, Item, Page
from provisioning.core.source_options import Poll as Options
from provisioning.ports import Extraction, Policies
from provisioning.stages.message import Failed, Message
from provisioning.stages.poll import Poll, poll
from tests.simulation.campus import MINUTE, SOURCE, Version
from tests.simulation.world import World

PAGE: Final = 5
FULL: Final = 3 * MINUTE  # between full lists
SILENT: Final = 0.05  # how often the registry does not answer, while things go wrong
LYING: Final = 0.15  # how often a full list is not full, while things go wrong


class PolledRegistry:
    """Port Extraction. `busy`: until when it answers badly at times."""

    def __init__(self, world: World, busy: float) -> None:
        self._world, self._busy = world, busy
        self._log: list[str] = []
        self._cut = False

    def tell(self, version: Version) -> None:
        """A version came to be."""
        if not version.deleted:
            self._log.append(version.key)

    async def begin(self) -> str | None:
        await self._answers()
        return str(len(self._log))

    async def changes(self, position: str) -> Page:
        await self._answers()
        start = int(position)
        end = min(start + PAGE, len(self._log))
        items = [item for key in self._log[start:end] if (item := self._item(key)).fields is not None]
        return Page(tuple(items), str(end), more=end < len(self._log))

    async def fetch(self, keys: Sequence[str]) -> Sequence[Item]:
        await self._answers()
        return [self._item(key) for key in dict.fromkeys(keys)]

    async def snapshot(self, position: str | None) -> Page:
        await self._answers()
        if position is None:
            self._cut = self._is_bad(LYING)
        living = [key for key in sorted(self._world.registry.people) if self._item(key).fields is not None]
        rest = [key for key in living if position is None or key > position]
        if self._cut:  # half of a list, or nothing of it
            rest = rest[: len(rest) // 2]
        items, more = tuple(self._item(key) for key in rest[:PAGE]), len(rest) > PAGE
        # Where nothing is shown at all nobody counted either.
        evidence = None if more else Evidence(len(living) if items or position else None)
        return Page(items, items[-1].key if items else position, more=more, evidence=evidence)

    async def _answers(self) -> None:
        await self._world.checkpoint()
        if self._is_bad(SILENT):
            raise TransientError("the registry does not answer")

    def _is_bad(self, odds: float) -> bool:
        return self._world.now() < self._busy and self._world.chance.random() < odds

    def _item(self, key: str) -> Item:
        last = self._world.registry.people[key][-1]
        return Item(key, None if last.deleted else last.data())


class WorldPolls(MemoryPolls):
    """What poll keeps; what it sends goes through queues of the world, which repeat and overtake."""

    def __init__(self, world: World) -> None:
        super().__init__(world.checkpoint)
        self._world = world

    async def continue_poll(self, body: str, delay: int = 0) -> None:
        await self._world.checkpoint()
        self._world.queues["poll"].send(body, delay=delay)
        await self._world.checkpoint()

    async def send(self, bodies: Sequence[str], *, bulk: bool = False) -> None:
        for body in bodies:
            await self._world.checkpoint()
            self._world.send_later(body)
        await self._world.checkpoint()


def poller(world: World, policies: Policies, registry: PolledRegistry) -> Any:
    """The function poll, and the clock that asks it."""
    polls, numbers = WorldPolls(world), iter(range(10**6))

    @asynccontextmanager
    async def open_(_: Options) -> AsyncIterator[Extraction]:
        yield registry

    shell = Poll(
        source=SOURCE, policies=policies, polls=polls, spool=polls, recall=MemoryRecall(world.store), intake=polls,
        rejections=world.store, open=open_, owner=lambda: f"process {next(numbers)}",
        microseconds=lambda: int(world.now() * 1e6) + next(numbers), clock=world.now, log=world.say,
    )  # fmt: skip

    async def stage(messages: Sequence[Message], now: int) -> Failed:
        return await poll(shell, messages, now)

    _ask(world, '{"do":"changes"}', MINUTE)
    _ask(world, '{"do":"snapshot"}', FULL)
    return stage


def _ask(world: World, body: str, every: float) -> None:
    def ask() -> None:
        world.queues["poll"].send(body)
        world.loop.call_later(every, ask)

    world.loop.call_later(world.chance.uniform(0, MINUTE), ask)
