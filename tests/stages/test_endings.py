"""deliver: what each ending leaves, the budget's slots, and bundles."""

from typing import Any

import pytest

from provisioning.core.account import Account, Condition, Phase
from provisioning.core.bell import Bell, Cause, write_bell
from provisioning.core.errors import ConflictError, StalePolicyError, TransientError
from provisioning.protocols.dialogue import Answer, HttpRequest
from provisioning.stages.message import Message
from tests.simulation.provider import Provider
from tests.stages.bench import Process, decided, new_bench
from tests.stages.steps import lost_after, refused, says_no
from tests.stages.tenant import START, bundle, rule, says


async def test_a_refusal_parks_with_its_reason_and_delays_nobody() -> None:
    bench = await decided(people=2)
    bench.steps["library"].append(says_no(400, "no such field"))
    assert await bench.deliver("library", "p1", "p2") == frozenset()
    parked, other = bench.account(), bench.account(key="p2")
    assert (parked.condition, parked.error) == (Condition.PARKED, "POST answered 400: no such field")
    assert (parked.due_at, other.condition) == (None, Condition.SETTLED)
    await bench.deliver()
    assert len(bench.calls) == 2, "what is parked stays parked until something else is wanted"
    await bench.version(2, "student", name="better")
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


# The budget.


async def test_whoever_must_wait_gets_one_slot_and_waits_once() -> None:
    bench = await decided(people=3, services={"library": {"rate": 0.1}})
    await bench.deliver("library", "p1", "p2", "p3")
    accounts = [bench.account(key=key) for key in ("p1", "p2", "p3")]
    assert [account.condition for account in accounts] == [Condition.SETTLED, Condition.PENDING, Condition.PENDING]
    assert [account.due_at for account in accounts] == [None, START + 10, START + 20]
    await bench.version(2, "student")
    with bench.counted() as costs:
        await bench.deliver("library", "p2", "p3")
    assert costs["UpdateItem"] == costs["PutItem"] == costs["call"] == 0, "a second slot would be one too many"
    with bench.counted() as costs:
        await bench.settle()
    assert (bench.now, len(bench.users()), costs["UpdateItem"]) == (START + 20, 3, 0)
    assert all(bench.account(key=key).condition is Condition.SETTLED for key in ("p1", "p2", "p3"))


async def test_an_account_in_doubt_waits_for_one_slot_as_everybody_else() -> None:
    bench = await decided(people=2, services={"library": {"rate": 0.001}})
    bench.steps["library"].append(lost_after)
    await bench.deliver("library", "p1")
    assert bench.account().condition is Condition.UNKNOWN
    bench.now = bench.account().due_at or 0.0
    await bench.deliver("library", "p2", "p1")
    slot = bench.account().due_at
    assert (bench.account().condition, slot) == (Condition.PENDING, START + 2000)
    bench.now, taken = slot or 0.0, dict(bench.store.next_free)
    await bench.deliver("library", "p1")
    assert (bench.account().condition, bench.account().intent) == (Condition.SETTLED, None)
    assert bench.store.next_free == taken, "a second slot would be one too many"
    assert sorted(bench.users()) == ["login-p1"]


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
    await bench.version(2, "student")
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
