"""What `provision status` says of a service's gate."""

from io import StringIO
from typing import Any

from rich.console import Console

from provisioning.command.deployed import gate_words
from provisioning.command.show import status
from provisioning.core.gate import Gate
from provisioning.core.maintenance import SPREAD
from provisioning.core.publication import compile_bundle
from tests.stages.tenant import START, bundle

NIGHTLY = {"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "from": "07:30", "until": "09:00"}
HOUR = 3600  # until 9:00


def words(gate: Gate, pending: int = 0, **fields: Any) -> dict[str, Any]:
    """Of the library at START, which is 8:00."""
    policy = compile_bundle(bundle({"library": fields}))
    counts = {("absent", "pending"): pending, ("active", "settled"): 7}
    return gate_words(policy.services["library"], policy.zone, gate, counts, START)


def printed(gate: dict[str, Any]) -> str:
    out = StringIO()
    library = {"gate": gate, "accounts": [], "parked": []}
    state = {"bundle": {"hash": "h", "sequence": 1}, "services": {"library": library}, "rejected": []}
    status(Console(file=out, width=200), state)
    return out.getvalue()


def test_a_service_that_is_open_has_nothing_to_say() -> None:
    told = words(Gate())
    assert (told["paused"], told["quarantined_until"], told["maintenance_until"], told["backlog"]) == (
        "",
        None,
        None,
        0,
    )
    assert "library:" not in printed(told)


def test_a_service_in_maintenance_says_until_when_and_when_those_who_wait_are_delivered() -> None:
    told = words(Gate(), pending=3, maintenance=[NIGHTLY])
    assert told["maintenance_until"] == "2027-01-15T09:00:00Z"
    assert told["backlog"] == HOUR + SPREAD
    assert "library: in maintenance until 2027-01-15T09:00:00Z" in printed(told)
    assert f"library: everything that waits for a slot is delivered in {HOUR + SPREAD} s" in printed(told)
    taken = Gate(next_free=(START + HOUR + 20) * 1000)
    assert words(taken, pending=3, maintenance=[NIGHTLY], rate=1)["backlog"] == HOUR + 20
    assert words(Gate(), pending=0, maintenance=[NIGHTLY])["backlog"] == 0


def test_a_service_that_is_paused_or_in_quarantine_says_why_and_until_when() -> None:
    told = printed(words(Gate(paused="a migration", failures=20, quarantine=1, closed_until=START + 30)))
    assert "library: paused: a migration" in told
    assert "library: quarantined until 2027-01-15T08:00:30Z, after 20 calls without a usable answer" in told
