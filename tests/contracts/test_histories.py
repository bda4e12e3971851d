"""Port Histories."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import pytest_asyncio

from provisioning.adapters.aws import keys
from provisioning.adapters.aws.clients import Clients
from provisioning.adapters.aws.history import StoredHistory
from provisioning.adapters.aws.history_keys import history_key, read_history_key
from provisioning.adapters.aws.rows import Rows
from provisioning.adapters.memory.notifying import MemoryHistories
from provisioning.core.history import Entry, Said
from provisioning.core.occurrence import Type
from provisioning.ports import Histories
from tests.contracts.backends import new_table
from tests.contracts.samples import NOW, new_id

pytestmark = pytest.mark.asyncio(loop_scope="session")
UNTIL = NOW + 1000


@dataclass(frozen=True)
class Memory:
    """The port, and what was asked so far."""

    histories: Histories
    requests: Callable[[], Counter[str]]


@pytest_asyncio.fixture(loop_scope="session")
async def memory(backend: Clients | None) -> Memory:
    if backend is None:
        made = MemoryHistories()
        return Memory(made, lambda: Counter(made.requests))
    stored = StoredHistory(Rows(backend, await new_table(backend)))
    return Memory(stored, lambda: stored.requests)


def entry(identity: str, service: str = "", revision: int = 1, at: int = NOW) -> Entry:
    said = (Said(Type.ACCOUNT_CREATED if service else Type.IDENTITY_CREATED, service, ("name",), ("registry",)),)
    return Entry(identity, service, revision, at, revision, 3, said, ("userName", "ü"), "no, really" if service else "")


async def test_what_is_kept_is_read_by_time(memory: Memory) -> None:
    one, other = new_id(), new_id()
    entries = [
        entry(one, "wiki", 2, NOW + 2), entry(one, "", 11, NOW + 3), entry(one, "", 2, NOW),
        entry(one, "wiki-2", 1, NOW + 2),
    ]  # fmt: skip
    await memory.histories.keep([*entries, entry(other)], UNTIL)
    assert await memory.histories.entries(one) == [entries[2], entries[0], entries[3], entries[1]]
    assert await memory.histories.entries(one, "wiki") == [entries[0]]
    assert await memory.histories.entries(one, "") == [entries[2], entries[1]]
    assert await memory.histories.entries(new_id()) == []


async def test_of_a_write_it_is_known_what_was_told_last(memory: Memory) -> None:
    one = new_id()
    await memory.histories.keep([entry(one, "wiki", 7), entry(one, "", 7)], UNTIL)
    asked = [(one, "wiki", 7), (one, "wiki", 6), (one, "", 7), (new_id(), "", 7), (one, "wiki", 7)]
    assert await memory.histories.told(asked) == {(one, "wiki", 7): 7, (one, "", 7): 7}
    assert memory.requests() == {"BatchWriteItem": 1, "BatchGetItem": 1}


async def test_what_is_kept_again_is_kept_once(memory: Memory) -> None:
    one = new_id()
    await memory.histories.keep([entry(one), entry(one)], UNTIL)
    await memory.histories.keep([entry(one)], UNTIL + 1)
    assert await memory.histories.entries(one) == [entry(one)]


async def test_many_are_looked_up_by_the_hundred_and_written_by_twenty_five(memory: Memory) -> None:
    one = new_id()
    many = [entry(one, "wiki", number) for number in range(1, 102)]
    await memory.histories.keep(many, UNTIL)
    assert len(await memory.histories.told([each.written for each in many])) == 101
    assert memory.requests() == {"BatchWriteItem": 5, "BatchGetItem": 2}
    assert [each.revision for each in await memory.histories.entries(one)] == list(range(1, 102))


async def test_who_is_erased_is_forgotten_and_nobody_else(memory: Memory) -> None:
    one, other = new_id(), new_id()
    await memory.histories.keep([entry(one, "wiki", number) for number in range(1, 31)], UNTIL)
    await memory.histories.keep([entry(other)], UNTIL)
    assert await memory.histories.erase(one) == 30
    assert await memory.histories.entries(one) == []
    assert await memory.histories.erase(one) == 0
    assert await memory.histories.entries(other) == [entry(other)]


async def test_the_table_forgets_an_entry_when_it_is_told_to(clients: Clients) -> None:
    rows = Rows(clients, await new_table(clients))
    kept = entry(new_id(), "wiki")
    await StoredHistory(rows).keep([kept], UNTIL)
    item = await rows.get(history_key(kept.written))
    assert item is not None
    assert item[keys.EXPIRES] == {"N": str(UNTIL)}


@pytest.mark.parametrize("service", ["", "wiki", "a-b"])
async def test_a_key_says_which_write_it_is_of(service: str) -> None:
    assert read_history_key(history_key(("p1", service, 42))) == ("p1", service, 42)
    sorts = [history_key(("p1", service, number)).sk for number in (9, 10, 2_000_000_000)]
    assert sorts == sorted(sorts)
