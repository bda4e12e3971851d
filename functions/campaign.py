"""campaign: SQS `campaign` → bells for one page of all identities."""

from collections.abc import Sequence

from provisioning.core.period import Instant
from provisioning.runtime.clockwork import campaign_shell
from provisioning.runtime.entry import sqs_handler
from provisioning.stages.campaign import campaign
from provisioning.stages.message import Failed, Message


async def stage(messages: Sequence[Message], now: Instant) -> Failed:
    """Take the steps one after the other; each is repeated whole if it fails."""
    shell = campaign_shell()
    for message in messages:
        await campaign(shell, message, now)
    return frozenset()


handler = sqs_handler(stage)
