"""Searches whose answers are read message by message, so that none is held whole, over bound connections."""

import asyncio
import ssl
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from ldap3.core.exceptions import LDAPExceptionError

from provisioning.adapters.delivery.addresses import PrivateAddressError
from provisioning.adapters.delivery.ldap_codec import GarbageError, encode, length
from provisioning.adapters.delivery.ldap_link import (
    INVALID_CREDENTIALS,
    Link,
    NotBoundError,
    Place,
    open_link,
    read_credential,
    read_place,
)
from provisioning.adapters.sources.ldap_ber import DONE, Reply, read_reply, with_controls
from provisioning.adapters.sources.registry import ReadSecret
from provisioning.core.errors import InvalidError, TransientError
from provisioning.core.source_ldap import LdapSource
from provisioning.protocols.ldap_ending import name_of
from provisioning.protocols.ldap_message import LdapSearch

LARGEST: Final = 64 * 1024 * 1024  # octets of one message: a group of half a million members
_CLEAR: Final = 1024 * 1024  # octets of an answer before TLS, or to a bind
_PASSING: Final = frozenset({1, 3, 11, 51, 52, 80})  # codes of what may be otherwise later
_SIZE_LIMIT, _REFERRAL, _NO_SUCH_OBJECT, _DENIED = 4, 10, 32, 50


@dataclass(slots=True)
class Directory:
    """The directory that is configured: the first of its addresses that lets us in."""

    options: LdapSource
    read_secret: ReadSecret
    seconds: int
    tls: ssl.SSLContext = field(default_factory=ssl.create_default_context)
    _free: list[Link] = field(default_factory=list)
    _credential: tuple[str, str] | None = None

    def close(self) -> None:
        """Close every connection that is not in use."""
        while self._free:
            self._free.pop().close()

    async def search(self, wanted: LdapSearch, *controls: bytes, link: Link | None = None) -> AsyncGenerator[Reply]:
        """Each message of the answer; the last is its end, with whatever code. Who stops before it closes the link.

        `link`: the connection to use, where an earlier answer holds for one connection only.
        """
        used = link if link is not None else await self.link()
        with ExitStack() as undo:
            undo.callback(used.close)  # also when the reader goes away: what comes later would be the next answer
            async for reply in self._replies(used, wanted, controls):
                if reply.kind == DONE:
                    undo.pop_all()
                    if link is None:
                        self._free.append(used)
                yield reply

    async def link(self) -> Link:
        """A bound connection, of this caller's own until it is given back."""
        while self._free:
            link = self._free.pop()
            if link.is_open:
                return link
            link.close()
        failed: OSError | EOFError | None = None
        for url in self.options.urls:
            place = self._place(url)
            try:
                return await self._bound(place)
            except PrivateAddressError as error:
                raise InvalidError(str(error), "poll.ldap.urls", right="`private: true`, if it is meant") from None
            except (OSError, EOFError) as error:
                failed = error
        raise TransientError(f"the directory is not reached: {_cause(failed)}") from failed

    def give_back(self, link: Link) -> None:
        """Keep it for the next search."""
        self._free.append(link)

    def _place(self, url: str) -> Place:
        try:
            return read_place(url, start_tls=self.options.start_tls, private=self.options.private)
        except InvalidError as error:
            raise InvalidError(error.problem, "poll.ldap.urls", right="ldaps://host:port") from None

    async def _bound(self, place: Place) -> Link:
        link = await open_link(place, self.tls)
        with ExitStack() as undo:
            undo.callback(link.close)  # also when cancelled
            try:
                if place.start_tls:
                    await link.start_tls(self.tls, place.host, _CLEAR)
                if self.options.secret is not None:
                    dn, password = await self._secret(self.options.secret)
                    await link.bind(dn, password, _CLEAR)
            except NotBoundError as error:
                if error.code != INVALID_CREDENTIALS:
                    raise TransientError(str(error)) from None
                self._credential = None
                raise InvalidError(str(error), "poll.ldap.secret", right="a name and its password") from None
            undo.pop_all()
        return link

    async def _secret(self, name: str) -> tuple[str, str]:
        if self._credential is None:
            text = (await self.read_secret(name)).strip()
            if self.options.bind is None:
                try:
                    self._credential = read_credential(text)
                except InvalidError as error:
                    raise InvalidError(error.problem, "poll.ldap.secret", right="or `bind` and a password") from None
            elif not text:  # a directory takes a bind without a password as one without a name
                raise InvalidError("the secret is empty", "poll.ldap.secret", right="the password of `bind`")
            else:
                self._credential = self.options.bind, text
        return self._credential

    async def _replies(self, link: Link, wanted: LdapSearch, controls: tuple[bytes, ...]) -> AsyncIterator[Reply]:
        number = await link.send(lambda number: with_controls(encode(number, wanted, self.seconds), *controls))
        while True:
            reply = read_reply(await _message(link.reader))
            if reply.id != number:  # 0: the directory says that it will close
                raise GarbageError
            yield reply
            if reply.kind == DONE:
                return


async def _message(reader: asyncio.StreamReader) -> bytes:
    header = await reader.readexactly(2)
    wide, size = length(header)
    if wide:
        more = await reader.readexactly(wide)
        header, size = header + more, int.from_bytes(more)
    if size > LARGEST:
        raise GarbageError
    return header + await reader.readexactly(size)


def check_filter(text: str, where: str) -> None:
    """Raises InvalidError if it is no filter. `where`: the option that it is."""
    try:
        encode(1, LdapSearch("", "base", text, (), 0), 0)
    except LDAPExceptionError:
        raise InvalidError("the filter cannot be read", where, right="RFC 4515, as (objectClass=*)") from None


def check(reply: Reply, where: str) -> None:
    """Raises TransientError or InvalidError if a search did not end well. `where`: the option that it is about."""
    if reply.code == 0:
        return
    name = name_of(reply.code)
    if reply.code in _PASSING:
        raise TransientError(f"the directory answers {name}")
    right = {
        _SIZE_LIMIT: "a bind name whose size limit the directory has raised",
        _NO_SUCH_OBJECT: "the name of an entry that is there, and that we may see",
        _DENIED: "a bind name that may read there",
        _REFERRAL: "a base that this directory holds itself",
    }.get(reply.code, "what the directory can search for")
    raise InvalidError(f"the directory answers {name}", where, right=right)


@asynccontextmanager
async def asked(seconds: int) -> AsyncIterator[None]:
    """One answer, in bounded time. Raises TransientError for whatever the network or the directory cannot do now."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise TransientError(f"the directory has not answered within {seconds} s") from error
    except GarbageError as error:
        raise TransientError("the directory answers what is no LDAP, or too long") from error
    except (OSError, EOFError) as error:
        raise TransientError(f"the directory is not reached any more: {_cause(error)}") from error


def _cause(error: Exception | None) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not to be trusted ({error.verify_message})"
    return f"{type(error).__name__} {getattr(error, 'strerror', None) or ''}".strip()
