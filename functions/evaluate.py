"""evaluate: SQS `identities` → decision, bells."""

from collections.abc import Sequence

from provisioning.core.period import Instant
from provisioning.runtime.entry import sqs_handler
from provisioning.runtime.wiring import evaluate_shell
from provisioning.stages.evaluate import evaluate
from provisioning.stages.message import Failed, Message


async def stage(messages: Sequence[Message], now: Instant) -> Failed:
    """Answer a batch of bells."""
    return await evaluate(evaluate_shell(), messages, now)


handler = sqs_handler(stage)
