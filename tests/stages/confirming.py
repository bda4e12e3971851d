"""A tenant whose badge system confirms what it was told of."""

import json
from typing import Any

from provisioning.core.confirmation import open_ticket
from provisioning.stages.feedback import Feedback, feedback
from provisioning.stages.message import Failed, Message
from tests.stages.bench import Bench, decided

DEADLINE = 600  # seconds


async def told(*, people: int = 1, sends: int = 3, **services: dict[str, Any]) -> Bench:
    """Visitors of whose badges the SP was told, and which it is to confirm; no bell is on its way."""
    badges = {"queue": {"confirm": "PT10M", "sends": sends}}
    bench = await decided("visitor", people=people, services={"badges": badges, **services})
    await bench.deliver("badges", *(f"p{number + 1}" for number in range(people)))
    bench.drain()
    return bench


def operation(bench: Bench, key: str = "p1") -> str:
    """What the account waits for the confirmation of."""
    ticket = open_ticket(bench.account("badges", key))
    assert ticket is not None
    return ticket.operation


def word(
    bench: Bench, status: str = "done", key: str = "p1", *, again: bool = False, origin: str = "badges", **fields: Any
) -> Message:
    said = {"operation": fields.pop("operation", None) or operation(bench, key), "status": status, **fields}
    body = json.dumps({"identity": bench.identity(key).id, **said})
    return Message(f"word-{key}-{status}", body, origin, again)


async def hear(bench: Bench, *messages: Message) -> Failed:
    shell = Feedback(bench.store, bench.process.policies, bench.bells, bench.say)
    return await feedback(shell, messages, int(bench.now))


def sent(bench: Bench) -> list[str]:
    """The operations of all messages to the SP."""
    return [operation for service, _, operation in bench.calls if service == "badges"]


async def wait_for(bench: Bench) -> None:
    """Let the clock come to when the account is due, and what follows from it to an end."""
    due_at = bench.account("badges").due_at
    assert due_at is not None
    bench.now = due_at
    await bench.deliver("badges")
    bench.drain()
