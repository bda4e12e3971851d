"""poll: what a source shows is sent once, by one process at a time, which may die at any await."""

import asyncio
import itertools
import json
from dataclasses import replace

import pytest

from provisioning.adapters.memory.polling import MemoryPolls
from provisioning.core.catalog import Bundle
from provisioning.core.errors import TransientError
from provisioning.core.polled import Polled
from provisioning.core.source import Page
from provisioning.stages import poll_work
from provisioning.stages.message import Message
from provisioning.stages.poll import LEASE, poll
from tests.stages.deaths import Deaths
from tests.stages.polling import SOURCE, fields, poll_bench, polled_bundle


async def test_the_first_look_for_changes_is_a_snapshot_and_the_next_is_of_changes() -> None:
    bench = await poll_bench()
    await bench.ask()
    await bench.rest()
    assert bench.sent() == fields(*range(20))
    bench.source.put("p003", {"given": "Renamed"})
    bench.source.remove("p004")
    before = len(bench.polls.sent)
    await bench.ask()
    assert bench.sent(before) == {"p003": {"given": "Renamed"}, "p004": None}
    assert (bench.item.owner, bench.item.run, bench.polls.orders) == ("", None, [])


async def test_a_snapshot_of_the_same_people_sends_nothing_and_asks_the_table_for_nothing_but_its_own_item() -> None:
    bench = await poll_bench(every=None)
    await bench.snapshot()
    bench.polls.requests.clear()
    bench.store.requests.clear()
    assert await bench.snapshot() == {}
    assert bench.polls.requests["SendMessageBatch"] == 0
    assert set(bench.polls.requests) <= {"GetItem", "PutItem", "PutObject", "GetObject", "DeleteObjects", "SendMessage"}
    assert bench.store.requests == {}


async def test_what_a_snapshot_shows_is_no_obstacle_to_what_changes() -> None:
    bench = await poll_bench()
    await bench.snapshot()
    assert bench.polls.bulk == 20
    bench.source.put("p003", {"given": "Renamed"})
    await bench.ask()
    assert (len(bench.polls.sent), bench.polls.bulk) == (21, 20)


async def test_only_the_files_of_the_last_complete_run_stay() -> None:
    bench = await poll_bench(every=None)
    for _ in range(3):
        await bench.snapshot()
    assert set(bench.polls.files) == {part.name for part in bench.complete.keys}


async def test_who_came_and_who_changed_is_sent() -> None:
    bench = await poll_bench(every=None)
    await bench.snapshot()
    bench.source.put("p0005", {"given": "New"})
    bench.source.put("p019", {"given": "Renamed"})
    assert await bench.snapshot() == {"p0005": {"given": "New"}, "p019": {"given": "Renamed"}}


async def test_one_run_at_a_time_and_the_other_order_comes_again() -> None:
    bench = await poll_bench()
    bench.polls.items[SOURCE] = (await bench.polls.polled(SOURCE)).__class__(
        SOURCE, owner="somebody", leased=int(bench.now) + 900, revision=1
    )
    assert not await bench.ask("changes")  # who is at work looks, and the clock asks again
    assert not await bench.ask("snapshot", request="night")  # whoever asked for this must not be forgotten
    assert len(bench.said("poll.busy")) == 2
    assert not bench.source.calls
    (order,) = bench.polls.orders
    assert json.loads(order) == {"do": "snapshot", "request": "night"}
    bench.now += 1000
    await bench.rest()
    assert bench.sent() == fields(*range(20))


class Overtaken(MemoryPolls):
    """Has read, and is overtaken before it writes."""

    def __init__(self, others: MemoryPolls) -> None:
        super().__init__()
        self.items, self.orders = others.items, others.orders
        self.waiting, self.go = asyncio.Event(), asyncio.Event()

    async def put_polled(self, item: Polled) -> None:
        self.waiting.set()
        await self.go.wait()
        await super().put_polled(item)


@pytest.mark.parametrize(("first", "second"), [("snapshot", "changes"), ("changes", "snapshot")])
async def test_of_a_snapshot_and_a_look_at_the_same_moment_neither_is_lost(first: str, second: str) -> None:
    bench = await poll_bench(every=5, runs=1)
    await bench.snapshot()
    bench.source.people.pop("p007")  # without a trace
    bench.source.put("p003", {"given": "Renamed"})
    before, polls = len(bench.polls.sent), Overtaken(bench.polls)
    order = Message("first", json.dumps({"do": first, "request": "night"}))
    overtaken = asyncio.create_task(poll(replace(bench.shell(), polls=polls), [order], int(bench.now)))
    await polls.waiting.wait()
    assert not await bench.ask(second, request="night")
    polls.go.set()
    assert not await overtaken
    await bench.rest()
    assert bench.sent(before) == {"p003": {"given": "Renamed"}, "p007": None}


async def test_a_source_that_cannot_be_asked_now_is_asked_again_and_gives_the_lease_back() -> None:
    bench = await poll_bench()

    def broken(_position: str | None, _page: Page) -> Page:
        raise TransientError("the database restarts")

    bench.source.alter = broken
    assert await bench.ask("snapshot")
    assert (bench.item.owner, bench.item.fault) == ("", "the database restarts")
    bench.source.alter = None
    assert not await bench.ask("go")
    await bench.rest()
    assert bench.sent() == fields(*range(20))
    assert (bench.item.trouble, bench.item.fault) == ("", "")


async def test_it_stops_before_its_time_ends_and_goes_on_by_itself() -> None:
    bench = await poll_bench()
    bench.slow = 500.0  # an opened source alone takes longer than there is time
    await bench.ask()
    assert bench.polls.orders
    await bench.rest()
    assert bench.sent() == fields(*range(20))


async def test_a_place_that_is_of_no_use_leads_to_a_snapshot_and_nothing_is_lost() -> None:
    bench = await poll_bench()
    await bench.ask()
    await bench.rest()
    bench.source.put("p003", {"given": "Renamed"})
    bench.source.remove("p004")
    bench.source.forgotten = len(bench.source.log)
    before = len(bench.polls.sent)
    await bench.ask()
    await bench.rest()
    assert bench.sent(before) == {"p003": {"given": "Renamed"}}
    assert bench.said("poll.lost")
    await bench.snapshot()
    assert bench.sent(before)["p004"] is None


async def test_a_repeated_order_begins_one_run() -> None:
    bench = await poll_bench(every=None)
    for _ in range(2):
        await bench.ask("snapshot", request="2027-01-15T03:00:00Z")
        await bench.rest()
    assert bench.item.number == 1


async def test_when_fields_are_read_otherwise_everybody_is_sent_again() -> None:
    bench = await poll_bench(every=None)
    await bench.snapshot()
    other = polled_bundle(every=None).model_dump(mode="json", by_alias=True)
    other["sources"][0]["record"]["attributes"] = {"login": "fields.given"}
    await bench.publish(Bundle.model_validate(other))
    assert await bench.snapshot() == fields(*range(20))
    assert await bench.snapshot() == {}


async def test_a_death_at_any_await_loses_nobody_and_removes_nobody() -> None:
    """Snapshot, change, absence, release: killed at each await in turn, and then ordered again as the queue would."""
    reached = 0
    for number in itertools.count(1):
        deaths = Deaths()
        bench = await poll_bench(every=5, runs=1, checkpoint=deaths.checkpoint)
        await bench.snapshot()
        bench.source.put("p003", {"given": "Renamed"})
        bench.source.put("p0005", {"given": "New"})
        bench.source.remove("p004")
        before = len(bench.polls.sent)
        if not await deaths.kill(bench.ask("snapshot", request="night"), number):
            break
        bench.now += 2000  # the lease has run out, and the message comes again
        assert not await bench.ask("snapshot", request="night")
        await bench.rest()
        expected = {"p003": {"given": "Renamed"}, "p0005": {"given": "New"}, "p004": None}
        assert bench.sent(before) == expected, f"killed at await {number}"
        assert bench.item.run is None
        assert bench.complete.rows == 20
        reached = number
    assert reached > 10


@pytest.mark.parametrize(
    ("name", "begun"),
    [
        ("sources/personnel/people-2027-01-15.csv", 1),
        ("sources/personnel/people-2027%2B01.csv.done", 1),
        ("sources/personnel/changes-17.csv", 0),
        ("sources/personnel/people-1.csv.part", 0),
    ],
)
async def test_a_full_file_that_arrives_begins_a_snapshot_once_and_another_a_look(name: str, begun: int) -> None:
    bench = await poll_bench()
    await bench.ask()
    await bench.rest()
    before = bench.item.number
    event = {"Records": [{"eventSource": "aws:s3", "s3": {"object": {"key": name}}}]}
    for _ in range(2):
        assert not await poll(bench.shell(), [Message("arrived", json.dumps(event))], int(bench.now))
        await bench.rest()
    assert bench.item.number - before == begun
    assert "changes" in bench.source.calls


@pytest.mark.parametrize(
    "body", ["", "{}", '{"do": "dance"}', '{"do": "go", "number": "1"}', '{"Records": [{"s3": 1}]}']
)
async def test_what_is_no_order_is_refused_and_stops_no_other(body: str) -> None:
    bench = await poll_bench(every=None)
    messages = [Message("bad", body), Message("good", '{"do": "snapshot"}')]
    assert not await poll(bench.shell(), messages, int(bench.now))
    assert len(bench.said("poll.refused")) == 1
    assert bench.sent() == fields(*range(20))


async def test_while_a_source_takes_its_time_the_lease_is_renewed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(poll_work, "BEAT", 0.001)
    bench = await poll_bench()
    waiting = asyncio.Event()
    real = bench.source.changes

    async def takes_its_time(position: str) -> Page:
        before = bench.item.revision
        while bench.item.revision < before + 3:
            bench.now += LEASE / 2
            await asyncio.sleep(0.001)
        assert not await bench.ask("snapshot", request="another")
        waiting.set()
        return await real(position)

    await bench.snapshot()
    monkeypatch.setattr(bench.source, "changes", takes_its_time)
    assert not await bench.ask()
    assert waiting.is_set()
    assert len(bench.said("poll.busy")) == 1


async def test_an_order_is_done_though_the_answer_to_a_sign_of_life_was_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was written all the same, so that what the process does next loses to itself."""
    monkeypatch.setattr(poll_work, "BEAT", 0.001)
    bench = await poll_bench(runs=1)
    await bench.snapshot()
    bench.source.put("p003", {"given": "Renamed"})
    real, begin, lost = bench.polls.put_polled, bench.source.begin, asyncio.Event()

    async def loses_an_answer(item: Polled) -> None:
        beating = not lost.is_set() and bench.polls.items[SOURCE].owner == item.owner
        await real(item)
        if beating:
            lost.set()
            raise TransientError("the connection was reset")

    async def takes_its_time() -> str | None:
        await lost.wait()
        return await begin()

    monkeypatch.setattr(bench.polls, "put_polled", loses_an_answer)
    monkeypatch.setattr(bench.source, "begin", takes_its_time)
    assert not await bench.ask("snapshot", request="night")
    assert len(bench.said("poll.overtaken")) == 1
    bench.now += LEASE
    await bench.rest()
    assert bench.sent() == {**fields(*range(20)), "p003": {"given": "Renamed"}}
    assert (bench.item.run, bench.complete.number) == (None, 2)


async def test_a_source_that_answers_is_heard_whether_it_has_anything_to_say_or_not() -> None:
    bench = await poll_bench()
    await bench.snapshot()
    bench.now += 3600
    await bench.ask()
    assert bench.sent(20) == {}
    assert bench.hearings.at == {SOURCE: int(bench.now)}


async def test_a_source_that_cannot_be_asked_is_not_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = await poll_bench()
    await bench.snapshot()
    heard = dict(bench.hearings.at)

    async def away(_position: str) -> Page:
        raise TransientError("the connection was refused")

    monkeypatch.setattr(bench.source, "changes", away)
    bench.now += 3600
    assert await bench.ask()
    assert bench.hearings.at == heard
