"""Publishing events to topics and queues: ten of them are one request."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from provisioning.adapters.aws.clients import Clients, asking
from provisioning.core.errors import TransientError
from provisioning.core.event import LARGEST, Announced, Refusal
from provisioning.core.queue_options import Place, read_place

MOST: Final = 10  # messages of one request
# What the services say of one entry whose own content is at fault. All else may be otherwise the next time.
_LASTING: Final = frozenset({
    "InvalidMessageContents", "InvalidParameter", "InvalidParameterValue", "MessageTooLong", "ParameterValueInvalid",
})  # fmt: skip
_AFTER: Final = Refusal("after one that was refused")
_OPERATIONS: Final = {"sns": "PublishBatch", "sqs": "SendMessageBatch"}


class Announcer:
    """Port Announcements."""

    def __init__(self, clients: Clients) -> None:
        self.requests: Counter[str] = Counter()
        self._clients = clients

    async def announce(self, destination: str, events: Sequence[Announced]) -> Mapping[str, Refusal]:
        place = read_place(destination)
        batches = list(_batches(events))
        if place.fifo:  # one after the other, or their order would be lost; and none after one that was lost
            refused: dict[str, Refusal] = {}
            for number, batch in enumerate(batches):
                refused |= await self._send(place, batch)
                if refused:
                    later = [each for some in batches[number + 1 :] for each in some]
                    return {**refused, **dict.fromkeys((each.id for each in later), _AFTER)}
            return refused
        found = await asyncio.gather(*(self._send(place, batch) for batch in batches))
        return {id_: refusal for some in found for id_, refusal in some.items()}

    async def _send(self, place: Place, events: Sequence[Announced]) -> dict[str, Refusal]:
        """Send one batch; why, by id, for those that were not accepted."""
        operation = _OPERATIONS[place.kind]
        entries: Any = [_entry(place, number, each) for number, each in enumerate(events)]
        self.requests[operation] += 1
        try:
            with asking(operation):
                answer: Any
                if place.kind == "sns":
                    topics = await self._clients.sns(place.region)
                    answer = await topics.publish_batch(TopicArn=place.arn, PublishBatchRequestEntries=entries)
                else:
                    queues = await self._clients.sqs(place.region)
                    answer = await queues.send_message_batch(QueueUrl=place.url, Entries=entries)
        except TransientError as error:
            return dict.fromkeys((each.id for each in events), Refusal(str(error)))
        refused: dict[str, Refusal] = {}
        for each in answer.get("Failed", []):
            code = str(each.get("Code", "refused"))
            lasting = bool(each.get("SenderFault")) and code in _LASTING
            refused[events[int(each["Id"])].id] = Refusal(f"{operation}: {code}", lasting)
        return refused


def _entry(place: Place, number: int, event: Announced) -> dict[str, Any]:
    attributes = {name: _attribute(value) for name, value in event.attributes.items()}
    body = "Message" if place.kind == "sns" else "MessageBody"
    entry: dict[str, Any] = {"Id": str(number), body: event.body, "MessageAttributes": attributes}
    if place.fifo:
        # Derived from what it stands for: the same event sent twice within five minutes is received once.
        entry |= {"MessageGroupId": event.group, "MessageDeduplicationId": event.id}
    return entry


def _attribute(value: str | tuple[str, ...]) -> dict[str, str]:
    if isinstance(value, str):
        return {"DataType": "String", "StringValue": value}
    return {"DataType": "String.Array", "StringValue": json.dumps(value)}


def _batches(events: Sequence[Announced]) -> Iterator[Sequence[Announced]]:
    """As many as one request may hold, by number and by bytes."""
    batch: list[Announced] = []
    size = 0
    for event in events:
        if batch and (len(batch) == MOST or size + event.size > LARGEST):
            yield batch
            batch, size = [], 0
        batch.append(event)
        size += event.size
    if batch:
        yield batch
