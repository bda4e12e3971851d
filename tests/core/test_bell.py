import pytest

from provisioning.core.bell import Bell, Cause, instant_of, read_bell, write_bell
from provisioning.core.errors import InvalidError


@pytest.mark.parametrize(
    "bell",
    [
        Bell("i", Cause.CLOCK, "t", at=5),
        Bell("i", Cause.DECISION, "t", "library"),
        Bell("i", Cause.POLICY, "", sequence=3),
    ],
)
def test_a_bell_is_what_was_written(bell: Bell) -> None:
    assert read_bell(write_bell(bell)) == bell


@pytest.mark.parametrize("body", ["", "{}", "[]", "7", '{"identity": "i", "cause": "whim", "trace": "t"}'])
def test_anything_else_is_no_bell(body: str) -> None:
    with pytest.raises(InvalidError, match="not a doorbell"):
        read_bell(body)


@pytest.mark.parametrize(
    ("at", "now", "instant"), [(100, 99, 100), (100, 98, 98), (100, 100, 100), (100, 107, 107), (None, 7, 7)]
)
def test_a_bell_that_is_a_moment_early_counts_as_punctual(at: int | None, now: int, instant: int) -> None:
    assert instant_of(Bell("i", Cause.CLOCK, "t", at=at), now) == instant
