"""What the adapters in memory can do beyond the contract: indexes that lag, steps that can be interrupted."""

import pytest

from provisioning.adapters.memory.bells import MemoryBells
from provisioning.adapters.memory.queues import REMEMBERED, MemoryQueue
from provisioning.adapters.memory.store import MemoryStore
from provisioning.core.bell import Bell, Cause
from provisioning.core.errors import TransientError
from tests.contracts.samples import NOW, account, plain


async def due(store: MemoryStore) -> list[tuple[str, int]]:
    return [item for shard in range(store.shards) async for item in store.due(shard, 0, 2 * NOW)]


async def test_an_index_shows_a_write_after_its_lag_and_reads_show_it_at_once() -> None:
    clock = [0.0]
    store = MemoryStore(lambda: clock[0], lambda: 5.0)
    identity = plain(due_at=NOW)
    await store.put_identity(identity)
    assert (await store.holding(identity.id)).identity is not None
    clock[0] = 4.9
    assert await due(store) == []
    clock[0] = 5.0
    assert await due(store) == [(identity.id, NOW)]


async def test_an_index_never_goes_back_to_an_older_write() -> None:
    clock, lags = [0.0], [10.0, 1.0]
    store = MemoryStore(lambda: clock[0], lambda: lags.pop(0) if lags else 0.0)
    first = plain(due_at=NOW)
    await store.put_identity(first)  # takes one lag for each of the two indexes
    lags[:] = [1.0]
    await store.put_identity(plain(first.id, revision=1, due_at=NOW + 7))
    clock[0] = 2.0
    assert await due(store) == [(first.id, NOW + 7)]
    clock[0] = 20.0
    assert await due(store) == [(first.id, NOW + 7)]


class Faulty:
    """A checkpoint that is passed so many times: twice by every request, before and after its effect."""

    def __init__(self, passed: int) -> None:
        self.left = passed

    async def __call__(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise TransientError("lost")


@pytest.mark.parametrize(("passed", "arrived"), [(0, False), (1, True)])
async def test_a_request_can_fail_before_its_effect_and_after_it(passed: int, arrived: bool) -> None:
    store = MemoryStore(checkpoint=Faulty(passed))
    identity = plain()
    with pytest.raises(TransientError):
        await store.put_identity(identity)
    assert (identity.id in store.identities) is arrived
    assert store.requests["PutItem"] == int(arrived)


async def test_the_answer_of_a_refused_write_can_be_lost_too() -> None:
    store = MemoryStore(checkpoint=Faulty(3))
    written = account("a")
    await store.put_account(written)
    with pytest.raises(TransientError):
        await store.put_account(written)
    assert store.accounts["a"]["library"].revision == 1


async def test_a_ring_can_be_interrupted_between_its_batches() -> None:
    queue = MemoryQueue(lambda: 0.0)
    bells = MemoryBells(queue, {}, checkpoint=Faulty(2))
    with pytest.raises(TransientError):
        await bells.ring([Bell(str(number), Cause.CLOCK, "t") for number in range(15)], NOW)
    assert len(queue) == 10


async def test_time_brings_messages_back_and_forgets_deduplication_ids() -> None:
    clock = [0.0]
    queue = MemoryQueue(lambda: clock[0], fifo=True, visibility=30)
    queue.send("a", group="g", deduplication="1")
    (taken,) = queue.receive()
    assert (queue.receive(), queue.next_at()) == ([], 30.0)
    clock[0] = 30.0
    assert not queue.delete(taken.receipt)
    (again,) = queue.receive()
    assert (again.receives, queue.delete(again.receipt), len(queue)) == (2, True, 0)
    clock[0] = REMEMBERED - 0.1
    queue.send("a", group="g", deduplication="1")
    assert queue.next_at() is None
    clock[0] = REMEMBERED
    queue.send("a", group="g", deduplication="1")
    assert queue.next_at() == REMEMBERED


async def test_a_standard_queue_can_hand_out_copies_in_any_order() -> None:
    queue = MemoryQueue(lambda: 0.0, arrange=lambda ids: ids[::-1], copies=lambda: 2)
    queue.send("a")
    queue.send("b")
    assert [message.body for message in queue.receive()] == ["b", "b", "a", "a"]


async def test_an_old_receipt_does_not_delete_what_is_in_flight_again() -> None:
    clock = [0.0]
    queue = MemoryQueue(lambda: clock[0], visibility=30)
    queue.send("a")
    (first,) = queue.receive()
    clock[0] = 31.0
    (second,) = queue.receive()
    assert not queue.delete(first.receipt)
    assert queue.delete(second.receipt)
