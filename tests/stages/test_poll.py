"""poll: what a source shows is sent once, nobody is missed, and nobody is removed without evidence."""

import asyncio
import itertools
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from provisioning.adapters.memory.polling import MemoryPolls
from provisioning.core.catalog import Bundle
from provisioning.core.errors import TransientError
from provisioning.core.polled import Part, Polled
from provisioning.core.recalled import FULL, MOST
from provisioning.core.source import Evidence, Item, Page, Spoiled
from provisioning.stages import poll_work
from provisioning.stages.message import Message
from provisioning.stages.poll import LEASE, poll
from tests.stages.deaths import Deaths
from tests.stages.polling import SOURCE, poll_bench, polled_bundle


def fields(*numbers: int) -> Mapping[str, Any]:
    return {f"p{number:03d}": {"given": f"Given {number}"} for number in numbers}


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


async def test_who_is_missing_is_gone_after_two_complete_runs_and_not_before() -> None:
    bench = await poll_bench(every=None)
    await bench.snapshot()
    bench.source.remove("p007")
    assert await bench.snapshot() == {}
    assert await bench.snapshot() == {"p007": None}


async def test_who_is_gone_is_told_again_since_what_was_shown_of_them_may_arrive_late() -> None:
    bench = await poll_bench(every=None, runs=1, least=0, threshold=0.1)
    await bench.snapshot()
    bench.source.remove("p007")
    told = [await bench.snapshot() for _ in range(12)]
    assert [number for number, sent in enumerate(told) if sent == {"p007": None}] == [0, 1, 2, 4, 8]
    assert [sent for sent in told if sent not in ({}, {"p007": None})] == []
    assert (bench.item.trouble, bench.said("poll.compared")[-1]["absent"]) == ("", 0), "they are missed once"
    bench.source.put("p008", {"given": "Given 8"})
    bench.source.remove("p008")
    await bench.snapshot()
    bench.source.put("p008", {"given": "Given 8"})
    assert await bench.snapshot() == {"p008": {"given": "Given 8"}}, "who comes back as they were is new all the same"
    assert await bench.snapshot() == {}


async def test_who_comes_back_between_two_runs_was_never_gone() -> None:
    bench = await poll_bench(every=None)
    await bench.snapshot()
    bench.source.remove("p007")
    await bench.snapshot()
    bench.source.put("p007", {"given": "Given 7"})
    assert await bench.snapshot() == {}
    bench.source.remove("p007")
    assert await bench.snapshot() == {}


async def test_who_comes_back_after_being_gone_is_new() -> None:
    bench = await poll_bench(every=None, runs=1)
    await bench.snapshot()
    bench.source.remove("p007")
    assert await bench.snapshot() == {"p007": None}
    bench.source.put("p007", {"given": "Given 7"})
    assert await bench.snapshot() == fields(7)


async def test_an_empty_list_removes_nobody_however_few_there_were() -> None:
    bench = await poll_bench(every=None, people=3, runs=1, least=100)
    await bench.snapshot()
    people, bench.source.people = bench.source.people, {}
    for _ in range(3):
        assert await bench.snapshot() == {}
        assert "an empty list proves nothing" in bench.item.trouble
    bench.source.people = people
    assert await bench.snapshot() == {}
    assert bench.complete.rows == 3


async def test_half_a_list_is_held_and_what_changed_is_sent_all_the_same() -> None:
    bench = await poll_bench(every=None, runs=1)
    await bench.snapshot()
    for number in range(10):
        bench.source.remove(f"p{number:03d}")
    bench.source.put("p015", {"given": "Renamed"})
    assert await bench.snapshot() == {"p015": {"given": "Renamed"}}
    assert "10 of 20 subjects are missing" in bench.run.held
    assert bench.said("poll.compared")[-1]["held"] == bench.run.held


async def test_what_is_held_is_sent_when_a_person_releases_it() -> None:
    bench = await poll_bench(every=None, runs=1)
    await bench.snapshot()
    for number in range(10):
        bench.source.remove(f"p{number:03d}")
    await bench.snapshot()
    before = len(bench.polls.sent)
    assert not await bench.ask("release", number=bench.run.number)
    await bench.rest()
    assert bench.sent(before) == {f"p{number:03d}": None for number in range(10)}
    assert (bench.item.run, bench.complete.rows) == (None, 10)


async def test_what_is_held_and_discarded_removes_nobody() -> None:
    bench = await poll_bench(every=None, runs=1)
    await bench.snapshot()
    gone = {key: bench.source.people.pop(key) for key in sorted(bench.source.people)[:10]}
    await bench.snapshot()
    await bench.ask("discard", number=bench.run.number)
    assert bench.item.run is None
    bench.source.people |= gone
    assert await bench.snapshot() == {}


async def test_a_later_snapshot_takes_the_place_of_one_that_is_held() -> None:
    bench = await poll_bench(every=None, runs=1)
    await bench.snapshot()
    gone = {key: bench.source.people.pop(key) for key in sorted(bench.source.people)[:10]}
    await bench.snapshot()
    bench.source.people |= gone
    assert await bench.snapshot() == {}
    assert bench.item.run is None


@pytest.mark.parametrize(
    ("evidence", "why"),
    [
        (Evidence(21), "20 subjects are shown where the source counts 21"),
        (Evidence(problem="page 7 came twice"), "page 7 came twice"),
    ],
)
async def test_a_run_without_evidence_removes_nobody(evidence: Evidence, why: str) -> None:
    bench = await poll_bench(every=None, people=21, runs=1)
    await bench.snapshot()
    bench.source.evidence = evidence
    bench.source.remove("p007")
    assert await bench.snapshot() == {}
    assert why in bench.item.trouble
    bench.source.evidence = None
    assert await bench.snapshot() == {"p007": None}


async def test_who_is_shown_twice_with_different_content_is_there_and_stays_as_they_were() -> None:
    bench = await poll_bench(every=None, runs=1)
    await bench.snapshot()

    def doubled(position: str | None, page: Page) -> Page:
        other = (Item("p000", {"given": "Somebody else"}),) if position is None else ()
        return replace(page, items=(*page.items, *other))

    bench.source.alter = doubled
    assert await bench.snapshot() == {}
    assert "1 keys are shown twice" in bench.item.trouble


async def test_a_page_that_comes_twice_is_no_harm() -> None:
    bench = await poll_bench(every=None, runs=1)
    first: list[Item] = []

    def repeated(_position: str | None, page: Page) -> Page:
        first.extend(page.items)
        return replace(page, items=(*first, *page.items))

    bench.source.alter = repeated
    assert await bench.snapshot() == fields(*range(20))
    assert bench.item.trouble == ""


async def test_what_cannot_be_read_is_kept_and_nobody_is_gone_while_its_key_is_unknown() -> None:
    bench = await poll_bench(every=None, runs=1)
    await bench.snapshot()

    def spoiled(position: str | None, page: Page) -> Page:
        items = tuple(item for item in page.items if item.key not in ("p001", "p002"))
        broken = () if position is not None else (
            Spoiled("people.csv:2", "a quote is not closed", "p001,x"),
            Spoiled("people.csv:3", "too long", "p002,y", "p002"),
        )  # fmt: skip
        return replace(page, items=items, spoiled=broken, evidence=None if page.more else Evidence())

    bench.source.alter = spoiled
    for _ in range(2):
        assert await bench.snapshot() == {}
    assert "1 entries could not be read" in bench.item.trouble
    kept = await bench.store.rejections(SOURCE, 10)
    assert sorted(each.reason for each in kept) == ["a quote is not closed", "too long"]


async def test_a_lost_list_of_keys_is_made_good_from_the_table() -> None:
    bench = await poll_bench(every=None, runs=1)
    await bench.snapshot()
    await bench.know("p003", "p007")
    bench.polls.files.clear()
    bench.source.remove("p007")
    assert len(await bench.snapshot()) == 19, "everybody is new, and nobody is gone at once"
    assert bench.complete.rows == 19
    assert await bench.snapshot() == {"p007": None}


async def test_whom_the_table_knew_before_the_first_run_is_missed_by_it() -> None:
    bench = await poll_bench(every=None)
    await bench.know("p001", "left long ago")
    await bench.know("gone", deleted=True)
    await bench.know("of another source", source="registry")
    assert len(await bench.snapshot()) == 20
    assert (bench.said("poll.compared")[-1]["absent"], bench.item.trouble) == (1, "")
    assert await bench.snapshot() == {"left long ago": None}


async def test_a_first_run_that_misses_most_of_those_whom_the_table_knows_is_held() -> None:
    bench = await poll_bench(every=None, threshold=0.5)
    await bench.know("p001", *(f"x{number}" for number in range(5)))
    await bench.snapshot()
    assert "5 of 6 subjects are missing" in bench.run.held


async def test_who_came_by_changes_and_went_before_the_next_run_is_missed() -> None:
    bench = await poll_bench(runs=1)
    await bench.snapshot()
    for number in range(3):
        bench.source.put(f"new{number}", {"given": "New"})
        await bench.ask()
    assert [part.rows for part in bench.item.seen] == [3], "few are put away together"
    bench.source.people.pop("new1")
    assert await bench.snapshot() == {"new0": {"given": "New"}, "new1": None, "new2": {"given": "New"}}
    assert bench.item.seen == ()
    assert await bench.snapshot() == {"new1": None}, "it is told again"


async def test_who_came_by_changes_is_missed_by_the_run_after_one_that_proves_nothing() -> None:
    bench = await poll_bench(runs=1)
    await bench.snapshot()
    bench.source.put("new", {"given": "New"})
    await bench.ask()
    bench.source.people.pop("new")
    bench.source.alter = lambda _, page: replace(page, evidence=None if page.more else Evidence(problem="half"))
    assert await bench.snapshot() == {}
    bench.source.alter = None
    assert await bench.snapshot() == {"new": None}


async def test_more_than_can_be_put_away_is_recalled() -> None:
    bench = await poll_bench(runs=1)
    await bench.snapshot()
    await bench.know("new", "p001")
    full = tuple(Part(f"{SOURCE}/seen-{number}", FULL, "", "") for number in range(MOST))
    bench.polls.items[SOURCE] = replace(bench.item, seen=full)
    bench.source.put("new", {"given": "New"})
    await bench.ask()
    assert (bench.item.seen, bench.item.unseen) == ((), True)
    bench.source.people.pop("new")
    assert await bench.snapshot() == {"new": None}
    assert not bench.item.unseen


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


async def test_one_state_of_a_source_that_is_read_twice_is_one_evidence() -> None:
    bench = await poll_bench(every=None, runs=2)
    await bench.snapshot()
    bench.source.remove("p007")
    bench.source.evidence = Evidence(of="people-2.csv")
    for _ in range(3):
        assert await bench.snapshot() == {}
    bench.source.evidence = Evidence(of="people-3.csv")
    assert await bench.snapshot() == {"p007": None}


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


async def test_who_was_sent_by_a_look_that_died_is_missed_when_they_go() -> None:
    for at in itertools.count(1):
        deaths = Deaths()
        bench = await poll_bench(checkpoint=deaths.checkpoint, runs=1)
        await bench.snapshot()
        bench.source.put("new", {"given": "New"})
        died = await deaths.kill(bench.ask(), at)
        told = "new" in bench.sent()
        bench.source.people.pop("new")
        bench.source.log[-1] = "p000"  # who is gone is in no list of changes
        bench.now += LEASE
        assert "new" in await bench.snapshot() or not told, f"killed at await {at}"
        if not died:
            return


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
