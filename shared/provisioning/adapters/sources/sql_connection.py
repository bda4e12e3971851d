"""A connection to PostgreSQL that only reads, within a time, and whose faults are told apart."""

import ssl
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, Final

import asyncpg  # type: ignore[import-untyped]  # it has no types
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from provisioning.adapters.sources.registry import ReadSecret
from provisioning.core.errors import InvalidError, TransientError
from provisioning.core.source_sql import Sql

_DRIVER: Final = "postgresql+asyncpg"
# What the operator must mend: who we are, what we may read, and what the query names.
_INVALID: Final = (
    asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError,
    asyncpg.SyntaxOrAccessError, asyncpg.DataError,
)  # fmt: skip
_PASSING: Final = (
    asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError,
)  # fmt: skip
Row = Sequence[Any]


class Database:
    """One connection. Rows come from the driver itself: a layer more would cost more than what is done with them."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def rows(self, statement: str, *arguments: Any) -> Sequence[Row]:
        """All rows of a statement. Raises TransientError, or InvalidError that names the fault."""
        with told_apart():
            found: Sequence[Row] = await self._connection.fetch(statement, *arguments)
            return found

    async def columns(self, query: str) -> dict[str, str]:
        """Names and types of a query's columns. Raises InvalidError if a name stands twice."""
        with told_apart():
            attributes = (await self._connection.prepare(f"SELECT * FROM {query} LIMIT 0")).get_attributes()
        columns = {each.name: f'"{each.type.schema}"."{each.type.name}"' for each in attributes}
        if len(columns) < len(attributes):
            raise InvalidError("a column stands twice", "poll.sql.select", right="a name of its own for each")
        return columns


@contextmanager
def told_apart() -> Iterator[None]:
    """Faults of the database as errors of ours. Their texts may hold values, so only their kinds are told."""
    try:
        yield
    except DBAPIError as error:
        raise _told((error.orig.__cause__ if error.orig is not None else None) or error) from None
    except (*_INVALID, *_PASSING) as error:
        raise _told(error) from None


def _told(error: BaseException) -> InvalidError | TransientError:
    kind = type(error).__name__
    if isinstance(error, asyncpg.UndefinedTableError | asyncpg.UndefinedColumnError):
        return InvalidError(f"{kind}: {error}", "poll.sql", right="tables and columns that are there")  # names only
    if isinstance(error, _INVALID):
        return InvalidError(f"the database refuses: {kind}", "poll.sql", right="see its log for the reason")
    return TransientError(f"the database cannot be asked now: {kind}")


@asynccontextmanager
async def connected(options: Sql, read: ReadSecret, timeout: int) -> AsyncIterator[Database]:
    """A connection. Raises TransientError or InvalidError."""
    try:
        url = make_url(await read(options.secret))
    except ArgumentError:
        raise InvalidError("it is not a URL", f"secret {options.secret}", right=f"{_DRIVER}://…") from None
    if url.drivername != _DRIVER:
        raise InvalidError(f"a URL of {url.drivername}", f"secret {options.secret}", right=f"{_DRIVER}://…")
    settings = {
        "default_transaction_read_only": "on", "statement_timeout": str(timeout * 1000), "TimeZone": "UTC",
        "application_name": "provisioning", "extra_float_digits": "1", "IntervalStyle": "iso_8601",
    }  # fmt: skip
    arguments = {
        "server_settings": settings, "timeout": timeout, "command_timeout": timeout + 1,
        "ssl": False if options.private else ssl.create_default_context(),
    }  # fmt: skip
    engine = create_async_engine(url, poolclass=NullPool, connect_args=arguments)
    try:
        with told_apart():
            connection = await engine.connect()
        try:
            raw = await connection.get_raw_connection()
            yield Database(raw.driver_connection)
        finally:
            with suppress(DBAPIError, *_PASSING):  # what was read is read, whatever becomes of the connection
                await connection.close()
    finally:
        await engine.dispose()
