"""One connection to a directory: opened and bound within bounds, then one request at a time."""

import asyncio
import json
import ssl
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

import aiohappyeyeballs

from provisioning.adapters.delivery.addresses import public_socket
from provisioning.adapters.delivery.ldap_codec import (
    GarbageError,
    decode,
    encode,
    encode_bind,
    encode_start_tls,
    length,
)
from provisioning.core.catalog import Service
from provisioning.core.errors import InvalidError
from provisioning.protocols.ldap_ending import SUCCESS, name_of
from provisioning.protocols.ldap_message import LdapEntry, LdapRequest, LdapResult

_PORTS: Final = {"ldap": 389, "ldaps": 636}
INVALID_CREDENTIALS: Final = 49


class NotBoundError(Exception):
    """The directory does not let us in. `code`: its result code."""

    def __init__(self, reason: str, code: int) -> None:
        super().__init__(reason)
        self.code = code


@dataclass(frozen=True, slots=True)
class Place:
    """Where a directory is, and how safely it is reached."""

    host: str
    port: int
    tls: bool
    start_tls: bool
    private: bool


def place_of(service: Service) -> Place:
    """Where a service's directory is. Raises InvalidError, also for a password that would travel open."""
    start_tls = service.ldap is None or service.ldap.start_tls
    return read_place(service.endpoint, start_tls=start_tls, private=service.private)


def read_place(endpoint: str, *, start_tls: bool, private: bool) -> Place:
    """Where a directory is. Raises InvalidError, also for a password that would travel open."""
    url = urlsplit(endpoint)
    try:
        host, port = url.hostname, url.port
    except ValueError:
        host, port = None, None
    if url.scheme not in _PORTS or not host or url.username is not None:
        raise InvalidError("the endpoint is not ldaps://host:port")
    tls = url.scheme == "ldaps"
    start_tls = not tls and start_tls
    if not tls and not start_tls and not private:
        raise InvalidError("the endpoint is neither ldaps:// nor used with start_tls")
    return Place(host, port or _PORTS[url.scheme], tls, start_tls, private)


def read_credential(secret: str) -> tuple[str, str]:
    """Name and password of a secret `{"dn": …, "password": …}`. Raises InvalidError, which never quotes it.

    Neither may be empty: a directory takes a bind without a password as one without a name, and says that it is done.
    """
    try:
        held = json.loads(secret)
        dn, password = held["dn"], held["password"]
    except (ValueError, TypeError, KeyError):
        raise InvalidError('not {"dn": …, "password": …}') from None
    if not isinstance(dn, str) or not isinstance(password, str) or not dn or not password:
        raise InvalidError('not {"dn": …, "password": …}')
    return dn, password


@dataclass(slots=True)
class Link:
    """An open connection. Only one exchange at a time."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    used_at: float = 0.0
    _number: int = field(default=0)
    _beneath: asyncio.StreamWriter | None = None  # what TLS runs over: it would close the connection if it went

    @property
    def is_open(self) -> bool:
        """Whether nothing says that the directory has closed it."""
        return not self.reader.at_eof() and not self.writer.is_closing()

    def close(self) -> None:
        """End it at once."""
        self.writer.transport.abort()

    async def bind(self, dn: str, password: str, most: int) -> None:
        """Say who we are. Raises NotBoundError."""
        answer = await self._exchange(lambda number: encode_bind(number, dn, password), most)
        if answer.code != SUCCESS:
            raise NotBoundError(f"not bound: {name_of(answer.code)}", answer.code)

    async def start_tls(self, tls: ssl.SSLContext, host: str, most: int) -> None:
        """Go on under TLS, with a new reader: what came in the clear after the answer is never read."""
        answer = await self._exchange(encode_start_tls, most)
        if answer.code != SUCCESS:
            raise NotBoundError(f"no TLS: {name_of(answer.code)}", answer.code)
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(loop=loop)
        protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
        transport = await loop.start_tls(self.writer.transport, protocol, tls, server_hostname=host)
        if transport is None:
            raise ConnectionResetError
        reader.set_transport(transport)
        self._beneath = self.writer
        self.reader, self.writer = reader, asyncio.StreamWriter(transport, protocol, reader, loop)

    async def ask(self, request: LdapRequest, seconds: int, most: int) -> LdapResult:
        """One request and its whole answer, at most `most` octets. Raises GarbageError, OSError, EOFError."""
        return await self._exchange(lambda number: encode(number, request, seconds), most)

    async def send(self, make: Callable[[int], bytes]) -> int:
        """Send what is made of a message's number. The number: whoever sends reads all that is answered to it."""
        self._number += 1
        self.writer.write(make(self._number))
        await self.writer.drain()
        return self._number

    async def _exchange(self, make: Callable[[int], bytes], most: int) -> LdapResult:
        number = await self.send(make)
        entries: list[LdapEntry] = []
        left = most
        while True:
            octets = await self._message(left)
            left -= len(octets)
            message = decode(octets)
            if message.id != number:  # 0: the directory says that it will close
                raise GarbageError
            if message.code is not None:
                return LdapResult(message.code, message.text, tuple(entries), message.cookie)
            if message.entry is not None:
                entries.append(message.entry)

    async def _message(self, most: int) -> bytes:
        header = await self.reader.readexactly(2)
        wide, size = length(header)
        if wide:
            more = await self.reader.readexactly(wide)
            header, size = header + more, int.from_bytes(more, "big")
        if size + len(header) > most:
            raise GarbageError
        return header + await self.reader.readexactly(size)


async def open_link(place: Place, tls: ssl.SSLContext) -> Link:
    """Connect, under TLS from the start or not yet. Raises OSError; PrivateAddressError for an address inside."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(place.host, place.port, type=1)
    factory = None if place.private else public_socket
    raw = await aiohappyeyeballs.start_connection(found, socket_factory=factory, happy_eyeballs_delay=0.25)
    with ExitStack() as undo:
        undo.callback(raw.close)
        streams = await asyncio.open_connection(
            sock=raw, ssl=tls if place.tls else None, server_hostname=place.host if place.tls else None
        )
        undo.pop_all()
    return Link(*streams)
