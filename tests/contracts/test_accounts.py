"""Port Accounts."""

import asyncio
from dataclasses import replace

import pytest

from provisioning.core.account import Condition, Intent, Known, Phase
from provisioning.core.errors import ConflictError, PermanentError, StalePolicyError
from provisioning.core.gate import Gate
from provisioning.ports import Group, Waiting
from tests.contracts.backends import Store
from tests.contracts.samples import NOW, STRANGE, account, incompressible, new_id, plain

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_an_account_comes_back_as_it_was_written_one_revision_later(store: Store) -> None:
    written = account(
        new_id(),
        known=Known(Phase.SUSPENDED, "r#1/ü", STRANGE, ("a", "ü"), ("title",)),
        condition=Condition.UNKNOWN,
        intent=Intent("attempt", NOW, "ticket"),
        turn=3,
        attempts=2,
        error="“it” did not answer",
        due_at=NOW + 1,
        joining=("c", "ü"),
        changed_at=NOW - 1,
        mark="another",
        permits=("one", "two"),
        asked="three",
    )
    await store.accounts.put_account(written)
    rows = (await store.accounts.deliveries("library", [written.identity])).rows
    assert rows == {written.identity: (None, replace(written, revision=1))}


async def test_deliveries_are_one_row_for_each_identity_that_was_asked_for(store: Store) -> None:
    both, alone, unknown = plain(), plain(), new_id()
    await store.identities.put_identity(both)
    await store.identities.put_identity(alone)
    await store.accounts.put_account(account(both.id))
    await store.accounts.put_account(account(both.id, "wiki"))
    rows = (await store.accounts.deliveries("library", [both.id, alone.id, unknown, both.id])).rows
    assert rows == {
        both.id: (replace(both, revision=1), account(both.id, revision=1)),
        alone.id: (replace(alone, revision=1), None),
        unknown: (None, None),
    }


async def test_more_deliveries_than_one_request_takes_are_read(store: Store) -> None:
    identity = plain()
    await store.identities.put_identity(identity)
    wanted = [new_id() for _ in range(60)] + [identity.id]
    rows = (await store.accounts.deliveries("library", wanted)).rows
    assert list(rows) == wanted
    assert rows[identity.id] == (replace(identity, revision=1), None)


async def test_an_account_write_loses_if_its_revision_is_not_the_stored_one(store: Store) -> None:
    written = account(new_id())
    await store.accounts.put_account(written)
    for revision in (0, 2):
        with pytest.raises(ConflictError):
            await store.accounts.put_account(replace(written, revision=revision))
    await store.accounts.put_account(replace(written, revision=1))


async def test_an_account_write_by_an_older_bundle_is_refused(store: Store) -> None:
    written = account(new_id(), sequence=3)
    await store.accounts.put_account(written)
    with pytest.raises(StalePolicyError):
        await store.accounts.put_account(replace(written, revision=1, sequence=2))


async def test_an_account_too_large_for_an_item_is_refused_and_says_what_is_large(store: Store) -> None:
    values = {"userName": "ada", "photos": [incompressible(600_000)]}
    with pytest.raises(PermanentError, match="photos"):
        await store.accounts.put_account(account(new_id(), known=Known(Phase.ACTIVE, "r", values)))


async def test_a_group_comes_back_as_it_was_written_one_revision_later(store: Store) -> None:
    group = Group("wiki", "editors/ü#1", "g-1", Intent("attempt", NOW), NOW + 2, NOW + 1, 3, 4)
    assert await store.accounts.group("wiki", group.name) is None
    await store.accounts.put_group(group)
    assert await store.accounts.group("wiki", group.name) == replace(group, revision=1)
    await store.accounts.put_group(replace(group, intent=None, revision=1))
    assert await store.accounts.group("wiki", group.name) == replace(group, intent=None, revision=2)


async def test_of_two_that_make_one_group_exactly_one_wins(store: Store) -> None:
    group = Group("wiki", "readers", intent=Intent("attempt", NOW))
    results = await asyncio.gather(*(store.accounts.put_group(group) for _ in range(2)), return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["ConflictError", "NoneType"]


async def test_who_waits_for_a_group_is_found_by_its_name_until_dropped(store: Store) -> None:
    long = "editors/ü#" * 200
    people = [Waiting(long, f"i{number:02}", 3) for number in range(60)]
    await store.accounts.put_waiting("wiki", [*people, Waiting("readers", "i00", 3)])
    await store.accounts.put_waiting("wiki", people[:1])
    await store.accounts.put_waiting("library", [Waiting(long, "i99", 1)])
    assert list(await store.accounts.waiting("wiki", long, 100)) == people
    assert list(await store.accounts.waiting("wiki", long, 7)) == people[:7]
    await store.accounts.drop_waiting("wiki", people[:59])
    assert list(await store.accounts.waiting("wiki", long, 100)) == people[59:]
    assert list(await store.accounts.waiting("wiki", "readers", 100)) == [Waiting("readers", "i00", 3)]


async def test_who_waits_again_in_a_later_revision_is_not_dropped_with_the_earlier(store: Store) -> None:
    earlier, later = Waiting("editors", "i1", 3), Waiting("editors", "i1", 4)
    await store.accounts.put_waiting("sports", [earlier, later])
    await store.accounts.drop_waiting("sports", [earlier])
    assert list(await store.accounts.waiting("sports", "editors", 9)) == [later]


async def test_slots_of_an_idle_budget_begin_now_and_then_follow_each_other(store: Store) -> None:
    first = await store.accounts.take_slots("library", 3, 250, NOW)
    second = await store.accounts.take_slots("library", 1, 250, NOW)
    assert (first.first, second.first) == (NOW * 1000, NOW * 1000 + 750)


async def test_slots_begin_now_again_when_the_budget_has_been_idle(store: Store) -> None:
    for now in (NOW, NOW, NOW + 60, NOW + 60):
        taken = await store.accounts.take_slots("library", 2, 100, now)
    assert taken.first == (NOW + 60) * 1000 + 200


async def test_budgets_of_two_services_are_two_budgets(store: Store) -> None:
    await store.accounts.take_slots("library", 10, 1000, NOW)
    assert (await store.accounts.take_slots("wiki", 1, 1000, NOW)).first == NOW * 1000


async def test_many_at_once_take_disjoint_slots(store: Store) -> None:
    takes = (store.accounts.take_slots("library", 2, 10, NOW) for _ in range(20))
    taken = await asyncio.gather(*takes)
    assert sorted(slots.first for slots in taken) == [NOW * 1000 + 20 * number for number in range(20)]


async def test_a_gate_is_read_with_the_deliveries_and_written_by_revision_beside_its_budget(store: Store) -> None:
    assert (await store.accounts.deliveries("library", [])).gate == Gate()
    await store.accounts.take_slots("library", 2, 1000, NOW)
    learned = Gate(rate=0.5, throttled_at=NOW, failures=3, quarantine=1, closed_until=NOW + 9, paused="a migration")
    await store.accounts.put_gate("library", learned)
    stored = (await store.accounts.deliveries("library", ["nobody"])).gate
    assert stored == replace(learned, next_free=(NOW + 2) * 1000, revision=1)
    with pytest.raises(ConflictError):
        await store.accounts.put_gate("library", learned)
    await store.accounts.take_slots("library", 1, 1000, NOW)
    await store.accounts.put_gate("library", replace(stored, paused=""))
    again = (await store.accounts.deliveries("library", [])).gate
    assert again == replace(stored, next_free=(NOW + 3) * 1000, paused="", revision=2)
    assert (await store.accounts.deliveries("wiki", [])).gate == Gate()
