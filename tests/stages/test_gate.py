"""The gate: pause, quarantine with a probe, a budget that falls when the SP throttles us."""

from provisioning.core.account import Condition
from provisioning.core.gate import FIRST_QUARANTINE, SICK, Gate
from tests.stages.bench import Bench, decided
from tests.stages.steps import refused, says_no

PEOPLE = SICK + 5
KEYS = tuple(f"p{number}" for number in range(1, PEOPLE + 1))


async def sick() -> Bench:
    """A service that has answered nobody, and is in quarantine."""
    bench = await decided(people=PEOPLE)
    bench.steps["library"].extend([refused] * (PEOPLE + 1))
    await bench.deliver("library", *KEYS)
    return bench


def gate(bench: Bench) -> Gate:
    return bench.store.gates["library"]


async def test_a_paused_service_is_not_called_and_costs_nothing_and_its_bells_are_done() -> None:
    bench = await decided(people=3)
    await bench.store.put_gate("library", Gate(paused="a migration"))
    with bench.counted() as costs:
        assert await bench.deliver("library", "p1", "p2", "p3") == frozenset()
    assert costs == {"BatchGetItem": 1}
    assert bench.users() == {}
    await bench.store.put_gate("library", Gate(revision=1))
    for key in ("p1", "p2", "p3"):  # as the campaign does that `resume` starts
        await bench.process.evaluate(bench.bell(None, key))
    await bench.settle()
    assert len(bench.users()) == 3


async def test_a_service_that_answers_nobody_is_quarantined_and_everyone_waits_for_it() -> None:
    bench = await sick()
    assert gate(bench).closed_until == bench.now + FIRST_QUARANTINE
    assert [fields["service"] for fields in bench.said("service.quarantined")] == ["library"]
    calls = len(bench.calls)
    bench.now += FIRST_QUARANTINE - 1
    await bench.deliver("library", *KEYS)
    assert len(bench.calls) == calls
    waiting = [bench.account("library", key) for key in KEYS]
    assert all(account.due_at is not None and account.due_at > gate(bench).closed_until for account in waiting)
    assert len({account.due_at for account in waiting}) > 5, "they do not all come at once"


async def test_one_probe_decides_when_a_quarantine_ends() -> None:
    bench = await sick()
    bench.steps["library"].clear()
    bench.steps["library"].append(refused)
    bench.now = gate(bench).closed_until
    for key in KEYS[:5]:
        account = bench.account("library", key)
        bench.store.accounts[account.identity]["library"] = account.__class__(account.identity, "library")
    calls = len(bench.calls)
    await bench.deliver("library", *KEYS[:5])
    assert len(bench.calls) == calls + 1, "one call, to find out"
    assert gate(bench).closed_until == bench.now + 2 * FIRST_QUARANTINE
    bench.steps["library"].clear()
    await bench.settle()
    assert len(bench.users()) == PEOPLE
    assert (gate(bench).failures, gate(bench).quarantine) == (0, 0)
    assert all(bench.account("library", key).condition is Condition.SETTLED for key in KEYS)


async def test_when_the_sp_throttles_us_the_budget_falls_by_half_and_what_comes_then_waits() -> None:
    bench = await decided(people=4, services={"library": {"rate": 1}})
    bench.steps["library"].append(says_no(429))
    await bench.deliver("library", "p1")
    assert gate(bench).rate == 0.5
    bench.now += 2
    await bench.deliver("library", "p2", "p3", "p4")
    dues = [bench.account("library", key).due_at for key in ("p2", "p3", "p4")]
    assert dues == [None, bench.now + 1, bench.now + 3]


async def test_the_rate_that_a_preset_suggests_is_heeded_and_the_operator_s_word_before_it() -> None:
    for fields, rate in (({"scim": {"preset": "slack"}}, 1.5), ({"scim": {"preset": "slack"}, "rate": 8}, 4)):
        bench = await decided(people=4, services={"library": fields})
        bench.steps["library"].append(says_no(429))
        await bench.deliver("library", "p1")
        assert gate(bench).rate == rate


async def test_a_service_that_is_well_costs_no_write_of_its_gate() -> None:
    bench = await decided(people=3)
    with bench.counted() as costs:
        await bench.deliver("library", "p1", "p2", "p3")
    assert costs["UpdateItem"] == 0
