"""notify: the table's stream → events for whoever listens, history."""

from collections.abc import Sequence

from provisioning.core.occurrence import Change, Unreadable
from provisioning.core.period import Instant
from provisioning.runtime.stream_entry import stream_handler
from provisioning.runtime.wiring_notify import notify_shell
from provisioning.stages.notify import notify


async def stage(entries: Sequence[Change | Unreadable], now: Instant) -> str | None:
    """Take a batch of writes."""
    return await notify(notify_shell(), entries, now)


handler = stream_handler(stage)
