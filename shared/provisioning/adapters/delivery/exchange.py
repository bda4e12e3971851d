"""One HTTP exchange by aiohttp: bounded, without redirects, and always clear about whether a request was sent."""

import asyncio
import ssl
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.tracing import Trace
from yarl import URL

from provisioning.adapters.delivery.addresses import PrivateAddressError, public_socket
from provisioning.adapters.delivery.certificates import Certificates
from provisioning.adapters.delivery.refusal import NotSentError, RefusedCertificateError, certificate_alert
from provisioning.core.catalog import Service
from provisioning.core.quick import quick
from provisioning.protocols.dialogue import HttpResponse, Unanswered

_AUTOMATIC: Final = ("accept", "content-type")  # headers that aiohttp has its own idea of
_ENDLESS: Final = aiohttp.ClientTimeout(total=None)  # ours ends the call, at half the cost
_IDLE: Final = 15  # seconds that a connection is kept for the next call; many SPs close theirs soon after
_CONNECTIONS: Final = 50


@quick
@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request as it leaves. `most`: bytes of its answer. `own`: it goes to the SP, and not to a token endpoint."""

    method: str
    url: URL
    headers: dict[str, str] = field(repr=False)
    content: bytes | None = field(repr=False)
    most: int
    own: bool = True


@dataclass(slots=True)
class Connections:
    """Carries requests. Made once for a process and its loop: connections are kept between calls."""

    certificates: Certificates
    _sessions: dict[bool, aiohttp.ClientSession] = field(default_factory=dict)

    async def exchange(self, service: Service, outgoing: Outgoing, within: float) -> HttpResponse | Unanswered:
        """Make one exchange. Unanswered says whether it was sent. Raises NotSentError for what is wrong with us.

        A certificate that is refused makes its secret be read again, once; if there is a new one, the request, which
        nobody has taken, is repeated. What is idempotent by its method is repeated by aiohttp, once, where a kept
        connection turns out to be closed (RFC 9110 9.2.2).
        """
        clock = asyncio.get_running_loop().time
        deadline = clock() + within
        tls = await self.certificates.context(service, within, own=outgoing.own)
        try:
            return await self._exchange(service, outgoing, deadline - clock(), tls)
        except RefusedCertificateError:
            fresh = await self.certificates.context(service, deadline - clock(), own=outgoing.own, stale=tls)
            if fresh is tls:
                raise
        return await self._exchange(service, outgoing, deadline - clock(), fresh)

    async def close(self) -> None:
        """Close every connection."""
        for session in self._sessions.values():
            await session.close()
        self._sessions.clear()

    async def _exchange(
        self, service: Service, outgoing: Outgoing, within: float, tls: ssl.SSLContext | None
    ) -> HttpResponse | Unanswered:
        if within <= 0:
            raise NotSentError("no time was left for the call")
        progress = _Progress()
        _progress.set(progress)
        headers = outgoing.headers
        try:
            call = self._session(private=service.private).request(
                outgoing.method,
                outgoing.url,
                data=outgoing.content,
                headers=headers,
                # Where both are given there is nothing to add, and to tell it so has its price.
                skip_auto_headers=None if "accept" in headers and "content-type" in headers else _AUTOMATIC,
                ssl=True if tls is None else tls,  # connections are kept for each context: certificates do not mix
                allow_redirects=False,
                timeout=_ENDLESS,
            )
            async with asyncio.timeout(within), call as response:
                body = await _body(response, outgoing.most)
                if body is None:
                    return Unanswered(f"the answer is longer than {outgoing.most} bytes, or packed", sent=True)
                headers = {name.lower(): value for name, value in response.headers.items()}
                return HttpResponse(response.status, headers, body)
        except TimeoutError:
            doing = "no answer" if progress.connected else "not connected"
            return Unanswered(f"{doing} within {within:.0f} s", sent=progress.connected)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # With TLS 1.3 it comes when we have sent already; on a connection of before it would mean something else.
            # Where it comes as we begin to send, the error is that of sending, and only the connection has heard it.
            alert = certificate_alert(error) or certificate_alert(progress.lost())
            if alert is not None and (progress.made or not progress.connected):
                raise RefusedCertificateError(_refused(service, alert)) from error
            return Unanswered(_describe(error, connected=progress.connected), sent=progress.connected)

    def _session(self, *, private: bool) -> aiohttp.ClientSession:
        """Services that may reach inside have connections of their own: no other service can be handed one."""
        if private not in self._sessions:
            connector = _Connector(
                limit=_CONNECTIONS, keepalive_timeout=_IDLE, socket_factory=None if private else public_socket
            )
            self._sessions[private] = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"user-agent": "provisioning", "accept-encoding": "identity"},
                auto_decompress=False,
                trust_env=False,
            )
        return self._sessions[private]


def read_url(text: str, *, private: bool, name: str = "the endpoint") -> URL:
    """The URL, if it is one that may be called: https, or http where inside is allowed. Raises NotSentError."""
    try:
        url = URL(text, encoded=True)
    except ValueError as error:
        raise NotSentError(f"{name} is not a URL") from error
    if url.scheme != "https" and not (url.scheme == "http" and private):
        raise NotSentError(f"{name} is not https")
    if not url.host or url.user is not None:
        raise NotSentError(f"{name} is not a plain URL of a host")
    return url


@dataclass(slots=True)
class _Progress:
    """How far a call has come. `connected`: a connection is there, TLS included, so the request may reach the SP.

    `made`: the connection is a new one. `closed`: done when that one is closed, for whatever reason.
    """

    connected: bool = False
    made: bool = False
    closed: asyncio.Future[None] | None = None

    def lost(self) -> BaseException | None:
        """What ended the new connection, if it has ended, and not in order."""
        return self.closed.exception() if self.closed is not None and self.closed.done() else None


_progress: ContextVar[_Progress] = ContextVar("progress")


class _Connector(aiohttp.TCPConnector):
    """Says when it has a connection for a call. A trace would say so too, at a fifth of what a call costs."""

    async def connect(
        self, req: aiohttp.ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout
    ) -> Connection:
        """The connection for a request, new or kept."""
        connection = await super().connect(req, traces, timeout)
        _progress.get().connected = True
        return connection

    async def _create_connection(
        self, req: aiohttp.ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout
    ) -> ResponseHandler:
        handler = await super()._create_connection(req, traces, timeout)
        progress, closed = _progress.get(), handler.closed
        progress.made, progress.closed = True, closed
        if closed is not None:
            closed.add_done_callback(asyncio.Future.exception)  # else asyncio would log that nobody asked for it
        return handler


async def _body(response: aiohttp.ClientResponse, most: int) -> bytes | None:
    """The body as it comes, or None as soon as it is too long: the connection is then dropped, not drained."""
    if response.headers.get("content-encoding", "identity").lower() not in ("identity", ""):
        response.close()
        return None
    content = response.content
    chunk = await content.readany()
    body = bytearray(chunk)
    while chunk and len(body) <= most and not content.at_eof():
        chunk = await content.readany()
        body += chunk
    if len(body) > most:
        response.close()
        return None
    return bytes(body)


def _refused(service: Service, alert: str) -> str:
    options = service.authentication
    if options is None or options.certificate is None:
        return f"not connected: {alert}; the service names no `certificate` of ours"
    return f"not connected: our certificate, secret {options.certificate!r}, was refused: {alert}"


def _describe(error: Exception, *, connected: bool) -> str:
    """What went wrong, for operators: no address of a person can be in it."""
    if connected:
        return f"no complete answer: {type(error).__name__}"
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"not connected: the certificate is not to be trusted ({error.certificate_error})"
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(cause, PrivateAddressError):
        return f"not connected: {cause}"
    return f"not connected: {type(cause).__name__}: {getattr(cause, 'strerror', None) or cause}"
