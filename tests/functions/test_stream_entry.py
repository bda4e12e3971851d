"""The edge of a function that a stream starts: what comes again, and what a defect costs."""

from collections.abc import Sequence
from typing import Any

import pytest

from provisioning.core.errors import TransientError
from provisioning.core.occurrence import Change, Unreadable
from provisioning.core.period import Instant
from provisioning.runtime.stream_entry import Entries, stream_handler

NOTHING_FAILED: dict[str, Any] = {"batchItemFailures": []}


def event(*numbers: int) -> dict[str, Any]:
    """A batch of deletions, each of another account."""
    old = {"b": {"B": "eJyLBgAAXgBd"}, "r": {"N": "1"}}
    return {
        "Records": [
            {
                "eventName": "REMOVE",
                "dynamodb": {
                    "SequenceNumber": str(number),
                    "ApproximateCreationDateTime": 1_800_000_000,
                    "Keys": {"pk": {"S": f"I#p{number}"}, "sk": {"S": "A#wiki"}},
                    "OldImage": old,
                },
            }
            for number in numbers
        ]
    }


class Recorded:
    """A stage that remembers what it took. It shows a defect on some entries, and others it cannot take now."""

    def __init__(self, defects: Sequence[str] = (), busy: Sequence[str] = ()) -> None:
        self.defects, self.busy = defects, busy
        self.taken: list[str] = []
        self.kept: list[Unreadable] = []

    async def __call__(self, entries: Entries, now: Instant) -> str | None:
        if any(each.number in self.busy for each in entries):
            raise TransientError("the table is busy")
        for each in entries:
            if each.number in self.defects and not self._is_shelved(each):
                raise ZeroDivisionError
        for each in entries:
            if self._is_shelved(each):
                assert isinstance(each, Unreadable)
                self.kept.append(each)
            else:
                self.taken.append(each.number)
        return None

    def _is_shelved(self, entry: Change | Unreadable) -> bool:
        return isinstance(entry, Unreadable) and entry.reason.startswith("a defect")

    def take(self, *numbers: int) -> dict[str, Any]:
        return stream_handler(self)(event(*numbers), None)


def test_what_was_taken_does_not_come_again() -> None:
    stage = Recorded()
    assert stage.take(1, 2, 3) == NOTHING_FAILED
    assert stage.taken == ["1", "2", "3"]


def test_a_service_that_is_not_available_brings_the_whole_batch_back() -> None:
    stage = Recorded(busy=["2"])
    assert stage.take(1, 2, 3) == {"batchItemFailures": [{"itemIdentifier": "1"}]}
    assert stage.taken == []


@pytest.mark.parametrize("defect", range(1, 8))
def test_a_defect_costs_the_entry_that_makes_it_and_no_other(defect: int, capsys: pytest.CaptureFixture[str]) -> None:
    stage = Recorded(defects=[str(defect)])
    assert stage.take(*range(1, 8)) == NOTHING_FAILED
    assert stage.taken == [str(number) for number in range(1, 8) if number != defect], "each once, in their order"
    (kept,) = stage.kept
    assert (kept.number, f"I#p{defect}" in kept.body) == (str(defect), True)
    assert "ZeroDivisionError" in capsys.readouterr().out


def test_what_follows_a_service_that_fails_while_a_batch_is_halved_comes_again() -> None:
    stage = Recorded(defects=["1"], busy=["4"])
    assert stage.take(1, 2, 3, 4) == {"batchItemFailures": [{"itemIdentifier": "1"}]}, "the table may be busy for all"
    halved = Recorded(defects=["1", "2"])
    assert halved.take(1, 2, 3, 4) == NOTHING_FAILED
    assert (halved.taken, [each.number for each in halved.kept]) == (["3", "4"], ["1", "2"])


def test_items_that_are_no_identities_and_no_accounts_are_passed_over() -> None:
    stage, batch = Recorded(), event(1)
    for pk, sk in (("H#p1", "I#0000000001"), ("A#registry", "A#request"), ("I#p1", "something"), ("S#wiki", "G")):
        batch["Records"][0]["dynamodb"]["Keys"] = {"pk": {"S": pk}, "sk": {"S": sk}}
        assert stream_handler(stage)(batch, None) == NOTHING_FAILED
    assert stage.taken == []
