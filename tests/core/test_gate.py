from hypothesis import given
from hypothesis import strategies as st

from provisioning.core.gate import LONGEST_WAIT, Slots, spacing, wait


@given(st.integers(0, 100), st.text(max_size=10))
def test_waits_grow_to_an_hour_and_are_the_same_each_time(attempts: int, subject: str) -> None:
    seconds = wait(attempts, subject)
    assert 1 <= seconds <= LONGEST_WAIT * 1.25
    assert seconds == wait(attempts, subject)


def test_waits_of_many_subjects_are_spread() -> None:
    assert len({wait(8, str(number)) for number in range(200)}) > 50


def test_the_sps_own_word_is_a_floor_believed_up_to_a_day() -> None:
    assert wait(0, "a", retry_after=600) == 600
    assert wait(0, "a", retry_after=10**9) == 86400


def test_slots_lie_one_spacing_apart() -> None:
    slots = Slots(10_000, spacing(4))
    assert [slots.at(number) for number in range(6)] == [10, 10, 10, 10, 11, 11]
