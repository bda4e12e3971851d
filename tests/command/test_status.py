"""`provision status`: what is said of a service's gate."""

import io
from typing import Any, Final

import pytest
from rich.console import Console

from provisioning.command import show
from provisioning.command.deployed import gate_state
from provisioning.core.gate import Gate

NOW: Final = 1_800_000_000  # 2027-01-15T08:00:00Z
ENDS: Final = NOW + 7200


def told(gate: dict[str, Any]) -> list[str]:
    """The lines that `status` prints of a service `wiki`."""
    console = Console(file=io.StringIO(), width=200)
    state = {
        "bundle": {"hash": "h", "sequence": 1},
        "stale": {},
        "services": {"wiki": {"gate": gate, "accounts": [], "parked": []}},
        "rejected": [],
    }
    show.status(console, state)
    assert isinstance(console.file, io.StringIO)
    return [line for line in console.file.getvalue().splitlines() if line.startswith("wiki: ")]


def test_an_open_gate_says_nothing() -> None:
    assert told(gate_state(Gate(), None, NOW)) == []


def test_a_service_in_maintenance_is_shown_with_its_end() -> None:
    assert told(gate_state(Gate(), ENDS, NOW)) == ["wiki: in maintenance until 2027-01-15T10:00:00Z"]


@pytest.mark.parametrize(
    ("last", "maintained", "backlog"),
    [
        (NOW - 5, None, 0),
        (NOW + 40, None, 40),
        (NOW - 5, ENDS, 0),
        (ENDS + 40, ENDS, 40),  # all of it was given slots after the window
        (NOW + 40, ENDS, 40),  # its slots are lost, and it takes as long when it comes again
    ],
)
def test_the_backlog_counts_from_the_end_of_maintenance(last: int, maintained: int | None, backlog: int) -> None:
    assert gate_state(Gate(next_free=last * 1000), maintained, NOW)["backlog"] == backlog


def test_the_backlog_is_told_after_the_end_from_which_it_counts() -> None:
    gate = Gate(next_free=(ENDS + 40) * 1000)
    assert told(gate_state(gate, ENDS, NOW)) == [
        "wiki: in maintenance until 2027-01-15T10:00:00Z",
        "wiki: everything that waits for its rate is delivered in 40 s from then on",
    ]
    assert told(gate_state(gate, None, ENDS)) == ["wiki: everything that waits for its rate is delivered in 40 s"]
