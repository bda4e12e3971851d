"""deliver: intents, doubts, slots of the budget, and endings."""

import asyncio
from typing import Any

import pytest

from provisioning.core.account import Account, Condition, Known, Phase
from provisioning.core.bell import Bell, Cause, write_bell
from provisioning.core.errors import ConflictError, StalePolicyError, TransientError
from provisioning.core.lifecycle import Standing
from provisioning.protocols.dialogue import Answer, HttpRequest
from provisioning.stages.message import Message
from tests.simulation.provider import Provider
from tests.stages.bench import Bench, Process, lost_after, lost_before, new_bench, refused, says_no
from tests.stages.tenant import START, bundle, rule, says

DEADLINE = 60 + 30  # seconds: a call's longest, and the time until a look-up shows it


async def decided(*kinds: str, people: int = 1, **services: dict[str, Any]) -> Bench:
    """People for whom all is decided and nothing delivered; no bell is on its way."""
    bench = await new_bench(bundle(services))
    await bench.process.receive(*(says(f"p{number + 1}", 1, *(kinds or ("student",))) for number in range(people)))
    bench.drain()
    return bench


def version(bench: Bench, number: int, *kinds: str, **attributes: Any) -> Any:
    return bench.process.receive(says("p1", number, *kinds, **attributes))


# Creates, and what they leave when they do not end.


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
    await version(bench, 2, "student", name="new")
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
    await version(bench, 2, "student", name="new")
    await bench.deliver()
    assert bench.methods() == ["POST"]
    await bench.settle()
    assert bench.users()["login-p1"]["displayName"] == "new"
    assert bench.methods().count("POST") == 1


async def test_a_turn_that_was_passed_over_is_looked_up_first() -> None:
    bench = await new_bench(sent=[says("p1", 1, "student")])
    await version(bench, 2, "student", name="second")
    bench.drain()  # a delivery of the second turn may have died between its call and its write
    await version(bench, 3, "student", name="third")
    await bench.deliver()
    assert bench.methods() == ["POST", "GET", "PATCH"]
    assert (bench.users()["login-p1"]["displayName"], bench.account().condition) == ("third", Condition.SETTLED)


async def test_the_turn_that_follows_is_not_looked_up() -> None:
    bench = await new_bench(sent=[says("p1", 1, "student")])
    for number in (2, 3):
        await version(bench, number, "student", name=f"n{number}")
        await bench.deliver()
    assert bench.methods() == ["POST", "PATCH", "PATCH"]


async def test_a_raced_delivery_leaves_the_account_unknown_and_the_look_makes_it_right() -> None:
    bench = await new_bench(sent=[says("p1", 1, "student")])
    await version(bench, 2, "student", name="second")

    async def overtake() -> None:
        await version(bench, 3, "student", name="third")
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
    await version(bench, 2, "student", name="new")
    await bench.settle()
    assert (bench.methods(), bench.account().condition) == (["POST", "PATCH", "POST"], Condition.SETTLED)
    assert bench.users()["login-p1"]["displayName"] == "new"


async def test_a_right_that_ends_during_the_create_removes_what_was_made() -> None:
    bench = await decided(library={"lifecycle": {"retention": "PT0S"}})
    bench.steps["library"].append(lost_after)
    await bench.deliver()
    await version(bench, 2)
    await bench.settle()
    assert bench.identity().entitlements["library"].standing is Standing.ABSENT
    assert (bench.users(), bench.account().known) == ({}, Known())


# Endings.


async def test_a_refusal_parks_with_its_reason_and_delays_nobody() -> None:
    bench = await decided(people=2)
    bench.steps["library"].append(says_no(400, "no such field"))
    assert await bench.deliver("library", "p1", "p2") == frozenset()
    parked, other = bench.account(), bench.account(key="p2")
    assert (parked.condition, parked.error) == (Condition.PARKED, "POST answered 400: no such field")
    assert (parked.due_at, other.condition) == (None, Condition.SETTLED)
    await bench.deliver()
    assert len(bench.calls) == 2, "what is parked stays parked until something else is wanted"
    await version(bench, 2, "student", name="better")
    await bench.settle()
    assert bench.account().condition is Condition.SETTLED


async def test_what_cannot_be_made_is_parked_with_its_reason_and_no_call() -> None:
    bench = await new_bench(sent=[says("p1", 1, "student", login=None)])
    account = bench.account()
    assert (account.condition, account.known.phase) == (Condition.PARKED, Phase.ABSENT)
    assert account.error.startswith("userName: ")
    assert bench.calls == []


@pytest.mark.parametrize(
    ("step", "reason", "least"),
    [
        (refused, "connection refused", 1),
        (says_no(429, "slow", retry_after="300"), "POST answered 429: slow", 300),
        (says_no(503), "POST answered 503", 1),
        (says_no(401), "POST answered 401", 1),
    ],
)
async def test_a_transient_failure_waits_as_data_rings_for_itself_and_delays_nobody(
    step: Any, reason: str, least: int
) -> None:
    bench = await decided(people=2)
    bench.steps["library"].append(step)
    assert await bench.deliver("library", "p1", "p2") == frozenset()
    account = bench.account()
    assert (account.condition, account.error, account.attempts) == (Condition.FAILED, reason, 1)
    assert account.due_at is not None
    assert account.due_at >= START + least
    assert bench.account(key="p2").condition is Condition.SETTLED
    assert [(bell.identity, bell.at) for bell in bench.waiting("identities")] == [(account.identity, account.due_at)]
    await bench.settle()
    assert (bench.now, bench.account().condition) == (account.due_at, Condition.SETTLED)


async def test_failures_space_themselves_out_and_the_far_ones_are_left_to_the_sweep() -> None:
    bench = await decided()
    bench.steps["library"].extend([refused] * 12)
    await bench.deliver()
    await bench.settle()
    account = bench.account()
    assert account.due_at is not None
    assert 450 <= account.due_at - bench.now <= 3600
    assert bench.steps["library"], "later attempts are far apart"


async def test_bells_of_one_identity_come_again_together_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = await decided(people=2)
    put, first = bench.store.put_account, bench.identity("p1").id

    async def unavailable(account: Account) -> None:
        if account.identity == first:
            raise TransientError("throttled")
        await put(account)

    monkeypatch.setattr(bench.store, "put_account", unavailable)
    messages = [bench.bell("library", key) for key in ("p1", "p2", "p1")]
    assert await bench.process.deliver("library", *messages) == {messages[0].id, messages[2].id}
    assert bench.account(key="p2").condition is Condition.SETTLED
    assert len(bench.calls) == 1, "without its intent nothing was asked of the SP"


@pytest.mark.parametrize("error", [ConflictError, StalePolicyError])
async def test_whoever_loses_the_intent_looks_at_the_account_again(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = await decided()
    put, losses = bench.store.put_account, [error("lost"), error("lost")]

    async def loses_twice(account: Account) -> None:
        if losses:
            raise losses.pop()
        await put(account)

    monkeypatch.setattr(bench.store, "put_account", loses_twice)
    with bench.counted() as costs:
        assert await bench.deliver() == frozenset()
    assert (costs["BatchGetItem"], bench.methods(), bench.account().condition) == (3, ["POST"], Condition.SETTLED)


async def test_a_race_that_does_not_end_leaves_its_message(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = await decided()

    async def lost(_account: Account) -> None:
        raise ConflictError("lost")

    monkeypatch.setattr(bench.store, "put_account", lost)
    message = bench.bell("library")
    assert await bench.process.deliver("library", message) == {message.id}
    assert bench.calls == []


async def test_whoever_is_not_known_and_what_is_no_bell_are_dropped_and_said() -> None:
    bench = await decided()
    stranger = Message("m1", write_bell(Bell("nobody", Cause.COMMAND, "t", "library")))
    assert await bench.process.deliver("library", stranger, Message("m2", "?"), bench.bell("library")) == frozenset()
    assert [fields["identity"] for fields in bench.said("identity.unknown")] == ["nobody"]
    assert [fields["message"] for fields in bench.said("bell.unreadable")] == ["m2"]
    assert bench.account().condition is Condition.SETTLED


async def test_whoever_never_had_the_service_costs_one_read_and_no_account() -> None:
    bench = await decided("staff")
    with bench.counted() as costs:
        await bench.deliver("library")
    assert (costs, bench.store.accounts) == ({"BatchGetItem": 1}, {})


# The budget.


async def test_whoever_must_wait_gets_one_slot_and_waits_once() -> None:
    bench = await decided(people=3, library={"rate": 0.1})
    await bench.deliver("library", "p1", "p2", "p3")
    accounts = [bench.account(key=key) for key in ("p1", "p2", "p3")]
    assert [account.condition for account in accounts] == [Condition.SETTLED, Condition.PENDING, Condition.PENDING]
    assert [account.due_at for account in accounts] == [None, START + 10, START + 20]
    await version(bench, 2, "student")
    with bench.counted() as costs:
        await bench.deliver("library", "p2", "p3")
    assert costs["UpdateItem"] == costs["PutItem"] == costs["call"] == 0, "a second slot would be one too many"
    with bench.counted() as costs:
        await bench.settle()
    assert (bench.now, len(bench.users()), costs["UpdateItem"]) == (START + 20, 3, 0)
    assert all(bench.account(key=key).condition is Condition.SETTLED for key in ("p1", "p2", "p3"))


async def test_only_those_that_call_the_sp_take_slots() -> None:
    bench = await new_bench(bundle({"library": {"rate": 0.1}}), [says("p1", 1, "student")])
    bench.now += 1000
    await bench.process.receive(says("p2", 1, "student"), says("p3", 1, "student", login=None))
    bench.drain()
    await bench.deliver("library", "p1", "p3", "p2")
    assert [bench.account(key=key).condition for key in ("p1", "p2", "p3")] == [
        Condition.SETTLED, Condition.SETTLED, Condition.PARKED,
    ]  # fmt: skip


async def test_a_service_without_a_rate_has_no_gate() -> None:
    bench = await decided(people=3)
    with bench.counted() as costs:
        await bench.deliver("library", "p1", "p2", "p3")
    assert (costs["UpdateItem"], len(bench.users())) == (0, 3)


# Bundles.


async def test_a_delivery_for_what_a_newer_bundle_decided_loads_that_bundle() -> None:
    bench = await new_bench(sent=[says("p1", 1, "student")])
    old = bench.process
    mapping = {"userName": "person.login", "displayName": "person.login"}
    await bench.publish(bundle({"library": {"account": mapping}}))
    bench.process = Process(bench)
    await version(bench, 2, "student")
    await old.deliver("library", bench.bell("library"))
    assert (bench.account().sequence, bench.users()["login-p1"]["displayName"]) == (2, "login-p1")


async def test_bells_of_a_service_that_the_bundle_does_not_have_come_again() -> None:
    bench = await decided()
    without = bundle(rules=[rule("editors", "wiki", "true")])
    services = tuple(service for service in without.services if service.id != "library")
    await bench.publish(without.model_copy(update={"services": services}))
    bench.process = Process(bench)
    with pytest.raises(TransientError, match="'library' is not in bundle 2"):
        await bench.deliver()


# Protocols that cannot look up.


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
    bench = await decided(library={"adopt": "match"})
    bench.providers["library"].plant("login-p1", displayName="theirs")
    await bench.deliver()
    await bench.settle()
    user = bench.users()["login-p1"]
    assert (user["externalId"], user["displayName"]) == (bench.identity().id, "Name of p1")
    assert bench.account().condition is Condition.SETTLED


async def test_a_phase_that_changes_while_the_sp_is_called_is_delivered_after() -> None:
    bench = await decided()

    async def leave() -> None:
        await version(bench, 2)

    bench.meanwhile = leave
    await bench.deliver()
    assert bench.users()["login-p1"]["active"] is True
    await bench.settle()
    assert bench.users()["login-p1"]["active"] is False
    assert bench.account().condition is Condition.SETTLED


async def test_the_answer_of_one_call_decides_for_one_identity_only() -> None:
    bench = await decided(people=3)

    def second_refused(provider: Provider, request: HttpRequest) -> Answer:
        if request.body["userName"] == "login-p2":
            return says_no(403)(provider, request)
        return provider.answer(request)

    bench.steps["library"].extend([second_refused] * 3)
    await bench.deliver("library", "p1", "p2", "p3")
    found = [bench.account(key=key).condition for key in ("p1", "p2", "p3")]
    assert found == [Condition.SETTLED, Condition.FAILED, Condition.SETTLED]


async def test_a_delivery_writes_no_identity() -> None:
    bench = await decided()
    before = bench.identity()
    await bench.deliver()
    assert bench.identity() is before
