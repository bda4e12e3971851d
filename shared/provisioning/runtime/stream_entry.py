"""The edge of a function that a table's stream starts."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from provisioning.core.errors import ProvisioningError
from provisioning.core.occurrence import Change, Unreadable
from provisioning.core.period import Instant
from provisioning.runtime.entry import Handler, clock, run
from provisioning.runtime.log import log

Stage = Callable[[Sequence[Change | Unreadable], Instant], Awaitable[str | None]]


def stream_handler(stage: Stage) -> Handler:
    """A Lambda handler for a mapping of a DynamoDB stream with ReportBatchItemFailures.

    The stage returns the sequence number from which on the stream is read again; Lambda knows one such number and takes
    the lowest. If a service was not available that is the first one: the batch comes again as it is. A defect is
    raised, so that Lambda cuts the batch in two until it has found the entry that makes it, and gives that one up.
    """

    def handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001  Lambda passes both
        from provisioning.adapters.aws.stream import read_entry

        entries = [entry for record in event.get("Records", []) if (entry := read_entry(record)) is not None]
        failed = run(_guarded(stage, entries)) if entries else None
        return {"batchItemFailures": [] if failed is None else [{"itemIdentifier": failed}]}

    return handler


async def _guarded(stage: Stage, entries: Sequence[Change | Unreadable]) -> str | None:
    try:
        return await stage(entries, clock())
    except ProvisioningError as error:
        log("batch.failed", kind=type(error).__name__, reason=str(error), messages=len(entries))
        return entries[0].number
