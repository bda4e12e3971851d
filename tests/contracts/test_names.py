"""Port Accounts: names that only one identity may have."""

import asyncio
from dataclasses import replace

import pytest

from provisioning.ports import Name
from tests.contracts.backends import Store
from tests.contracts.samples import new_id

pytestmark = pytest.mark.asyncio(loop_scope="session")


def name(identity: str, value: str = "ada.lovelace", service: str = "library", attribute: str = "userName") -> Name:
    return Name(service, attribute, value, identity)


async def test_a_free_name_is_reserved_and_a_repetition_finds_it_so(store: Store) -> None:
    mine = name(new_id())
    for _ in range(2):
        assert await store.accounts.reserve(mine) == mine


async def test_a_name_that_another_has_stays_that_others(store: Store) -> None:
    first, second = name(new_id()), name(new_id())
    await store.accounts.reserve(first)
    assert await store.accounts.reserve(second) == first
    assert await store.accounts.reserve(first) == first


async def test_names_that_differ_in_case_are_one_name_as_it_was_asked_for(store: Store) -> None:
    first, second = name(new_id(), "Ada.Straße"), name(new_id(), "ADA.STRASSE")
    await store.accounts.reserve(first)
    assert await store.accounts.reserve(second) == replace(second, identity=first.identity)


@pytest.mark.parametrize("changes", [{"service": "wiki"}, {"attribute": "nickName"}, {"value": "eve"}])
async def test_services_attributes_and_values_have_names_of_their_own(store: Store, changes: dict[str, str]) -> None:
    first, second = name(new_id()), name(new_id(), **changes)
    await store.accounts.reserve(first)
    assert await store.accounts.reserve(second) == second


async def test_a_name_that_the_sp_refused_is_nobodys_again(store: Store) -> None:
    mine, other = name(new_id()), name(new_id())
    refused = replace(mine, refused=True)
    await store.accounts.reserve(mine)
    for _ in range(2):
        assert await store.accounts.reserve(refused) == refused
    assert await store.accounts.reserve(mine) == refused
    assert await store.accounts.reserve(other) == refused


async def test_a_name_can_be_refused_before_anybody_reserved_it(store: Store) -> None:
    refused = replace(name(new_id()), refused=True)
    assert await store.accounts.reserve(refused) == refused


async def test_only_the_identity_that_has_a_name_can_say_that_it_was_refused(store: Store) -> None:
    mine, other = name(new_id()), name(new_id())
    await store.accounts.reserve(mine)
    assert await store.accounts.reserve(replace(other, refused=True)) == mine
    await store.accounts.reserve(replace(mine, refused=True))
    assert await store.accounts.reserve(replace(other, refused=True)) == replace(mine, refused=True)


async def test_of_many_at_once_exactly_one_has_the_name_and_all_agree_who(store: Store) -> None:
    names = [name(new_id()) for _ in range(8)]
    stored = await asyncio.gather(*(store.accounts.reserve(each) for each in names))
    assert len(set(stored)) == 1
    assert stored[0] in names
