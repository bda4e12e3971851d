"""PostgreSQL, as the contract sees it: people in a table, changes by a column or by an outbox."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from secrets import token_hex
from typing import Any

import asyncpg  # type: ignore[import-untyped]  # it has no types
from sqlalchemy.engine import make_url

from provisioning.adapters.sources.sql import open_sql
from provisioning.core.source import Item
from provisioning.core.source_options import Poll
from provisioning.ports import Extraction
from tests.postgresql import Postgres
from tests.sources.world import Fields

BY_COLUMN: Mapping[str, Any] = {"changed": "changed"}
BY_OUTBOX: Mapping[str, Any] = {"outbox": {"table": "outbox", "key": "person"}}
_TABLES = """
CREATE TABLE people (
  id text COLLATE "und-x-icu" UNIQUE, given text, unit text, changed timestamptz DEFAULT clock_timestamp(), seen int
);
CREATE INDEX ON people (changed, id);
CREATE TABLE outbox (id bigserial PRIMARY KEY, person text);
"""


class SqlWorld:
    """A database of its own."""

    def __init__(self, server: Postgres, connection: Any, database: str, how: Mapping[str, Any]) -> None:
        self.server, self.connection, self.database, self.how = server, connection, database, how
        self.lacks: Mapping[str, str] = {}
        if how is BY_COLUMN:
            gone = "a row that is not there any more has no instant: full snapshots show who is gone"
            self.lacks = {
                "changes_show_who_went": gone, "a_useless_place_says_so": "an instant is of use however old it is",
            }  # fmt: skip

    @property
    def url(self) -> str:
        """As the secret holds it."""
        made = make_url(self.server.url).set(database=self.database)
        return made.render_as_string(hide_password=False)

    def poll(self, page: int = 3, **options: Any) -> Poll:
        """What the bundle says."""
        sql = {"secret": "database", "select": "people", "key": "id", "private": True, "overlap": 60, **self.how}
        return Poll.model_validate({"sql": {**sql, **options}, "page": page})

    async def put(self, name: str, fields: Fields) -> str:
        async with self.connection.transaction():
            await self.connection.execute(
                "INSERT INTO people VALUES ($1, $2, $3) ON CONFLICT (id)"
                " DO UPDATE SET given = $2, unit = $3, changed = clock_timestamp()",
                name, fields["given"], fields["unit"],
            )  # fmt: skip
            await self.connection.execute("INSERT INTO outbox (person) VALUES ($1)", name)
        return name

    async def remove(self, name: str) -> None:
        async with self.connection.transaction():
            await self.connection.execute("DELETE FROM people WHERE id = $1", name)
            await self.connection.execute("INSERT INTO outbox (person) VALUES ($1)", name)

    async def spoil(self, name: str) -> None:
        await self.connection.execute("INSERT INTO people VALUES (NULL, $1, 'nowhere')", name)

    async def forget(self) -> None:
        await self.connection.execute("INSERT INTO outbox (person) VALUES ('p6'), ('p6')")
        await self.connection.execute("DELETE FROM outbox WHERE id < (SELECT max(id) FROM outbox)")

    async def interrupt(self) -> None:
        await self.connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )

    def open(self) -> AbstractAsyncContextManager[Extraction]:
        return open_sql(self.poll(), self.read)

    async def read(self, name: str) -> str:
        assert name == "database"
        return self.url

    def given(self, item: Item) -> str | None:
        return None if item.fields is None else str(item.fields["given"])


@asynccontextmanager
async def sql_world(server: Postgres, how: Mapping[str, Any]) -> AsyncIterator[SqlWorld]:
    """An empty database on a server that runs."""
    name = f"test_{token_hex(6)}"
    plain = server.url.replace("postgresql+asyncpg", "postgresql")
    maker = await asyncpg.connect(plain)
    await maker.execute(f"CREATE DATABASE {name}")
    await maker.close()
    connection = await asyncpg.connect(plain.removesuffix("/postgres") + f"/{name}")
    await connection.execute(_TABLES)
    try:
        yield SqlWorld(server, connection, name, how)
    finally:
        await connection.close()
