"""The queue protocol over real queues: in memory, moto's SQS, and an emulator's where the environment names one."""

import json
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from provisioning.adapters.aws.clients import Clients
from provisioning.adapters.aws.publisher import Publisher
from provisioning.adapters.delivery.driver import Courier
from provisioning.adapters.memory.publisher import MemoryPublisher
from provisioning.adapters.memory.queues import MemoryQueue
from provisioning.core.account import Desired, Known, Phase
from provisioning.core.catalog import Service
from provisioning.protocols import queue
from provisioning.protocols.dialogue import Answer, Delivery, HttpRequest, Outcome

pytestmark = pytest.mark.asyncio(loop_scope="session")
VALUES = {"userName": "ann \u00e6\U0001f600", "badge": "12"}


@dataclass(frozen=True)
class Line:
    """A courier, the service whose queue it can reach, and what has arrived there."""

    courier: Courier
    service: Service
    receive: Callable[[], Awaitable[Sequence[str]]]


async def no_http(service: Service, request: HttpRequest, within: float) -> Answer:
    raise AssertionError("a queue is not called by HTTP")


def service(url: str) -> Service:
    return Service.model_validate({"id": "badge", "protocol": "queue", "endpoint": url, "account": {"userName": "x"}})


async def line(clients: Clients | None) -> Line:
    if clients is None:
        made = MemoryQueue(lambda: 0.0, fifo=True)

        async def remembered() -> Sequence[str]:
            messages = made.receive()
            assert all(made.delete(message.receipt) for message in messages)
            return [message.body for message in messages]

        return Line(Courier(no_http, MemoryPublisher({"q": made}).publish), service("q"), remembered)
    client: Any = await clients.sqs()
    attributes = {"FifoQueue": "true"}
    url = (await client.create_queue(QueueName=f"badge-{secrets.token_hex(8)}.fifo", Attributes=attributes))["QueueUrl"]

    async def received() -> Sequence[str]:
        answer = await client.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
        messages = answer.get("Messages", [])
        for message in messages:
            sent = {name: item["StringValue"] for name, item in message["MessageAttributes"].items()}
            assert sent == {"type": json.loads(message["Body"])["type"], "service": "badge"}
            await client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return [message["Body"] for message in messages]

    return Line(Courier(no_http, Publisher(clients).publish), service(url), received)


def delivery(phase: Phase, turn: int, *, look: bool = False) -> Delivery:
    desired = Desired(phase, {} if phase is Phase.ABSENT else VALUES, ("staff",) if phase is Phase.ACTIVE else ())
    return Delivery("identity-1", desired, Known(), look, f"operation-{turn}", turn)


async def test_each_change_is_one_cloud_event_and_a_repetition_is_the_same(backend: Clients | None) -> None:
    badge = await line(backend)
    for phase, turn in ((Phase.ACTIVE, 1), (Phase.SUSPENDED, 2), (Phase.ABSENT, 3)):
        known = []
        for look in (False, True):
            ending = await badge.courier.converse(
                badge.service, queue.deliver(badge.service, delivery(phase, turn, look=look))
            )
            assert ending.outcome is Outcome.DONE, ending
            known.append(ending.known)
        assert known[0] == known[1]
        assert (known[0].phase, known[0].remote_id) == (phase, None)
        body, again = await badge.receive()
        assert body == again
        event = json.loads(body)
        assert event["data"].pop("values") == ({} if phase is Phase.ABSENT else VALUES)
        assert event == {
            "specversion": "1.0",
            "id": f"operation-{turn}",
            "source": "/provisioning/badge",
            "type": f"account.{phase.value}",
            "subject": "identity-1",
            "datacontenttype": "application/json",
            "data": {
                "identity": "identity-1",
                "phase": phase.value,
                "strengths": {},
                "groups": ["staff"] if phase is Phase.ACTIVE else [],
                "turn": turn,
            },
        }


async def test_the_message_says_which_values_are_not_for_every_account() -> None:
    badge = await line(None)
    desired = Desired(Phase.ACTIVE, {**VALUES, "locale": "nl", "title": "Dr"}, once=frozenset({"locale", "x"}),
                      fill=frozenset({"title", "y"}))  # fmt: skip
    request = Delivery("identity-1", desired, Known(), False, "operation-1", 1)
    ending = await badge.courier.converse(badge.service, queue.deliver(badge.service, request))
    assert (ending.known.values, ending.known.filled) == (VALUES, ("title",))
    (body,) = await badge.receive()
    data = json.loads(body)["data"]
    assert (data["values"], data["strengths"]) == (dict(desired.values), {"locale": "create", "title": "fill"})


async def test_a_queue_that_does_not_exist_leaves_no_doubt_and_nothing_done(backend: Clients | None) -> None:
    badge = await line(backend)
    nowhere = service("nowhere" if backend is None else badge.service.endpoint.replace("badge-", "nobadge-"))
    ending = await badge.courier.converse(nowhere, queue.deliver(nowhere, delivery(Phase.ACTIVE, 1)))
    assert (ending.outcome, ending.known) == (Outcome.TRANSIENT, Known())
    assert ending.reason
