"""One HTTP exchange by aiohttp: bounded, without redirects, and always clear about whether a request was sent."""

import asyncio
import ssl
from dataclasses import dataclass, field

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

from provisioning.adapters.delivery.addresses import PrivateAddressError, public_socket
from provisioning.adapters.delivery.certificates import Certificates
from provisioning.adapters.delivery.refusal import NotSentError, RefusedCertificateError, certificate_alert
from provisioning.adapters.delivery.request import Answering, Progress, Requests
from provisioning.core.catalog import Service
from provisioning.core.quick import quick
from provisioning.protocols.dialogue import HttpResponse, Unanswered


@quick
@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request as it leaves. `url`: to which host; `target`: the path and query that are asked of it.

    `most`: bytes of its answer. `own`: it goes to the SP, and not to a token endpoint.
    """

    method: str
    url: URL
    target: str
    headers: dict[str, str] = field(repr=False)
    content: bytes | None = field(repr=False)
    most: int
    own: bool = True


@dataclass(slots=True)
class Connections:
    """Carries requests. Made once for a process and its loop: connections are kept between calls."""

    certificates: Certificates
    _requests: dict[bool, Requests] = field(default_factory=dict)

    async def exchange(self, service: Service, outgoing: Outgoing, within: float) -> HttpResponse | Unanswered:
        """Make one exchange. Unanswered says whether it was sent. Raises NotSentError for what is wrong with us.

        A certificate that is refused makes its secret be read again, once; if there is a new one, the request, which
        nobody has taken, is repeated.
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
        for requests in self._requests.values():
            await requests.close()
        self._requests.clear()

    async def _exchange(
        self, service: Service, outgoing: Outgoing, within: float, tls: ssl.SSLContext | None
    ) -> HttpResponse | Unanswered:
        if within <= 0:
            raise NotSentError("no time was left for the call")
        progress, requests = Progress(), self._of(private=service.private)
        try:
            async with asyncio.timeout(within):
                answering = await requests.request(
                    outgoing.method, outgoing.url, outgoing.target, outgoing.headers, outgoing.content, tls, progress
                )
                with answering:
                    body = await _body(answering, outgoing.most)
                    if body is None:
                        return Unanswered(f"the answer is longer than {outgoing.most} bytes, or packed", sent=True)
                    answering.release()
                message = answering.message
                headers = {name.lower(): value for name, value in message.headers.items()}
                if len(headers) < len(message.headers):  # several of a name are one list (RFC 9110 5.3)
                    headers = {name: ", ".join(message.headers.getall(name)) for name in headers}
                return HttpResponse(message.code, headers, body)
        except TimeoutError:
            doing = "no answer" if progress.connected else "not connected"
            return Unanswered(f"{doing} within {within:.0f} s", sent=progress.connected)
        except (aiohttp.ClientError, HttpProcessingError, OSError, ValueError) as error:
            # With TLS 1.3 it comes when we have sent already; on a connection of before it would mean something else.
            # Where it comes before we read, only the connection's end has kept it.
            alert = certificate_alert(error) or certificate_alert(progress.lost())
            if alert is not None and (progress.made or not progress.connected):
                raise RefusedCertificateError(_refused(service, alert)) from error
            return Unanswered(_describe(error, connected=progress.connected), sent=progress.connected)

    def _of(self, *, private: bool) -> Requests:
        """Services that may reach inside have connections of their own: no other service can be handed one."""
        if private not in self._requests:
            self._requests[private] = Requests(None if private else public_socket)
        return self._requests[private]


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


async def _body(answering: Answering, most: int) -> bytes | None:
    """The body as it comes, or None as soon as it is too long: the connection is then dropped, not drained."""
    if answering.message.headers.get("content-encoding", "identity").lower() not in ("identity", ""):
        return None
    content = answering.content
    chunk = await content.readany()
    body = bytearray(chunk)
    while chunk and len(body) <= most and not content.at_eof():
        chunk = await content.readany()
        body += chunk
    return bytes(body) if len(body) <= most else None


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
