"""A source falls silent, and is heard again: what it said last is stale meanwhile, for everybody and at once."""

from collections.abc import Mapping
from typing import Any

import pytest

from provisioning.adapters.aws.hearings import GRAIN
from provisioning.adapters.memory.hearings import MemoryHearings
from provisioning.adapters.memory.queues import MemoryQueue
from provisioning.adapters.memory.unheard import MemoryUnheard
from provisioning.core.account import Phase
from provisioning.core.freshness import CLOCK, DOZE
from provisioning.stages.freshness import Freshness, freshness
from tests.stages.bench import Bench, Process
from tests.stages.tenant import DAY, SOURCE, bundle, says

LIMIT = 2 * DAY


class Watching(Bench):
    """The bench, and the clock that watches its registry."""

    def __init__(self) -> None:
        super().__init__()
        self.hearings = MemoryHearings(self.checkpoint)
        self.changes = MemoryQueue(self.clock)
        self.publishing.checkpoint = self.checkpoint

    def warm(self) -> None:
        """A process of receive that hears, and knows the bundle as it is now."""
        self.process = Process(self, self.hearings)

    async def watch(self, *, stood: bool = False) -> None:
        """The clock, as every minute until now, or `stood`: once more; its process knows nothing of before."""
        if CLOCK in self.hearings.at and not stood:
            self.hearings.at[CLOCK] = int(self.now) - 60
        await freshness(self.watching(), int(self.now), "clock")

    def watching(self) -> Freshness:
        self.warm()
        queues = MemoryUnheard({SOURCE: [self.changes]}, self.checkpoint)
        return Freshness(self.process.policies, self.publishing, self.hearings, queues, self.bells, self.say)


async def _watching(then: str = "end", limit: str = "P2D") -> Watching:
    bench = Watching()
    freshness: Mapping[str, Any] = {"limit": limit, "then": then}
    await bench.publish(bundle(sources=[{"id": SOURCE, "freshness": freshness}, {"id": "hr"}]))
    bench.warm()
    await bench.arrive(says("p1", 1, "student"), says("p2", 1, "student"))
    return bench


async def test_whom_a_silent_source_gave_their_access_lose_it_and_have_it_again_when_it_is_heard() -> None:
    bench = await _watching()
    bench.now += LIMIT
    await bench.watch()
    await bench.settle(bench.now + 600)
    assert {bench.account(key=key).known.phase for key in ("p1", "p2")} == {Phase.SUSPENDED}
    assert [line["source"] for line in bench.said("source.stale")] == [SOURCE]
    bench.warm()
    await bench.arrive(says("p1", 1, "student"))  # nothing new, but it speaks
    await bench.watch()
    await bench.settle(bench.now + 600)
    assert {bench.account(key=key).known.phase for key in ("p1", "p2")} == {Phase.ACTIVE}
    assert len(bench.said("source.fresh")) == 1


async def test_whatever_is_heard_in_time_leaves_everything_as_it_is() -> None:
    bench = await _watching()
    for _ in range(5):
        bench.now += LIMIT - GRAIN
        bench.warm()
        await bench.process.receive(says("p1", 1, "student"))
        await bench.watch()
    assert not bench.said("source.stale")
    assert bench.publishing.published is not None
    assert bench.publishing.published.sequence == 1


async def test_what_is_kept_is_shown_as_stale_and_nobody_is_decided_again() -> None:
    bench = await _watching("keep")
    bench.now += LIMIT
    await bench.watch()
    assert not bench.queues["campaign"].bodies()
    policy = await Process(bench).policies.current()
    assert (policy.sequence, list(policy.stale)) == (1, [SOURCE])
    await bench.settle()
    assert bench.account().known.phase is Phase.ACTIVE


async def test_the_silence_of_a_source_is_counted_from_when_somebody_began_to_listen() -> None:
    bench = await _watching()
    bench.hearings.at.clear()
    await bench.watch()
    bench.now += LIMIT - 1
    await bench.watch()
    assert not bench.said("source.stale")
    bench.now += 1
    await bench.watch()
    assert len(bench.said("source.stale")) == 1


async def test_a_bundle_that_limits_nobodys_silence_costs_no_request() -> None:
    bench = Watching()
    await bench.publish(bundle())
    await bench.watch()
    assert not bench.hearings.requests


async def test_while_nobody_listened_nobody_was_silent() -> None:
    bench = await _watching()
    await bench.watch()
    bench.now += LIMIT - 3600
    await bench.watch()
    bench.now += 30 * DAY  # all of it stood still
    await bench.watch(stood=True)
    assert (bench.said("source.stale"), len(bench.said("clock.stood"))) == ([], 1)
    bench.now += 3540
    await bench.watch()
    assert not bench.said("source.stale")
    bench.now += 120
    await bench.watch()
    assert len(bench.said("source.stale")) == 1


async def test_who_spoke_while_the_clock_stood_is_silent_from_when_it_goes_on() -> None:
    bench = await _watching()
    await bench.watch()
    bench.now += LIMIT - 3600
    bench.warm()
    await bench.process.receive(says("p1", 1, "student"))
    bench.now += LIMIT
    await bench.watch(stood=True)
    assert not bench.said("source.stale")
    assert bench.hearings.at[SOURCE] == int(bench.now)


async def test_a_clock_that_was_only_late_excuses_nobody() -> None:
    bench = await _watching()
    bench.now += LIMIT - DOZE
    await bench.watch()
    bench.now += DOZE
    await bench.watch(stood=True)
    assert len(bench.said("source.stale")) == 1


async def test_whoever_spoke_and_was_not_listened_to_is_not_silent() -> None:
    bench = await _watching()
    bench.now += LIMIT
    bench.changes.send("what receive fails on, or has not come to")
    await bench.watch()
    await bench.settle()
    assert [line["source"] for line in bench.said("source.unheard")] == [SOURCE]
    assert bench.account().known.phase is Phase.ACTIVE
    bench.changes.delete(bench.changes.receive()[0].receipt)
    await bench.watch()
    assert len(bench.said("source.stale")) == 1


@pytest.mark.parametrize("at", range(1, 12))
async def test_a_clock_that_dies_in_between_is_made_good_by_the_next_minute(at: int) -> None:
    bench = await _watching()
    bench.now += LIMIT
    await bench.killed(freshness(bench.watching(), int(bench.now), "clock"), at)
    bench.now += 60
    await bench.watch()
    await bench.settle(bench.now + 3600)
    assert {bench.account(key=key).known.phase for key in ("p1", "p2")} == {Phase.SUSPENDED}


async def test_a_bundle_that_is_published_meanwhile_wins_and_the_next_minute_marks_it() -> None:
    bench = await _watching()
    bench.now += LIMIT
    shell = bench.watching()
    await shell.policies.current()
    content = bundle(sources=[{"id": SOURCE, "freshness": {"limit": "P2D", "then": "end"}}, {"id": "hr"}])
    await bench.publish(content.model_copy(update={"exclusions": ()}))
    await freshness(shell, int(bench.now), "clock")
    assert (len(bench.said("source.overtaken")), bench.publishing.stale) == (1, {})
    await bench.watch()
    assert list(bench.publishing.stale) == [SOURCE]
