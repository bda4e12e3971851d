"""The edge of a function that a table's stream starts."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from provisioning.core.errors import ProvisioningError
from provisioning.core.occurrence import Change, Unreadable
from provisioning.core.period import Instant
from provisioning.runtime.entry import Handler, clock, defended, run
from provisioning.runtime.log import log

Entries = Sequence[Change | Unreadable]
Stage = Callable[[Entries, Instant], Awaitable[str | None]]
_DEFECT: Final = "defect"  # no sequence number is called so


def stream_handler(stage: Stage) -> Handler:
    """A Lambda handler for a mapping of a DynamoDB stream with ReportBatchItemFailures.

    The stage returns the sequence number from which on the stream is read again: Lambda takes the lowest of those it is
    told as its checkpoint, so that one is enough. If a service was not available that is the first of the batch. A
    batch on which the stage shows a defect is halved until the entry is found that makes it: that one is handed to the
    stage as unreadable, and the rest goes on.
    """

    def handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001  Lambda passes both
        from provisioning.adapters.aws.stream import read_entry

        records = {str(record["dynamodb"]["SequenceNumber"]): record for record in event.get("Records", [])}
        entries = [entry for record in records.values() if (entry := read_entry(record)) is not None]
        failed = run(_halved(stage, entries, records)) if entries else None
        return {"batchItemFailures": [] if failed is None else [{"itemIdentifier": failed}]}

    return handler


async def _halved(stage: Stage, entries: Entries, records: Mapping[str, Any]) -> str | None:
    failed = await defended(_tried(stage, entries), _DEFECT, "batch.defect")
    if failed != _DEFECT:
        return failed
    if len(entries) == 1:
        (only,) = entries
        body = json.dumps(records[only.number], default=str)
        # Fails on what is unreadable too only if it fails on everything: then the whole invocation does.
        return await _tried(stage, [Unreadable(only.number, only.at, "a defect: see the log", body)])
    middle = len(entries) // 2
    failed = await _halved(stage, entries[:middle], records)
    return failed if failed is not None else await _halved(stage, entries[middle:], records)


async def _tried(stage: Stage, entries: Entries) -> str | None:
    try:
        return await stage(entries, clock())
    except ProvisioningError as error:
        log("batch.failed", kind=type(error).__name__, reason=str(error), messages=len(entries))
        return entries[0].number
