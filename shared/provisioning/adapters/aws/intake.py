"""Whether the functions take what waits in queues: the event source mappings of queues, on and off."""

import asyncio
from collections.abc import Sequence

from provisioning.adapters.aws.clients import Clients, asking
from provisioning.core.errors import InvalidError


async def switch(clients: Clients, queues: Sequence[str], *, on: bool) -> None:
    """Let functions take messages of these queues (by URL), or not. What is sent meanwhile waits, for fourteen days.

    Raises InvalidError if a queue feeds no function, TransientError if it cannot be done now.
    """
    client = await clients.functions()
    for uuid, _ in await _mappings(clients, queues):
        with asking("UpdateEventSourceMapping"):
            await client.update_event_source_mapping(UUID=uuid, Enabled=on)


async def are_on(clients: Clients, queues: Sequence[str]) -> bool:
    """Whether all of these queues are being taken from, or will be in a moment."""
    return all(on for _, on in await _mappings(clients, queues))


async def _mappings(clients: Clients, queues: Sequence[str]) -> list[tuple[str, bool]]:
    found = await asyncio.gather(*(_of(clients, queue) for queue in queues))
    return [each for some in found for each in some]


async def _of(clients: Clients, queue: str) -> list[tuple[str, bool]]:
    """The mappings of a queue, and whether they are on."""
    sqs, functions = await clients.sqs(), await clients.functions()
    with asking("GetQueueAttributes"):
        attributes = await sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
    with asking("ListEventSourceMappings"):
        answer = await functions.list_event_source_mappings(EventSourceArn=attributes["Attributes"]["QueueArn"])
    found = [
        (each["UUID"], each.get("State", "Enabled") in ("Enabled", "Enabling", "Creating", "Updating"))
        for each in answer.get("EventSourceMappings", [])
    ]
    if not found:
        raise InvalidError(f"{queue} feeds no function", right="a stack that is deployed wholly")
    return found
