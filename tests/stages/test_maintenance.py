"""Maintenance windows: nobody calls the service while one is open; whoever would waits once, until after it."""

from typing import Any, Final

import pytest

from provisioning.core.account import Condition
from provisioning.core.gate import MAINTAINED, Gate
from tests.stages.bench import Bench, decided, new_bench
from tests.stages.steps import refused
from tests.stages.tenant import START, affiliation, bundle, says

ENDS: Final = START + 7200
WINDOW: Final = {"since": "2027-01-15T07:00", "until": "2027-01-15T10:00"}  # it is 8:00
MAINTAINED_LIBRARY: Final[dict[str, Any]] = {"maintenance": [WINDOW]}
PEOPLE: Final = 20
KEYS: Final = tuple(f"p{number}" for number in range(1, PEOPLE + 1))


async def library(**more: Any) -> Bench:
    """Students for whom all is decided, of a library that is being worked on."""
    bench = await decided(people=PEOPLE, services={"library": {**MAINTAINED_LIBRARY, **more}})
    await bench.process.policies.current()
    return bench


def dues(bench: Bench, *keys: str) -> list[int]:
    return [bench.account("library", key).due_at or 0 for key in keys or KEYS]


async def after(bench: Bench, service: str = "library") -> None:
    """Let the time pass in which those who wait come again, by the sweep, as they do where it is far."""
    for _ in range(30):
        await bench.settle(until=bench.now)
        pending = [account[service].due_at for account in bench.store.accounts.values() if service in account]
        later = [due for due in pending if due is not None]
        if not later:
            return
        bench.now = max(bench.now, min(later))
        await bench.sweep()
    raise AssertionError("they do not come to rest")


async def test_nothing_is_called_inside_the_window_and_each_waits_by_one_write_until_it_has_ended() -> None:
    bench = await library()
    with bench.counted() as costs:
        assert await bench.deliver("library", *KEYS) == frozenset()
    assert costs == {"BatchGetItem": 1, "PutItem": PEOPLE}
    assert {bench.account("library", key).condition for key in KEYS} == {Condition.PENDING}
    assert all(ENDS <= due < ENDS + MAINTAINED for due in dues(bench))
    assert len(set(dues(bench))) > PEOPLE // 2, "they do not all come at once"
    for bench.now in (START + 1, ENDS - 1):
        with bench.counted() as again:
            await bench.deliver("library", *KEYS)
        assert (again["PutItem"], again["UpdateItem"]) == (0, 0)
    assert bench.calls == []


async def test_everything_is_delivered_after_it() -> None:
    bench = await library()
    await bench.deliver("library", *KEYS)
    bench.now = ENDS
    with bench.counted() as costs:
        await after(bench)
    assert len(bench.users()) == PEOPLE
    assert costs["call"] == PEOPLE
    assert costs["PutItem"] >= 2 * PEOPLE, "an intent and an end for each"
    assert {bench.account("library", key).condition for key in KEYS} == {Condition.SETTLED}
    assert {account["library"].revision for account in bench.store.accounts.values()} == {3}, "one for the wait"


async def test_what_is_wanted_meanwhile_is_what_is_delivered_and_nobody_waits_twice() -> None:
    bench = await library()
    await bench.deliver("library", *KEYS)
    bench.now = ENDS - 60
    await bench.process.receive(says("p1", 2, "student", name="Ada"))
    await bench.settle(until=bench.now)
    assert bench.account().revision == 1
    bench.now = ENDS
    await after(bench)
    assert bench.users()["login-p1"]["displayName"] == "Ada"
    assert bench.methods().count("POST") == PEOPLE
    assert bench.account().revision == 3


async def test_a_service_with_a_rate_is_called_at_that_rate_from_the_end_on() -> None:
    bench = await library(rate=0.5)
    with bench.counted() as costs:
        await bench.deliver("library", *KEYS)
    assert (costs["UpdateItem"], costs["PutItem"]) == (1, PEOPLE)
    assert dues(bench) == [ENDS + 2 * number for number in range(PEOPLE)]
    bench.now = ENDS
    await after(bench)
    assert (len(bench.users()), bench.now) == (PEOPLE, ENDS + 2 * (PEOPLE - 1))
    assert {account["library"].revision for account in bench.store.accounts.values()} == {3}


async def test_a_slot_that_falls_into_a_window_is_lost_and_another_is_taken_after_it() -> None:
    bench = await decided(people=2, services={"library": {**MAINTAINED_LIBRARY, "rate": 0.1}})
    await bench.publish(bundle({"library": {"rate": 0.1}}))  # not yet
    for key in ("p1", "p2"):
        await bench.process.evaluate(bench.bell(None, key, sequence=2))
    bench.drain()
    await bench.deliver("library", "p1", "p2")
    assert dues(bench, "p2") == [START + 10]
    await bench.publish(bundle({"library": {**MAINTAINED_LIBRARY, "rate": 0.1}}))
    for key in ("p1", "p2"):
        await bench.process.evaluate(bench.bell(None, key, sequence=3))
    bench.drain()
    bench.now = START + 10
    await bench.deliver("library", "p2")
    assert dues(bench, "p2") == [ENDS]
    assert len(bench.users()) == 1


async def test_a_removal_waits_and_that_of_another_service_does_not() -> None:
    bench = await new_bench(
        bundle({"wiki": {"lifecycle": {"retention": "PT0S"}}}), [says("p1", 1, "student", "staff"), says("p2", 1)]
    )
    await bench.publish(bundle({"library": MAINTAINED_LIBRARY, "wiki": {"lifecycle": {"retention": "PT0S"}}}))
    await bench.process.evaluate(bench.bell(sequence=2))
    await bench.settle()
    bench.calls.clear()
    await bench.arrive(says("p1", 2))
    assert (bench.methods(), bench.methods("wiki")[-1]) == ([], "DELETE")
    assert (len(bench.users()), bench.users("wiki")) == (1, {})
    bench.now = ENDS
    await after(bench)
    assert bench.methods() == ["PATCH"], "it is suspended"


async def test_other_services_are_not_delayed_nor_cost_more() -> None:
    bench = await decided("student", "visitor", "staff", services={"library": MAINTAINED_LIBRARY})
    await bench.process.policies.current()
    await bench.deliver("library")
    with bench.counted() as costs:
        await bench.deliver("badges")
        await bench.deliver("wiki")
    assert {bench.account(service).condition for service in ("badges", "wiki")} == {Condition.SETTLED}
    assert costs["UpdateItem"] == 0
    assert (bench.methods(), bench.now) == ([], START)


async def test_a_group_that_gathers_waits_once_and_its_members_are_changed_after_it() -> None:
    gathers = {"scim": {"member_batch": 100}}
    bench = await new_bench(bundle({"wiki": gathers}))
    await bench.process.receive(*(says(key, 1, "staff") for key in ("p1", "p2")))
    bench.drain()
    await bench.deliver("wiki", "p1", "p2")
    await bench.publish(bundle({"wiki": {**gathers, **MAINTAINED_LIBRARY}}))
    for key in ("p1", "p2"):
        await bench.process.evaluate(bench.bell(None, key, sequence=2))
    calls = len(bench.calls)
    await bench.settle(until=ENDS - 1)
    group = bench.store.groups["wiki", "editors"]
    assert (len(bench.calls), group.slots) == (calls, 1)
    assert ENDS <= group.next_at < ENDS + MAINTAINED
    await bench.settle()
    assert bench.members() == {"editors": ["login-p1", "login-p2"]}


async def test_nobody_probes_a_service_in_quarantine_while_it_is_worked_on() -> None:
    bench = await library()
    await bench.store.put_gate("library", Gate(failures=30, quarantine=1, closed_until=START - 1))
    bench.steps["library"].append(refused)
    await bench.deliver("library", *KEYS)
    assert bench.calls == []
    assert bench.store.gates["library"].revision == 1
    assert all(due >= ENDS for due in dues(bench))


async def test_a_quarantine_that_lasts_longer_than_the_window_is_waited_for_at_once() -> None:
    bench = await library()
    await bench.store.put_gate("library", Gate(failures=30, quarantine=8, closed_until=ENDS + 1000))
    await bench.deliver("library", *KEYS)
    assert all(ENDS + 1000 <= due < ENDS + 1000 + MAINTAINED for due in dues(bench))


async def test_a_budget_that_fell_has_risen_again_by_the_end_of_the_window() -> None:
    bench = await library(rate=1)
    await bench.store.put_gate("library", Gate(rate=0.1, throttled_at=START))
    await bench.deliver("library", *KEYS)
    assert dues(bench) == [ENDS + number for number in range(PEOPLE)]


@pytest.mark.parametrize(("zone", "called"), [("UTC", False), ("America/New_York", True), ("Europe/Amsterdam", False)])
async def test_the_window_is_by_the_clocks_of_the_tenant_s_zone(zone: str, called: bool) -> None:
    content = bundle({"library": MAINTAINED_LIBRARY})
    bench = await new_bench(content.model_copy(update={"tenant": content.tenant.model_copy(update={"zone": zone})}))
    await bench.process.receive(says("p1", 1, affiliation("student")))
    bench.drain()
    await bench.deliver()
    assert bool(bench.calls) is called
