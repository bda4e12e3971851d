"""Port Rejections."""

from dataclasses import replace

import pytest

from provisioning.ports import Rejected
from tests.contracts.backends import Store
from tests.contracts.samples import NOW, incompressible

pytestmark = pytest.mark.asyncio(loop_scope="session")


def rejected(message: str, at: int = NOW, body: str = "{") -> Rejected:
    return Rejected("registry", message, "not JSON: “{” (a JSON object)", body, at)


async def test_what_was_kept_is_shown_newest_first_up_to_the_number_asked_for(store: Store) -> None:
    kept = [rejected(f"message-{number}", NOW + number) for number in range(12)]
    for one in reversed(kept):
        await store.rejections.keep(one)
    assert list(await store.rejections.rejections("registry", 100)) == kept[::-1]
    assert list(await store.rejections.rejections("registry", 5)) == kept[:-6:-1]
    assert list(await store.rejections.rejections("alumni", 5)) == []


async def test_a_message_is_kept_once_however_often_it_arrives(store: Store) -> None:
    first = rejected("one")
    await store.rejections.keep(first)
    await store.rejections.keep(replace(first, at=NOW + 30))
    await store.rejections.keep(replace(first, source="alumni"))
    assert list(await store.rejections.rejections("registry", 10)) == [first]
    assert list(await store.rejections.rejections("alumni", 10)) == [replace(first, source="alumni")]


@pytest.mark.parametrize("body", ["", "ζωή\u0000\n", incompressible(900_000)], ids=["empty", "unicode", "900 KB"])
async def test_a_body_is_kept_whole_whatever_it_is(store: Store, body: str) -> None:
    await store.rejections.keep(rejected("../strange id/ü" * 20, body=body))
    (kept,) = await store.rejections.rejections("registry", 10)
    assert kept == rejected("../strange id/ü" * 20, body=body)


async def test_what_is_forgotten_is_not_shown_and_can_be_forgotten_again(store: Store) -> None:
    for number in range(3):
        await store.rejections.keep(rejected(f"message-{number}", NOW + number))
    for _ in range(2):
        await store.rejections.forget("registry", "message-1")
    assert [each.message for each in await store.rejections.rejections("registry", 10)] == ["message-2", "message-0"]
    await store.rejections.keep(rejected("message-1", NOW + 9))
    assert [each.message for each in await store.rejections.rejections("registry", 1)] == ["message-1"]
