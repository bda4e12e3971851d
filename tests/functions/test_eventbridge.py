"""A source whose messages come by a rule of EventBridge, which puts an envelope of its own around them."""

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
    "id": "registry", "format": "json", "channel": {"rules": ["arn:aws:events:us-east-1:123456789012:rule/personnel"]},
    "record": {"key": "number", "fields": {"name": "string"}, "attributes": {"login": "fields.name"}},
}  # fmt: skip
QUEUE = "campus-changes-registry"


@pytest.fixture(scope="module")
def events(deployed: Deployed) -> Any:
    """The bus, with a rule that sends what the IDMS says to the source's queue."""
    content = bundle(sources=[REGISTRY]).model_dump(mode="json", by_alias=True)
    deployed.run(lambda: wiring.policies().publish(canonical(content), digest_of(content)))

    async def make() -> Any:
        box = await new_queue(wiring.clients(), fifo=False)
        deployed.queues[QUEUE] = box
        held = await box.client.get_queue_attributes(QueueUrl=box.url, AttributeNames=["QueueArn"])
        bus: Any = await wiring.clients()._client("events")  # the engine needs no such client
        await bus.put_rule(Name="personnel", EventPattern=json.dumps({"source": ["personnel"]}))
        await bus.put_targets(Rule="personnel", Targets=[{"Id": "queue", "Arn": held["Attributes"]["QueueArn"]}])
        return bus

    return deployed.run(make)


def test_what_a_rule_hands_on_is_read_within_its_envelope(deployed: Deployed, events: Any) -> None:
    async def tell() -> Any:
        detail = json.dumps({"number": "7", "name": "ada"})
        entry = {"Source": "personnel", "DetailType": "person", "Detail": detail}
        other = {**entry, "Source": "somebody-else"}
        return await events.put_events(Entries=[entry, other])

    assert deployed.run(tell)["FailedEntryCount"] == 0
    (taken,) = deployed.take(QUEUE)
    assert json.loads(taken.body)["detail-type"] == "person"
    assert deployed.invoke(functions.receive.handler, handed(QUEUE, taken)) == {"batchItemFailures": []}

    async def login() -> Any:
        links = await wiring.table().links([("registry", "7")])
        holding = await wiring.table().holding(links[("registry", "7")])
        assert holding.identity is not None
        return holding.identity.records["registry"].attributes["login"]

    assert deployed.run(login) == "ada"
