"""Ports Bells and Campaigns."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from provisioning.adapters.aws.clients import Clients
from provisioning.adapters.aws.queues import Queues, batches
from provisioning.adapters.memory.bells import MemoryBells
from provisioning.core.bell import Bell, Cause, read_bell
from provisioning.core.errors import TransientError
from tests.contracts.boxes import Box, MemoryBox, SqsBox, memory_pair, new_queue
from tests.contracts.samples import NOW

pytestmark = pytest.mark.asyncio(loop_scope="session")


@dataclass(frozen=True)
class Rig:
    """The ports, and the queues behind them."""

    port: MemoryBells | Queues
    boxes: Mapping[str, Box]

    def requests(self) -> Counter[str]:
        return Counter(self.port.requests)

    async def heard(self, queue: str) -> list[Bell]:
        """Every bell that can be had at once."""
        found: list[Bell] = []
        while messages := await self.boxes[queue].receive():
            for message in messages:
                found.append(read_bell(message.body))
                await self.boxes[queue].delete(message)
        return found


@pytest_asyncio.fixture(loop_scope="session")
async def rig(backend: Clients | None) -> Rig:
    kinds = {"identities": False, "campaign": False, "library": True, "wiki": True}
    if backend is None:
        made = {name: memory_pair(fifo).queue for name, fifo in kinds.items()}
        queues = {name: box.queue for name, box in made.items() if isinstance(box, MemoryBox)}
        deliver = {name: queues[name] for name in ("library", "wiki")}
        return Rig(MemoryBells(queues["identities"], deliver, queues["campaign"]), made)
    boxes = {name: await new_queue(backend, fifo) for name, fifo in kinds.items()}
    urls = {name: box.url for name, box in boxes.items()}
    deliver_urls = {name: urls[name] for name in ("library", "wiki")}
    return Rig(Queues(backend, urls["identities"], deliver_urls, urls["campaign"]), boxes)


def bell(identity: str, service: str | None = None, at: int | None = None) -> Bell:
    return Bell(identity, Cause.CLOCK, "trace/ü", service, at)


async def test_every_bell_reaches_the_queue_that_it_is_for(rig: Rig) -> None:
    bells = [bell("one"), bell("one", "library"), bell("one", "wiki"), bell("two", "wiki")]
    await rig.port.ring(bells, NOW)
    assert await rig.heard("identities") == [bells[0]]
    assert await rig.heard("library") == [bells[1]]
    assert await rig.heard("wiki") == [bells[2], bells[3]]


async def test_ten_bells_of_one_queue_are_one_request(rig: Rig) -> None:
    bells = [bell(f"i{number}", "library") for number in range(21)] + [bell(f"i{number}") for number in range(10)]
    before = rig.requests()
    await rig.port.ring(bells, NOW)
    assert rig.requests() - before == {"SendMessageBatch": 4}
    assert sorted(item.identity for item in await rig.heard("library")) == sorted(item.identity for item in bells[:21])
    assert len(await rig.heard("identities")) == 10


async def test_no_bells_are_no_request(rig: Rig) -> None:
    before = rig.requests()
    await rig.port.ring([], NOW)
    assert rig.requests() == before


async def test_the_same_bell_rings_as_often_as_it_is_rung(rig: Rig) -> None:
    same = bell("one", "library")
    await rig.port.ring([same, same], NOW)
    assert await rig.heard("library") == [same, same]
    await rig.port.ring([same], NOW)
    assert await rig.heard("library") == [same]


async def test_bells_of_one_identity_wait_for_each_other(rig: Rig) -> None:
    await rig.port.ring([bell("one", "library"), bell("two", "library")], NOW)
    (first,) = await rig.boxes["library"].receive(1)
    await rig.port.ring([bell("one", "library")], NOW)
    assert [read_bell(message.body).identity for message in await rig.boxes["library"].receive()] == ["two"]
    await rig.boxes["library"].delete(first)
    assert [item.identity for item in await rig.heard("library")] == ["one"]


async def test_a_bell_for_a_boundary_that_lies_ahead_is_heard_then(rig: Rig) -> None:
    await rig.port.ring([bell("ahead", at=NOW + 1), bell("past", at=NOW - 5), bell("now", at=NOW)], NOW)
    assert sorted(item.identity for item in await rig.heard("identities")) == ["now", "past"]
    assert [read_bell(message.body).identity for message in await rig.boxes["identities"].wait(5)] == ["ahead"]


async def test_a_bell_is_delayed_no_longer_than_the_queue_can(rig: Rig) -> None:
    await rig.port.ring([bell("one", at=NOW + 100_000)], NOW)
    assert await rig.heard("identities") == []


async def test_a_bell_for_a_service_that_is_not_deployed_is_told_and_holds_up_no_other(rig: Rig) -> None:
    with pytest.raises(TransientError, match="badges"):
        await rig.port.ring([bell("one", "badges"), bell("one", "library")], NOW)
    assert await rig.heard("library") == [bell("one", "library")]


async def test_a_campaign_goes_on_by_a_message(rig: Rig) -> None:
    await rig.port.continue_campaign('{"segment": 1}')
    (message,) = await rig.boxes["campaign"].receive()
    assert json.loads(message.body) == {"segment": 1}


async def test_batches_hold_ten_messages_and_one_mebibyte_in_their_order() -> None:
    bodies = ["ü" * (400 * 1024 // 2), "b", "c" * 700 * 1024, *"defghijklmnop"]
    made = list(batches([{"MessageBody": body} for body in bodies]))
    assert [entry["MessageBody"] for batch in made for entry in batch] == bodies
    assert [len(batch) for batch in made] == [2, 10, 4]
    assert [entry["Id"] for entry in made[2]] == ["0", "1", "2", "3"]


class Refusing:
    """Makes a queue's answers say that some messages were refused."""

    def __init__(self, *refusals: Sequence[str]) -> None:
        self.left = list(refusals)
        self.tried: list[list[str]] = []

    def before(self, params: Mapping[str, Any], **_: Any) -> None:
        self.tried.append([entry["Id"] for entry in json.loads(params["body"])["Entries"]])

    def after(self, parsed: dict[str, Any], **_: Any) -> None:
        for id_ in self.left.pop(0) if self.left else ():
            parsed.setdefault("Failed", []).append({"Id": id_, "Code": "InternalError", "SenderFault": False})


async def ring_refused(clients: Clients, refusing: Refusing) -> None:
    box: SqsBox = await new_queue(clients, fifo=True)
    events = box.client.meta.events
    events.register("before-call.sqs.SendMessageBatch", refusing.before)
    events.register("after-call.sqs.SendMessageBatch", refusing.after)
    try:
        await Queues(clients, box.url, {"library": box.url}).ring(
            [bell(f"i{number}", "library") for number in range(3)], NOW
        )
    finally:
        events.unregister("before-call.sqs.SendMessageBatch", refusing.before)
        events.unregister("after-call.sqs.SendMessageBatch", refusing.after)


async def test_only_what_a_queue_refused_is_sent_once_more(clients: Clients) -> None:
    refusing = Refusing(["1"])
    await ring_refused(clients, refusing)
    assert refusing.tried == [["0", "1", "2"], ["1"]]


async def test_what_a_queue_refuses_twice_is_told(clients: Clients) -> None:
    refusing = Refusing(["0", "1"], ["1"])
    with pytest.raises(TransientError, match="InternalError"):
        await ring_refused(clients, refusing)
    assert refusing.tried == [["0", "1", "2"], ["0", "1"]]
