"""Ports Due, Walk and Counts."""

from dataclasses import replace

import pytest

from provisioning.core.account import Account, Condition, Known, Phase
from provisioning.ports import Due
from tests.contracts.backends import Store
from tests.contracts.samples import NOW, account, new_id, plain

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def swept(due: Due, after: int, until: int) -> set[tuple[str, int]]:
    """What is due in all shards; each shard by time."""
    found: set[tuple[str, int]] = set()
    for shard in range(due.shards):
        page = [item async for item in due.due(shard, after, until)]
        assert [at for _, at in page] == sorted(at for _, at in page)
        found.update(page)
    return found


async def test_what_is_due_lies_after_the_start_and_no_later_than_the_end(store: Store) -> None:
    at = {instant: plain(due_at=instant) for instant in (NOW - 1, NOW, NOW + 1, NOW + 10, NOW + 11)}
    for identity in at.values():
        await store.identities.put_identity(identity)
    expected = {(at[instant].id, instant) for instant in (NOW + 1, NOW + 10)}
    assert await swept(store.due, NOW, NOW + 10) == expected
    assert len(await swept(store.due, 0, NOW + 10)) == 4
    assert await swept(store.due, NOW + 10, NOW + 10) == set()
    assert await swept(store.due, NOW + 20, NOW + 10) == set()


async def test_identities_and_accounts_are_due_alike(store: Store) -> None:
    identity = plain(due_at=NOW + 3)
    await store.identities.put_identity(identity)
    await store.accounts.put_account(account(identity.id, due_at=NOW + 4))
    assert await swept(store.due, NOW, NOW + 10) == {(identity.id, NOW + 3), (identity.id, NOW + 4)}


async def test_what_is_due_at_another_time_or_never_is_not_due_at_the_old_one(store: Store) -> None:
    identity = plain(due_at=NOW + 3)
    await store.identities.put_identity(identity)
    await store.identities.put_identity(replace(identity, revision=1, due_at=NOW + 5))
    assert await swept(store.due, NOW, NOW + 10) == {(identity.id, NOW + 5)}
    await store.identities.put_identity(replace(identity, revision=2, due_at=None))
    assert await swept(store.due, NOW, NOW + 10) == set()


async def test_a_sweep_remembers_how_far_it_came(store: Store) -> None:
    assert await store.due.cursor(3) == 0
    await store.due.advance(3, NOW)
    await store.due.advance(3, NOW + 60)
    assert (await store.due.cursor(3), await store.due.cursor(4)) == (NOW + 60, 0)


@pytest.mark.parametrize(("segments", "most"), [(1, 3), (4, 5), (8, 100), (11, 1)])
async def test_a_walk_meets_every_identity_exactly_once(store: Store, segments: int, most: int) -> None:
    ids = [new_id() for _ in range(23)]
    for id_ in ids:
        await store.identities.put_identity(plain(id_))
        await store.accounts.put_account(account(id_))
    met: list[str] = []
    for segment in range(segments):
        page, position = await store.walk.walk(segment, segments, None, most)
        met += page
        while position is not None:
            page, position = await store.walk.walk(segment, segments, position, most)
            met += page
            assert len(page) <= most
    assert sorted(met) == sorted(ids)


async def test_a_walk_over_nothing_is_done_at_once(store: Store) -> None:
    page, position = await store.walk.walk(0, 4, None, 10)
    assert (list(page), position) == ([], None)


def in_state(phase: Phase, condition: Condition, service: str = "library") -> Account:
    return account(new_id(), service, known=Known(phase), condition=condition)


async def test_accounts_are_counted_by_phase_and_condition(store: Store) -> None:
    for written in (
        in_state(Phase.ACTIVE, Condition.SETTLED),
        in_state(Phase.ACTIVE, Condition.SETTLED),
        in_state(Phase.ABSENT, Condition.PARKED),
        in_state(Phase.SUSPENDED, Condition.FAILED),
        in_state(Phase.ACTIVE, Condition.SETTLED, "wiki"),
    ):
        await store.accounts.put_account(written)
    assert dict(await store.counts.count("library")) == {
        ("active", "settled"): 2,
        ("absent", "parked"): 1,
        ("suspended", "failed"): 1,
    }
    assert dict(await store.counts.count("badges")) == {}


async def test_an_account_is_counted_where_it_is_now(store: Store) -> None:
    written = in_state(Phase.ABSENT, Condition.PENDING)
    await store.accounts.put_account(written)
    settled = replace(written, revision=1, known=Known(Phase.ACTIVE), condition=Condition.SETTLED)
    await store.accounts.put_account(settled)
    assert dict(await store.counts.count("library")) == {("active", "settled"): 1}


async def test_parked_accounts_are_shown_up_to_the_number_asked_for(store: Store) -> None:
    parked = [in_state(phase, Condition.PARKED) for phase in (Phase.ABSENT, Phase.ACTIVE, Phase.ACTIVE)]
    for written in (
        *parked,
        in_state(Phase.ACTIVE, Condition.SETTLED),
        in_state(Phase.ACTIVE, Condition.PARKED, "wiki"),
    ):
        await store.accounts.put_account(written)
    shown = await store.counts.resting("library", Condition.PARKED, 10)
    assert sorted(shown, key=lambda item: item.identity) == sorted(
        (replace(written, revision=1) for written in parked), key=lambda item: item.identity
    )
    assert len(await store.counts.resting("library", Condition.PARKED, 2)) == 2
