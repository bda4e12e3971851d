"""Events to topics and queues: moto's and an emulator's, on the wire; and the same port in memory."""

import json
from collections.abc import Sequence
from secrets import token_hex
from typing import Any

import pytest

from provisioning.adapters.aws.announcer import Announcer
from provisioning.adapters.aws.clients import Clients
from provisioning.adapters.memory.notifying import MemoryAnnouncements
from provisioning.core.event import LARGEST, Announced, Refusal
from tests.contracts.boxes import SqsBox, new_queue

pytestmark = pytest.mark.asyncio(loop_scope="session")


def announced(number: int, body: str = "{}", **attributes: str | tuple[str, ...]) -> Announced:
    return Announced(f"e{number}", f"p{number % 2}", body, {"type": "account.created", **attributes})


async def new_topic(clients: Clients, queue: SqsBox, policy: dict[str, Any] | None = None, fifo: bool = False) -> str:
    """A topic that hands what it gets to a queue, by the policy of a filter."""
    topics = await clients.sns()
    attributes = {"FifoTopic": "true"} if fifo else {}
    topic = await topics.create_topic(Name=f"topic-{token_hex(6)}{'.fifo' if fifo else ''}", Attributes=attributes)
    arn = await queue.client.get_queue_attributes(QueueUrl=queue.url, AttributeNames=["QueueArn"])
    subscription = {"RawMessageDelivery": "true"} | ({"FilterPolicy": json.dumps(policy)} if policy else {})
    await topics.subscribe(
        TopicArn=topic["TopicArn"], Protocol="sqs", Endpoint=arn["Attributes"]["QueueArn"], Attributes=subscription,
    )  # fmt: skip
    return topic["TopicArn"]


async def received(queue: SqsBox, count: int) -> list[str]:
    """So many messages, in the order in which they came."""
    found: list[str] = []
    while len(found) < count:
        taken = await queue.wait(5)
        assert taken, f"{len(found)} of {count} came"
        for each in taken:
            found.append(each.body)
            await queue.delete(each)
    return found


async def test_every_event_arrives_and_ten_are_one_request(clients: Clients) -> None:
    queue, announcer = await new_queue(clients, fifo=False), Announcer(clients)
    topic = await new_topic(clients, queue)
    events = [announced(number, json.dumps({"n": number})) for number in range(23)]
    assert await announcer.announce(topic, events) == {}
    assert sorted(await received(queue, 23)) == sorted(each.body for each in events)
    assert announcer.requests == {"PublishBatch": 3}


async def test_subscribers_filter_by_type_service_and_source(clients: Clients) -> None:
    queue, announcer = await new_queue(clients, fifo=False), Announcer(clients)
    policy = {"type": [{"prefix": "account."}], "service": ["wiki"], "sources": ["registry"]}
    topic = await new_topic(clients, queue, policy)
    wanted = announced(1, "wanted", service="wiki", sources=("hr", "registry"))
    others = [
        announced(2, "b", service="wiki", sources=("hr",)),
        announced(3, "c", service="library", sources=("registry",)),
    ]
    assert await announcer.announce(topic, [*others, wanted]) == {}
    assert await received(queue, 1) == ["wanted"]
    assert await queue.receive() == []


async def test_a_queue_hears_as_a_topic_does(clients: Clients) -> None:
    queue, announcer = await new_queue(clients, fifo=False), Announcer(clients)
    assert await announcer.announce(queue.url, [announced(1, "a"), announced(2, "b")]) == {}
    assert sorted(await received(queue, 2)) == ["a", "b"]
    assert announcer.requests == {"SendMessageBatch": 1}


async def test_where_order_is_kept_an_event_that_comes_again_is_received_once(clients: Clients) -> None:
    queue, announcer = await new_queue(clients, fifo=True), Announcer(clients)
    events = [announced(2 * number, str(number)) for number in range(12)]
    assert await announcer.announce(queue.url, events) == {}
    assert await announcer.announce(queue.url, events[:3]) == {}
    assert await received(queue, 12) == [str(number) for number in range(12)]
    assert await queue.receive() == []


async def test_large_events_are_sent_in_requests_of_their_own(clients: Clients) -> None:
    queue, announcer = await new_queue(clients, fifo=False), Announcer(clients)
    events = [announced(number, "x" * (LARGEST // 3)) for number in range(4)]
    assert await announcer.announce(queue.url, events) == {}
    assert announcer.requests == {"SendMessageBatch": 2}


async def test_what_cannot_be_sent_is_said_of_every_event(clients: Clients) -> None:
    events = [announced(number) for number in range(12)]
    topic = "arn:aws:sns:eu-west-1:123456789012:no-such-topic"
    refused = await Announcer(clients).announce(topic, events)
    assert refused.keys() == {each.id for each in events}
    assert all("NotFound" in refusal.reason and not refusal.lasting for refusal in refused.values())
    queue = await new_queue(clients, fifo=True)
    gone = queue.url.replace(".fifo", "x.fifo")
    assert len(await Announcer(clients).announce(gone, events)) == 12


class Answering:
    """A client of SNS that says which entries of a batch it does not take, as the service does for those alone."""

    def __init__(self, failed: Sequence[str], code: str = "InternalError", *, sender: bool = False) -> None:
        self.failed, self.sent, self.code, self.sender = failed, list[list[dict[str, Any]]](), code, sender

    async def sns(self, region: str | None = None) -> "Answering":
        return self

    async def sqs(self, region: str | None = None) -> "Answering":
        return self

    async def publish_batch(self, TopicArn: str, PublishBatchRequestEntries: list[dict[str, Any]]) -> Any:  # noqa: N803
        self.sent.append(PublishBatchRequestEntries)
        failed = [each for each in PublishBatchRequestEntries if each["Message"] in self.failed]
        return {"Failed": [{"Id": each["Id"], "Code": self.code, "SenderFault": self.sender} for each in failed]}


async def test_of_a_batch_those_alone_are_refused_that_were() -> None:
    client: Any = Answering(["3", "11"])
    events = [announced(number, str(number)) for number in range(12)]
    topic = "arn:aws:sns:eu-west-1:123456789012:events"
    refused = await Announcer(client).announce(topic, events)
    assert refused == dict.fromkeys(("e3", "e11"), Refusal("PublishBatch: InternalError"))
    again: Any = Answering(["3"])
    refused = await Announcer(again).announce(f"{topic}.fifo", events)
    assert {*refused} == {"e3", "e10", "e11"}, "none of a later request is sent after one that was refused"
    assert len(again.sent) == 1


@pytest.mark.parametrize(
    ("code", "sender", "lasting"),
    [("InvalidParameter", True, True), ("InvalidParameter", False, False), ("KMSAccessDenied", True, False)],
)
async def test_what_its_own_content_is_at_fault_for_is_told_from_what_may_pass(
    code: str, sender: bool, lasting: bool
) -> None:
    client: Any = Answering(["1"], code, sender=sender)
    refused = await Announcer(client).announce("arn:aws:sns:eu-west-1:123456789012:events", [announced(1, "1")])
    assert refused == {"e1": Refusal(f"PublishBatch: {code}", lasting)}


async def test_in_memory_it_is_the_same() -> None:
    memory = MemoryAnnouncements(refusals={"e3": Refusal("no")})
    events = [announced(number) for number in range(12)]
    assert await memory.announce("topic", events) == {"e3": Refusal("no")}
    assert [each.id for each in memory.heard["topic"]] == [each.id for each in events if each.id != "e3"]
    assert memory.requests == {"PublishBatch": 2}
