"""What work costs, counted: in memory, whose counts the contract suite proves to be those of the real table.

`pytest -s tests/stages/test_costs.py` ends with the table of the README.
"""

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import pytest

from provisioning.core.account import Condition
from tests.stages.bench import Bench, new_bench
from tests.stages.tenant import START, affiliation, bundle, rule, says

READS: Final = ("BatchGetItem", "Query", "GetItem")
WRITES: Final = ("PutItem", "TransactWriteItems", "BatchWriteItem")
GATE: Final = "UpdateItem"
TEN: Final = [f"p{number}" for number in range(10)]


@dataclass
class Table:
    """The rows as they were counted."""

    rows: list[str] = field(default_factory=list)

    def add(self, what: str, counted: Counter[str]) -> None:
        dynamo = [number for names in (READS, WRITES, (GATE,)) if (number := _shown(counted, names))]
        queues, calls = counted["SendMessageBatch"], counted["call"]
        self.rows.append(f"| {what} | {'; '.join(dynamo) or '–'} | {queues or '–'} | {calls or '–'} |")

    def __str__(self) -> str:
        head = "| work | DynamoDB requests | SQS requests | SP calls |\n|---|---|---|---|\n"
        return head + "\n".join(self.rows) + "\n"


def _shown(counted: Counter[str], names: tuple[str, ...]) -> str:
    return " + ".join(f"{counted[name]} {name}" for name in names if counted[name])


@pytest.fixture(scope="module")
def table() -> Iterator[Table]:
    found = Table()
    yield found
    sys.stdout.write(f"\n\n{found}")


def dynamo(counted: Counter[str]) -> int:
    """Requests to the table, of any kind."""
    return sum(counted[name] for name in (*READS, *WRITES, GATE))


def writes(counted: Counter[str]) -> int:
    return sum(counted[name] for name in (*WRITES, GATE))


async def campus(*kinds: str, keys: list[str] = TEN, **services: dict[str, Any]) -> Bench:
    """People at rest, with everything that a process caches in its caches."""
    bench = await new_bench(bundle(services), [says(key, 1, *kinds) for key in keys])
    await bench.process.policies.current()
    bench.calls.clear()
    return bench


async def changed(bench: Bench, *kinds: str, keys: list[str] = TEN) -> None:
    """All of them have a new name; their bells are not rung."""
    await bench.process.receive(*(says(key, 2, *kinds, name="new") for key in keys))
    bench.drain()


# receive


@pytest.mark.parametrize("kinds", [("student",), ("student", "staff"), ("student", "staff", "visitor")])
async def test_a_change_of_an_identity_is_three_requests_however_many_services_it_affects(
    kinds: tuple[str, ...], table: Table
) -> None:
    bench = await campus(*kinds, keys=["p1"])
    with bench.counted() as counted:
        await bench.process.receive(says("p1", 2, *kinds, name="new", login="new"))
    assert counted == {"BatchGetItem": 1, "Query": 1, "PutItem": 1, "SendMessageBatch": len(kinds)}
    assert dynamo(counted) <= 3
    if len(kinds) == 3:
        table.add("receive: a change that affects three services", counted)


async def test_ten_changes_in_a_batch_share_their_look_up_and_their_sends(table: Table) -> None:
    bench = await campus("student")
    with bench.counted() as counted:
        await bench.process.receive(*(says(key, 2, "student", name="new") for key in TEN))
    assert counted == {"BatchGetItem": 1, "Query": 10, "PutItem": 10, "SendMessageBatch": 1}
    table.add("receive: ten changes in one batch, one service each", counted)


async def test_a_new_identity_is_two_requests_its_link_in_the_same_write(table: Table) -> None:
    bench = await campus("student", keys=["p1"])
    with bench.counted() as counted:
        await bench.process.receive(says("new", 1, "student"))
    assert counted == {"BatchGetItem": 1, "TransactWriteItems": 1, "SendMessageBatch": 1}
    table.add("receive: a new person, with the link", counted)


async def test_the_same_version_again_writes_nothing_rings_nobody_and_calls_no_sp(table: Table) -> None:
    bench = await campus("student", "staff", keys=["p1"])
    with bench.counted() as counted:
        await bench.process.receive(says("p1", 1, "student", "staff"))
        await bench.settle()
    assert counted == {"BatchGetItem": 1, "Query": 1}
    table.add("receive: the same version again, or an older one", counted)


async def test_an_older_version_writes_nothing_rings_nobody_and_calls_no_sp() -> None:
    bench = await campus("student", keys=["p1"])
    await bench.arrive(says("p1", 3, "student"))
    with bench.counted() as counted:
        await bench.process.receive(says("p1", 2, "staff", name="old"))
        await bench.settle()
    assert counted == {"BatchGetItem": 1, "Query": 1}


async def test_a_newer_version_with_equal_content_writes_its_version_and_nothing_else(table: Table) -> None:
    bench = await campus("student", "staff", keys=["p1"])
    with bench.counted() as counted:
        await bench.process.receive(says("p1", 2, "student", "staff"))
        await bench.settle()
    assert counted == {"BatchGetItem": 1, "Query": 1, "PutItem": 1}
    table.add("receive: a newer version that changes nothing", counted)


async def test_a_rejected_notification_is_one_object_and_one_item_and_delays_no_other() -> None:
    bench = await campus("student", keys=["p1"])
    with bench.counted() as counted:
        await bench.process.receive(says("", 1))
    assert counted == {"PutObject": 1, "PutItem": 1}


# evaluate


async def test_an_evaluation_that_changes_nothing_is_one_read(table: Table) -> None:
    bench = await campus("student", "staff", "visitor", keys=["p1"])
    with bench.counted() as counted:
        await bench.process.evaluate(bench.bell())
    assert counted == {"Query": 1}
    table.add("evaluate: nothing has changed", counted)


async def test_a_boundary_is_one_read_and_one_write(table: Table) -> None:
    bench = await new_bench()
    await bench.process.receive(says("p1", 1, affiliation("student", START + 1000)))
    bench.now = START + 1000
    await bench.process.policies.current()
    with bench.counted() as counted:
        await bench.process.evaluate(bench.bell())
    assert counted == {"Query": 1, "PutItem": 1, "SendMessageBatch": 1}
    table.add("evaluate: a right begins or ends", counted)


async def test_a_new_bundle_is_read_once_for_a_batch_and_costs_each_identity_one_write() -> None:
    bench = await campus("student")
    await bench.publish(bundle(rules=[rule("readers", "library", 'affiliation.type == "student"')]))
    with bench.counted() as counted:
        await bench.process.evaluate(*(bench.bell(key=key, sequence=2) for key in TEN))
    assert (counted["Query"], counted["PutItem"], counted["GetObject"] >= 1) == (10, 10, True)


# deliver


async def test_a_batch_of_ten_updates_is_one_read_ten_writes_and_ten_calls(table: Table) -> None:
    bench = await campus("student")
    await changed(bench, "student")
    with bench.counted() as counted:
        await bench.deliver("library", *TEN)
    assert counted == {"BatchGetItem": 1, "PutItem": 10, "call": 10}
    table.add("deliver: ten updates in one batch", counted)


async def test_a_rate_adds_one_update_of_the_gate_for_the_whole_batch(table: Table) -> None:
    bench = await campus("student", library={"rate": 1000})
    bench.now += 30
    await changed(bench, "student")
    with bench.counted() as counted:
        await bench.deliver("library", *TEN)
    assert counted == {"BatchGetItem": 1, "UpdateItem": 1, "PutItem": 10, "call": 10}
    assert dynamo(counted) - 1 <= 2 * len(TEN)
    assert counted["UpdateItem"] <= len(TEN) / 10
    table.add("deliver: ten updates in one batch, the service has a rate", counted)


async def test_the_gate_costs_one_update_more_when_the_budget_turns_busy_or_idle(table: Table) -> None:
    bench = await campus("student", library={"rate": 1000})
    bench.now += 30
    updates = []
    for version, passed in ((2, 0), (3, 0), (4, 0), (5, 30), (6, 30)):  # idle, busy, busy, idle, idle
        bench.now += passed
        await bench.process.receive(*(says(key, version, "student", name=f"n{version}") for key in TEN))
        bench.drain()
        with bench.counted() as counted:
            await bench.deliver("library", *TEN)
        updates.append(counted["UpdateItem"])
        if version == 3:
            table.add("deliver: the same, and the budget has just turned busy or idle", counted)
    assert updates == [1, 2, 1, 2, 1]


async def test_one_update_alone_is_two_requests_and_one_call(table: Table) -> None:
    bench = await campus("student", keys=["p1"])
    await changed(bench, "student", keys=["p1"])
    with bench.counted() as counted:
        await bench.deliver()
    assert counted == {"BatchGetItem": 1, "PutItem": 1, "call": 1}
    assert dynamo(counted) <= 2
    table.add("deliver: one update alone", counted)


async def test_a_create_adds_one_write_its_intent(table: Table) -> None:
    bench = await campus("student", keys=["other"])
    await bench.process.receive(*(says(key, 1, "student") for key in TEN))
    bench.drain()
    with bench.counted() as counted:
        await bench.deliver("library", *TEN)
    assert counted == {"BatchGetItem": 1, "PutItem": 20, "call": 10}
    table.add("deliver: ten creates in one batch", counted)


async def test_a_suspension_and_a_removal_cost_what_an_update_costs_and_the_brake(table: Table) -> None:
    bench = await campus("student", keys=["p1"], library={"lifecycle": {"retention": "P1D"}})
    await bench.process.receive(says("p1", 2))
    bench.drain()
    with bench.counted() as suspension:
        await bench.deliver()
    due_at = bench.identity().due_at
    assert due_at is not None
    bench.now = due_at
    await bench.process.evaluate(bench.bell())
    bench.drain()
    with bench.counted() as removal:
        await bench.deliver()
    assert suspension == removal == {"BatchGetItem": 2, "TransactWriteItems": 1, "PutItem": 1, "call": 1}
    assert bench.methods() == ["PATCH", "DELETE"]
    table.add("deliver: one suspension, or one removal", removal)


async def test_a_membership_is_one_call_more_and_no_request_once_the_group_is_known(table: Table) -> None:
    bench = await campus("staff", keys=["other"])
    await bench.process.receive(says("p1", 1, "staff"))
    bench.drain()
    with bench.counted() as counted:
        await bench.deliver("wiki")
    assert counted == {"BatchGetItem": 1, "PutItem": 2, "call": 2}
    table.add("deliver: one create that joins a group", counted)


async def test_memberships_that_gather_are_one_call_for_all_and_two_requests_more_for_each(table: Table) -> None:
    gathers = {"scim": {"member_batch": 100}}
    bench = await campus("staff", keys=["other"], wiki=gathers)
    bench.now += 60
    await bench.process.policies.current()
    await bench.process.receive(*(says(key, 1, "staff") for key in TEN))
    bench.drain()
    with bench.counted() as accounts:
        await bench.deliver("wiki", *TEN)
    assert accounts == {"BatchGetItem": 1, "BatchWriteItem": 10, "PutItem": 20, "SendMessageBatch": 1, "call": 10}
    with bench.counted() as group:
        await bench.settle()
    assert {bench.account("wiki", key).condition for key in TEN} == {Condition.SETTLED}
    read = {"GetItem": 2, "Query": 1, "BatchGetItem": 1}
    assert group == {**read, "PutItem": 11, "BatchWriteItem": 1, "call": 1}
    table.add("deliver: ten creates that join a group which gathers", accounts)
    table.add("deliver: the group's bell, for ten that wait", group)


async def test_an_unchanged_account_is_read_and_not_written(table: Table) -> None:
    bench = await campus("student")
    with bench.counted() as counted:
        await bench.deliver("library", *TEN)
    assert counted == {"BatchGetItem": 1}
    assert writes(counted) == 0
    table.add("deliver: ten unchanged accounts in one batch", counted)


async def test_whoever_waits_for_a_slot_pays_one_write_and_one_bell_for_it(table: Table) -> None:
    bench = await campus("student", keys=["p1", "p2"], library={"rate": 0.1})
    bench.now += 1000
    await bench.process.policies.current()
    await changed(bench, "student", keys=["p1", "p2"])
    with bench.counted() as both:
        await bench.deliver("library", "p1", "p2")
    assert bench.account(key="p2").condition is Condition.PENDING
    assert both == {"BatchGetItem": 1, "UpdateItem": 1, "PutItem": 2, "SendMessageBatch": 1, "call": 1}
    table.add("deliver: two updates, of which one must wait for its slot", both)


async def test_a_message_to_a_queue_costs_a_create_its_intent_and_an_update_nothing_more(table: Table) -> None:
    bench = await campus("visitor", keys=["p1"])
    await bench.process.receive(says("p1", 2, "visitor", login="new"))
    bench.drain()
    with bench.counted() as counted:
        await bench.deliver("badges")
    assert counted == {"BatchGetItem": 1, "PutItem": 1, "call": 1}
    table.add("deliver: one update by queue (the call is one SendMessage)", counted)


@pytest.mark.parametrize(("version", "kinds"), [(1, ("visitor",)), (2, ("visitor",)), (2, ())])
async def test_a_row_for_a_file_is_one_write_without_intent_or_call(
    version: int, kinds: tuple[str, ...], table: Table
) -> None:
    service = {"protocol": "extract", "endpoint": "s3:///badges", "extract": {}, "rate": 1}
    bench = await campus("visitor", keys=["other"] if version == 1 else TEN, badges=service)
    await bench.process.receive(*(says(key, version, *kinds, login=f"new-{key}") for key in TEN))
    bench.drain()
    with bench.counted() as counted:
        await bench.deliver("badges", *TEN)
    # A batch of removals is counted by one read and one transaction.
    brake = {"BatchGetItem": 1, "TransactWriteItems": 1} if not kinds else {}
    assert counted == Counter({"BatchGetItem": 1, "PutItem": 10}) + Counter(brake)
    if version == 1:
        table.add("deliver: ten rows for a batch extract, new or changed", counted)


# schedule


async def test_a_sweep_that_rings_nobody_is_three_requests_a_shard(table: Table) -> None:
    bench = await campus("student", keys=["p1"])
    with bench.counted() as counted:
        await bench.sweep()
    shards = bench.store.shards
    assert counted == {"GetItem": shards, "Query": shards, "PutItem": shards}
    table.add(f"schedule: one sweep of all {shards} shards, nothing due", counted)
