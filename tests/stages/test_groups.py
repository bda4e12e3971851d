"""Groups of an SP: made once, waited for, made again when they are gone."""

import asyncio
from typing import Any

import pytest

from provisioning.core.account import Condition
from tests.stages.bench import Bench, Process, new_bench
from tests.stages.steps import lost_after, lost_before, refused, says_no
from tests.stages.tenant import START, bundle, says

ADMIN = ["admin"]


async def decided(people: int = 1, **wiki: Any) -> Bench:
    """Staff for whom all is decided and nothing delivered; no bell is on its way."""
    bench = await new_bench(bundle({"wiki": wiki}))
    await bench.process.receive(*(says(f"p{number + 1}", 1, "staff") for number in range(people)))
    bench.drain()
    return bench


def makes(bench: Bench) -> int:
    """How often a group was asked to be made."""
    return sum(call == ("wiki", "POST", "/Groups") for call in bench.calls)


async def test_a_group_is_made_when_it_is_first_needed_and_its_id_is_remembered() -> None:
    bench = await decided()
    assert bench.providers["wiki"].groups == {}
    await bench.deliver("wiki")
    assert bench.members() == {"editors": ["login-p1"]}
    group = bench.store.groups["wiki", "editors"]
    assert (group.remote_id, group.intent) == (next(iter(bench.providers["wiki"].groups)), None)
    await bench.process.receive(says("p2", 1, "staff"))
    with bench.counted() as costs:
        await bench.deliver("wiki", "p2")
    assert (costs["GetItem"], costs["call"]) == (0, 2)


async def test_another_process_reads_the_groups_id_and_asks_the_sp_nothing() -> None:
    bench = await decided(people=2)
    await bench.deliver("wiki", "p1")
    bench.process = Process(bench)
    await bench.deliver("wiki", "p2")
    assert (makes(bench), bench.members()) == (1, {"editors": ["login-p1", "login-p2"]})


async def test_two_that_need_a_group_at_the_same_time_make_it_once() -> None:
    bench = await decided(people=3)
    await asyncio.gather(*(Process(bench).deliver("wiki", bench.bell("wiki", key)) for key in ("p1", "p2", "p3")))
    waiting = [bench.account("wiki", key) for key in ("p1", "p2", "p3")]
    assert sorted(account.condition for account in waiting) == [Condition.FAILED, Condition.FAILED, Condition.SETTLED]
    assert {account.error for account in waiting} == {"", "group 'editors' is being made"}
    await bench.settle()
    assert (makes(bench), bench.members()) == (1, {"editors": ["login-p1", "login-p2", "login-p3"]})
    assert bench.now < START + 30, "a moment later the group is there"


@pytest.mark.parametrize("step", [lost_before, lost_after])
async def test_a_group_whose_making_got_no_answer_is_waited_for_and_looked_up(step: Any) -> None:
    bench = await decided()
    bench.steps["wiki"].extend([lambda provider, request: provider.answer(request), step])
    await bench.deliver("wiki")
    account = bench.account("wiki")
    assert (account.condition, account.error) == (Condition.FAILED, "group 'editors': no answer within 10 s")
    assert bench.store.groups["wiki", "editors"].intent is not None
    await bench.settle()
    assert bench.members() == {"editors": ["login-p1"]}
    assert makes(bench) == (1 if step is lost_after else 2)


async def test_a_group_that_is_gone_at_the_sp_is_made_again() -> None:
    bench = await decided(people=2)
    await bench.deliver("wiki", "p1")
    bench.providers["wiki"].groups.clear()
    await bench.deliver("wiki", "p2")
    account = bench.account("wiki", "p2")
    assert (account.condition, account.error) == (Condition.FAILED, "group 'editors' is gone")
    assert bench.store.groups["wiki", "editors"].remote_id is None
    await bench.settle()
    assert (makes(bench), bench.members()) == (2, {"editors": ["login-p2"]})
    assert bench.account("wiki", "p2").known.groups == ("editors",)


async def test_a_group_that_may_not_be_made_is_waited_for_with_the_reason() -> None:
    bench = await decided(create_groups=False)
    await bench.deliver("wiki")
    account = bench.account("wiki")
    assert account.condition is Condition.FAILED
    assert account.error == "group 'editors': there is no group 'editors', and create_groups is off"
    assert bench.users("wiki") == {}
    bench.providers["wiki"]._create(bench.providers["wiki"].groups, {"displayName": "editors"})
    await bench.settle()
    assert (makes(bench), bench.members()) == (0, {"editors": ["login-p1"]})


async def test_a_group_that_the_sp_refuses_parks_who_needs_it_and_nobody_else() -> None:
    bench = await new_bench()
    await bench.process.receive(says("p1", 1, "staff"), says("p2", 1, tags=ADMIN))
    bench.drain()
    bench.steps["wiki"].extend([lambda provider, request: provider.answer(request), says_no(400, "no groups")])
    await bench.deliver("wiki", "p1")
    await bench.deliver("wiki", "p2")
    parked = bench.account("wiki")
    assert (parked.condition, parked.error) == (Condition.PARKED, "group 'editors': POST answered 400: no groups")
    assert bench.account("wiki", "p2").condition is Condition.SETTLED


async def test_an_sp_that_is_away_while_a_group_is_looked_up_is_asked_again_later() -> None:
    bench = await decided()
    bench.steps["wiki"].append(refused)
    await bench.deliver("wiki")
    account = bench.account("wiki")
    assert (account.condition, account.error) == (Condition.FAILED, "group 'editors': connection refused")
    await bench.settle()
    assert bench.members() == {"editors": ["login-p1"]}


async def test_memberships_are_added_and_removed_one_by_one_and_nobody_elses_are_touched() -> None:
    bench = await decided(people=2)
    await bench.deliver("wiki", "p1", "p2")
    await bench.settle()
    await bench.arrive(says("p1", 2, "staff", tags=ADMIN))
    assert bench.members() == {"editors": ["login-p1", "login-p2"], "administrators": ["login-p1"]}
    await bench.arrive(says("p1", 3, tags=ADMIN))
    assert bench.members() == {"editors": ["login-p2"], "administrators": ["login-p1"]}


async def test_a_group_to_be_left_that_nobody_knows_is_not_made_for_it() -> None:
    bench = await decided()
    await bench.deliver("wiki")
    bench.store.groups.clear()
    bench.process = Process(bench)
    await bench.arrive(says("p1", 2))
    assert (makes(bench), bench.users("wiki")) == (1, {})
