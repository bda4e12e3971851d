"""poll: whom no list of keys has is missed all the same: whom changes showed, and whom the table knows."""

import itertools
from dataclasses import replace

from provisioning.core.polled import Part
from provisioning.core.recalled import FULL, MOST
from provisioning.core.source import Evidence
from provisioning.stages.poll import LEASE
from tests.stages.deaths import Deaths
from tests.stages.polling import SOURCE, poll_bench


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
