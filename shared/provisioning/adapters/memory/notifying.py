"""Subscribers and histories, in dicts."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from provisioning.adapters.aws.announcer import MOST
from provisioning.adapters.memory.request import Checkpoint, Request, pass_by
from provisioning.adapters.memory.store import BATCH, WRITES
from provisioning.core.event import Announced, Refusal
from provisioning.core.history import Entry, Written
from provisioning.core.period import Instant


@dataclass(slots=True)
class MemoryAnnouncements:
    """Port Announcements. `heard`: by destination; `refusals`: why, by the id of events that are not accepted."""

    checkpoint: Checkpoint = pass_by
    heard: dict[str, list[Announced]] = field(default_factory=dict)
    refusals: dict[str, Refusal] = field(default_factory=dict)
    requests: Counter[str] = field(default_factory=Counter)

    async def announce(self, destination: str, events: Sequence[Announced]) -> Mapping[str, Refusal]:
        refused: dict[str, Refusal] = {}
        for first in range(0, len(events), MOST):
            async with Request(self.requests, "PublishBatch", self.checkpoint):
                for event in events[first : first + MOST]:
                    if event.id in self.refusals:
                        refused[event.id] = self.refusals[event.id]
                    else:
                        self.heard.setdefault(destination, []).append(event)
        return refused


@dataclass(slots=True)
class MemoryHistories:
    """Port Histories. `kept`, with the end of each, is public for tests to look at."""

    checkpoint: Checkpoint = pass_by
    kept: dict[Written, tuple[Entry, Instant]] = field(default_factory=dict)
    requests: Counter[str] = field(default_factory=Counter)

    async def told(self, writes: Sequence[Written]) -> Mapping[Written, int]:
        wanted, found = list(dict.fromkeys(writes)), dict[Written, int]()
        for first in range(0, len(wanted), BATCH):
            async with Request(self.requests, "BatchGetItem", self.checkpoint):
                some = wanted[first : first + BATCH]
                found |= {each: self.kept[each][0].told for each in some if each in self.kept}
        return found

    async def keep(self, entries: Sequence[Entry], until: Instant) -> None:
        items = list({each.written: each for each in entries}.values())
        for first in range(0, len(items), WRITES):
            async with Request(self.requests, "BatchWriteItem", self.checkpoint):
                self.kept |= {each.written: (each, until) for each in items[first : first + WRITES]}

    async def entries(self, identity: str, service: str | None = None) -> Sequence[Entry]:
        async with Request(self.requests, "Query", self.checkpoint):
            found = [entry for entry, _ in self.kept.values() if entry.identity == identity]
        wanted = [entry for entry in found if service in (None, entry.service)]
        return sorted(wanted, key=lambda entry: (entry.at, entry.service, entry.revision))

    async def erase(self, identity: str) -> int:
        found = [written for written in self.kept if written[0] == identity]
        async with Request(self.requests, "Query", self.checkpoint):
            pass
        for first in range(0, len(found), WRITES):
            async with Request(self.requests, "BatchWriteItem", self.checkpoint):
                for written in found[first : first + WRITES]:
                    del self.kept[written]
        return len(found)
