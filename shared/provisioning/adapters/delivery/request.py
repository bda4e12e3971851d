"""One HTTP request, over connections that aiohttp opens, keeps and reads.

Its ClientSession would do more than is wanted here: redirects, cookies, proxies, a task for each body. That was half of
what a call cost.
"""

import asyncio
import contextlib
import ssl
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.connector import Connection
from aiohttp.http import StreamWriter
from aiohttp.http_parser import RawResponseMessage
from aiohttp.tracing import Trace
from multidict import CIMultiDict
from yarl import URL

_ENDLESS: Final = aiohttp.ClientTimeout(total=None)  # who calls ends the call, at half the cost
_IDLE: Final = 15  # seconds that a connection is kept for the next call; many SPs close theirs soon after
_CONNECTIONS: Final = 50
_PLACES: Final = 1000  # that are remembered; each hour a certificate may make new ones
_IDEMPOTENT: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})  # RFC 9110 9.2.2
_EMPTY: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})  # without a body they do not say that it is empty
_INFORMATION: Final = range(100, 200)  # answers that another one follows, all but the next
_SWITCHED: Final = 101


@dataclass(slots=True)
class Progress:
    """How far a call has come. `connected`: a connection is there, TLS included, so the request may reach the SP.

    `made`: the connection is a new one. `closed`: done when that one has ended.
    """

    connected: bool = False
    made: bool = False
    closed: asyncio.Future[None] | None = None

    def lost(self) -> BaseException | None:
        """What ended the new connection, if it has ended, and not in order."""
        return self.closed.exception() if self.closed is not None and self.closed.done() else None


_progress: ContextVar[Progress] = ContextVar("progress")


class _Origin(aiohttp.ClientRequest):
    """One for all requests to a place: the connector asks for its key again and again."""

    @cached_property
    def connection_key(self) -> ConnectionKey:
        """By what its connections are kept."""
        return super().connection_key


@dataclass(frozen=True, slots=True)
class Place:
    """Where a request goes, as aiohttp's connector wants to know it, and the headers of every request to there."""

    request: aiohttp.ClientRequest
    headers: CIMultiDict[str]


class Connector(aiohttp.TCPConnector):
    """Keeps connections, and says when it has made one."""

    async def _create_connection(
        self, req: aiohttp.ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout
    ) -> ResponseHandler:
        handler = await super()._create_connection(req, traces, timeout)
        progress = _progress.get()
        progress.made, progress.closed = True, handler.closed
        if progress.closed is not None:
            progress.closed.add_done_callback(asyncio.Future.exception)  # else asyncio logs that nobody looked
        return handler


@dataclass(frozen=True, slots=True)
class Answering:
    """An answer whose body is still to be read from the connection, which is the caller's until it lets go."""

    connection: Connection
    message: RawResponseMessage
    content: aiohttp.StreamReader

    def __enter__(self) -> None:
        """Use it."""

    def __exit__(self, *_: object) -> None:
        """Close the connection, if it was not released."""
        self.connection.close()

    def release(self) -> None:
        """Keep the connection for the next call, if all that was said on it has been read and written."""
        protocol = self.connection.protocol
        if protocol is not None and not protocol.writing_paused:
            self.connection.release()


@dataclass(slots=True)
class Requests:
    """Makes requests over one pool of connections, which are made by `socket_factory`, where there is one."""

    socket_factory: aiohttp.SocketFactoryType | None
    _connector: Connector = field(init=False)
    _places: dict[tuple[str, str, ssl.SSLContext | None], Place] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Begin without connections."""
        self._connector = Connector(limit=_CONNECTIONS, keepalive_timeout=_IDLE, socket_factory=self.socket_factory)

    async def close(self) -> None:
        """Close every connection."""
        await self._connector.close()

    async def request(
        self,
        method: str,
        url: URL,
        target: str,
        headers: Mapping[str, str],
        content: bytes | None,
        tls: ssl.SSLContext | None,
        progress: Progress,
    ) -> Answering:
        """Send one and wait for the head of its answer. Raises aiohttp's errors, OSError and ValueError.

        `url` says to which host, `target` what is asked of it: a path and a query.

        What is idempotent by its method is sent once again where the connection was lost (RFC 9110 9.2.2): a kept one
        may turn out to be closed.
        """
        place = self._place(url, tls)
        sent = place.headers.copy()
        sent.update(headers)
        if content is not None or method not in _EMPTY:
            sent["Content-Length"] = str(len(content or b""))
        _progress.set(progress)
        again = method in _IDEMPOTENT
        while True:
            connection = await self._connector.connect(place.request, [], _ENDLESS)
            progress.connected, begun = True, False
            try:
                message, body = await _converse(connection, f"{method} {target} HTTP/1.1", sent, content)
                begun = True
                return Answering(connection, message, body)
            except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError):
                if not again:
                    raise
                again = False
            finally:
                if not begun:
                    connection.close()

    def _place(self, url: URL, tls: ssl.SSLContext | None) -> Place:
        """Connections are kept for each context of TLS: certificates do not mix."""
        key = (url.scheme, url.raw_authority, tls)
        place = self._places.get(key)
        if place is None:
            if len(self._places) >= _PLACES:
                self._places.clear()
            request = _Origin("GET", url.origin(), loop=asyncio.get_running_loop(), ssl=True if tls is None else tls)
            host = url.host_port_subcomponent or ""
            headers = {"Host": host, "user-agent": "provisioning", "accept-encoding": "identity"}
            place = self._places[key] = Place(request, CIMultiDict(headers))
        return place


async def _converse(
    connection: Connection, line: str, headers: CIMultiDict[str], content: bytes | None
) -> tuple[RawResponseMessage, aiohttp.StreamReader]:
    """Send a request, and read the head of the answer to it. All of it is given to the connection at once."""
    protocol = connection.protocol
    if protocol is None:
        raise aiohttp.ServerDisconnectedError
    protocol.set_response_params(read_until_eof=True, auto_decompress=False, skip_payload=line.startswith("HEAD "))
    writer = StreamWriter(protocol, asyncio.get_running_loop())
    await writer.write_headers(line, headers)
    await asyncio.sleep(0)  # all that are about to send do so one after the other: whoever reads is woken once for them
    with contextlib.suppress(aiohttp.ClientConnectionResetError):  # it was closed meanwhile: reading says why
        if content:
            await writer.write(content, drain=False)  # an answer may come before the SP has read it all
        else:
            writer.send_headers()
    message, body = await protocol.read()
    while message.code in _INFORMATION and message.code != _SWITCHED:
        message, body = await protocol.read()
    return message, body
