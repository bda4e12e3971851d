"""Ports Polls, Spool and Intake; and poll itself over them."""

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import pytest
import pytest_asyncio

from provisioning.adapters.aws.clients import Clients
from provisioning.adapters.aws.polls import StoredPolls
from provisioning.adapters.aws.recall import StoredRecall
from provisioning.adapters.aws.rows import Rows
from provisioning.adapters.aws.table import Table
from provisioning.adapters.memory.polling import MemoryPolls, MemoryRecall
from provisioning.adapters.memory.store import MemoryStore
from provisioning.core.errors import ConflictError
from provisioning.core.identity import Identity
from provisioning.core.polled import Complete, Found, Part, Polled, Run, Step
from provisioning.core.record import Record
from provisioning.ports import Intake, Polls, Recall, Spool
from provisioning.stages.message import Message
from provisioning.stages.poll import poll
from tests.contracts.backends import new_bucket, new_table
from tests.contracts.boxes import new_queue
from tests.stages.polling import SOURCE, poll_bench

pytestmark = pytest.mark.asyncio(loop_scope="session")


@dataclass
class Rig:
    """The three ports, and what was sent by them."""

    polls: Polls
    spool: Spool
    intake: Intake
    drain: Callable[[], Awaitable[list[str]]]
    requests: Counter[str]


@pytest_asyncio.fixture(loop_scope="session")
async def rig(backend: Clients | None) -> Rig:
    if backend is None:
        memory = MemoryPolls()

        async def take() -> list[str]:
            bodies, memory.sent = memory.sent, []
            return bodies

        return Rig(memory, memory, memory, take, memory.requests)
    queue, box, bulk = [await new_queue(backend, fifo=False) for _ in range(3)]
    rows = Rows(backend, await new_table(backend))
    stored = StoredPolls(rows, backend, await new_bucket(backend), queue.url, box.url, bulk.url)

    async def drain() -> list[str]:
        bodies: list[str] = []
        for each in (box, bulk):
            while some := await each.receive():
                bodies += [message.body for message in some]
        return bodies

    return Rig(stored, stored, stored, drain, stored.requests)


PARTS = (Part("personnel/000002/spool-00001", 3, "a", "ç"), Part("personnel/000002/spool-00002", 1, "", ""))
RUN = Run(
    2, 1_800_000_000_000_001, Step.SEND, "begun", "position", True, 4, 2, 1, 17, "people-1.csv", "half a list",
    PARTS, PARTS[:1], PARTS[1:], PARTS, 1, Found(1, 2, 3, 4, 5, 6), "too many", PARTS, "7#x",
)  # fmt: skip
ITEM = Polled(
    SOURCE, 2, ("night", "day"), '{"after": 3}', 1_800_000_000, RUN,
    Complete(1, 20, 1_800_000_000, PARTS, "s1", "people-1.csv"),
    "process 1", 1_800_000_900, "trouble", "fault", 0, PARTS, True,
)  # fmt: skip


@pytest.mark.parametrize("item", [ITEM, Polled(SOURCE), replace(ITEM, run=None, complete=None)])
async def test_what_is_put_is_read_as_the_next_revision(rig: Rig, item: Polled) -> None:
    await rig.polls.put_polled(item)
    assert await rig.polls.polled(SOURCE) == replace(item, revision=1)
    assert await rig.polls.polled("another") == Polled("another")


async def test_of_two_that_read_the_same_one_loses(rig: Rig) -> None:
    await rig.polls.put_polled(ITEM)
    read = await rig.polls.polled(SOURCE)
    await rig.polls.put_polled(replace(read, trouble="mine"))
    with pytest.raises(ConflictError):
        await rig.polls.put_polled(replace(read, trouble="theirs"))
    assert (await rig.polls.polled(SOURCE)).trouble == "mine"


async def test_a_file_is_read_in_pieces_and_dropped(rig: Rig) -> None:
    body = bytes(range(256)) * 5
    await rig.spool.write("personnel/000001/keys-00001", body)
    pieces = [await rig.spool.read("personnel/000001/keys-00001", start, 500) for start in (0, 500, 1000, 1280)]
    assert pieces == [body[:500], body[500:1000], body[1000:], b""]
    await rig.spool.drop(["personnel/000001/keys-00001", "personnel/000001/never-written"])
    assert await rig.spool.read("personnel/000001/keys-00001", 0, 500) is None


@pytest.mark.parametrize("bulk", [False, True])
async def test_whatever_is_sent_arrives_and_ten_are_one_request(rig: Rig, bulk: bool) -> None:
    rig.requests.clear()
    await rig.intake.send([f"body {number} ü" for number in range(25)], bulk=bulk)
    assert rig.requests["SendMessageBatch"] == 3
    bodies = await rig.drain()
    assert sorted(bodies) == sorted(f"body {number} ü" for number in range(25))


async def test_large_messages_are_not_sent_together(rig: Rig) -> None:
    await rig.intake.send(["x" * 250_000 for _ in range(9)])
    bodies = await rig.drain()
    assert [len(body) for body in bodies] == [250_000] * 9


async def test_poll_over_these_ports_sends_everybody_once_and_who_is_gone(rig: Rig) -> None:
    bench = await poll_bench(every=None, runs=1)

    async def snapshot() -> dict[str, object]:
        bench.now += 60
        shell = replace(bench.shell(), polls=rig.polls, spool=rig.spool, intake=rig.intake)
        assert not await poll(shell, [Message(f"m{bench.now}", '{"do": "snapshot"}')], int(bench.now))
        events = [json.loads(body) for body in await rig.drain()]
        return {event["data"]["key"]: event["data"]["fields"] for event in events}

    assert len(await snapshot()) == 20
    bench.source.remove("p004")
    bench.source.put("p005", {"given": "Renamed"})
    assert await snapshot() == {"p004": None, "p005": {"given": "Renamed"}}
    assert await snapshot() == {"p004": None}, "it is told again"


async def test_two_that_begin_at_once_are_one_run(rig: Rig) -> None:
    bench = await poll_bench(every=None)
    shells = [replace(bench.shell(), polls=rig.polls, spool=rig.spool, intake=rig.intake) for _ in range(2)]
    order = [Message("m", '{"do": "snapshot", "request": "night"}')]
    await asyncio.gather(*(poll(shell, order, int(bench.now)) for shell in shells))
    assert (await rig.polls.polled(SOURCE)).number == 1


async def test_whom_the_table_knows_of_a_source_is_recalled_page_by_page(backend: Clients | None) -> None:
    store: MemoryStore | Table
    recall: Recall
    if backend is None:
        store = memory = MemoryStore()
        recall = MemoryRecall(memory)
    else:
        rows = Rows(backend, await new_table(backend))
        store, recall = Table(rows), StoredRecall(rows)
    for number in range(25):
        record = Record(SOURCE if number % 5 else "registry", f"k{number}", 1, deleted=number % 5 == 4)
        await store.put_identity(Identity(f"i{number:02d}", {record.source: record}), (record.source, record.key))
    found, position, pages = list[str](), None, 0
    while pages == 0 or position is not None:
        keys, position = await recall.recall(SOURCE, position, 10)
        found += keys
        pages += 1
    assert sorted(found) == sorted(f"k{number}" for number in range(25) if number % 5 in (1, 2, 3))
    assert pages == 3
