"""The edge of a process: one event loop kept across invocations, the clock, and the form of batch failures."""

import asyncio
import time
import traceback
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import cache
from typing import Any, TypeVar

from provisioning.core.errors import ProvisioningError
from provisioning.core.period import Instant
from provisioning.runtime.log import log
from provisioning.stages.message import Failed, Message

Stage = Callable[[Sequence[Message], Instant], Awaitable[Failed]]
Handler = Callable[[dict[str, Any], object], dict[str, Any]]
Result = TypeVar("Result")


@cache
def _loop() -> asyncio.AbstractEventLoop:
    # One for the process: cached clients belong to the loop that made them and die with it.
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    return loop


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """Run to completion on the process's loop."""
    return _loop().run_until_complete(work)


def clock() -> Instant:
    """Now, in whole seconds: a boundary is met in the second in which it lies, never before."""
    return int(time.time())


def microseconds() -> int:
    """Now, for those who must tell what was seen later from what was seen before."""
    return time.time_ns() // 1000


def queue_name(arn: str) -> str:
    """The queue of an event source ARN: its last part."""
    return arn.rsplit(":", 1)[-1]


def sqs_handler(stage: Stage, origin: Callable[[str], str] = lambda queue: queue) -> Handler:
    """A Lambda handler for an SQS mapping with ReportBatchItemFailures.

    `origin` says what a queue stands for. A stage that raises has decided nothing about its batch: all of it comes
    again.
    """

    def handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001  Lambda passes both
        messages = [
            Message(
                record["messageId"],
                record["body"],
                origin(queue_name(record.get("eventSourceARN", ""))),
                again=int(record.get("attributes", {}).get("ApproximateReceiveCount", "1")) > 1,
            )
            for record in event.get("Records", [])
        ]
        return failures(run(_guarded(stage, messages)))

    return handler


async def _guarded(stage: Stage, messages: Sequence[Message]) -> Failed:
    try:
        return await stage(messages, clock())
    except ProvisioningError as error:
        log("batch.failed", kind=type(error).__name__, reason=str(error), messages=len(messages))
    except Exception:  # noqa: BLE001  the one place: a defect must not look like success
        log("batch.defect", reason=traceback.format_exc(limit=20), messages=len(messages))
    return frozenset(message.id for message in messages)


async def defended(work: Awaitable[Result], otherwise: Result, word: str) -> Result:
    """The result of some work, or what stands for one that a defect kept from its end."""
    try:
        return await work
    except Exception:  # noqa: BLE001  as above
        log(word, reason=traceback.format_exc(limit=20))
        return otherwise


def failures(failed: Failed) -> dict[str, Any]:
    """The answer of a batch: only these messages come again. Any other form would speak of all of them."""
    return {"batchItemFailures": [{"itemIdentifier": message} for message in sorted(failed)]}
