"""Topics, references to what is too large, and what queues and topics refuse: moto's and an emulator's, on the wire."""

import hashlib
import json
from collections.abc import Sequence
from secrets import token_hex
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from provisioning.adapters.aws.clients import Clients
from provisioning.adapters.aws.objects import Objects
from provisioning.adapters.aws.publisher import Deposits, Publisher
from provisioning.adapters.delivery.driver import Courier
from provisioning.core.account import Desired, Known, Phase
from provisioning.core.catalog import Service
from provisioning.core.gate import Heard
from provisioning.protocols import queue
from provisioning.protocols.dialogue import (
    Accepted,
    Answer,
    Delivery,
    Ending,
    HttpRequest,
    Outcome,
    Publish,
    Unanswered,
)
from provisioning.protocols.ending import heard
from tests.contracts.backends import REGION, new_bucket
from tests.contracts.boxes import SqsBox, new_queue

pytestmark = pytest.mark.asyncio(loop_scope="session")
LARGE = {"userName": "ann æ😀", "photo": "x" * 300_000}
SMALL = {"userName": "ann æ😀"}


class Consumer:
    """An SP as the protocol asks for it: it fetches what is referred to, and keeps the highest turn."""

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self.held: dict[str, dict[str, Any]] = {}

    async def take(self, body: str) -> None:
        event = json.loads(body)
        if event["id"] in self.seen:
            return
        data = event.get("data") or await self._fetch(event)
        held = self.held.get(event["subject"])
        if held is None or held["turn"] < data["turn"]:
            self.held[event["subject"]] = data
        self.seen.add(event["id"])

    async def _fetch(self, event: dict[str, Any]) -> dict[str, Any]:
        async with aiohttp.ClientSession() as session, session.get(event["dataref"]) as answer:
            assert answer.status == 200
            content = await answer.read()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (event["datasize"], event["datasha256"])
        data: dict[str, Any] = json.loads(content)
        return data


async def no_http(service: Service, request: HttpRequest, within: float) -> Answer:
    raise AssertionError("a queue is not called by HTTP")


def service(endpoint: str, **options: Any) -> Service:
    fields = {"id": "badge", "protocol": "queue", "endpoint": endpoint, "account": {"userName": "x"}}
    return Service.model_validate({**fields, "queue": options})


async def new_topic(clients: Clients, box: SqsBox, *, fifo: bool, service: str = "badge") -> str:
    """A topic to which a queue is subscribed, for changes of accounts of one service only."""
    client: Any = await clients.sns()
    attributes = {"FifoTopic": "true", "ContentBasedDeduplication": "false"} if fifo else {}
    name = f"topic-{token_hex(8)}{'.fifo' if fifo else ''}"
    arn = str((await client.create_topic(Name=name, Attributes=attributes))["TopicArn"])
    queue_arn = (await box.client.get_queue_attributes(QueueUrl=box.url, AttributeNames=["QueueArn"]))["Attributes"]
    await client.subscribe(
        TopicArn=arn,
        Protocol="sqs",
        Endpoint=queue_arn["QueueArn"],
        Attributes={"RawMessageDelivery": "true", "FilterPolicy": json.dumps({"service": [service]})},
    )
    return arn


async def send(
    clients: Clients, to: Service, values: dict[str, Any], turn: int = 1, bucket: str = ""
) -> tuple[Ending, Publisher, Objects]:
    publisher, objects = Publisher(clients), Objects(clients, bucket or await new_bucket(clients))
    courier = Courier(no_http, publisher.publish, keep=Deposits(objects).keep)
    desired = Desired(Phase.ACTIVE, values, ("staff",))
    request = Delivery("identity-1", desired, Known(), False, f"operation-{turn}", turn)
    return await courier.converse(to, queue.deliver(to, request)), publisher, objects


async def bodies(box: SqsBox) -> Sequence[str]:
    found: list[str] = []
    while taken := await box.receive():  # a FIFO queue hands out one group's messages as it likes
        for item in taken:
            found.append(item.body)
            await box.delete(item)
    return found


@pytest.mark.parametrize("fifo", [False, True])
async def test_a_topic_hands_on_what_was_published_to_who_asked_for_it(clients: Clients, fifo: bool) -> None:
    box = await new_queue(clients, fifo=fifo)
    topic = await new_topic(clients, box, fifo=fifo)
    consumer = Consumer()
    for _ in range(2):  # a repetition arrives, and is known by its id
        ending, publisher, _ = await send(clients, service(topic), SMALL)
        assert ending.outcome is Outcome.DONE, ending
        assert publisher.requests == {"Publish": 1}
    other = service(topic).model_copy(update={"id": "library"})
    await send(clients, other, SMALL, turn=2)
    taken = await bodies(box)
    assert len(taken) == 2, "what is of another service was filtered out"
    for body in taken:
        await consumer.take(body)
    assert len(consumer.seen) == 1
    assert consumer.held["identity-1"]["values"] == SMALL


@pytest.mark.parametrize("fifo", [False, True])
async def test_what_no_message_holds_is_fetched_with_the_reference_and_nothing_else(
    clients: Clients, fifo: bool
) -> None:
    box = await new_queue(clients, fifo=fifo)
    ending, publisher, objects = await send(clients, service(box.url), LARGE)
    assert ending.outcome is Outcome.DONE, ending
    assert (publisher.requests, objects.requests) == ({"SendMessage": 1}, {"PutObject": 1})
    (body,) = await bodies(box)
    assert len(body) < 5000
    consumer = Consumer()
    await consumer.take(body)
    assert consumer.held["identity-1"]["values"] == LARGE


async def test_a_reference_says_how_long_it_is_good_and_names_one_object(clients: Clients) -> None:
    box = await new_queue(clients, fifo=False)
    await send(clients, service(box.url, reference="PT2H"), LARGE)
    (body,) = await bodies(box)
    reference = json.loads(body)["dataref"]
    assert "X-Amz-Expires=7200" in reference
    assert "/deliveries/badge/operation-1?" in reference
    assert "X-Amz-Algorithm=AWS4-HMAC-SHA256" in reference


async def test_where_the_bucket_is_not_there_nothing_is_sent(clients: Clients) -> None:
    box = await new_queue(clients, fifo=False)
    ending, publisher, _ = await send(clients, service(box.url), LARGE, bucket="no-such-bucket-of-ours")
    assert ending.outcome is Outcome.TRANSIENT
    assert "NoSuchBucket" in ending.reason
    assert publisher.requests == {}
    assert await bodies(box) == []


async def test_messages_that_come_in_the_wrong_order_leave_the_newest(clients: Clients) -> None:
    box = await new_queue(clients, fifo=False)
    for turn in (3, 1, 2):
        await send(clients, service(box.url), {"userName": f"name-{turn}"}, turn)
    consumer = Consumer()
    for body in await bodies(box):
        await consumer.take(body)
    assert consumer.held["identity-1"]["values"] == {"userName": "name-3"}


async def test_a_topic_that_is_not_there_has_surely_not_heard(clients: Clients) -> None:
    to = service("arn:aws:sns:eu-west-1:000000000000:no-such-topic")
    answer = await Publisher(clients).publish(to, Publish("o", "i", "{}", {"type": "x"}))
    assert isinstance(answer, Unanswered)
    assert not answer.sent
    assert answer.reason.startswith("Publish: NotFound")


async def test_a_queue_that_takes_only_smaller_messages_has_surely_not_heard(emulator_clients: Clients) -> None:
    box = await new_queue(emulator_clients, fifo=False, attributes={"MaximumMessageSize": "1024"})
    ending, _, _ = await send(emulator_clients, service(box.url), {"userName": "x" * 2000})
    assert (ending.outcome, ending.reason) == (Outcome.TRANSIENT, "SendMessage: InvalidParameterValue")
    ending, _, _ = await send(emulator_clients, service(box.url, largest=1024), {"userName": "x" * 2000})
    assert ending.outcome is Outcome.DONE, "it is told how much the queue takes, so the values are kept elsewhere"


REFUSALS = {
    "AccessDeniedException": (403, Unanswered("SendMessage: AccessDeniedException", sent=False)),
    # These are tried again by the SDK, so an attempt before may have arrived.
    "RequestThrottled": (403, Unanswered("SendMessage: RequestThrottled", sent=True, throttled=True)),
    "ThrottlingException": (400, Unanswered("SendMessage: ThrottlingException", sent=True, throttled=True)),
    "ServiceUnavailable": (503, Unanswered("SendMessage: ServiceUnavailable", sent=True)),
}


@pytest.mark.parametrize("code", REFUSALS)
async def test_what_the_service_refuses_is_classified_by_its_code(code: str, credentials: None) -> None:
    status, expected = REFUSALS[code]

    async def refuse(_request: web.Request) -> web.Response:
        body = json.dumps({"__type": f"com.amazonaws.sqs#{code}", "message": "secret-value refused"})
        return web.Response(status=status, text=body, content_type="application/x-amz-json-1.0")

    application = web.Application()
    application.router.add_route("*", "/{any:.*}", refuse)
    async with TestServer(application) as server:
        clients = Clients(str(server.make_url("/")), REGION)
        to = service(str(server.make_url("/000000000000/badges")))
        answer = await Publisher(clients).publish(to, Publish("o", "i", "{}"))
        await clients.close()
    assert answer == expected
    assert "secret-value" not in str(answer)
    assert heard(answer) is (Heard.THROTTLED if expected.throttled else Heard.SICK)


async def test_an_endpoint_that_names_no_queue_is_told_and_nothing_is_sent(clients: Clients) -> None:
    answer = await Publisher(clients).publish(service("https://sp.example"), Publish("o", "i", "{}"))
    assert isinstance(answer, Unanswered)
    assert not answer.sent
    assert "ARN" in answer.reason


async def test_a_queue_by_its_arn_is_the_queue_by_its_url(clients: Clients) -> None:
    box = await new_queue(clients, fifo=False)
    found = await box.client.get_queue_attributes(QueueUrl=box.url, AttributeNames=["QueueArn"])
    arn = str(found["Attributes"]["QueueArn"])
    assert await Publisher(clients).publish(service(arn), Publish("o", "i", "{}", {"type": "x"})) == Accepted()
    assert await bodies(box) == ["{}"]
