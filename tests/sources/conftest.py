"""The worlds of the contract: a literal list; each starts what it needs, or says what is missing."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest

from tests import postgresql
from tests.postgresql import Postgres
from tests.sources.files_world import files_in_memory, files_on_s3
from tests.sources.http_world import CURSOR, LINK, OFFSET, PAGE, WHOLE, http_world
from tests.sources.ldap_world import ldap_world
from tests.sources.memory_world import MemoryWorld
from tests.sources.scim_world import scim_world
from tests.sources.sql_world import BY_COLUMN, BY_OUTBOX, sql_world
from tests.sources.world import World


@asynccontextmanager
async def _memory() -> AsyncIterator[World]:
    yield MemoryWorld()


def on_postgres(how: Mapping[str, Any]) -> Callable[[pytest.FixtureRequest], AbstractAsyncContextManager[World]]:
    """A database on the session's server."""
    return lambda request: sql_world(request.getfixturevalue("postgres"), how)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One server for all tests of a session; each has a database of its own."""
    if postgresql.find() is None:
        pytest.skip(postgresql.MISSING)
    with postgresql.running() as server:
        yield server


WORLDS: dict[str, Callable[[pytest.FixtureRequest], AbstractAsyncContextManager[World]]] = {
    "memory": lambda _: _memory(),
    "files": lambda _: files_in_memory(),
    "files-s3": lambda _: files_on_s3(),
    "sql-column": on_postgres(BY_COLUMN),
    "sql-outbox": on_postgres(BY_OUTBOX),
    "ldap-sync": lambda _: ldap_world(),
    "ldap-timestamp": lambda _: ldap_world(sync=False),
    "scim-index": lambda _: scim_world(),
    "scim-cursor": lambda _: scim_world(cursor=True),
    "http-link": lambda _: http_world(LINK),
    "http-cursor": lambda _: http_world(CURSOR),
    "http-offset": lambda _: http_world(OFFSET),
    "http-page": lambda _: http_world(PAGE),
    "http-whole": lambda _: http_world(WHOLE),
}


@pytest.fixture(params=WORLDS)
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    """An empty source of one technology."""
    async with WORLDS[request.param](request) as made:
        yield made
