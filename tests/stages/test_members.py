"""Memberships that are left to the groups' own doorbells: many by one call, none lost, none left behind."""

import asyncio
from typing import Any

import pytest

from provisioning.core.account import Account, Condition
from provisioning.core.bell import Bell, Cause, write_bell
from provisioning.core.errors import PermanentError, TransientError
from provisioning.core.membership import GATHER, REPAIR
from provisioning.stages.message import Message
from tests.stages.bench import Bench, Process, new_bench
from tests.stages.steps import Step, as_it_is, lost_after, lost_before, says_no
from tests.stages.tenant import START, bundle, says

BATCH = 100
ADMIN = ["admin"]


async def gathering(people: int = 1, batch: int = BATCH, **wiki: Any) -> Bench:
    """Staff for whom all is decided; their bells are on the way to a wiki that changes many members at once."""
    bench = await new_bench(bundle({"wiki": {"scim": {"member_batch": batch}, **wiki}}))
    await bench.process.receive(*(says(f"p{number}", 1, "staff") for number in range(1, people + 1)))
    return bench


def changes(bench: Bench) -> int:
    """How often members of a group were changed."""
    return sum(
        (service, method) == ("wiki", "PATCH") and path.startswith("/Groups/") for service, method, path in bench.calls
    )


def group_bell() -> Message:
    return Message("group-bell", write_bell(Bell("", Cause.DECISION, "trace", "wiki", group="editors")))


def logins(*numbers: int) -> list[str]:
    return sorted(f"login-p{number}" for number in numbers)


async def test_a_membership_waits_for_nothing_but_the_group_s_bell() -> None:
    bench = await gathering()
    with bench.counted() as costs:
        await bench.settle()
    account = bench.account("wiki")
    assert (account.condition, account.known.groups, account.joining) == (Condition.SETTLED, ("editors",), ())
    assert (bench.members(), bench.now) == ({"editors": ["login-p1"]}, START)
    assert costs["call"] == 4, "the user; the group: looked up and made; the member"
    assert not bench.store.members


async def test_many_changes_of_one_group_cost_a_call_for_each_hundred() -> None:
    people = 1_000
    bench = await gathering(people, brake={"off": "what this test counts are calls"})
    await bench.settle()
    assert changes(bench) <= people / BATCH + 10
    assert bench.members() == {"editors": logins(*range(1, people + 1))}
    assert {account["wiki"].condition for account in bench.store.accounts.values()} == {Condition.SETTLED}
    before = changes(bench)
    await bench.process.receive(*(says(f"p{number}", 2, tags=ADMIN) for number in range(1, people + 1)))
    await bench.settle()
    assert changes(bench) - before <= 2 * (people / BATCH + 10)
    assert bench.members() == {"editors": [], "administrators": logins(*range(1, people + 1))}


async def test_changes_that_come_one_after_the_other_gather_for_two_seconds() -> None:
    bench = await gathering(1)
    await bench.settle()
    for number in (2, 3, 4):
        await bench.process.receive(says(f"p{number}", 1, "staff"))
        await bench.settle(until=bench.now)
    assert (bench.members()["editors"], len(bench.waiting("identities"))) == (logins(1), 1)
    await bench.settle()
    assert (bench.members()["editors"], changes(bench), bench.now) == (logins(1, 2, 3, 4), 2, START + GATHER)


async def test_who_leaves_while_the_join_is_on_its_way_is_no_member_in_the_end() -> None:
    bench = await gathering()
    await bench.process.deliver("wiki", bench.bell("wiki"))
    assert bench.account("wiki").condition is Condition.JOINING
    bench.drain()
    await bench.version(2, tags=ADMIN)
    await bench.settle()
    assert bench.members() == {"administrators": logins(1)}
    assert bench.account("wiki").condition is Condition.SETTLED


async def test_a_join_that_was_made_and_not_written_down_is_undone_when_it_is_not_wanted_any_more() -> None:
    bench = await gathering()
    await bench.process.deliver("wiki", bench.bell("wiki"))

    async def leaves() -> None:  # the group's call is on its way: the account is delivered for a newer turn meanwhile
        bench.meanwhile = None
        await bench.version(2, tags=ADMIN)
        await Process(bench).deliver("wiki", bench.bell("wiki"))

    bench.meanwhile = leaves
    await bench.settle()
    assert bench.members() == {"editors": [], "administrators": logins(1)}
    assert (bench.account("wiki").condition, bench.account("wiki").joining) == (Condition.SETTLED, ())


@pytest.mark.parametrize("step", [lost_before, lost_after, says_no(429, retry_after="30"), says_no(503)])
async def test_a_call_that_comes_to_nothing_is_made_again(step: Step) -> None:
    bench = await gathering(3)
    await bench.settle()
    bench.steps["wiki"].extend([as_it_is, step])
    await bench.process.receive(says("p4", 1, "staff"))
    await bench.settle()
    assert (bench.members()["editors"], changes(bench)) == (logins(1, 2, 3, 4), 3)
    assert bench.store.groups["wiki", "editors"].attempts == 0


async def test_one_whom_the_group_will_not_have_keeps_nobody_else_out() -> None:
    bench = await gathering(8)
    provider = bench.providers["wiki"]

    def picky(held: Any, request: Any) -> Any:
        users = {user.body["userName"]: user.id for user in provider.users.values()}
        poison = users.get("login-p5") if request.path.startswith("/Groups/") else None
        if poison is not None and poison in str(request.body):
            return says_no(400)(held, request)
        return as_it_is(held, request)

    bench.steps["wiki"].extend([picky] * 60)
    await bench.settle()
    assert bench.members()["editors"] == logins(1, 2, 3, 4, 6, 7, 8)
    parked = bench.account("wiki", "p5")
    assert (parked.condition, parked.joining) == (Condition.PARKED, ("editors",))
    assert "editors" in parked.error
    assert {bench.account("wiki", f"p{n}").condition for n in (1, 2, 3, 4, 6, 7, 8)} == {Condition.SETTLED}


async def test_a_group_that_is_gone_is_made_again_with_those_who_wait() -> None:
    bench = await gathering(2)
    await bench.settle()
    bench.providers["wiki"].groups.clear()
    await bench.process.receive(says("p3", 1, "staff"))
    await bench.settle()
    assert bench.members() == {"editors": logins(3)}, "who was there before is found missing by a comparison only"


async def test_a_lost_bell_of_a_group_is_made_good_by_the_sweep() -> None:
    bench = await gathering()
    await bench.process.deliver("wiki", bench.bell("wiki"))
    bench.drain()
    bench.now += REPAIR
    assert await bench.sweep()
    await bench.settle()
    assert bench.account("wiki").condition is Condition.SETTLED


async def test_a_new_account_after_one_that_vanished_joins_again() -> None:
    bench = await gathering()
    await bench.settle()
    bench.providers["wiki"].users.clear()
    next(iter(bench.providers["wiki"].groups.values())).body["members"] = []
    await bench.version(2, "staff", name="new")
    await bench.settle()
    assert bench.members() == {"editors": logins(1)}
    assert bench.account("wiki").condition is Condition.SETTLED


async def test_a_rated_service_is_called_no_faster_for_groups() -> None:
    bench = await gathering(30, batch=10, rate=0.1)
    await bench.settle()
    assert bench.members()["editors"] == logins(*range(1, 31))
    assert bench.now - START >= (30 + changes(bench) - 1) * 10, "a slot for each user, and for each call of a group"


async def test_wherever_a_process_dies_everybody_ends_where_they_should() -> None:
    for at in range(1, 60):
        bench = await gathering(3)
        await bench.process.deliver("wiki", *(bench.bell("wiki", f"p{n}") for n in (1, 2, 3)))
        bench.queues["wiki"].receive()
        died = await bench.killed(bench.process.deliver("wiki", group_bell()), at)
        await bench.settle()
        bench.now += REPAIR
        await bench.sweep()
        await bench.settle()
        assert bench.members()["editors"] == logins(1, 2, 3), at
        assert {bench.account("wiki", f"p{n}").condition for n in (1, 2, 3)} == {Condition.SETTLED}, at
        if not died:
            return
    raise AssertionError("more awaits than expected")


async def test_two_answers_at_once_add_everybody() -> None:
    bench = await gathering(5)
    await bench.process.deliver("wiki", *(bench.bell("wiki", f"p{n}") for n in range(1, 6)))
    await asyncio.gather(*(Process(bench).deliver("wiki", group_bell()) for _ in range(3)))
    await bench.settle()
    assert bench.members()["editors"] == logins(1, 2, 3, 4, 5)


async def test_a_service_that_gathers_no_more_changes_memberships_with_the_account() -> None:
    bench = await gathering()
    await bench.process.deliver("wiki", bench.bell("wiki"))
    bench.drain()
    await bench.publish(bundle({"wiki": {"scim": None}}))
    bench.process = Process(bench)
    bench.now += REPAIR
    await bench.sweep()
    await bench.settle()
    account = bench.account("wiki")
    assert (bench.members()["editors"], account.condition, account.joining) == (logins(1), Condition.SETTLED, ())


@pytest.mark.parametrize("error", [TransientError("the table is throttled"), PermanentError("too large")])
async def test_one_who_cannot_be_stored_keeps_nobody_else_from_it(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = await gathering(4)
    await bench.process.deliver("wiki", *(bench.bell("wiki", f"p{n}") for n in (1, 2, 3, 4)))
    unlucky, put, failures = bench.identity("p2").id, bench.store.put_account, [error]

    async def put_account(account: Account) -> None:
        if account.identity == unlucky and failures:
            raise failures.pop()
        await put(account)

    monkeypatch.setattr(bench.store, "put_account", put_account)
    assert await bench.process.deliver("wiki", group_bell()) == frozenset()
    conditions = {n: bench.account("wiki", f"p{n}").condition for n in (1, 2, 3, 4)}
    assert conditions == {n: Condition.JOINING if n == 2 else Condition.SETTLED for n in (1, 2, 3, 4)}
    await bench.settle()
    bench.now += REPAIR
    await bench.sweep()
    await bench.settle()
    assert bench.account("wiki", "p2").condition is Condition.SETTLED
    assert bench.members()["editors"] == logins(1, 2, 3, 4)
    assert [line["reason"] for line in bench.said("member.failed")] == [str(error)]


async def test_what_a_lost_delivery_joined_is_left_again_though_groups_were_left_to_their_doorbells_since() -> None:
    for at in range(1, 60):
        bench = await gathering(scim=None)
        died = await bench.killed(bench.process.deliver("wiki", bench.bell("wiki")), at)
        bench.drain()
        await bench.publish(bundle({"wiki": {"scim": {"member_batch": BATCH}}}))
        bench.process = Process(bench)
        await bench.version(2, tags=ADMIN)
        for _ in range(3):
            await bench.settle()
            bench.now += REPAIR
            await bench.sweep()
        assert bench.members().get("editors", []) == [], at
        assert bench.members()["administrators"] == logins(1), at
        if not died:
            return
    raise AssertionError("more awaits than expected")
