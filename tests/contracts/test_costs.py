"""What each operation asks of the table: in memory the same as on AWS, so costs can be counted in memory."""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from provisioning.adapters.aws.keys import SHARDS
from provisioning.core.account import Condition, Known, Phase
from provisioning.core.errors import ConflictError
from provisioning.ports import Group, Name, Rejected
from tests.contracts.backends import Store
from tests.contracts.samples import NOW, account, new_id, plain

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def cost(store: Store, work: Callable[[], Awaitable[Any]]) -> Counter[str]:
    before = store.requests()
    await work()
    return store.requests() - before


async def test_an_identity_is_one_read_and_one_write(store: Store) -> None:
    identity, link = plain(due_at=NOW), ("registry", "p1")
    assert await cost(store, lambda: store.identities.put_identity(identity, link)) == {"TransactWriteItems": 1}
    again = replace(identity, revision=1)
    assert await cost(store, lambda: store.identities.put_identity(again)) == {"PutItem": 1}
    assert await cost(store, lambda: store.identities.holding(identity.id)) == {"Query": 1}
    assert await cost(store, lambda: store.identities.links([link, link])) == {"BatchGetItem": 1}
    assert await cost(store, lambda: store.identities.links([("registry", str(n)) for n in range(101)])) == {
        "BatchGetItem": 2
    }
    assert await cost(store, lambda: store.identities.links([])) == {}


async def test_a_write_that_loses_costs_what_it_costs(store: Store) -> None:
    identity = plain()
    await store.identities.put_identity(identity)

    async def lose() -> None:
        with pytest.raises(ConflictError):
            await store.identities.put_identity(identity)

    assert await cost(store, lose) == {"PutItem": 1}


async def test_a_batch_of_deliveries_is_one_read_and_one_write_for_each_account(store: Store) -> None:
    ids = [new_id() for _ in range(10)]
    assert await cost(store, lambda: store.accounts.deliveries("library", ids)) == {"BatchGetItem": 1}
    assert await cost(store, lambda: store.accounts.put_account(account(ids[0]))) == {"PutItem": 1}
    many = [new_id() for _ in range(51)]
    assert await cost(store, lambda: store.accounts.deliveries("library", many)) == {"BatchGetItem": 2}


async def test_slots_of_a_batch_are_one_update_unless_the_budget_turns_busy_or_idle(store: Store) -> None:
    async def take(now: int) -> Counter[str]:
        return await cost(store, lambda: store.accounts.take_slots("library", 10, 100, now))

    assert [(await take(now))["UpdateItem"] for now in (NOW, NOW, NOW, NOW + 60, NOW + 120)] == [1, 2, 1, 2, 1]


async def test_a_group_is_one_read_and_one_write(store: Store) -> None:
    assert await cost(store, lambda: store.accounts.group("wiki", "g")) == {"GetItem": 1}
    assert await cost(store, lambda: store.accounts.put_group(Group("wiki", "g"))) == {"PutItem": 1}


async def test_a_name_is_one_write_whoever_has_it(store: Store) -> None:
    for identity in ("i1", "i1", "i2"):
        name = Name("wiki", "userName", "ada", identity)
        assert await cost(store, partial(store.accounts.reserve, name)) == {"PutItem": 1}


async def test_a_sweep_of_a_shard_is_two_reads_and_one_write(store: Store) -> None:
    async def sweep() -> None:
        cursor = await store.due.cursor(0)
        assert [item async for item in store.due.due(0, cursor, NOW)] == []
        await store.due.advance(0, NOW)

    assert await cost(store, sweep) == {"GetItem": 1, "Query": 1, "PutItem": 1}


async def test_a_walk_is_one_query_for_each_shard_and_each_page(store: Store) -> None:
    for _ in range(10):
        await store.identities.put_identity(plain())

    async def walk() -> None:
        _, position = await store.walk.walk(0, 1, None, 9)
        await store.walk.walk(0, 1, position, 9)

    assert await cost(store, walk) == {"Query": SHARDS + 1}


async def test_counting_is_one_query_for_each_shard(store: Store) -> None:
    parked = account(new_id(), known=Known(Phase.ABSENT), condition=Condition.PARKED)
    await store.accounts.put_account(parked)
    assert await cost(store, lambda: store.counts.count("library")) == {"Query": SHARDS}
    assert await cost(store, lambda: store.counts.resting("library", Condition.PARKED, 5)) == {
        "Query": SHARDS,
        "BatchGetItem": 1,
    }
    assert await cost(store, lambda: store.counts.resting("wiki", Condition.PARKED, 5)) == {"Query": SHARDS}


async def test_a_rejection_is_one_object_and_one_write(store: Store) -> None:
    rejected = Rejected("registry", "m", "no", "{", NOW)
    for _ in range(2):
        assert await cost(store, lambda: store.rejections.keep(rejected)) == {"PutObject": 1, "PutItem": 1}
    assert await cost(store, lambda: store.rejections.rejections("registry", 5)) == {
        "Query": SHARDS,
        "BatchGetItem": 1,
        "GetObject": 1,
    }
