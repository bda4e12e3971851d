"""Ports SeenTokens and KeySets."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import pytest
import pytest_asyncio

from provisioning.adapters.aws import keys
from provisioning.adapters.aws.clients import Clients
from provisioning.adapters.aws.rows import Rows
from provisioning.adapters.aws.tokens import StoredTokens
from provisioning.adapters.memory.tokens import MemoryKeySets, MemorySeenTokens
from provisioning.adapters.sources.jwks import CachedKeySets
from provisioning.adapters.sources.jwks_http import fetch_key_set, secret_key_set
from provisioning.core.errors import TransientError
from provisioning.core.source_signed import Signed
from provisioning.core.token import Taken
from provisioning.ports import KeySets, SeenTokens
from tests.contracts.backends import new_table
from tests.contracts.samples import NOW
from tests.delivery.certificates import Authority
from tests.sources.issuer import ISSUER, Issuer, options, published

pytestmark = pytest.mark.asyncio(loop_scope="session")
UNTIL = NOW + 1000


@dataclass(frozen=True)
class Memory:
    """The port, and what was asked so far."""

    seen: SeenTokens
    requests: Callable[[], Counter[str]]


@pytest_asyncio.fixture(loop_scope="session")
async def memory(backend: Clients | None) -> Memory:
    if backend is None:
        made = MemorySeenTokens(lambda: NOW)
        return Memory(made, lambda: Counter(made.requests))
    stored = StoredTokens(Rows(backend, await new_table(backend)))
    return Memory(stored, lambda: stored.requests)


def taken(token: str, source: str = "hr", until: int = UNTIL) -> Taken:
    return Taken(source, token, until)


async def test_what_is_remembered_is_seen_and_nothing_else(memory: Memory) -> None:
    assert await memory.seen.seen([taken("token")]) == set()
    await memory.seen.remember([taken("token"), taken("other", "registry")])
    asked = [taken("token"), taken("other", "registry"), taken("other"), taken("token", "registry"), taken("token")]
    assert await memory.seen.seen(asked) == {("hr", "token"), ("registry", "other")}
    assert memory.requests() == {"BatchGetItem": 2, "BatchWriteItem": 1}


async def test_what_is_remembered_twice_or_by_two_at_once_is_remembered(memory: Memory) -> None:
    await asyncio.gather(*(memory.seen.remember([taken("race"), taken("race", until=UNTIL + 1)]) for _ in range(4)))
    assert await memory.seen.seen([taken("race")]) == {("hr", "race")}


async def test_tokens_of_any_length_are_told_apart(memory: Memory) -> None:
    await memory.seen.remember([taken("x" * 5000)])
    assert await memory.seen.seen([taken("x" * 5000), taken("x" * 4999 + "y")]) == {("hr", "x" * 5000)}


async def test_many_are_looked_up_by_the_hundred_and_remembered_by_twenty_five(memory: Memory) -> None:
    many = [taken(f"t{number}") for number in range(101)]
    await memory.seen.remember(many)
    assert await memory.seen.seen(many) == {("hr", each.token) for each in many}
    assert memory.requests() == {"BatchGetItem": 2, "BatchWriteItem": 5}
    assert await memory.seen.seen([]) == set()
    await memory.seen.remember([])
    assert memory.requests() == {"BatchGetItem": 2, "BatchWriteItem": 5}


async def test_the_table_forgets_a_token_when_nobody_would_believe_it_any_more(clients: Clients) -> None:
    rows = Rows(clients, await new_table(clients))
    await StoredTokens(rows).remember([taken("token")])
    item = await rows.get(keys.token_key("hr", "token"))
    assert item is not None
    assert item[keys.EXPIRES] == {"N": str(UNTIL)}


@dataclass(frozen=True)
class Sets:
    """The port, the options by which it is asked, and those of an issuer that cannot be reached."""

    sets: KeySets
    signed: Signed
    unreachable: Signed


@pytest_asyncio.fixture(loop_scope="session", params=["memory", "https", "secret"])
async def sets(request: pytest.FixtureRequest) -> AsyncIterator[Sets]:
    issuer = Issuer()
    if request.param == "memory":
        yield Sets(MemoryKeySets({ISSUER: issuer.keys}), options(), options(issuer="https://down.example"))
        return

    async def secret(name: str) -> str:
        if name != "issuer-keys":
            raise TransientError("there is no such secret")
        return json.dumps({"keys": issuer.published})

    def clock() -> float:
        return asyncio.get_running_loop().time()

    cached = CachedKeySets(fetch_key_set, secret_key_set(secret), clock)
    if request.param == "secret":
        yield Sets(cached, options(jwks_url=None, secret="issuer-keys"), options(jwks_url=None, secret="none"))
        return
    async with published(issuer, Authority()) as served:
        nobody = served.options(jwks_url="https://127.0.0.1:1/jwks")
        yield Sets(cached, served.options(), nobody)


async def test_the_keys_of_a_kid_are_given_or_all(sets: Sets) -> None:
    assert [key.kid for key in await sets.sets.keys(sets.signed, "ec")] == ["ec"]
    assert [key.kind for key in await sets.sets.keys(sets.signed, None)] == ["RSA", "EC", "OKP"]


async def test_a_kid_that_no_key_has_names_none(sets: Sets) -> None:
    for _ in range(2):
        assert list(await sets.sets.keys(sets.signed, "none")) == []


async def test_an_issuer_that_cannot_be_reached_is_no_issuer_without_keys(sets: Sets) -> None:
    with pytest.raises(TransientError):
        await sets.sets.keys(sets.unreachable, "ec")
