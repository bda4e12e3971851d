"""extract: SQS `extract` → one part of a service's files, or their manifest."""

from collections.abc import Sequence

from provisioning.core.period import Instant
from provisioning.runtime.clockwork import extract_shell
from provisioning.runtime.entry import sqs_handler
from provisioning.stages.extract import extract
from provisioning.stages.message import Failed, Message


async def stage(messages: Sequence[Message], now: Instant) -> Failed:
    """Take the orders of a batch."""
    return await extract(extract_shell(), messages, now)


handler = sqs_handler(stage)
