"""poll on a source in dicts: one process after another, a clock that is set by hand, and what it sent by key."""

import itertools
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from provisioning.adapters.memory.hearings import MemoryHearings
from provisioning.adapters.memory.policies import MemoryBundles, MemoryPolicies
from provisioning.adapters.memory.polling import MemoryPolls, MemoryRecall
from provisioning.adapters.memory.request import Checkpoint, pass_by
from provisioning.adapters.memory.source import MemorySource
from provisioning.adapters.memory.store import MemoryStore
from provisioning.core.catalog import Bundle
from provisioning.core.identity import Identity
from provisioning.core.polled import Complete, Polled, Run
from provisioning.core.record import Record
from provisioning.core.source import Page
from provisioning.core.source_options import Poll as Options
from provisioning.core.wire import canonical, digest_of
from provisioning.ports import Extraction
from provisioning.stages.message import Message
from provisioning.stages.poll import Poll, poll
from tests.stages.tenant import START, bundle

SOURCE = "personnel"
FILES = {"place": "s3:///personnel", "full": "people-*.csv", "key": "number"}
READING = {"fields": {"given": "string"}, "attributes": {"name": "fields.given"}}
Sent = Mapping[str, Any]


def polled_bundle(every: int | None = 5, **absence: Any) -> Bundle:
    """The tenant with one source that is polled; how is of no interest here. Its silence has a limit."""
    source = {
        "id": SOURCE, "record": READING, "poll": {"every": every, "files": FILES}, "absence": {"least": 1, **absence},
        "freshness": {"limit": "P2D"},
    }  # fmt: skip
    return bundle(sources=[source])


Alter = Callable[[str | None, Page], Page]


class Altered(MemorySource):
    """A source whose pages of snapshots are not what they should be. `alter` may raise, too."""

    alter: Alter | None = None

    async def snapshot(self, position: str | None) -> Page:
        page = await super().snapshot(position)
        return page if self.alter is None else self.alter(position, page)


class PollBench:
    """A source and its poll function. `now` in seconds; `slow`: seconds that it takes to open the source."""

    def __init__(self, checkpoint: Checkpoint = pass_by, page: int = 3) -> None:
        self.now = float(START)
        self.slow = 0.0
        self.source = Altered(page)
        self.polls = MemoryPolls(checkpoint)
        self.store = MemoryStore(checkpoint=checkpoint)
        self.hearings = MemoryHearings()
        self.bundles = MemoryBundles()
        self.log: list[tuple[str, Mapping[str, Any]]] = []
        self._names = itertools.count(1)

    async def publish(self, content: Bundle) -> None:
        dumped = content.model_dump(mode="json", by_alias=True)
        await self.bundles.publish(canonical(dumped), digest_of(dumped))

    @asynccontextmanager
    async def open(self, _options: Options) -> AsyncIterator[Extraction]:
        self.now += self.slow
        yield self.source

    def shell(self) -> Poll:
        """A process that begins now."""
        return Poll(
            source=SOURCE,
            policies=MemoryPolicies(self.bundles, lambda: self.now),
            polls=self.polls,
            spool=self.polls,
            recall=MemoryRecall(self.store),
            intake=self.polls,
            rejections=self.store,
            open=self.open,
            owner=lambda: f"process {next(self._names)}",
            microseconds=self._microseconds,
            clock=lambda: self.now,
            log=lambda word, **fields: self.log.append((word, fields)),
            hearings=self.hearings,
        )

    def _microseconds(self) -> int:
        self.now += 0.000001
        return int(self.now * 1_000_000)

    async def know(self, *keys: str, source: str = SOURCE, deleted: bool = False) -> None:
        """Let the table know these, as if the source had shown them at some time."""
        for key in keys:
            record = Record(source, key, 1, deleted=deleted)
            await self.store.put_identity(Identity(f"identity of {key}", {source: record}), (source, key))

    async def ask(self, do: str = "changes", **order: Any) -> frozenset[str]:
        """One order, by a process of its own; what failed."""
        self.now += 60
        message = Message(f"m{int(self.now)}", json.dumps({"do": do, **order}))
        return await poll(self.shell(), [message], int(self.now))

    async def rest(self) -> None:
        """Whatever goes on by itself, until nothing does."""
        while self.polls.orders:
            body = self.polls.orders.pop(0)
            assert not await poll(self.shell(), [Message("go", body)], int(self.now))

    async def snapshot(self) -> dict[str, Any]:
        """A whole snapshot; what it sent, by key."""
        before = len(self.polls.sent)
        assert not await self.ask("snapshot")
        await self.rest()
        return self.sent(before)

    def sent(self, since: int = 0) -> dict[str, Any]:
        """The fields that were sent last, by key; None for who is gone."""
        events = [json.loads(body) for body in self.polls.sent[since:]]
        return {event["data"]["key"]: event["data"]["fields"] for event in events}

    @property
    def item(self) -> Polled:
        return self.polls.items[SOURCE]

    @property
    def run(self) -> Run:
        assert self.item.run is not None
        return self.item.run

    @property
    def complete(self) -> Complete:
        assert self.item.complete is not None
        return self.item.complete

    def said(self, word: str) -> list[Mapping[str, Any]]:
        return [fields for said, fields in self.log if said == word]


async def poll_bench(
    every: int | None = 5, people: int = 20, checkpoint: Checkpoint = pass_by, **absence: Any
) -> PollBench:
    """A source of some people, and its function at its beginning."""
    made = PollBench(checkpoint)
    await made.publish(polled_bundle(every, **absence))
    for number in range(people):
        made.source.put(f"p{number:03d}", {"given": f"Given {number}"})
    return made


def fields(*numbers: int) -> Mapping[str, Any]:
    """What the source of `poll_bench` shows of these at its beginning, by key."""
    return {f"p{number:03d}": {"given": f"Given {number}"} for number in numbers}
