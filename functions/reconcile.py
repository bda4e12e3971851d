"""reconcile: SQS `reconcile-<service>` → an SP's accounts compared with ours. One deployment for each such service."""

from collections.abc import Sequence

from provisioning.core.period import Instant
from provisioning.runtime.clockwork import reconcile_shell
from provisioning.runtime.entry import sqs_handler
from provisioning.stages.message import Failed, Message
from provisioning.stages.reconcile import reconcile


async def stage(messages: Sequence[Message], _now: Instant) -> Failed:
    """Take the orders of a batch."""
    return await reconcile(reconcile_shell(), messages)


handler = sqs_handler(stage)
