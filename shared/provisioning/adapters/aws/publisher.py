"""Publishing to an SP's SQS queue or SNS topic, and keeping what is too large for either."""

from collections import Counter
from secrets import token_hex
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from provisioning.adapters.aws.clients import Clients, code_of
from provisioning.adapters.aws.objects import Objects
from provisioning.core.catalog import Service
from provisioning.core.errors import InvalidError, TransientError
from provisioning.core.queue_options import Place, read_place
from provisioning.protocols.dialogue import Accepted, Deposit, Deposited, Publish, Unanswered

_OPERATIONS: Final = {"sqs": "SendMessage", "sns": "Publish"}
_THROTTLED: Final = frozenset(
    {"KMSThrottling", "KmsThrottled", "OverLimit", "RequestThrottled", "Throttled", "Throttling", "ThrottlingException"}
)


class Publisher:
    """Sends to the queue or topic that is the service's endpoint, in its own region."""

    def __init__(self, clients: Clients) -> None:
        self.requests: Counter[str] = Counter()
        self._clients = clients

    async def publish(self, service: Service, message: Publish) -> Accepted | Unanswered:
        """Send one message. Never raises for what the queue or the network did."""
        try:
            place = read_place(service.endpoint)
            send, parameters = await self._ready(place, message)
        except (TransientError, InvalidError) as error:
            return Unanswered(str(error), sent=False)
        operation = _OPERATIONS[place.kind]
        self.requests[operation] += 1
        try:
            await send(**parameters)
        except ClientError as error:
            code = code_of(error)
            return Unanswered(f"{operation}: {code}", sent=not _refused(error), throttled=code in _THROTTLED)
        except (BotoCoreError, ResponseParserError, OSError) as error:
            # Any of the SDK's attempts may have arrived.
            return Unanswered(f"{operation}: {type(error).__name__}", sent=True)
        return Accepted()

    async def _ready(self, place: Place, message: Publish) -> tuple[Any, dict[str, Any]]:
        """The SDK's function, and what it is called with."""
        parameters: dict[str, Any] = {
            "MessageAttributes": {
                name: {"DataType": "String", "StringValue": value} for name, value in message.attributes.items()
            }
        }
        if place.fifo:
            # Unique for each send, and the same when the SDK repeats one whose answer was lost. An id made of the
            # operation would swallow for five minutes what is sent again because nobody confirmed it.
            parameters |= {"MessageGroupId": message.group, "MessageDeduplicationId": token_hex(16)}
        if place.kind == "sns":
            topics = await self._clients.sns(place.region)
            return topics.publish, {"TopicArn": place.arn, "Message": message.body, **parameters}
        queues = await self._clients.sqs(place.region)
        return queues.send_message, {"QueueUrl": place.url, "MessageBody": message.body, **parameters}


class Deposits:
    """Keeps large content in our bucket, for receivers who have no rights there."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    async def keep(self, deposit: Deposit) -> Deposited | Unanswered:
        """Keep it and sign a URL for it: one request. Never raises for what the storage did."""
        try:
            await self._objects.put(deposit.name, deposit.body)
            return Deposited(await self._objects.sign(deposit.name, deposit.seconds))
        except TransientError as error:
            return Unanswered(str(error), sent=False)


def _refused(error: ClientError) -> bool:
    """Whether the queue surely does not have the message: a client's error, at the first attempt."""
    metadata = error.response["ResponseMetadata"]
    return metadata["RetryAttempts"] == 0 and 400 <= metadata["HTTPStatusCode"] < 500
