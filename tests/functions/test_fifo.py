"""A source without versions, whose messages come in order: what it said last is what is so."""

import json
from typing import Any

import pytest

import functions.receive
from provisioning.core.wire import canonical, digest_of
from provisioning.runtime import wiring
from tests.contracts.boxes import new_queue
from tests.functions.conftest import Deployed
from tests.functions.events import handed
from tests.stages.tenant import bundle

REGISTRY = {
    "id": "registry", "format": "json", "channel": {"fifo": True},
    "record": {
        "key": "number", "fields": {"name": "string"}, "attributes": {"login": "fields.name", "name": "fields.name"},
        "affiliations": [],
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def topic(deployed: Deployed) -> str:
    content = bundle(sources=[REGISTRY]).model_dump(mode="json", by_alias=True)
    deployed.run(lambda: wiring.policies().publish(canonical(content), digest_of(content)))

    async def make() -> str:
        box = await new_queue(wiring.clients(), fifo=True)
        deployed.queues["campus-changes-registry"] = box
        client: Any = await wiring.clients().sns()
        made = await client.create_topic(Name="campus-changes-registry.fifo", Attributes={"FifoTopic": "true"})
        arn = (await box.client.get_queue_attributes(QueueUrl=box.url, AttributeNames=["QueueArn"]))["Attributes"]
        await client.subscribe(
            TopicArn=made["TopicArn"], Protocol="sqs", Endpoint=arn["QueueArn"],
            Attributes={"RawMessageDelivery": "true"},
        )  # fmt: skip
        return str(made["TopicArn"])

    return deployed.run(make)


def publish(deployed: Deployed, topic: str, number: str, *names: str) -> None:
    async def send() -> None:
        client: Any = await wiring.clients().sns()
        for turn, name in enumerate(names):
            await client.publish(
                TopicArn=topic, Message=json.dumps({"number": number, "name": name}), MessageGroupId=number,
                MessageDeduplicationId=f"{number}-{turn}",
            )  # fmt: skip

    deployed.run(send)


def login(deployed: Deployed, key: str) -> Any:
    async def read() -> Any:
        links = await wiring.table().links([("registry", key)])
        holding = await wiring.table().holding(links[("registry", key)])
        assert holding.identity is not None
        return holding.identity.records["registry"].attributes["login"]

    return deployed.run(read)


def receive(deployed: Deployed) -> None:
    taken = deployed.take("campus-changes-registry")
    event = handed("campus-changes-registry", *taken)
    assert deployed.invoke(functions.receive.handler, event) == {"batchItemFailures": []}


def test_what_was_published_last_is_so_also_where_an_earlier_state_comes_back(deployed: Deployed, topic: str) -> None:
    publish(deployed, topic, "7", "ada", "countess", "ada")
    receive(deployed)
    assert login(deployed, "7") == "ada"
    publish(deployed, topic, "8", "first", "second")
    publish(deployed, topic, "9", "other")
    receive(deployed)
    assert (login(deployed, "8"), login(deployed, "9")) == ("second", "other")
