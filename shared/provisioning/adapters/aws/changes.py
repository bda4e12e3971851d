"""The queues `changes-<source>`, on SQS."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from provisioning.adapters.aws.clients import Clients
from provisioning.adapters.aws.queues import Entry, Queues, batches
from provisioning.core.errors import TransientError

AT_ONCE: Final = 10  # requests


class SourceQueues:
    """Port Changes. `urls`: of the queues, by source."""

    def __init__(self, clients: Clients, urls: Mapping[str, str]) -> None:
        self._queues, self._urls = Queues(clients, "", {}), urls
        self._busy = asyncio.Semaphore(AT_ONCE)

    @property
    def requests(self) -> Counter[str]:
        """What was asked of the queues, by the service's name for it."""
        return self._queues.requests

    async def publish(self, source: str, bodies: Sequence[str]) -> None:
        url = self._urls.get(source)
        if not url:
            raise TransientError(f"no queue is known for source {source}")
        sends = (self._send(url, batch) for batch in batches([{"MessageBody": body} for body in bodies]))
        # Every send ends before anything is raised: none goes on behind the back of a handler that has answered.
        for result in await asyncio.gather(*sends, return_exceptions=True):
            if isinstance(result, BaseException):
                raise result

    async def _send(self, url: str, batch: Sequence[Entry]) -> None:
        async with self._busy:
            await self._queues.send(url, batch)
