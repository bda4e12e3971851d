"""deliver: SQS FIFO `deliver-<service>` → SP. Deployed once for each service."""

from collections.abc import Sequence

from provisioning.core.period import Instant
from provisioning.runtime.entry import sqs_handler
from provisioning.runtime.wiring import deliver_shell
from provisioning.stages.deliver import deliver
from provisioning.stages.message import Failed, Message


async def stage(messages: Sequence[Message], now: Instant) -> Failed:
    """Answer a batch of bells of one service."""
    return await deliver(deliver_shell(), messages, now)


handler = sqs_handler(stage)
