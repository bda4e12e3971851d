"""What waits in the queues of sources, in memory."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from provisioning.adapters.memory.queues import MemoryQueue
from provisioning.adapters.memory.request import Checkpoint, Request, pass_by


@dataclass(slots=True)
class MemoryUnheard:
    """Port Unheard. `queues`: those of each source."""

    queues: Mapping[str, Sequence[MemoryQueue]] = field(default_factory=dict)
    checkpoint: Checkpoint = pass_by
    requests: Counter[str] = field(default_factory=Counter)

    async def unheard(self, sources: Sequence[str]) -> frozenset[str]:
        found = set[str]()
        for source in sources:
            for queue in self.queues.get(source, ()):
                async with Request(self.requests, "GetQueueAttributes", self.checkpoint):
                    found |= {source} if len(queue) else set()
        return frozenset(found)
