from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioning.core.gate import (
    FIRST_QUARANTINE,
    LONGEST_RETRY,
    LONGEST_WAIT,
    OPEN,
    PROBE,
    RECOVERY,
    SICK,
    UNLIMITED,
    Gate,
    Heard,
    Slots,
    after_calls,
    budget,
    closed,
    probing,
    spacing,
    wait,
    waiting_until,
)

NOW = 1_800_000_000


@given(st.integers(0, 100), st.text(max_size=10))
def test_waits_grow_to_a_quarter_of_an_hour_and_are_the_same_each_time(attempts: int, subject: str) -> None:
    seconds = wait(attempts, subject)
    assert 1 <= seconds <= LONGEST_RETRY * 1.25
    assert seconds == wait(attempts, subject)


def test_waits_of_many_subjects_are_spread() -> None:
    assert len({wait(8, str(number)) for number in range(200)}) > 50


@pytest.mark.parametrize(("said", "floor"), [(1, 1), (600, 600), (10**9, 86400)])
def test_the_sps_own_word_is_a_floor_believed_up_to_a_day(said: int, floor: int) -> None:
    waits = [wait(0, str(number), retry_after=said) for number in range(500)]
    assert min(waits) >= floor
    assert max(waits) <= max(floor * 1.1, wait(0, "a") * 2)


def test_those_who_were_told_the_same_do_not_come_back_together() -> None:
    assert len({wait(0, str(number), retry_after=600) for number in range(500)}) > 50


def test_slots_lie_one_spacing_apart() -> None:
    slots = Slots(10_000, spacing(4))
    assert [slots.at(number) for number in range(6)] == [10, 10, 10, 10, 11, 11]


def test_a_budget_falls_by_half_once_for_a_batch_and_rises_to_what_is_declared() -> None:
    fallen = after_calls(OPEN, [Heard.THROTTLED, Heard.WELL, Heard.THROTTLED], 10.0, NOW, 0)
    assert budget(fallen, 10.0, NOW) == 5
    assert after_calls(fallen, [Heard.THROTTLED], 10.0, NOW, 0) == fallen
    assert budget(after_calls(fallen, [Heard.THROTTLED], 10.0, NOW + 1, 0), 10.0, NOW + 1) == (5 + 10 / RECOVERY) / 2
    rates = [budget(fallen, 10.0, NOW + second) or 0 for second in range(RECOVERY)]
    assert rates == sorted(rates)
    assert budget(fallen, 10.0, NOW + RECOVERY) == 10


def test_a_service_without_a_rate_has_a_budget_only_while_it_recovers() -> None:
    assert budget(OPEN, None, NOW) is None
    fallen = after_calls(OPEN, [Heard.THROTTLED], None, NOW, 0)
    assert budget(fallen, None, NOW) == UNLIMITED / 2
    assert budget(fallen, None, NOW + RECOVERY) is None


def test_a_usable_answer_ends_a_row_of_failures_and_a_well_service_costs_no_write() -> None:
    assert after_calls(OPEN, [Heard.WELL] * 10, None, NOW, 0) is OPEN
    failing = after_calls(OPEN, [Heard.SICK] * (SICK - 1), None, NOW, 0)
    assert not closed(failing, NOW)
    assert after_calls(failing, [Heard.SICK, Heard.WELL], None, NOW, 0) == replace(OPEN)


def test_a_service_that_keeps_failing_is_closed_for_longer_each_time_and_one_probe_opens_it() -> None:
    gate, now, lengths = OPEN, NOW, []
    for _ in range(12):
        gate = after_calls(gate, [Heard.SICK] * SICK, None, now, gate.quarantine)
        assert closed(gate, now)
        assert probing(gate, now) is None
        lengths.append(gate.closed_until - now)
        now = gate.closed_until
        probe = probing(gate, now)
        assert probe is not None
        assert closed(probe, now + PROBE - 1)
        assert probing(probe, now + PROBE) is not None, "if whoever probes dies, another one does"
        gate = probe
    assert lengths[:3] == [FIRST_QUARANTINE, 2 * FIRST_QUARANTINE, 4 * FIRST_QUARANTINE]
    assert lengths[-1] == LONGEST_WAIT
    opened = after_calls(gate, [Heard.WELL], None, now, gate.quarantine)
    assert (closed(opened, now), probing(opened, now)) == (False, None)


def test_calls_that_were_under_way_when_the_gate_closed_do_not_close_it_for_longer_but_may_open_it() -> None:
    shut = after_calls(OPEN, [Heard.SICK] * SICK, None, NOW, 0)
    assert after_calls(shut, [Heard.SICK] * SICK, None, NOW + 3, 0) is shut
    assert not closed(after_calls(shut, [Heard.WELL], None, NOW + 3, 0), NOW + 3)


@given(st.text(max_size=8), st.integers(0, 16))
def test_what_met_a_closed_gate_comes_after_it_opens(subject: str, times: int) -> None:
    gate = Gate(quarantine=times, closed_until=NOW)
    assert NOW < waiting_until(gate, subject) <= NOW + LONGEST_WAIT
