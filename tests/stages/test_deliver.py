"""deliver: intents, doubts, races, and accounts that are not ours."""

import asyncio
from typing import Any

import pytest

from provisioning.core.account import Account, Condition, Known, Phase
from provisioning.core.lifecycle import Standing
from tests.stages.bench import Process, decided, new_bench
from tests.stages.steps import lost_after, lost_before
from tests.stages.tenant import START, says

DEADLINE = 60 + 30  # seconds: a call's longest, and the time until a look-up shows it


async def test_an_intent_is_stored_before_the_sp_is_asked_to_create() -> None:
    bench = await decided()
    seen: list[Account] = []

    async def look() -> None:
        seen.append(bench.account())

    bench.meanwhile = look
    await bench.deliver()
    assert (seen[0].condition, seen[0].intent is not None) == (Condition.PENDING, True)
    assert seen[0].due_at == START + DEADLINE
    after = bench.account()
    assert (after.condition, after.intent, after.known.phase) == (Condition.SETTLED, None, Phase.ACTIVE)
    assert bench.methods() == ["POST"]


async def test_an_update_needs_no_intent() -> None:
    bench = await new_bench(sent=[says("p1", 1, "student")])
    revision = bench.account().revision
    await bench.version(2, "student", name="new")
    await bench.deliver()
    assert (bench.account().revision, bench.methods()) == (revision + 1, ["POST", "PATCH"])
    assert bench.users()["login-p1"]["displayName"] == "new"


async def test_of_two_deliveries_at_once_only_the_winner_of_the_intent_calls() -> None:
    bench = await decided()
    await asyncio.gather(*(Process(bench).deliver("library", bench.bell("library")) for _ in range(3)))
    await bench.settle()
    assert (bench.methods(), bench.account().condition) == (["POST"], Condition.SETTLED)


async def test_an_open_intent_is_waited_for_and_then_looked_up() -> None:
    bench = await decided()
    bench.meanwhile = bench.deaths.die
    assert await bench.killed(bench.deliver())
    assert bench.account().condition is Condition.PENDING
    assert await bench.deliver() == frozenset()
    assert len(bench.calls) == 1, "until the call can no longer be under way, it is waited for"
    assert [bell.at for bell in bench.waiting("identities")] == [START + DEADLINE]
    await bench.settle()
    assert (bench.now, bench.methods()[1]) == (START + DEADLINE, "GET")
    assert (len(bench.users()), bench.account().condition) == (1, Condition.SETTLED)


@pytest.mark.parametrize("step", [lost_before, lost_after])
async def test_a_create_without_an_answer_leaves_the_account_unknown_until_it_was_looked_up(step: Any) -> None:
    bench = await decided()
    bench.steps["library"].append(step)
    await bench.deliver()
    account = bench.account()
    assert (account.condition, account.error) == (Condition.UNKNOWN, "no answer within 10 s")
    assert account.due_at == START + DEADLINE
    await bench.settle()
    assert (len(bench.users()), bench.account().condition) == (1, Condition.SETTLED)
    assert bench.methods().count("POST") == (1 if step is lost_after else 2)


async def test_a_new_wish_does_not_shorten_the_wait_for_a_lost_call() -> None:
    bench = await decided()
    bench.steps["library"].append(lost_after)
    await bench.deliver()
    await bench.version(2, "student", name="new")
    await bench.deliver()
    assert bench.methods() == ["POST"]
    await bench.settle()
    assert bench.users()["login-p1"]["displayName"] == "new"
    assert bench.methods().count("POST") == 1


async def test_a_turn_that_was_passed_over_is_looked_up_first() -> None:
    bench = await new_bench(sent=[says("p1", 1, "student")])
    await bench.version(2, "student", name="second")
    bench.drain()  # a delivery of the second turn may have died between its call and its write
    await bench.version(3, "student", name="third")
    await bench.deliver()
    assert bench.methods() == ["POST", "GET", "PATCH"]
    assert (bench.users()["login-p1"]["displayName"], bench.account().condition) == ("third", Condition.SETTLED)


async def test_the_turn_that_follows_is_not_looked_up() -> None:
    bench = await new_bench(sent=[says("p1", 1, "student")])
    for number in (2, 3):
        await bench.version(number, "student", name=f"n{number}")
        await bench.deliver()
    assert bench.methods() == ["POST", "PATCH", "PATCH"]


async def test_a_raced_delivery_leaves_the_account_unknown_and_the_look_makes_it_right() -> None:
    bench = await new_bench(sent=[says("p1", 1, "student")])
    await bench.version(2, "student", name="second")

    async def overtake() -> None:
        await bench.version(3, "student", name="third")
        await Process(bench).deliver("library", bench.bell("library"))
        assert bench.account().condition is Condition.SETTLED

    bench.meanwhile = overtake
    await bench.deliver()
    account = bench.account()
    assert (account.condition, account.error) == (Condition.UNKNOWN, "two deliveries at once")
    assert account.due_at == START + DEADLINE
    bench.drain("library")
    await bench.settle()
    assert (bench.users()["login-p1"]["displayName"], bench.account().condition) == ("third", Condition.SETTLED)


async def test_an_account_that_vanished_at_the_sp_is_made_again_with_an_intent() -> None:
    bench = await new_bench(sent=[says("p1", 1, "student")])
    bench.providers["library"].users.clear()
    await bench.version(2, "student", name="new")
    await bench.settle()
    assert (bench.methods(), bench.account().condition) == (["POST", "PATCH", "POST"], Condition.SETTLED)
    assert bench.users()["login-p1"]["displayName"] == "new"


async def test_a_right_that_ends_during_the_create_removes_what_was_made() -> None:
    bench = await decided(services={"library": {"lifecycle": {"retention": "PT0S"}}})
    bench.steps["library"].append(lost_after)
    await bench.deliver()
    await bench.version(2)
    await bench.settle()
    assert bench.identity().entitlements["library"].standing is Standing.ABSENT
    assert (bench.users(), bench.account().known) == ({}, Known())


async def test_a_queue_is_told_again_after_a_doubt_with_the_same_operation() -> None:
    bench = await decided("visitor")
    bench.meanwhile = bench.deaths.die
    assert await bench.killed(bench.deliver("badges"))
    await bench.deliver("badges")
    await bench.settle()
    sent = [operation for service, _, operation in bench.calls if service == "badges"]
    assert (len(sent), len(set(sent)), bench.account("badges").condition) == (2, 1, Condition.SETTLED)
    assert bench.badges[bench.identity().id]["values"] == {"login": "login-p1"}


async def test_an_account_that_somebody_else_made_is_not_touched() -> None:
    bench = await decided()
    planted = bench.providers["library"].plant("login-p1", displayName="theirs")
    await bench.deliver()
    await bench.settle()
    account = bench.account()
    assert account.condition is Condition.PARKED
    assert "adopt is 'never'" in account.error
    assert bench.providers["library"].users[planted].body["displayName"] == "theirs"
    assert bench.providers["library"].touched == []


async def test_an_account_that_somebody_else_made_is_taken_over_if_the_operator_says_so() -> None:
    bench = await decided(services={"library": {"adopt": "match"}})
    bench.providers["library"].plant("login-p1", displayName="theirs")
    await bench.deliver()
    await bench.settle()
    user = bench.users()["login-p1"]
    assert (user["externalId"], user["displayName"]) == (bench.identity().id, "Name of p1")
    assert bench.account().condition is Condition.SETTLED


async def test_a_phase_that_changes_while_the_sp_is_called_is_delivered_after() -> None:
    bench = await decided()

    async def leave() -> None:
        await bench.version(2)

    bench.meanwhile = leave
    await bench.deliver()
    assert bench.users()["login-p1"]["active"] is True
    await bench.settle()
    assert bench.users()["login-p1"]["active"] is False
    assert bench.account().condition is Condition.SETTLED


async def test_a_delivery_writes_no_identity() -> None:
    bench = await decided()
    before = bench.identity()
    await bench.deliver()
    assert bench.identity() is before
