"""A service that gets files, through the whole of deliver: the row is what is wanted, and the SP is never asked."""

import asyncio
from typing import Any, Final

import pytest

from provisioning.core.account import Condition, Known, Phase
from provisioning.core.gate import Gate
from tests.stages.bench import Bench, Process, decided, new_bench
from tests.stages.tenant import DAY, bundle, rule, says

SERVICE: Final = "badges"
ACCOUNT: Final = {"login": {"value": "person.login", "required": True}, "name": "person.name"}
ROLES: Final = [
    rule("visitors", SERVICE, 'affiliation.type == "visitor"', authorizations=["enter"]),
    rule("keepers", SERVICE, '"keeper" in person.tags', authorizations=["open"]),
]


def staged(**fields: Any) -> dict[str, Any]:
    """The badges as a service that gets files."""
    service = {"protocol": "extract", "endpoint": "s3:///badges", "account": ACCOUNT, "extract": {}, **fields}
    return {SERVICE: service}


async def wanting(people: int = 1, **fields: Any) -> Bench:
    """Visitors for whom all is decided and nothing staged."""
    return await decided("visitor", people=people, services=staged(**fields))


def row(bench: Bench, key: str = "p1") -> Known:
    """The row as it is stored; nobody was asked for it, and it is in no doubt."""
    account = bench.account(SERVICE, key)
    assert (bench.calls, account.intent, account.due_at) == ([], None, None)
    assert account.condition is Condition.SETTLED
    assert account.changed_at
    return account.known


async def test_a_new_account_is_a_row_with_what_is_wanted() -> None:
    bench = await wanting()
    await bench.deliver(SERVICE)
    values = {"login": "login-p1", "name": "Name of p1"}
    assert row(bench) == Known(Phase.ACTIVE, values=values, staged=True)


async def test_a_change_replaces_the_row_and_moves_it_among_the_changes() -> None:
    bench = await wanting()
    await bench.deliver(SERVICE)
    created_at = bench.account(SERVICE).changed_at
    bench.now += 60
    await bench.arrive(says("p1", 2, "visitor", name="Ada"))
    assert row(bench).values == {"login": "login-p1", "name": "Ada"}
    assert bench.account(SERVICE).changed_at == created_at + 60


async def test_a_value_that_is_wanted_no_more_leaves_the_row() -> None:
    bench = await wanting()
    await bench.deliver(SERVICE)
    await bench.arrive(says("p1", 2, "visitor", name=None))
    assert row(bench).values == {"login": "login-p1"}


async def test_a_row_is_suspended_and_then_gone_but_for_its_key() -> None:
    bench = await wanting(lifecycle={"retention": "P30D"})
    await bench.deliver(SERVICE)
    await bench.arrive(says("p1", 2))
    assert row(bench).phase is Phase.SUSPENDED
    assert row(bench).values["login"] == "login-p1"
    bench.now += 31 * DAY
    await bench.process.evaluate(bench.bell())
    await bench.settle()
    assert row(bench) == Known(Phase.ABSENT, values={"login": "login-p1"}, staged=True)


async def test_who_comes_back_has_a_whole_row_again() -> None:
    bench = await wanting()
    await bench.deliver(SERVICE)
    await bench.arrive(says("p1", 2))
    assert row(bench).phase is Phase.ABSENT
    await bench.arrive(says("p1", 3, "visitor", name="Ada"))
    assert row(bench).values == {"login": "login-p1", "name": "Ada"}


async def test_who_never_had_a_row_gets_no_deletion() -> None:
    bench = await new_bench(bundle(staged()), [says("p1", 1, "student")])
    assert SERVICE not in bench.store.accounts.get(bench.identity().id, {})


async def test_a_row_names_the_groups_that_are_wanted() -> None:
    groups = {"enter": "doors", "open": "keys"}
    bench = await new_bench(bundle(staged(groups=groups), rules=ROLES), [says("p1", 1, "visitor", tags=["keeper"])])
    assert row(bench).groups == ("doors", "keys")
    await bench.arrive(says("p1", 2, "visitor", tags=[]))
    assert row(bench).groups == ("doors",)
    assert bench.store.groups == {}


async def test_names_are_chosen_once_and_nobody_else_gets_them() -> None:
    base = "person.name.ascii().lower()"
    account = {"login": {"candidates": [base, f"{base} + string(counter)"]}}
    bench = await new_bench(bundle(staged(account=account)))
    await bench.arrive(*(says(f"p{number}", 1, "visitor", name="Åse") for number in (1, 2)))
    assert sorted(row(bench, key).values["login"] for key in ("p1", "p2")) == ["ase", "ase2"]
    name = row(bench).values["login"]
    await bench.arrive(says("p1", 2, "visitor", name="Bo"))
    assert row(bench).values["login"] == name
    await bench.arrive(says("p1", 3, name="Bo"), says("p3", 1, "visitor", name="Åse"))
    assert row(bench).values == {"login": name}, "the SP is told by it who is gone"
    assert row(bench, "p3").values["login"] == "ase3"


async def test_what_only_a_new_account_gets_stays_as_it_was() -> None:
    account = {**ACCOUNT, "name": {"value": "person.name", "strength": "create"}}
    bench = await wanting(account=account)
    await bench.deliver(SERVICE)
    await bench.arrive(says("p1", 2, "visitor", name="Ada", login="new"))
    assert row(bench).values == {"login": "new", "name": "Name of p1"}


async def test_who_goes_and_comes_back_unseen_by_any_file_keeps_the_name() -> None:
    account = {"login": {"candidates": ["person.name.ascii().lower()"]}}
    bench = await new_bench(bundle(staged(account=account)), [says("p1", 1, "visitor", name="Åse")])
    await bench.arrive(says("p1", 2, name="Åse"))
    await bench.arrive(says("p1", 3, "visitor", name="Bo"))
    assert (row(bench).phase, row(bench).values) == (Phase.ACTIVE, {"login": "ase"})
    with bench.counted() as counts:
        await bench.deliver(SERVICE)
    assert counts["PutItem"] == 0


# What cannot be, and what may not be now.


async def test_without_a_required_value_the_account_is_parked_and_there_is_no_row() -> None:
    bench = await decided("visitor", services=staged(), login=None)
    await bench.deliver(SERVICE)
    account = bench.account(SERVICE)
    assert (account.condition, account.known, bench.calls) == (Condition.PARKED, Known(), [])
    assert "login" in account.error
    await bench.arrive(says("p1", 2, "visitor"))
    assert row(bench).values["login"] == "login-p1"


async def test_a_row_that_is_there_stays_as_it_was_while_a_required_value_is_missing() -> None:
    bench = await wanting()
    await bench.deliver(SERVICE)
    before = bench.account(SERVICE)
    bench.now += 60
    await bench.arrive(says("p1", 2, "visitor", login=None))
    account = bench.account(SERVICE)
    assert (account.condition, account.known, account.changed_at) == (
        Condition.PARKED, before.known, before.changed_at,
    )  # fmt: skip


async def test_a_paused_service_stages_nothing_and_whoever_resumes_it_makes_it_good() -> None:
    bench = await wanting(people=3)
    await bench.store.put_gate(SERVICE, Gate(paused="the SP moves"))
    with bench.counted() as counts:
        assert await bench.deliver(SERVICE, "p1", "p2", "p3") == frozenset()
    assert counts == {"BatchGetItem": 1}
    assert all(SERVICE not in accounts for accounts in bench.store.accounts.values())
    await bench.store.put_gate(SERVICE, Gate(revision=1))
    for key in ("p1", "p2", "p3"):  # as the campaign does that `resume` starts
        await bench.process.evaluate(bench.bell(None, key))
    await bench.settle()
    assert [row(bench, key).values["login"] for key in ("p1", "p2", "p3")] == ["login-p1", "login-p2", "login-p3"]


async def test_no_rate_and_no_quarantine_holds_up_what_nobody_is_asked_for() -> None:
    bench = await wanting(people=5, rate=0.001)
    quarantined = Gate(failures=20, quarantine=3600, closed_until=int(bench.now) + 3600)
    await bench.store.put_gate(SERVICE, quarantined)
    await bench.deliver(SERVICE, "p1", "p2", "p3", "p4", "p5")
    assert all(row(bench, f"p{number}").staged for number in range(1, 6))


# Races and deaths.


async def test_of_deliveries_that_race_the_row_is_what_is_wanted_now() -> None:
    bench = await wanting()
    await asyncio.gather(*(Process(bench).deliver(SERVICE, bench.bell(SERVICE)) for _ in range(3)))
    await bench.version(2, "visitor", name="Ada")
    bench.drain()
    await asyncio.gather(*(Process(bench).deliver(SERVICE, bench.bell(SERVICE)) for _ in range(3)))
    assert row(bench).values == {"login": "login-p1", "name": "Ada"}
    assert bench.account(SERVICE).turn == bench.identity().entitlements[SERVICE].turn


@pytest.mark.parametrize("kinds", [("visitor",), ()])
async def test_killed_at_any_await_the_row_is_the_one_of_before_or_the_one_that_is_wanted(
    kinds: tuple[str, ...],
) -> None:
    for at in range(1, 50):
        bench = await wanting()
        await bench.deliver(SERVICE)
        before = row(bench)
        await bench.version(2, *kinds, name="Ada")
        bench.drain()
        died = await bench.killed(bench.deliver(SERVICE), at)
        known = row(bench)
        await bench.deliver(SERVICE)
        assert known in (before, row(bench))
        wanted = {"login": "login-p1", **({"name": "Ada"} if kinds else {})}
        assert row(bench).values == wanted
        if not died:
            return
    raise AssertionError("it never ended")
