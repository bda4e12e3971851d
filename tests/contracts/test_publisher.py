"""Publishing to an SP's queue, and the secrets of services."""

import json
from secrets import token_hex
from typing import Any

import pytest

from provisioning.adapters.aws.clients import Clients
from provisioning.adapters.aws.publisher import Publisher
from provisioning.adapters.aws.secrets import StoredSecrets
from provisioning.adapters.memory.publisher import MemoryPublisher
from provisioning.adapters.memory.queues import MemoryQueue
from provisioning.adapters.memory.secrets import MemorySecrets
from provisioning.core.catalog import Service
from provisioning.core.errors import TransientError
from provisioning.protocols.dialogue import Accepted, Publish, Unanswered
from tests.contracts.backends import REGION
from tests.contracts.boxes import Box, MemoryBox, new_queue

pytestmark = pytest.mark.asyncio(loop_scope="session")

MESSAGE = Publish("operation-1", "identity-1", '{"name": "Ζωή"}', {"type": "account.changed"})


def service(endpoint: str) -> Service:
    return Service.model_validate(
        {"id": "badges", "protocol": "queue", "endpoint": endpoint, "account": {"userName": "person.login"}}
    )


async def rig(backend: Clients | None, fifo: bool) -> tuple[Publisher | MemoryPublisher, Service, Box]:
    if backend is None:
        queue = MemoryQueue(lambda: 0.0, fifo=fifo)
        return MemoryPublisher({"url": queue}), service("url"), MemoryBox(queue, [0.0])
    box = await new_queue(backend, fifo)
    return Publisher(backend), service(box.url), box


@pytest.mark.parametrize("fifo", [False, True])
async def test_a_message_reaches_the_queue_at_the_services_endpoint(backend: Clients | None, fifo: bool) -> None:
    publisher, to, box = await rig(backend, fifo)
    assert await publisher.publish(to, MESSAGE) == Accepted()
    assert [message.body for message in await box.receive()] == [MESSAGE.body]
    assert publisher.requests == {"SendMessage": 1}


async def test_what_is_sent_again_reaches_a_fifo_queue_again(backend: Clients | None) -> None:
    """Its receiver may have lost the first; it knows a repetition by the event's id."""
    publisher, to, box = await rig(backend, fifo=True)
    for _ in range(2):
        assert await publisher.publish(to, MESSAGE) == Accepted()
    assert [message.body for message in await box.receive()] == [MESSAGE.body] * 2


async def test_attributes_travel_beside_the_body(clients: Clients) -> None:
    box = await new_queue(clients, fifo=False)
    await Publisher(clients).publish(service(box.url), MESSAGE)
    answer = await box.client.receive_message(QueueUrl=box.url, MessageAttributeNames=["All"])
    (message,) = answer["Messages"]
    assert message["MessageAttributes"]["type"]["StringValue"] == "account.changed"


async def test_a_queue_that_is_not_there_has_surely_not_heard(backend: Clients | None) -> None:
    publisher = MemoryPublisher({}) if backend is None else Publisher(backend)
    answer = await publisher.publish(service("http://127.0.0.1:1/000000000000/none"), MESSAGE)
    assert isinstance(answer, Unanswered)
    assert not answer.sent


async def test_a_queue_that_does_not_answer_may_have_heard(credentials: None) -> None:
    clients = Clients("http://127.0.0.1:1", REGION)
    answer = await Publisher(clients).publish(service("http://127.0.0.1:1/000000000000/none"), MESSAGE)
    assert answer == Unanswered("SendMessage: EndpointConnectionError", sent=True)
    await clients.close()


async def test_a_queue_that_refused_a_repetition_may_have_heard_the_first(clients: Clients) -> None:
    client: Any = await clients.sqs()
    attempts: list[int] = []

    def lose_the_first(**_: Any) -> int | None:
        attempts.append(1)
        return 0 if len(attempts) == 1 else None

    client.meta.events.register_first("needs-retry.sqs.SendMessage", lose_the_first)
    try:
        answer = await Publisher(clients).publish(service("http://127.0.0.1:1/000000000000/none"), MESSAGE)
    finally:
        client.meta.events.unregister("needs-retry.sqs.SendMessage", lose_the_first)
    assert isinstance(answer, Unanswered)
    assert answer.sent


async def test_a_secret_is_read_by_its_name_and_read_anew_each_time(backend: Clients | None) -> None:
    name = f"secret/{token_hex(8)}"
    if backend is None:
        values = {name: "one"}
        in_memory = MemorySecrets(values)
        assert await in_memory.read(name) == "one"
        values[name] = "two"
        assert await in_memory.read(name) == "two"
        return
    client = await backend.secretsmanager()
    await client.create_secret(Name=name, SecretString="one")
    stored = StoredSecrets(backend)
    assert await stored.read(name) == "one"
    await client.put_secret_value(SecretId=name, SecretString="two")
    assert await stored.read(name) == "two"
    assert stored.requests == {"GetSecretValue": 2}


async def test_a_secret_that_is_not_there_is_a_transient_failure_that_names_it(backend: Clients | None) -> None:
    secrets = MemorySecrets({}) if backend is None else StoredSecrets(backend)
    with pytest.raises(TransientError, match="library-token"):
        await secrets.read("library-token")


async def test_a_secret_without_text_is_told(clients: Clients) -> None:
    name = f"secret-{token_hex(8)}"
    client = await clients.secretsmanager()
    await client.create_secret(Name=name, SecretBinary=json.dumps({}).encode())
    with pytest.raises(TransientError, match="no text"):
        await StoredSecrets(clients).read(name)
