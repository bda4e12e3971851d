"""Events as deployed: the table's stream starts notify on the embedded AWS, and a queue listens to the topic.

The emulator reads the stream, filters it and starts the function. It does not retry from the entry that failed, does
not cut batches and has no dead letters for streams: those settings are tried nowhere but by AWS itself.
"""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from localstack import emulator
from provisioning.adapters.aws.clients import Clients as EngineClients
from provisioning.adapters.aws.history import StoredHistory
from provisioning.adapters.aws.objects import Objects
from provisioning.adapters.aws.rejections import KeptRejections
from provisioning.adapters.aws.rows import Rows
from provisioning.core.catalog import Bundle, Subscriber
from provisioning.core.occurrence import Type
from provisioning.stages.notify import STREAM
from tests.local.running import Stage, deployed, until, with_badges
from tests.stages.streaming import Rebuilt
from tests.stages.tenant import affiliation

pytestmark = [
    pytest.mark.skipif(not emulator.installed(), reason="the emulator is not installed: make setup"),
    pytest.mark.xdist_group("emulator"),
]


def tenant() -> Bundle:
    phone_book = Subscriber(id="phone-book", form="full", types=(Type.ACCOUNT_CREATED,), attributes=("login",))
    return with_badges("told", [{"id": "registry"}]).model_copy(update={"subscribers": (phone_book,)})


@pytest.fixture
async def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    async with deployed(tenant(), tmp_path, monkeypatch, {}) as stage:
        yield stage


class Listener:
    """A queue that is subscribed to the topic of all events, and what it heard so far."""

    def __init__(self, stage: Stage, url: str) -> None:
        self._stage, self._url = stage, url
        self.events: list[dict[str, Any]] = []

    async def hears(self, kind: str) -> bool:
        """Whether an event of that type came, up to now."""
        taken = await self._stage.clients.sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10)
        for message in taken.get("Messages", []):
            self.events.append(json.loads(message["Body"]))
            await self._stage.clients.sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return any(event["type"] == kind for event in self.events)


async def listen(stage: Stage, topic: str) -> Listener:
    url = (await stage.clients.sqs.create_queue(QueueName=f"listens-to-{topic}"))["QueueUrl"]
    arn = await stage.clients.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    await stage.clients.sns.subscribe(
        TopicArn=stage.deployment.outputs[topic], Protocol="sqs", Endpoint=arn["Attributes"]["QueueArn"],
        Attributes={"RawMessageDelivery": "true"},
    )  # fmt: skip
    return Listener(stage, url)


async def publish(stage: Stage, version: int, *kinds: str) -> None:
    content = {"key": "p1", "version": version, "attributes": {"login": "ada", "name": "Ada"}}
    event = {
        "specversion": "1.0",
        "id": f"p1.{version}",
        "data": {**content, "affiliations": list(map(affiliation, kinds))},
    }
    await stage.clients.sns.publish(TopicArn=stage.deployment.topic("registry"), Message=json.dumps(event))


async def test_what_becomes_of_a_person_is_heard_and_remembered_and_a_poison_item_stops_nobody(stage: Stage) -> None:
    listener, phone_book = await listen(stage, "EventsTopic"), await listen(stage, "EventsPhoneBookTopic")
    engine = EngineClients(stage.clients.endpoint, emulator.REGION)
    rows = Rows(engine, stage.deployment.outputs["Table"])
    await rows.put({"pk": {"S": "I#x"}, "sk": {"S": "A#badges"}, "r": {"N": "1"}, "q": {"N": "1"}, "b": {"B": b"?"}})
    await publish(stage, 1, "visitor")
    await until(lambda: listener.hears("account.created"))
    await until(lambda: phone_book.hears("account.created"))
    assert [event["data"]["values"] for event in phone_book.events] == [{"login": "ada"}]
    assert not any("values" in event["data"] for event in listener.events)
    await publish(stage, 2)
    await until(lambda: listener.hears("account.removed"))

    person = await stage.person("registry", "p1")
    assert person is not None
    heard = Rebuilt().hear(listener.events)
    assert heard.live == {person.id: True}
    assert heard.accounts == {(person.id, "badges"): ("absent", "settled")}
    entries = await StoredHistory(rows).entries(person.id)
    said = {(each.type.value, each.causes) for entry in entries for each in entry.said}
    assert {("identity.created", ("registry",)), ("entitlement.granted", ("visitors",))} <= said
    kept = await KeptRejections(rows, Objects(engine, stage.deployment.outputs["Bucket"])).rejections(STREAM, 10)
    assert [each.reason.split(":")[0] for each in kept] == ["I#x A#badges"]
    await engine.close()
