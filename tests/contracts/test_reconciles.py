"""Ports Reconciles and Standings; and reconcile itself over them."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
import pytest_asyncio

from provisioning.adapters.aws.clients import Clients
from provisioning.adapters.aws.objects import Objects
from provisioning.adapters.aws.reconciles import StoredReconciles
from provisioning.adapters.aws.rows import Rows
from provisioning.adapters.aws.table import Table
from provisioning.adapters.memory.reconciles import MemoryReconciles
from provisioning.adapters.memory.store import MemoryStore
from provisioning.core.account import Account, Condition, Known, Phase
from provisioning.core.errors import ConflictError, TransientError
from provisioning.core.reconciled import Reconciled, Run, Step, Summary
from provisioning.ports import Accounts, Reconciles, Standing, Standings
from tests.contracts.backends import new_bucket, new_table
from tests.contracts.boxes import new_queue
from tests.contracts.samples import account, new_id

pytestmark = pytest.mark.asyncio(loop_scope="session")

RUN = Run(
    3, 100, 200, Step.ACT, "7/settled#active/i1", ("library/000003/00001-4",), 12, 1100, 1100, 1101, "a problem", 1, 2,
    3, {"displayName": 6}, {"userName": 9}, 1, 50, {"repair": 3},
)  # fmt: skip
SUMMARY = Summary(2, 50, 60, complete=True, problem="", shown=4, counts={"settled": 4}, attributes={"x": 1}, done={})


@dataclass
class Rig:
    """The two ports, and the accounts that they are about."""

    reconciles: Reconciles
    standings: Standings
    accounts: Accounts
    requests: Callable[[], Counter[str]]


@pytest_asyncio.fixture(loop_scope="session")
async def rig(backend: Clients | None) -> Rig:
    if backend is None:
        store = MemoryStore()
        memory = MemoryReconciles(store)
        return Rig(memory, memory, store, lambda: Counter(store.requests))
    rows = Rows(backend, await new_table(backend))
    stored = StoredReconciles(rows, backend, Objects(backend, await new_bucket(backend)))
    return Rig(stored, stored, Table(rows), lambda: stored.requests)


def at_the_library(phase: Phase = Phase.ACTIVE, condition: Condition = Condition.SETTLED) -> Account:
    return account(new_id(), "library", known=Known(phase), condition=condition)


@pytest.mark.parametrize("most", [1, 3, 7, 100])
async def test_a_walk_meets_every_account_of_the_service_once(rig: Rig, most: int) -> None:
    written = [at_the_library(phase, condition) for phase in Phase for condition in Condition for _ in range(2)]
    for each in (*written, account(new_id(), "wiki")):
        await rig.accounts.put_account(each)
    met: list[Standing] = []
    position: str | None = None
    while True:
        page, position = await rig.standings.standings("library", position, most)
        assert len(page) <= most
        met += page
        if position is None:
            break
    expected = [Standing(each.identity, each.known.phase.value, each.condition.value) for each in written]
    assert sorted(met) == sorted(expected)


async def test_a_walk_over_nobody_is_done_after_one_query_for_each_shard(rig: Rig) -> None:
    before = rig.requests()
    assert await rig.standings.standings("library", None, 10) == ([], None)
    assert rig.requests() - before == {"Query": 8}


async def test_what_was_stored_is_read_again_and_nobody_writes_over_it_unseen(rig: Rig) -> None:
    assert await rig.reconciles.reconciled("library") == Reconciled("library")
    item = Reconciled("library", 3, ("one", "two"), RUN, (SUMMARY,))
    await rig.reconciles.put_reconciled(item)
    assert await rig.reconciles.reconciled("library") == replace(item, revision=1)
    with pytest.raises(ConflictError):
        await rig.reconciles.put_reconciled(item)
    await rig.reconciles.put_reconciled(replace(item, revision=1, run=None))
    assert await rig.reconciles.reconciled("library") == replace(item, revision=2, run=None)
    assert await rig.reconciles.reconciled("wiki") == Reconciled("wiki")


async def test_files_are_kept_and_forgotten(rig: Rig) -> None:
    await rig.reconciles.keep_file("library/000001/00001-1", b"one")
    await rig.reconciles.keep_file("library/000001/report.json", b"{}")
    assert await rig.reconciles.file("library/000001/00001-1") == b"one"
    await rig.reconciles.drop_files(["library/000001/00001-1", "library/000001/00009-9"])
    await rig.reconciles.drop_files([])
    assert await rig.reconciles.file("library/000001/00001-1") is None
    assert await rig.reconciles.file("library/000001/report.json") == b"{}"


async def test_without_a_queue_a_run_cannot_go_on(rig: Rig) -> None:
    with pytest.raises(TransientError):
        await rig.reconciles.continue_reconcile("{}")


async def test_a_continuation_reaches_the_queue_of_the_service(clients: Clients) -> None:
    box = await new_queue(clients, fifo=False)
    rows = Rows(clients, "no table")
    stored = StoredReconciles(rows, clients, Objects(clients, "no bucket"), box.url)
    await stored.continue_reconcile('{"do": "go"}')
    assert [each.body for each in await box.receive()] == ['{"do": "go"}']
