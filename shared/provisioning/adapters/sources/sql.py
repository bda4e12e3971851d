"""A table, a view or a query of PostgreSQL as a source.

The database itself writes a row's fields as JSON (`row_to_json`): numbers, instants and lists come as it writes them,
the same text for the same row, and nothing is converted here. Pages are ranges of the key in the database's own order,
so that an index serves them; there is no OFFSET.
"""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from provisioning.adapters.sources.registry import ReadSecret
from provisioning.adapters.sources.sql_changes import ByColumn, ByOutbox
from provisioning.adapters.sources.sql_connection import Database, Row, connected
from provisioning.adapters.sources.sql_query import LARGEST, Query, query_of
from provisioning.core.errors import InvalidError, TransientError
from provisioning.core.source import MOST_KEYS, Evidence, Fields, Item, Page, Spoiled
from provisioning.core.source_options import Poll
from provisioning.core.source_sql import Sql
from provisioning.ports import Extraction


class SqlSource:
    """Port Extraction over one connection."""

    def __init__(self, database: Database, options: Sql, query: Query, page: int) -> None:
        self._database, self._options, self._query, self._page = database, options, query, page
        self._changes: ByColumn | ByOutbox | None = None
        if options.changed is not None:
            self._changes = ByColumn(database, options, query, page)
        elif options.outbox is not None:
            self._changes = ByOutbox(database, options.outbox, options.overlap, page)

    async def begin(self) -> str | None:
        await self._check_replica()
        return await self._changes.begin() if self._changes is not None else None

    async def changes(self, position: str) -> Page:
        if self._changes is None:
            raise InvalidError("nothing shows changes", "poll.sql", right="changed or outbox, or no `every`")
        await self._check_replica()
        if isinstance(self._changes, ByColumn):
            found = await self._changes.page(position)
            items, spoiled = items_of(found.rows)
            return Page(items, found.position, found.more, spoiled)
        told = await self._changes.page(position)
        if told.lost:
            return Page((), told.position, more=False, lost=told.lost)
        return Page(tuple(await self.fetch(told.keys)), told.position, told.more)

    async def fetch(self, keys: Sequence[str]) -> Sequence[Item]:
        wanted = list(dict.fromkeys(keys))
        if len(wanted) > MOST_KEYS:
            raise InvalidError(f"{len(wanted)} keys", "keys", right=f"at most {MOST_KEYS}")
        rows = await self._database.rows(self._query.fetched, wanted) if wanted else []
        items, spoiled = items_of(rows)
        if spoiled:
            raise InvalidError(spoiled[0].reason, spoiled[0].where, right=f"rows of at most {LARGEST} bytes")
        found = {item.key: item for item in items}
        return [found.get(key) or Item(key, None) for key in wanted]

    async def snapshot(self, position: str | None) -> Page:
        """Who comes or goes while pages are read moves the count: so it is taken before and after, and less counts."""
        if position is None:
            await self._check_replica()
            after, counted = None, (await self._count())[0]
        else:
            after, counted = _read_position(position)
        statement, arguments = (self._query.first, []) if after is None else (self._query.next, [after])
        rows = await self._database.rows(statement, *arguments, self._page)
        items, spoiled = items_of(rows)
        if len(rows) == self._page:
            return Page(items, json.dumps([rows[-1][0], counted]), more=True, spoiled=spoiled)
        now, nameless = await self._count()
        if nameless:
            reason = f"{nameless} rows have no {self._options.key}"
            spoiled = (*spoiled, Spoiled(f"poll.sql.select where {self._options.key} is null", reason, ""))
        problem = "" if self._query.is_unique else await self._doubled()
        last = rows[-1][0] if rows else after
        evidence = Evidence(min(counted, now), problem)
        return Page(items, json.dumps([last, counted]), more=False, spoiled=spoiled, evidence=evidence)

    async def _count(self) -> tuple[int, int]:
        ((rows, nameless),) = await self._database.rows(self._query.counted)
        return rows, nameless

    async def _doubled(self) -> str:
        ((doubled,),) = await self._database.rows(self._query.doubled)
        return f"{doubled} values of {self._options.key} stand in more than one row" if doubled else ""

    async def _check_replica(self) -> None:
        """Raises TransientError if we speak with a replica that is too far behind."""
        ((lag,),) = await self._database.rows(
            "SELECT CASE WHEN pg_is_in_recovery() THEN"
            " extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())::float END"
        )
        if lag is not None and lag > self._options.lag:
            raise TransientError(f"the replica is {lag:.0f} s behind, and poll.sql.lag is {self._options.lag} s")


def items_of(rows: Sequence[Row]) -> tuple[tuple[Item, ...], tuple[Spoiled, ...]]:
    """Rows of (key, JSON) as items; those that are too large as spoiled."""
    items, spoiled = [], []
    for key, text in rows:
        if len(text) > LARGEST // 4 and len(text.encode()) > LARGEST:
            reason = f"the row has more than {LARGEST} bytes"
            spoiled.append(Spoiled(f"the row of {key[:100]}", reason, text[:1000], key))
        else:
            items.append(Item(key, Fields(text)))
    return tuple(items), tuple(spoiled)


def _read_position(position: str) -> tuple[str, int]:
    after, counted = json.loads(position)
    return str(after), int(counted)


@asynccontextmanager
async def open_sql(poll: Poll, read: ReadSecret) -> AsyncIterator[Extraction]:
    """The source of these rows."""
    if poll.sql is None:
        raise InvalidError("no database", "poll", right="sql: and its options")
    async with connected(poll.sql, read, poll.timeout) as database:
        query: Any = await query_of(database, poll.sql)
        yield SqlSource(database, poll.sql, query, poll.page)
