"""Ports Braked and Populations."""

import asyncio
from collections import Counter
from dataclasses import replace

import pytest

from provisioning.core.account import Known, Phase
from provisioning.core.brake import Brake, Lane, Share
from provisioning.core.errors import ConflictError, PermanentError, TransientError
from tests.contracts.backends import Store
from tests.contracts.samples import NOW, account, new_id

pytestmark = pytest.mark.asyncio(loop_scope="session")
TAKEN = {Share(Lane.SUDDEN): {NOW: 3, NOW + 3600: 1}, Share(Lane.ANNOUNCED, "nörth"): {NOW: 1}}


async def test_a_brake_comes_back_with_the_accounts_that_it_let_through(store: Store) -> None:
    first, second = account(new_id()), account(new_id())
    for each in (first, second):
        await store.accounts.put_account(each)
    service = first.service
    before = await store.accounts.brake(service)
    assert (before.revision, before.taken) == (0, {})
    permitted = [replace(each, revision=1, permits=("attempt",)) for each in (first, second)]
    await store.accounts.put_permits(service, replace(before, taken=TAKEN), permitted)
    after = await store.accounts.brake(service)
    assert (after.revision, {share: dict(some) for share, some in after.taken.items()}) == (1, TAKEN)
    for each in permitted:
        held = (await store.identities.holding(each.identity)).accounts[service]
        assert held == replace(each, revision=2)


async def test_either_all_of_it_is_written_or_nothing(store: Store) -> None:
    first = account(new_id(), service="either")
    await store.accounts.put_account(first)
    await store.accounts.put_permits("either", Brake(TAKEN), [replace(first, revision=1)])
    for brake, revision in ((Brake(TAKEN), 2), (Brake(TAKEN, revision=1), 1), (None, 1)):
        with pytest.raises(ConflictError):
            await store.accounts.put_permits("either", brake, [replace(first, revision=revision)])
    assert (await store.accounts.brake("either")).revision == 1
    assert (await store.identities.holding(first.identity)).accounts["either"].revision == 2


async def test_of_many_who_take_at_once_one_is_first(store: Store) -> None:
    service = new_id()
    accounts = [account(new_id(), service=service) for _ in range(8)]
    results = await asyncio.gather(
        *(store.accounts.put_permits(service, Brake(TAKEN), [each]) for each in accounts), return_exceptions=True
    )
    assert sum(result is None for result in results) == 1
    assert {type(result) for result in results if result is not None} <= {ConflictError, TransientError}


async def test_where_nothing_goes_through_the_brake_is_not_written(store: Store) -> None:
    service, held = new_id(), account(new_id())
    await store.accounts.put_permits(service, None, [replace(held, service=service)])
    assert (await store.accounts.brake(service)).revision == 0


async def test_more_than_a_transaction_holds_is_refused(store: Store) -> None:
    with pytest.raises(PermanentError, match="100 accounts"):
        await store.accounts.put_permits("many", Brake(), [account(new_id()) for _ in range(100)])


async def test_what_is_there_is_counted_shard_by_shard(store: Store) -> None:
    service = new_id()
    for number in range(12):
        known = Known(Phase.ACTIVE if number % 3 else Phase.ABSENT, f"r{number}" if number % 3 else None)
        await store.accounts.put_account(account(new_id(), service=service, known=known))
    shards = range(store.populations.shards)
    counts = [await store.populations.present(service, shard) for shard in shards]
    assert sum(counts) == 8
    for shard in shards:
        await store.populations.put_population(service, shard, counts[shard])
    await store.populations.put_population(service, 0, 99)
    population = (await store.accounts.brake(service)).population
    assert population == {**dict(enumerate(counts)), 0: 99}


async def test_a_batch_is_counted_by_one_read_and_one_transaction(store: Store) -> None:
    service, before = new_id(), store.requests()
    brake = await store.accounts.brake(service)
    await store.accounts.put_permits(service, brake, [account(new_id(), service=service) for _ in range(10)])
    assert store.requests() - before == Counter({"BatchGetItem": 1, "TransactWriteItems": 1})
