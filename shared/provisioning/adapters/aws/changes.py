"""The queues `changes-<source>`, on SQS."""

from collections import Counter
from collections.abc import Mapping, Sequence

from provisioning.adapters.aws.clients import Clients
from provisioning.adapters.aws.queues import Queues, batches
from provisioning.core.errors import TransientError


class SourceQueues:
    """Port Changes. `urls`: of the queues, by source."""

    def __init__(self, clients: Clients, urls: Mapping[str, str]) -> None:
        self._queues, self._urls = Queues(clients, "", {}), urls

    @property
    def requests(self) -> Counter[str]:
        """What was asked of the queues, by the service's name for it."""
        return self._queues.requests

    async def publish(self, source: str, bodies: Sequence[str]) -> None:
        url = self._urls.get(source)
        if not url:
            raise TransientError(f"no queue is known for source {source}")
        for batch in batches([{"MessageBody": body} for body in bodies]):
            await self._queues.send(url, batch)
