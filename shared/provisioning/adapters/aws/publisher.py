"""Publishing to an SP's SQS queue."""

import re
from collections import Counter
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from provisioning.adapters.aws.clients import Clients, code_of
from provisioning.core.catalog import Service
from provisioning.core.errors import TransientError
from provisioning.protocols.dialogue import Accepted, Publish, Unanswered

_REGION: Final = re.compile(r"https://sqs\.([a-z0-9-]+)\.amazonaws\.com")


class Publisher:
    """Sends to the queue whose URL is the service's endpoint."""

    def __init__(self, clients: Clients) -> None:
        self.requests: Counter[str] = Counter()
        self._clients = clients

    async def publish(self, service: Service, message: Publish) -> Accepted | Unanswered:
        """Send one message. Never raises for what the queue or the network did."""
        region = _REGION.match(service.endpoint)
        try:
            client = await self._clients.sqs(region[1] if region is not None else None)
        except TransientError as error:
            return Unanswered(str(error), sent=False)
        self.requests["SendMessage"] += 1
        try:
            await client.send_message(**_parameters(service.endpoint, message))
        except ClientError as error:
            return Unanswered(f"SendMessage: {code_of(error)}", sent=not _refused(error))
        except (BotoCoreError, ResponseParserError, OSError) as error:
            # Any of the SDK's attempts may have arrived.
            return Unanswered(f"SendMessage: {type(error).__name__}", sent=True)
        return Accepted()


def _parameters(url: str, message: Publish) -> dict[str, Any]:
    parameters: dict[str, Any] = {"QueueUrl": url, "MessageBody": message.body}
    if url.endswith(".fifo"):
        parameters |= {"MessageGroupId": message.group, "MessageDeduplicationId": message.id}
    if message.attributes:
        parameters["MessageAttributes"] = {
            name: {"DataType": "String", "StringValue": value} for name, value in message.attributes.items()
        }
    return parameters


def _refused(error: ClientError) -> bool:
    """Whether the queue surely does not have the message: a client's error, at the first attempt."""
    metadata = error.response["ResponseMetadata"]
    return metadata["RetryAttempts"] == 0 and 400 <= metadata["HTTPStatusCode"] < 500
