"""poll: nobody is taken for gone without evidence, and who is gone is told so."""

import json
from dataclasses import replace

import pytest

from provisioning.core.identity import Absorbed, Identity, absorb
from provisioning.core.record import Absence, Record
from provisioning.core.source import Evidence, Item, Page, Spoiled
from tests.stages.polling import SOURCE, PollBench, fields, poll_bench


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


def _absences(bench: PollBench) -> list[Absence]:
    data = [json.loads(body)["data"] for body in bench.polls.sent]
    return [Absence(SOURCE, each["key"], each["observed"]) for each in data if each["fields"] is None]


async def test_who_told_of_themselves_meanwhile_is_gone_only_after_as_many_runs_as_anybody() -> None:
    """However often it is repeated that they are gone: a run that lags may miss them once."""
    bench = await poll_bench(every=None, runs=3)
    await bench.snapshot()
    bench.source.remove("p007")
    for _ in range(3):
        await bench.snapshot()
    came = Record(SOURCE, "p007", 5)
    identity, _ = absorb(Identity("i"), came, int(bench.now) + 1)  # by the source's topic, after the third run
    outcomes, told = [], len(_absences(bench))
    for _ in range(5):
        bench.now += 60
        await bench.snapshot()
        fresh, told = _absences(bench)[told:], len(_absences(bench))
        outcomes.append([absorb(identity, absence, int(bench.now))[1] for absence in fresh])
    # Told again after 1, 2 and 4 runs, but only the last of those was the third that missed them.
    assert outcomes == [[Absorbed.OLDER], [Absorbed.OLDER], [], [Absorbed.NEWER], []]


async def test_a_first_run_that_proves_nothing_is_none_of_the_runs_that_do() -> None:
    bench = await poll_bench(every=None)
    bench.source.evidence = Evidence(problem="a page came twice")
    await bench.know("gone")
    await bench.snapshot()
    bench.source.evidence = None
    assert [await bench.snapshot() for _ in range(3)] == [{}, {"gone": None}, {"gone": None}]


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


async def test_one_state_of_a_source_that_is_read_twice_is_one_evidence() -> None:
    bench = await poll_bench(every=None, runs=2)
    await bench.snapshot()
    bench.source.remove("p007")
    bench.source.evidence = Evidence(of="people-2.csv")
    for _ in range(3):
        assert await bench.snapshot() == {}
    bench.source.evidence = Evidence(of="people-3.csv")
    assert await bench.snapshot() == {"p007": None}
