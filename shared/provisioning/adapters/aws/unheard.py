"""What waits in the queues of sources."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from provisioning.adapters.aws.clients import Clients, asking

if TYPE_CHECKING:
    from types_aiobotocore_sqs.literals import QueueAttributeNameType

_COUNTS: "Final[Sequence[QueueAttributeNameType]]" = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
)


class QueuedUnheard:
    """Port Unheard. `queues`: the URLs of the queues of each source."""

    def __init__(self, clients: Clients, queues: Mapping[str, Sequence[str]]) -> None:
        self.requests: Counter[str] = Counter()
        self._clients, self._queues = clients, queues

    async def unheard(self, sources: Sequence[str]) -> frozenset[str]:
        pairs = [(source, url) for source in sources for url in self._queues.get(source, ())]
        counts = await asyncio.gather(*(self._count(url) for _, url in pairs))
        return frozenset(source for (source, _), count in zip(pairs, counts, strict=True) if count)

    async def _count(self, url: str) -> int:
        client = await self._clients.sqs()
        self.requests["GetQueueAttributes"] += 1
        with asking("GetQueueAttributes"):
            answer = await client.get_queue_attributes(QueueUrl=url, AttributeNames=_COUNTS)
        return sum(int(value) for value in answer["Attributes"].values())
