"""Bells and campaigns on queues in memory."""

import itertools
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from provisioning.adapters.memory.queues import LONGEST_DELAY, MemoryQueue
from provisioning.adapters.memory.request import Checkpoint, Request, pass_by
from provisioning.core.bell import Bell, queue_of, write_bell
from provisioning.core.errors import TransientError
from provisioning.core.period import Instant

BATCH: Final = 10  # messages of one SendMessageBatch
_numbers = itertools.count(1)


def unique(_: Bell) -> str:
    """A deduplication id that no other send has."""
    return f"send-{next(_numbers)}"


@dataclass(slots=True)
class MemoryBells:
    """Ports Bells and Campaigns. `deduplication` gives a send's id; anything but a unique one swallows bells."""

    identities: MemoryQueue
    deliver: Mapping[str, MemoryQueue]
    campaign: MemoryQueue | None = None
    deduplication: Callable[[Bell], str] = unique
    checkpoint: Checkpoint = pass_by
    requests: Counter[str] = field(default_factory=Counter)

    async def ring(self, bells: Sequence[Bell], now: Instant) -> None:
        by_service: dict[str | None, list[Bell]] = {}
        for bell in bells:
            by_service.setdefault(queue_of(bell, now), []).append(bell)
        for service, some in by_service.items():
            for first in range(0, len(some), BATCH):
                if service is not None and service not in self.deliver:
                    continue
                async with Request(self.requests, "SendMessageBatch", self.checkpoint):
                    for bell in some[first : first + BATCH]:
                        self._send(bell, now)
        missing = sorted(service for service in by_service if service is not None and service not in self.deliver)
        if missing:  # only now: bells of other services are not held up
            raise TransientError(f"no queue is known for {', '.join(missing)}")

    def _send(self, bell: Bell, now: Instant) -> None:
        body = write_bell(bell)
        service = queue_of(bell, now)
        if service is None:
            self.identities.send(body, delay=min(LONGEST_DELAY, max(0, (bell.at or 0) - now)))
        else:
            self.deliver[service].send(body, group=bell.line, deduplication=self.deduplication(bell))

    async def continue_campaign(self, body: str, delay: int = 0) -> None:
        async with Request(self.requests, "SendMessage", self.checkpoint):
            if self.campaign is None:
                raise TransientError("no queue is known for campaigns")
            self.campaign.send(body, delay=delay)
