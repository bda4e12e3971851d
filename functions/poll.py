"""poll: SQS `poll-<source>` → what a source shows, sent to `changes-<source>`. One deployment for each source."""

from collections.abc import Sequence

from provisioning.core.period import Instant
from provisioning.runtime.entry import sqs_handler
from provisioning.runtime.wiring import poll_shell
from provisioning.stages.message import Failed, Message
from provisioning.stages.poll import poll


async def stage(messages: Sequence[Message], now: Instant) -> Failed:
    """Take the orders of a batch."""
    return await poll(poll_shell(), messages, now)


handler = sqs_handler(stage)
