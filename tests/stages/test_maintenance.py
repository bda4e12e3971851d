"""Maintenance windows: nothing is called at an SP while one is open, and who waited comes after it, once."""

import itertools
from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from provisioning.core.account import Condition
from provisioning.core.gate import FIRST_QUARANTINE, Gate
from provisioning.core.maintenance import SPREAD, closed_until
from provisioning.core.maintenance_options import WEEK, Window
from provisioning.protocols.dialogue import Answer, HttpRequest
from tests.simulation.provider import Provider
from tests.stages.bench import Bench, decided
from tests.stages.steps import as_it_is
from tests.stages.tenant import START, says

HOUR = 3600
ALL = tuple(f"p{number}" for number in range(1, 13))


def window(start: int, end: int) -> dict[str, Any]:
    """A window by date between two instants of whole minutes; the tenant's zone is UTC."""
    return {"from": text(start), "until": text(end)}


def text(instant: int) -> str:
    return datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%dT%H:%M")


async def in_maintenance(people: int = 1, *, service: str = "library", kind: str = "student", **fields: Any) -> Bench:
    """People for whom all is decided, at a service of which a window of an hour has just begun."""
    maintained = {"maintenance": [window(START, START + HOUR)], **fields}
    return await decided(kind, people=people, services={service: maintained})


async def ring_due(bench: Bench, until: float) -> None:
    """Let time pass as the sweep does: minute by minute, and everything that is due is handled."""
    while bench.now < until:
        await bench.sweep()
        await bench.settle(until=min(bench.now + 60, until))


async def test_nothing_is_called_in_a_window_and_everyone_waits_once_and_is_spread_after_it() -> None:
    bench = await in_maintenance(people=12)
    with bench.counted() as costs:
        assert await bench.deliver("library", *ALL) == frozenset()
    assert (costs["PutItem"], costs["UpdateItem"], costs["call"]) == (12, 0, 0)
    dues = [bench.account("library", key).due_at or 0 for key in ALL]
    assert all(START + HOUR <= due_at < START + HOUR + SPREAD for due_at in dues)
    assert len(set(dues)) > 6
    bench.now += HOUR / 2
    await bench.process.receive(*(says(key, 2, "student", name="changed") for key in ALL))
    with bench.counted() as costs:
        await bench.deliver("library", *ALL)
    assert (costs["PutItem"], costs["UpdateItem"], costs["call"]) == (0, 0, 0), "they wait whatever is wanted meanwhile"
    await ring_due(bench, START + HOUR + SPREAD)
    assert {user["displayName"] for user in bench.users().values()} == {"changed"}
    assert [method for method in bench.methods() if method != "GET"] == ["POST"] * 12


async def test_a_service_with_a_rate_is_called_at_that_rate_after_its_window() -> None:
    bench = await in_maintenance(people=12, rate=0.5)
    await bench.deliver("library", *ALL[:5])
    await bench.deliver("library", *ALL[5:])
    dues = [bench.account("library", key).due_at for key in ALL]
    assert dues == [START + HOUR + 2 * number for number in range(12)]
    await ring_due(bench, START + HOUR + 30)
    assert bench.methods() == ["POST"] * 12


async def test_who_has_a_slot_that_comes_late_and_in_a_window_waits_for_another() -> None:
    bench = await decided(
        people=2, services={"library": {"rate": 0.1, "maintenance": [window(START + 60, START + HOUR)]}}
    )
    await bench.deliver("library", "p1", "p2")
    assert bench.account("library", "p2").due_at == START + 10
    bench.now += 60
    await bench.deliver("library", "p2")
    assert bench.account("library", "p2").due_at == START + HOUR
    bench.now = START + HOUR
    await bench.deliver("library", "p2")
    assert len(bench.users()) == 2


async def test_slots_of_the_budget_leave_out_every_window_also_such_as_all_would_fall_into() -> None:
    windows = [window(START + 100 * number + 40, START + 100 * number + 160) for number in range(0, 40, 2)]
    bench = await decided(people=12, services={"library": {"rate": 0.005, "maintenance": windows}})
    bench.store.next_free["library"] = (START + 100) * 1000
    await bench.deliver("library", *ALL)
    dues = [bench.account("library", key).due_at or 0 for key in ALL]
    read = [Window.model_validate(each) for each in windows]
    zone = (await bench.process.policies.current()).zone
    assert all(closed_until(read, zone, due_at) is None for due_at in dues)
    assert len(set(dues)) == 12


async def test_a_removal_waits_at_the_service_of_the_window_and_nowhere_else() -> None:
    maintained = {"maintenance": [window(START + 60, START + HOUR)]}
    bench = await decided("student", "staff", services={"library": maintained})
    await bench.deliver("library")
    await bench.deliver("wiki")
    assert (len(bench.users("library")), len(bench.users("wiki"))) == (1, 1)
    bench.now += 60
    await bench.process.receive(says("p1", 2))
    await bench.settle(until=bench.now + 60)
    assert len(bench.users("wiki")) == 0, "removed at once"
    assert bench.account("library").condition is Condition.PENDING
    assert bench.users("library")["login-p1"]["active"] is True
    await ring_due(bench, START + HOUR + SPREAD)
    assert bench.users("library")["login-p1"]["active"] is False


async def test_groups_are_not_made_in_a_window_either() -> None:
    bench = await in_maintenance(service="wiki", kind="staff")
    await bench.deliver("wiki")
    assert (bench.calls, bench.store.groups) == ([], {})
    await ring_due(bench, START + HOUR + SPREAD)
    assert bench.members() == {"editors": ["login-p1"]}


async def test_a_window_is_waited_for_by_who_leaves_a_quarantine_and_nobody_probes_in_it() -> None:
    bench = await decided(people=3, services={"library": {"maintenance": [window(START + 60, START + HOUR)]}})
    await bench.store.put_gate("library", Gate(quarantine=1, closed_until=START + 59))
    await bench.deliver("library", "p1")
    assert START + HOUR <= (bench.account("library", "p1").due_at or 0) < START + HOUR + SPREAD
    bench.now = START + 59 + FIRST_QUARANTINE
    await bench.deliver("library", "p2", "p3")
    assert bench.calls == []
    assert bench.store.gates["library"].closed_until == START + 59, "the probe is left to who comes after the window"


@settings(max_examples=30)
@given(
    windows=st.lists(
        st.builds(
            lambda start, length: (START + 60 * start, START + 60 * (start + length)),
            st.integers(-5, 120),
            st.integers(1, 40),
        ),
        max_size=4,
    ),
    nightly=st.lists(st.sampled_from([("08:10", "08:40"), ("09:00", "09:01")]), max_size=2),
    rate=st.sampled_from([None, 0.02, 1]),
    data=st.data(),
)
async def test_no_call_is_ever_made_in_a_window_and_in_the_end_everyone_is_served(
    windows: list[tuple[int, int]], nightly: list[tuple[str, str]], rate: float | None, data: st.DataObject
) -> None:
    weekly = [{"days": list(WEEK), "from": since, "until": until} for since, until in nightly]
    listed = [*weekly, *(window(start, end) for start, end in windows)]
    bench = await decided(people=6, services={"library": {"rate": rate, "maintenance": listed}})
    read = [Window.model_validate(each) for each in listed]
    zone = (await bench.process.policies.current()).zone
    met: list[int | None] = []

    def watched(provider: Provider, request: HttpRequest) -> Answer:
        met.append(closed_until(read, zone, int(bench.now)))
        return as_it_is(provider, request)

    bench.steps["library"].extend([watched] * 100)
    for number in itertools.count():
        key = f"p{number % 6 + 1}"
        if number < 6 or (number < 20 and data.draw(st.booleans())):
            await bench.process.receive(says(key, 2 + number, "student", name=f"name {number}"))
        await ring_due(bench, bench.now + 60 * data.draw(st.integers(1, 15)))
        if number > 20 and all(bench.account(key=f"p{each}").condition is Condition.SETTLED for each in range(1, 7)):
            break
        assert number < 200
    assert met
    assert set(met) == {None}
    assert len(bench.users()) == 6
