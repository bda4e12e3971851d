"""Publishing to an SP's queue, in memory."""

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from provisioning.adapters.memory.queues import MemoryQueue
from provisioning.adapters.memory.request import Checkpoint, Request, pass_by
from provisioning.core.catalog import Service
from provisioning.protocols.dialogue import Accepted, Publish, Unanswered


@dataclass(slots=True)
class MemoryPublisher:
    """Queues of SPs by URL."""

    queues: Mapping[str, MemoryQueue]
    checkpoint: Checkpoint = pass_by
    requests: Counter[str] = field(default_factory=Counter)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    async def publish(self, service: Service, message: Publish) -> Accepted | Unanswered:
        """Send to the queue at the service's endpoint. Never raises for what the queue did."""
        async with Request(self.requests, "SendMessage", self.checkpoint):
            queue = self.queues.get(service.endpoint)
            if queue is None:
                return Unanswered("there is no such queue", sent=False)
            if queue.fifo:
                queue.send(message.body, group=message.group, deduplication=f"send-{next(self._numbers)}")
            else:
                queue.send(message.body)
            return Accepted()
