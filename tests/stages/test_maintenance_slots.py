"""A budget and maintenance windows: no slot lies in a window, so nobody waits for one that is lost."""

import itertools
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from provisioning.core.account import Condition
from provisioning.core.maintenance import open_again
from provisioning.core.maintenance_options import DAYS, Window
from provisioning.protocols.dialogue import Answer, HttpRequest
from tests.simulation.provider import Provider
from tests.stages.bench import Bench, decided
from tests.stages.steps import as_it_is
from tests.stages.tenant import START, says

HOUR = 3600
UTC_ZONE = ZoneInfo("UTC")
ALL = tuple(f"p{number}" for number in range(1, 11))


def window(start: int, end: int) -> dict[str, Any]:
    """A window between two instants of whole minutes."""
    since, until = (datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M") for at in (start, end))
    return {"since": since, "until": until}


async def rationed(rate: float | None, *windows: dict[str, Any]) -> Bench:
    return await decided(people=10, services={"library": {"rate": rate, "maintenance": list(windows)}})


def dues(bench: Bench) -> list[int | None]:
    return [bench.account("library", key).due_at for key in ALL]


async def ring_due(bench: Bench, until: float) -> None:
    """Let time pass as the sweep does: minute by minute, and everything that is due is handled."""
    while bench.now < until:
        await bench.sweep()
        await bench.settle(until=min(bench.now + 60, until))


async def test_a_batch_that_a_window_cuts_in_two_goes_on_after_it_and_each_waits_once() -> None:
    bench = await rationed(0.1, window(START + 60, START + HOUR))
    with bench.counted() as costs:
        await bench.deliver("library", *ALL)
    assert costs["UpdateItem"] == 2
    ends = START + HOUR
    assert dues(bench)[1:] == [START + 10 * number for number in range(1, 6)] + [ends, ends + 10, ends + 20, ends + 30]
    await ring_due(bench, START + 2 * HOUR)
    assert {account["library"].revision for account in bench.store.accounts.values()} == {2, 3}, (
        "a wait, an intent, an end"
    )
    assert len(bench.users()) == 10


async def test_slots_as_far_apart_as_the_windows_do_not_all_fall_into_them() -> None:
    nightly = {"days": list(DAYS), "from": "08:10", "until": "09:00"}
    bench = await rationed(1 / 86400, nightly)
    bench.store.next_free["library"] = (START + 1200) * 1000  # 8:20, and so every day
    await bench.deliver("library", *ALL)
    found = [due_at or 0 for due_at in dues(bench)]
    read = [Window.model_validate(nightly)]
    assert all(open_again(read, UTC_ZONE, due_at) is None for due_at in found)
    assert len(set(found)) == 10


async def test_a_service_that_is_never_open_gives_slots_all_the_same_and_is_not_called() -> None:
    bench = await rationed(1, {"days": list(DAYS), "from": "00:00", "until": "00:00"})
    assert await bench.deliver("library", *ALL) == frozenset()
    assert all(due_at is not None and due_at > START for due_at in dues(bench))
    assert bench.calls == []


@settings(max_examples=20, deadline=None)
@given(
    windows=st.lists(
        st.builds(
            lambda start, length: window(START + 60 * start, START + 60 * (start + length)),
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
    windows: list[dict[str, Any]], nightly: list[tuple[str, str]], rate: float | None, data: st.DataObject
) -> None:
    listed = [*windows, *({"days": list(DAYS), "from": since, "until": until} for since, until in nightly)]
    bench = await rationed(rate, *listed)
    read = [Window.model_validate(each) for each in listed]
    met: list[int | None] = []

    def watched(provider: Provider, request: HttpRequest) -> Answer:
        met.append(open_again(read, UTC_ZONE, int(bench.now)))
        return as_it_is(provider, request)

    bench.steps["library"].extend([watched] * 200)
    for number in itertools.count():
        if number < 10 or (number < 20 and data.draw(st.booleans())):
            await bench.process.receive(says(ALL[number % 10], 2 + number, "student", name=f"name {number}"))
        await ring_due(bench, bench.now + 60 * data.draw(st.integers(1, 15)))
        if number > 20 and all(bench.account(key=key).condition is Condition.SETTLED for key in ALL):
            break
        assert number < 200
    assert set(met) == {None}
    assert len(bench.users()) == 10
