"""A queue to send to and receive from: in memory, and SQS."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from secrets import token_hex
from typing import Any, Protocol

from provisioning.adapters.aws.clients import Clients
from provisioning.adapters.memory.queues import MemoryQueue

VISIBILITY = 30
MOST_RECEIVES = 3


@dataclass(frozen=True)
class Taken:
    """A message that was received."""

    body: str
    receipt: str
    receives: int


class Box(Protocol):
    """What the contract of a queue speaks of."""

    async def send(self, body: str, group: str = "", deduplication: str = "", delay: int = 0) -> None: ...

    async def receive(self, most: int = 10) -> Sequence[Taken]:
        """What can be had at once."""
        ...

    async def delete(self, taken: Taken) -> None: ...

    async def release(self, taken: Taken) -> None:
        """Make it visible now."""
        ...

    async def wait(self, seconds: int) -> Sequence[Taken]:
        """What can be had within so many seconds."""
        ...


@dataclass
class MemoryBox:
    """A queue in memory and its clock."""

    queue: MemoryQueue
    clock: list[float]

    async def send(self, body: str, group: str = "", deduplication: str = "", delay: int = 0) -> None:
        self.queue.send(body, group=group, deduplication=deduplication, delay=delay)

    async def receive(self, most: int = 10) -> Sequence[Taken]:
        return [Taken(item.body, item.receipt, item.receives) for item in self.queue.receive(most)]

    async def delete(self, taken: Taken) -> None:
        self.queue.delete(taken.receipt)

    async def release(self, taken: Taken) -> None:
        self.queue.change_visibility(taken.receipt, 0)

    async def wait(self, seconds: int) -> Sequence[Taken]:
        self.clock[0] += seconds
        return await self.receive()


@dataclass
class SqsBox:
    """A queue of SQS, or of what stands in for it."""

    client: Any
    url: str

    async def send(self, body: str, group: str = "", deduplication: str = "", delay: int = 0) -> None:
        more: dict[str, Any] = {"MessageGroupId": group, "MessageDeduplicationId": deduplication} if group else {}
        if delay:
            more["DelaySeconds"] = delay
        await self.client.send_message(QueueUrl=self.url, MessageBody=body, **more)

    async def receive(self, most: int = 10) -> Sequence[Taken]:
        return await self._receive(most, 0)

    async def delete(self, taken: Taken) -> None:
        await self.client.delete_message(QueueUrl=self.url, ReceiptHandle=taken.receipt)

    async def release(self, taken: Taken) -> None:
        await self.client.change_message_visibility(QueueUrl=self.url, ReceiptHandle=taken.receipt, VisibilityTimeout=0)

    async def wait(self, seconds: int) -> Sequence[Taken]:
        return await self._receive(10, seconds)

    async def _receive(self, most: int, seconds: int) -> Sequence[Taken]:
        answer = await self.client.receive_message(
            QueueUrl=self.url, MaxNumberOfMessages=most, WaitTimeSeconds=seconds, AttributeNames=["All"]
        )
        return [
            Taken(item["Body"], item["ReceiptHandle"], int(item["Attributes"]["ApproximateReceiveCount"]))
            for item in answer.get("Messages", [])
        ]


@dataclass(frozen=True)
class Pair:
    """A queue and its dead letters."""

    queue: Box
    dead: Box


def memory_pair(fifo: bool) -> Pair:
    clock = [0.0]
    dead = MemoryQueue(lambda: clock[0], fifo=fifo)
    queue = MemoryQueue(
        lambda: clock[0], fifo=fifo, visibility=VISIBILITY, most_receives=MOST_RECEIVES, dead_letters=dead
    )
    return Pair(MemoryBox(queue, clock), MemoryBox(dead, clock))


async def sqs_pair(clients: Clients, fifo: bool) -> Pair:
    dead = await new_queue(clients, fifo)
    answer = await dead.client.get_queue_attributes(QueueUrl=dead.url, AttributeNames=["QueueArn"])
    policy = f'{{"deadLetterTargetArn": "{answer["Attributes"]["QueueArn"]}", "maxReceiveCount": "{MOST_RECEIVES}"}}'
    queue = await new_queue(clients, fifo, {"RedrivePolicy": policy, "VisibilityTimeout": str(VISIBILITY)})
    return Pair(queue, dead)


async def new_queue(clients: Clients, fifo: bool, attributes: Mapping[str, str] | None = None) -> SqsBox:
    """A queue of its own. FIFO queues are as the template makes them: everything per message group."""
    client: Any = await clients.sqs()
    more = (
        {"FifoQueue": "true", "DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"}
        if fifo
        else {}
    )
    name = f"queue-{token_hex(8)}{'.fifo' if fifo else ''}"
    made = await client.create_queue(QueueName=name, Attributes={**more, **(attributes or {})})
    return SqsBox(client, made["QueueUrl"])
