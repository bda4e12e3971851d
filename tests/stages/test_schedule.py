"""schedule: what is due is rung to the second, and nothing that was missed stays missed."""

import pytest

from provisioning.adapters.memory.index import Index
from provisioning.core.bell import HORIZON, Cause
from provisioning.core.errors import TransientError
from provisioning.stages.schedule import FULL, OVERLAP, span
from tests.stages.bench import Bench, new_bench
from tests.stages.steps import refused
from tests.stages.tenant import DAY, MINUTE, START, affiliation, says

LATER = START + DAY


async def begins_later(*instants: int) -> Bench:
    """Students whose rights begin at these instants, too far ahead for bells of their own."""
    bench = await new_bench()
    messages = [says(f"p{number + 1}", 1, affiliation("student", at)) for number, at in enumerate(instants)]
    await bench.process.receive(*messages)
    assert not bench.waiting("identities")
    await bench.sweep()  # the first sweep of all is over everything
    return bench


async def test_what_is_due_within_the_horizon_is_rung_delayed_to_its_second() -> None:
    bench = await begins_later(LATER, LATER + 3 * HORIZON)
    bench.now = LATER - HORIZON
    assert await bench.sweep() == 1
    (bell,) = bench.waiting("identities")
    assert (bell.identity, bell.cause, bell.at, bell.service) == (bench.identity().id, Cause.CLOCK, LATER, None)
    assert bench.queues["identities"].next_at() == LATER
    await bench.settle()
    assert (bench.now, bench.users()["login-p1"]["active"]) == (LATER, True)


async def test_what_lies_just_beyond_the_horizon_is_left_to_the_next_sweep() -> None:
    bench = await begins_later(LATER)
    bench.now = LATER - HORIZON - 1
    assert await bench.sweep() == 0
    bench.now += MINUTE
    assert await bench.sweep() == 1


async def test_sweeps_that_are_late_ring_late_and_for_everyone() -> None:
    bench = await begins_later(LATER, LATER + 60, LATER + 600)
    bench.now = LATER + 1000
    assert await bench.sweep() == 3
    await bench.settle()
    assert (bench.now, len(bench.users())) == (LATER + 1000, 3)


async def test_an_identity_and_its_accounts_that_wait_for_the_same_instant_are_rung_once() -> None:
    bench = await new_bench()
    await bench.process.receive(says("p1", 1, "student", "staff"))
    bench.drain()
    for service in ("library", "wiki"):
        bench.steps[service].append(refused)
        await bench.deliver(service)
    bench.drain()
    accounts = bench.store.accounts[bench.identity().id]
    instants = {account.due_at for account in accounts.values()}
    assert await bench.sweep() == len(instants)


async def test_the_cursor_moves_only_after_the_bells_are_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = await begins_later(LATER)
    bench.now = LATER - MINUTE

    async def unavailable(*_: object) -> None:
        raise TransientError("throttled")

    monkeypatch.setattr(type(bench.bells), "ring", unavailable)
    with pytest.raises(TransientError):
        await bench.sweep()
    monkeypatch.undo()
    bench.now += MINUTE
    assert await bench.sweep() == 1


async def test_what_the_index_shows_late_is_found_by_the_overlap() -> None:
    bench = await begins_later()
    lag = 100.0
    bench.store.indexes.due = Index(bench.clock, lambda: lag)
    bench.now = LATER
    await bench.sweep()
    # Its due_at lies just beyond what was swept, and its write shows only after the next sweep.
    await bench.process.receive(says("p1", 1, affiliation("student", LATER + HORIZON + 10)))
    bench.drain()  # of the bell that its writer sends, too, nothing is left
    bench.now += MINUTE
    assert await bench.sweep() == 0
    bench.now += MINUTE
    assert await bench.sweep() == 1


async def test_a_full_sweep_finds_what_was_rung_and_lost_and_says_so() -> None:
    bench = await begins_later(LATER)
    bench.now = LATER
    await bench.sweep()
    bench.drain()
    bench.now = LATER + FULL // 2
    assert await bench.sweep() == 0
    bench.now = LATER + FULL
    assert await bench.sweep() == 1
    assert [fields["missed"] for fields in bench.said("schedule.overdue")] == [1]
    await bench.settle()
    assert bench.users()["login-p1"]["active"] is True


def test_a_sweep_goes_on_where_the_last_one_ended_less_the_overlap() -> None:
    cursor = 10 * FULL + 500
    assert span(cursor, cursor - HORIZON + 60) == (cursor - OVERLAP, cursor + 60, False)


def test_once_an_hour_a_sweep_goes_over_everything() -> None:
    cursor = 11 * FULL - 30
    assert span(cursor, cursor - HORIZON + 60) == (0, cursor + 60, True)


async def test_sweeping_again_rings_again_and_does_no_harm() -> None:
    bench = await begins_later(LATER)
    bench.now = LATER - HORIZON
    assert [await bench.sweep() for _ in range(3)] == [1, 1, 1]
    await bench.settle()
    assert bench.methods() == ["POST"]


async def test_a_sweep_of_nothing_costs_three_requests_a_shard() -> None:
    bench = await begins_later()
    bench.now += MINUTE
    with bench.counted() as costs:
        await bench.sweep()
    shards = bench.store.shards
    assert costs == {"GetItem": shards, "Query": shards, "PutItem": shards}
