"""What the engine relies on in a queue: the queue in memory keeps to it as SQS does."""

from collections.abc import Sequence

import pytest
import pytest_asyncio

from provisioning.adapters.aws.clients import Clients
from tests.contracts.boxes import MOST_RECEIVES, Pair, Taken, memory_pair, sqs_pair

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def standard(backend: Clients | None) -> Pair:
    return memory_pair(fifo=False) if backend is None else await sqs_pair(backend, fifo=False)


@pytest_asyncio.fixture(loop_scope="session")
async def fifo(backend: Clients | None) -> Pair:
    return memory_pair(fifo=True) if backend is None else await sqs_pair(backend, fifo=True)


def bodies(messages: Sequence[Taken]) -> list[str]:
    return [message.body for message in messages]


async def test_a_message_in_flight_is_nobody_elses(standard: Pair) -> None:
    await standard.queue.send("a")
    (taken,) = await standard.queue.receive()
    assert (taken.body, taken.receives) == ("a", 1)
    assert await standard.queue.receive() == []


async def test_a_message_that_was_not_deleted_comes_again_and_counts(standard: Pair) -> None:
    await standard.queue.send("a")
    (taken,) = await standard.queue.receive()
    await standard.queue.release(taken)
    (again,) = await standard.queue.receive()
    assert (again.body, again.receives) == ("a", 2)


async def test_a_deleted_message_is_gone(standard: Pair) -> None:
    await standard.queue.send("a")
    (taken,) = await standard.queue.receive()
    await standard.queue.delete(taken)
    assert await standard.queue.wait(1) == []


async def test_one_receive_takes_no_more_than_it_asks_for(standard: Pair) -> None:
    for number in range(12):
        await standard.queue.send(str(number))
    assert len(await standard.queue.receive(3)) == 3
    assert len(await standard.queue.receive(10)) <= 9


async def test_a_delayed_message_comes_when_its_delay_is_over(standard: Pair) -> None:
    await standard.queue.send("later", delay=1)
    await standard.queue.send("now")
    assert bodies(await standard.queue.receive()) == ["now"]
    assert bodies(await standard.queue.wait(5)) == ["later"]


@pytest.mark.parametrize("kind", ["standard", "fifo"])
async def test_a_message_that_was_received_too_often_becomes_a_dead_letter(
    kind: str, request: pytest.FixtureRequest, standard: Pair, fifo: Pair
) -> None:
    pair = standard if kind == "standard" else fifo
    await pair.queue.send("poison", group="g" if kind == "fifo" else "", deduplication="1")
    await pair.queue.send("next", group="g" if kind == "fifo" else "", deduplication="2")
    for _ in range(MOST_RECEIVES):
        taken = await pair.queue.receive(1)
        assert bodies(taken) == ["poison"]
        await pair.queue.release(taken[0])
    assert bodies(await pair.queue.receive(1)) == ["next"]
    assert bodies(await pair.dead.receive()) == ["poison"]


async def test_messages_of_a_group_come_in_their_order(fifo: Pair) -> None:
    for number in range(5):
        await fifo.queue.send(f"a{number}", "a", f"a{number}")
    assert bodies(await fifo.queue.receive()) == [f"a{number}" for number in range(5)]


async def test_a_group_with_a_message_in_flight_waits_and_others_do_not(fifo: Pair) -> None:
    for body in ("a1", "a2", "b1"):
        await fifo.queue.send(body, body[0], body)
    (first,) = await fifo.queue.receive(1)
    assert bodies(await fifo.queue.receive()) == ["b1"]
    await fifo.queue.delete(first)
    assert bodies(await fifo.queue.receive()) == ["a2"]


async def test_a_returned_message_comes_again_before_the_later_ones_of_its_group(fifo: Pair) -> None:
    for body in ("a1", "a2"):
        await fifo.queue.send(body, "a", body)
    (first,) = await fifo.queue.receive(1)
    await fifo.queue.release(first)
    assert bodies(await fifo.queue.receive()) == ["a1", "a2"]


async def test_a_deduplication_id_swallows_a_repetition(fifo: Pair) -> None:
    await fifo.queue.send("first", "a", "same")
    await fifo.queue.send("second", "a", "same")
    await fifo.queue.send("first", "a", "other")
    assert bodies(await fifo.queue.receive()) == ["first", "first"]


async def test_a_deduplication_id_swallows_a_repetition_even_of_what_was_handled(
    fifo: Pair, request: pytest.FixtureRequest
) -> None:
    if "moto" in request.node.name:
        pytest.xfail("moto forgets the deduplication id of a message that was deleted")
    await fifo.queue.send("first", "a", "same")
    (taken,) = await fifo.queue.receive()
    await fifo.queue.delete(taken)
    await fifo.queue.send("second", "a", "same")
    await fifo.queue.send("third", "a", "other")
    assert bodies(await fifo.queue.receive()) == ["third"]


async def test_a_deduplication_id_means_nothing_to_another_group(fifo: Pair, request: pytest.FixtureRequest) -> None:
    if "moto" in request.node.name:
        pytest.xfail("moto does not know the deduplication scope of a message group")
    await fifo.queue.send("first", "a", "same")
    await fifo.queue.send("second", "b", "same")
    assert sorted(bodies(await fifo.queue.receive())) == ["first", "second"]
