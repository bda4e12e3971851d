"""feedback, deployed on the emulator: told by a topic, fetched by reference, confirmed on a queue, settled."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

import functions.deliver
import functions.feedback
import functions.receive
from provisioning.core.account import Account, Condition
from provisioning.core.wire import canonical, digest_of
from provisioning.runtime import wiring
from tests.contracts.boxes import new_queue
from tests.contracts.test_topics import Consumer, new_topic
from tests.functions.conftest import Deployed, forget
from tests.functions.events import batch, handed, record
from tests.stages.tenant import bundle, data, event

NOTHING_FAILED: dict[str, Any] = {"batchItemFailures": []}
FEEDBACK = "campus-feedback-badges"


@pytest.fixture(scope="session")
def endpoint(emulator_endpoint: str) -> str:
    """Also where the other functions are tried on something else."""
    return emulator_endpoint


@pytest.fixture(scope="module")
def confirming(deployed: Deployed) -> Iterator[Deployed]:
    """A badge system that listens to a topic, takes small messages, and is to confirm on a queue of ours."""

    async def make() -> str:
        clients = wiring.clients()
        deployed.queues[FEEDBACK] = await new_queue(clients, fifo=False)
        return await new_topic(clients, deployed.queues["badge-system"], fifo=False, service="badges")

    topic = deployed.run(make)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PROVISIONING_FEEDBACK_QUEUES", json.dumps({FEEDBACK: "badges"}))
        forget(wiring.clients)
        options = {"confirm": "PT10M", "largest": 1024}
        mapped = {"login": "person.login", "name": "person.name"}
        badges = {"endpoint": topic, "queue": options, "account": mapped}
        content = bundle({"badges": badges}).model_dump(mode="json", by_alias=True)
        deployed.run(lambda: wiring.policies().publish(canonical(content), digest_of(content)))
        yield deployed


def account(deployed: Deployed, key: str) -> Account:
    async def look() -> Account:
        links = await wiring.table().links([("registry", key)])
        holding = await wiring.table().holding(links["registry", key])
        return holding.accounts["badges"]

    return deployed.run(look)


def test_an_account_is_settled_by_its_sp_s_own_word(confirming: Deployed) -> None:
    long, short = "n" * 1500, "Ann"
    people = [record(event(data(key, 1, "visitor", name=name)), key) for key, name in (("f1", long), ("f2", short))]
    assert confirming.invoke(functions.receive.handler, batch(*people)) == NOTHING_FAILED
    assert confirming.invoke(functions.deliver.handler, handed("badges", *confirming.take("badges"))) == NOTHING_FAILED
    assert {account(confirming, key).condition for key in ("f1", "f2")} == {Condition.UNKNOWN}

    events = [json.loads(taken.body) for taken in confirming.take("badge-system")]
    assert sorted("dataref" in each for each in events) == [False, True]
    consumer = Consumer()
    for each in events:
        asyncio.run(consumer.take(json.dumps(each)))
    assert {held["values"]["name"] for held in consumer.held.values()} == {long, short}

    words = [
        {"operation": each["id"], "identity": each["subject"], "status": "done", "remote_id": f"b-{number}"}
        for number, each in enumerate(events)
    ]

    async def confirm() -> None:
        for body in ("not a confirmation", *map(json.dumps, words)):
            await confirming.queues[FEEDBACK].send(body)

    confirming.run(confirm)
    taken = confirming.take(FEEDBACK)
    assert len(taken) == 3
    assert confirming.invoke(functions.feedback.handler, handed(FEEDBACK, *taken)) == NOTHING_FAILED
    settled = [account(confirming, key) for key in ("f1", "f2")]
    assert {each.condition for each in settled} == {Condition.SETTLED}
    assert {each.known.remote_id for each in settled} == {"b-0", "b-1"}
    assert confirming.invoke(functions.feedback.handler, handed(FEEDBACK, *taken)) == NOTHING_FAILED
    assert [account(confirming, key).revision for key in ("f1", "f2")] == [each.revision for each in settled]
