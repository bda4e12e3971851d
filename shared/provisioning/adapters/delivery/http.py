"""HTTP calls to SPs by aiohttp: bounded, without redirects, and always clear about whether a request was sent."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, urlencode

import aiohttp
from yarl import URL

from provisioning.adapters.delivery.addresses import PrivateAddressError
from provisioning.adapters.delivery.authentication import Authentication, NoTokenError
from provisioning.adapters.delivery.connections import Connections, Progress, progress
from provisioning.adapters.delivery.secrets import Secrets
from provisioning.adapters.delivery.sign import SIGNATURE
from provisioning.core.catalog import Service
from provisioning.core.errors import InvalidError, ProvisioningError
from provisioning.protocols.dialogue import Answer, HttpRequest, HttpResponse, Unanswered

_UNAUTHORIZED: Final = 401
_ENDLESS: Final = aiohttp.ClientTimeout(total=None)  # ours ends the call, at half the cost


def _loop_s_time() -> float:
    return asyncio.get_running_loop().time()


class _NotSentError(Exception):
    """The request cannot even be made."""


@dataclass(slots=True)
class HttpCaller:
    """Calls SPs. Made once for a process and its loop: connections and tokens are kept between calls.

    `clock`: seconds by which tokens end: by the wall where a function may be frozen, else the loop's will do.
    """

    secrets: Secrets
    clock: Callable[[], float] = _loop_s_time
    _connections: Connections = field(init=False)
    _authentication: Authentication = field(init=False)

    def __post_init__(self) -> None:
        """Put the parts together."""
        self._connections = Connections(self.secrets.token)
        self._authentication = Authentication(self.secrets, self._post, self.clock)

    async def __call__(self, service: Service, request: HttpRequest, within: float) -> Answer:
        """Make one call. Unanswered says whether the request was sent; nothing is raised for what others did.

        A 401 makes the credential be read, or the token be asked for, again, once; if there is a new one, the call,
        which was refused, is repeated. So is one before which the SP did not take our certificate, if there is another.
        """
        clock = asyncio.get_running_loop().time
        deadline = clock() + within
        try:
            url = _url(service, request)
            header = await self._header(service, request, within)
            answer = await self._call(service, url, request, deadline - clock(), header)
            if isinstance(answer, HttpResponse) and answer.status == _UNAUTHORIZED and header is not None:
                fresh = await self._header(service, request, deadline - clock(), stale=header)
                if fresh != header:
                    answer = await self._call(service, url, request, deadline - clock(), fresh)
            elif isinstance(answer, Unanswered) and not answer.sent and await self._connections.renew(service):
                answer = await self._call(service, url, request, deadline - clock(), header)
        except (_NotSentError, ProvisioningError) as error:
            return Unanswered(str(error), sent=False)
        return answer

    async def close(self) -> None:
        """Close every connection."""
        await self._connections.close()

    async def _header(
        self, service: Service, request: HttpRequest, within: float, stale: str | None = None
    ) -> str | None:
        if request.sign_as is not None:  # its secret signs, and is never sent
            if SIGNATURE not in request.headers:
                raise _NotSentError("the request is to be signed, and is not")
            return None
        if service.secret is None:
            return None
        try:
            kept = self._authentication.kept(service) if stale is None else None
            if kept is not None:
                return kept
            async with asyncio.timeout(within):
                return await self._authentication.header(service, within, stale)
        except TimeoutError as error:
            raise _NotSentError(f"no secret {service.secret!r} within {within:.0f} s") from error
        except (InvalidError, NoTokenError) as error:
            raise _NotSentError(str(error)) from error
        except ProvisioningError as error:
            raise _NotSentError(f"no secret {service.secret!r}: {error}") from error

    async def _post(self, service: Service, url: str, request: HttpRequest, within: float) -> Answer:
        """One call to a token endpoint, within the same bounds as those to the SP."""
        try:
            return await self._call(service, _checked(service, url, "token_endpoint"), request, within, None)
        except _NotSentError as error:
            return Unanswered(str(error), sent=False)

    async def _call(
        self, service: Service, url: URL, request: HttpRequest, within: float, header: str | None
    ) -> Answer:
        come = Progress()
        progress.set(come)
        if within <= 0:  # aiohttp takes 0 for no limit at all
            raise _NotSentError("no time was left for the call")
        session = await self._connections.session(service)
        try:
            call = session.request(
                request.method,
                url,
                data=_content(request),
                headers=request.headers if header is None else {**request.headers, "authorization": header},
                allow_redirects=False,
                timeout=_ENDLESS,
            )
            async with asyncio.timeout(within), call as response:
                body = await _body(response, service.response)
                if body is None:
                    return Unanswered(f"the answer is longer than {service.response} bytes, or packed", sent=True)
                headers = {name.lower(): value for name, value in response.headers.items()}
                return HttpResponse(response.status, headers, body)
        except TimeoutError:
            doing = "no answer" if come.connected else "not connected"
            return Unanswered(f"{doing} within {within:.0f} s", sent=come.connected)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Unanswered(_describe(error, connected=come.connected), sent=come.connected)


def _content(request: HttpRequest) -> bytes | None:
    """The bytes of the body, or None for no body."""
    if request.content is not None:
        return request.content
    return None if request.body is None else json.dumps(request.body).encode()


def _url(service: Service, request: HttpRequest) -> URL:
    text = service.endpoint.rstrip("/") + request.path if request.path else service.endpoint
    if request.query:
        text += "?" + urlencode(request.query, quote_via=quote)
    return _checked(service, text, "endpoint")


def _checked(service: Service, text: str, what: str) -> URL:
    try:
        url = URL(text, encoded=True)
    except ValueError as error:
        raise _NotSentError(f"the {what} is not a URL") from error
    if url.scheme != "https" and not (url.scheme == "http" and service.private):
        raise _NotSentError(f"the {what} is not https")
    if not url.host or url.user is not None:
        raise _NotSentError(f"the {what} is not a plain URL of a host")
    return url


async def _body(response: aiohttp.ClientResponse, most: int) -> bytes | None:
    """The body as it comes, or None as soon as it is too long: the connection is then dropped, not drained."""
    if response.headers.get("content-encoding", "identity").lower() not in ("identity", ""):
        response.close()
        return None
    body = bytearray()
    while chunk := await response.content.readany():
        body += chunk
        if len(body) > most:
            response.close()
            return None
    return bytes(body)


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
