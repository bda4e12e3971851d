"""Requests to directories over LDAP: verified TLS, bounded, and always clear about whether a request was sent.

ldap3 gives the messages, asyncio the connection: its own sockets check neither addresses nor, under TLS, the host
while shaking hands, and cannot be stopped.
"""

import asyncio
import ssl
from collections import defaultdict
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Final

from provisioning.adapters.delivery.addresses import PrivateAddressError
from provisioning.adapters.delivery.ldap_codec import GarbageError
from provisioning.adapters.delivery.ldap_link import (
    INVALID_CREDENTIALS,
    Link,
    NotBoundError,
    Place,
    open_link,
    place_of,
    read_credential,
)
from provisioning.adapters.delivery.secrets import Secrets
from provisioning.core.catalog import Service
from provisioning.core.errors import InvalidError, ProvisioningError
from provisioning.protocols.dialogue import Answer, Unanswered
from provisioning.protocols.ldap_message import LdapRequest, LdapSearch

_IDLE: Final = 15  # seconds that a connection is kept for the next request
_CONNECTIONS: Final = 20  # to one directory
_Key = tuple[Place, str | None]


class _NotSentError(Exception):
    """The request never left."""


@dataclass(slots=True)
class LdapCaller:
    """Asks directories. Made once for a process and its loop: bound connections are kept between requests."""

    secrets: Secrets
    tls: ssl.SSLContext = field(default_factory=ssl.create_default_context)
    _idle: defaultdict[_Key, list[Link]] = field(default_factory=lambda: defaultdict(list))
    _paging: dict[tuple[_Key, bytes], Link] = field(default_factory=dict)  # whose next page may be asked for, by cookie
    _slots: defaultdict[_Key, asyncio.Semaphore] = field(
        default_factory=lambda: defaultdict(lambda: asyncio.Semaphore(_CONNECTIONS))
    )

    async def __call__(self, service: Service, request: LdapRequest, within: float) -> Answer:
        """Make one request. Unanswered says whether it was sent; nothing is raised for what others did."""
        sent = False
        try:
            async with asyncio.timeout(within):
                place = place_of(service)
                async with self._slots[place, service.secret]:
                    link = await self._of_request(service, place, request)
                    if link is None:
                        return Unanswered("the connection on which the list was read is gone", sent=False, lost=True)
                    sent = True
                    return await self._ask(service, place, link, request, within)
        except TimeoutError:
            return Unanswered(f"{'no answer' if sent else 'not connected'} within {within:.0f} s", sent)
        except (_NotSentError, InvalidError) as error:
            return Unanswered(str(error), sent)
        except GarbageError:
            return Unanswered("an answer that is no LDAP, or too long", sent)
        except (OSError, EOFError) as error:
            return Unanswered(_describe(error, sent=sent), sent)

    async def close(self) -> None:
        """Close every connection."""
        for links in self._idle.values():
            for link in links:
                link.close()
        for link in self._paging.values():
            link.close()
        self._idle.clear()
        self._paging.clear()

    async def _ask(self, service: Service, place: Place, link: Link, request: LdapRequest, within: float) -> Answer:
        with ExitStack() as undo:
            undo.callback(link.close)  # also when cancelled: what comes later would be taken for the next answer
            answer = await link.ask(request, max(1, int(within)), service.response)
            undo.pop_all()
        link.used_at = asyncio.get_running_loop().time()
        if answer.cookie:  # one list at a time: whoever left another has no more use for it
            for key in [key for key in self._paging if key[0] == (place, service.secret)]:
                self._paging.pop(key).close()
            self._paging[(place, service.secret), answer.cookie] = link
        else:
            self._idle[place, service.secret].append(link)
        return answer

    async def _of_request(self, service: Service, place: Place, request: LdapRequest) -> Link | None:
        """The connection for a request: of the page before, if there is one. None: that one is gone."""
        if not isinstance(request, LdapSearch) or not request.cookie:
            return await self._link(service, place)
        link = self._paging.pop(((place, service.secret), request.cookie), None)
        return link if link is not None and link.is_open else None

    async def _link(self, service: Service, place: Place) -> Link:
        """A bound connection: one that is kept, or a new one."""
        kept = self._idle[place, service.secret]
        while kept:
            link = kept.pop()
            for _ in range(2):  # rounds of the loop in which it hears what came while it was not running
                await asyncio.sleep(0)
            if link.is_open and asyncio.get_running_loop().time() - link.used_at < _IDLE:
                return link
            link.close()
        stale: str | None = None
        for _ in range(2):
            secret = await self._secret(service, stale)
            if secret == stale:
                break
            try:
                return await self._bound(service, place, secret)
            except NotBoundError as error:
                refusal = error
                if error.code != INVALID_CREDENTIALS:
                    break
            stale = secret  # the password may have been changed: it is read again, once
        raise _NotSentError(str(refusal))

    async def _bound(self, service: Service, place: Place, secret: str) -> Link:
        dn, password = read_credential(secret)
        link = await open_link(place, self.tls)
        with ExitStack() as undo:
            undo.callback(link.close)  # also when cancelled: nobody else would close it
            if place.start_tls:
                await link.start_tls(self.tls, place.host, service.response)
            await link.bind(dn, password, service.response)
            undo.pop_all()
        return link

    async def _secret(self, service: Service, stale: str | None) -> str:
        if service.secret is None:
            raise _NotSentError("the service names no secret to bind with")
        try:
            return (await self.secrets.token(service.secret, stale)).strip()
        except ProvisioningError as error:
            raise _NotSentError(f"no secret {service.secret!r}: {error}") from error


def _describe(error: Exception, *, sent: bool) -> str:
    """What went wrong, for operators: nothing of a request can be in it."""
    if sent:
        return f"no complete answer: {type(error).__name__}"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"not connected: the certificate is not to be trusted ({error.verify_message})"
    if isinstance(error, PrivateAddressError):
        return f"not connected: {error}"
    return f"not connected: {type(error).__name__}: {getattr(error, 'strerror', None) or error}"
