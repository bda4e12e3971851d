"""What changed, by a column that grows, or by an outbox.

Transactions commit in another order than they take an instant or a number. By column, each look therefore begins
`overlap` before the newest that was seen; what it sees again is a record that is known. By outbox, numbers that are
missing are asked for again until they come, or `overlap` seconds have passed: a transaction that failed leaves its
number out for ever.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from provisioning.adapters.sources.sql_connection import Database, Row
from provisioning.adapters.sources.sql_query import Query, quoted, relation
from provisioning.core.errors import InvalidError
from provisioning.core.source_sql import Outbox, Sql

_MOST_GAPS: Final = 1000
_BEFORE: Final = 100  # numbers before the first one seen that somebody may hold and not have committed
_INSTANTS: Final = ("timestamptz", "timestamp", "date")


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows that changed."""

    rows: Sequence[Row]
    position: str
    more: bool


@dataclass(frozen=True, slots=True)
class Keys:
    """Subjects that changed. `lost`: why the place is of no use."""

    keys: Sequence[str]
    position: str
    more: bool
    lost: str = ""


class ByColumn:
    """By a column that grows when a row changes. A place: the newest seen, and within a look the row that came last."""

    def __init__(self, database: Database, options: Sql, query: Query, page: int) -> None:
        self._database, self._page = database, page
        changed, key = f"s.{quoted(options.changed or '')}", f"s.{quoted(options.key)}"
        kind = query.types[options.changed or ""]
        is_instant = any(kind.endswith(f'"{name}"') for name in _INSTANTS)
        back = f"make_interval(secs => {options.overlap})" if is_instant else str(options.overlap)
        told = query.shown.replace("SELECT ", f"SELECT {changed}::text, ", 1)
        self._newest = f"SELECT max({changed})::text FROM {query.of}"
        order = f"ORDER BY {changed}, {key} LIMIT"
        since = f"{key} IS NOT NULL AND ($1::text IS NULL OR {changed} >= ($1::text)::{kind} - {back})"
        after = f"({changed}, {key}) > (($2::text)::{kind}, ($3::text)::{query.types[options.key]})"
        self._first = f"{told} WHERE {changed} IS NOT NULL AND {since} {order} $2"
        self._next = f"{told} WHERE {since} AND {after} {order} $4"

    async def begin(self) -> str:
        ((newest,),) = await self._database.rows(self._newest)
        return json.dumps([newest, newest, None])

    async def page(self, position: str) -> Rows:
        """`since`: where this look begins; `newest`: seen until now; `last`: of the page before."""
        since, newest, last = json.loads(position)
        if last is None:
            rows = await self._database.rows(self._first, since, self._page)
        else:
            rows = await self._database.rows(self._next, since, *last, self._page)
        if rows:
            newest = rows[-1][0]  # they come by the column
        more = len(rows) == self._page
        place: list[Any] = [since, newest, list(rows[-1][:2])] if more else [newest, newest, None]
        return Rows([row[1:] for row in rows], json.dumps(place), more)


class ByOutbox:
    """By an outbox. A place: the highest number seen, and the missing ones below it with the time they were missed.

    Without a number the outbox was empty until then.
    """

    def __init__(self, database: Database, outbox: Outbox, patience: int, page: int) -> None:
        self._database, self._page, self._patience = database, page, patience
        of, id_ = relation(outbox.table), f"o.{quoted(outbox.id)}"
        self._ends = f"SELECT min({id_})::bigint, max({id_})::bigint, extract(epoch FROM now())::bigint FROM {of} AS o"
        self._told = (
            f"SELECT {id_}::bigint, o.{quoted(outbox.key)}::text FROM {of} AS o"
            f" WHERE {id_} > $1 OR {id_} = ANY($2::bigint[]) ORDER BY 1 LIMIT $3"
        )

    async def begin(self) -> str:
        _, newest, now = await self._bounds()
        return json.dumps([newest, _held(newest, now)])

    async def page(self, position: str) -> Keys:
        highest, gaps = json.loads(position)
        oldest, _, now = await self._bounds()
        if oldest is not None and highest is not None and oldest > highest + 1:
            place = await self.begin()
            return Keys((), place, more=False, lost=f"the outbox begins at {oldest}, and we had come to {highest}")
        rows = await self._database.rows(
            self._told, -1 if highest is None else highest, [int(number) for number in gaps], self._page
        )
        keys = [row[1] for row in rows if row[1] is not None]
        seen = {row[0] for row in rows}
        if highest is None:  # it was empty when we began
            highest = min(seen, default=None)
            gaps = _held(highest, now)
        top = max(seen, default=highest) if highest is None else max(seen | {highest})
        missed = {number: at for number, at in gaps.items() if int(number) not in seen and at + self._patience > now}
        missing = [number for number in range(highest + 1, top) if number not in seen] if top is not None else []
        if len(missed) + len(missing) > _MOST_GAPS:
            right = "an outbox whose numbers have few gaps"
            raise InvalidError(f"more than {_MOST_GAPS} numbers are missing", "poll.sql.outbox.id", right=right)
        missed |= {str(number): now for number in missing}
        return Keys(keys, json.dumps([top, missed]), len(rows) == self._page)

    async def _bounds(self) -> tuple[int | None, int | None, int]:
        ((oldest, newest, now),) = await self._database.rows(self._ends)
        return oldest, newest, now


def _held(first: int | None, now: int) -> dict[str, int]:
    """Numbers below the first one seen: whoever holds one and has not committed is missed from now on."""
    return {str(number): now for number in range(max(1, first - _BEFORE), first)} if first is not None else {}
