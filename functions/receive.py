"""receive: SQS `changes-<source>` → record, decision, bells."""

from collections.abc import Sequence

from provisioning.core.period import Instant
from provisioning.runtime.entry import sqs_handler
from provisioning.runtime.wiring import receive_shell, settings
from provisioning.stages.message import Failed, Message
from provisioning.stages.receive import receive


async def stage(messages: Sequence[Message], now: Instant) -> Failed:
    """Take a batch of notifications."""
    return await receive(receive_shell(), messages, now)


handler = sqs_handler(stage, lambda queue: settings().sources.get(queue, queue))
