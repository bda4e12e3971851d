"""feedback: SQS `feedback-<service>` → the ending of what deliver began, bells."""

from collections.abc import Sequence

from provisioning.core.period import Instant
from provisioning.runtime.entry import sqs_handler
from provisioning.runtime.wiring import feedback_shell, settings
from provisioning.stages.feedback import feedback
from provisioning.stages.message import Failed, Message


async def stage(messages: Sequence[Message], now: Instant) -> Failed:
    """Take a batch of confirmations."""
    return await feedback(feedback_shell(), messages, now)


handler = sqs_handler(stage, lambda queue: settings().feedback_queues.get(queue, queue))
