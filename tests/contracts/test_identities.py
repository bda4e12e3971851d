"""Port Identities."""

import asyncio
from dataclasses import replace

import pytest

from provisioning.core.errors import ConflictError, PermanentError, StalePolicyError
from provisioning.core.record import Record
from tests.contracts.backends import Store
from tests.contracts.samples import account, incompressible, new_id, plain, strange

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_an_identity_comes_back_as_it_was_written_one_revision_later(store: Store) -> None:
    identity = strange()
    await store.identities.put_identity(identity)
    assert (await store.identities.holding(identity.id)).identity == replace(identity, revision=1)


async def test_a_holding_is_the_identity_and_all_of_its_accounts_right_after_their_writes(store: Store) -> None:
    identity = plain()
    await store.identities.put_identity(identity)
    for service in ("library", "wiki"):
        await store.accounts.put_account(account(identity.id, service))
    holding = await store.identities.holding(identity.id)
    assert holding.identity == replace(identity, revision=1)
    assert holding.accounts == {service: account(identity.id, service, revision=1) for service in ("library", "wiki")}


async def test_a_holding_of_an_unknown_identity_is_empty(store: Store) -> None:
    holding = await store.identities.holding(new_id())
    assert (holding.identity, dict(holding.accounts)) == (None, {})


async def test_a_holding_does_not_change_when_the_table_does(store: Store) -> None:
    identity = plain()
    await store.identities.put_identity(identity)
    before = await store.identities.holding(identity.id)
    await store.accounts.put_account(account(identity.id))
    assert dict(before.accounts) == {}


async def test_a_new_identity_loses_to_one_that_is_stored(store: Store) -> None:
    identity = plain()
    await store.identities.put_identity(identity)
    with pytest.raises(ConflictError):
        await store.identities.put_identity(identity)


async def test_a_write_loses_if_its_revision_is_not_the_stored_one(store: Store) -> None:
    identity = plain()
    await store.identities.put_identity(identity)
    await store.identities.put_identity(replace(identity, revision=1))
    for revision in (1, 3):
        with pytest.raises(ConflictError):
            await store.identities.put_identity(replace(identity, revision=revision))


async def test_a_write_of_a_revision_that_was_never_stored_loses(store: Store) -> None:
    with pytest.raises(ConflictError):
        await store.identities.put_identity(plain(revision=1))


async def test_a_write_by_an_older_bundle_is_refused(store: Store) -> None:
    identity = plain(sequence=5)
    await store.identities.put_identity(identity)
    with pytest.raises(StalePolicyError):
        await store.identities.put_identity(replace(identity, revision=1, sequence=4))
    assert (await store.identities.holding(identity.id)).identity == replace(identity, revision=1)


async def test_of_two_reasons_to_refuse_the_lost_race_is_told(store: Store) -> None:
    """Whoever touched an SP must reload after any race, whatever bundle the other one had."""
    identity = plain(sequence=5)
    await store.identities.put_identity(identity)
    with pytest.raises(ConflictError):
        await store.identities.put_identity(replace(identity, revision=7, sequence=4))


async def test_of_many_writers_of_one_revision_exactly_one_wins(store: Store) -> None:
    identity = plain()
    await store.identities.put_identity(identity)
    writes = (
        store.identities.put_identity(replace(identity, revision=1, sequence=sequence)) for sequence in range(1, 9)
    )
    results = await asyncio.gather(*writes, return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["ConflictError"] * 7 + ["NoneType"]


async def test_an_identity_is_written_with_its_link(store: Store) -> None:
    identity, link = plain(), ("registry", "p#1/ö")
    await store.identities.put_identity(identity, link)
    assert await store.identities.links([link, ("registry", "p")]) == {link: identity.id}
    assert (await store.identities.holding(identity.id)).identity == replace(identity, revision=1)


async def test_a_second_identity_for_one_link_loses_and_is_not_written(store: Store) -> None:
    first, second, link = plain(), plain(), ("registry", "p2")
    await store.identities.put_identity(first, link)
    with pytest.raises(ConflictError):
        await store.identities.put_identity(second, link)
    assert await store.identities.links([link]) == {link: first.id}
    assert (await store.identities.holding(second.id)).identity is None


async def test_of_many_new_identities_for_one_link_exactly_one_wins(store: Store) -> None:
    link = ("registry", "p3")
    writes = (store.identities.put_identity(plain(), link) for _ in range(4))
    results = await asyncio.gather(*writes, return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["ConflictError"] * 3 + ["NoneType"]


async def test_a_link_is_not_written_with_an_identity_that_lost(store: Store) -> None:
    identity = plain(sequence=2)
    await store.identities.put_identity(identity)
    with pytest.raises(ConflictError):
        await store.identities.put_identity(identity, ("alumni", "a"))
    with pytest.raises(StalePolicyError):
        await store.identities.put_identity(replace(identity, revision=1, sequence=1), ("alumni", "a"))
    assert await store.identities.links([("alumni", "a")]) == {}


async def test_links_of_one_key_at_two_sources_are_two_links(store: Store) -> None:
    await store.identities.put_identity(plain(), ("registry", "x"))
    assert await store.identities.links([("alumni", "x"), ("registry", "x"), ("registry", "x")]) != {}
    assert await store.identities.links([("alumni", "x")]) == {}


async def test_a_key_longer_than_the_table_allows_is_a_key_all_the_same(store: Store) -> None:
    link = ("registry", "ü" * 2048)
    identity = plain()
    await store.identities.put_identity(identity, link)
    assert await store.identities.links([link, ("registry", "ü" * 2047)]) == {link: identity.id}


async def test_more_links_than_one_request_takes_are_found(store: Store) -> None:
    identity, link = plain(), ("registry", "k150")
    await store.identities.put_identity(identity, link)
    assert await store.identities.links([("registry", f"k{number}") for number in range(201)]) == {link: identity.id}


async def test_an_identity_too_large_for_an_item_is_refused_and_says_what_is_large(store: Store) -> None:
    large = Record("registry", "p1", 1, attributes={"note": incompressible(600_000)})
    small = Record("alumni", "p1", 1)
    with pytest.raises(PermanentError, match="record of registry"):
        await store.identities.put_identity(plain(records={"registry": large, "alumni": small}))


async def test_an_identity_whose_text_packs_well_is_not_too_large(store: Store) -> None:
    identity = plain(records={"registry": Record("registry", "p1", 1, attributes={"note": "x" * 1_000_000})})
    await store.identities.put_identity(identity)
    assert (await store.identities.holding(identity.id)).identity == replace(identity, revision=1)
