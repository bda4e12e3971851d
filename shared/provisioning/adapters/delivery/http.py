"""HTTP calls to SPs by aiohttp: bounded, without redirects, and always clear about whether a request was sent."""

import asyncio
import json
from contextlib import AbstractAsyncContextManager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final
from urllib.parse import quote, urlencode

import aiohttp
from aiohttp.connector import Connection
from aiohttp.tracing import Trace
from yarl import URL

from provisioning.adapters.delivery.addresses import PrivateAddressError, public_socket
from provisioning.adapters.delivery.secrets import Secrets
from provisioning.adapters.delivery.sign import SIGNATURE
from provisioning.core.catalog import Service
from provisioning.core.errors import ProvisioningError
from provisioning.protocols.dialogue import Answer, HttpRequest, HttpResponse, Unanswered

_UNAUTHORIZED: Final = 401
_CHUNK: Final = 65536
_IDLE: Final = 15  # seconds that a connection is kept for the next call; many SPs close theirs soon after
_CONNECTIONS: Final = 50


class _NotSentError(Exception):
    """The request cannot even be made."""


@dataclass(slots=True)
class HttpCaller:
    """Calls SPs. Made once for a process and its loop: connections and tokens are kept between calls."""

    secrets: Secrets
    _sessions: dict[bool, aiohttp.ClientSession] = field(default_factory=dict)

    async def __call__(self, service: Service, request: HttpRequest, within: float) -> Answer:
        """Make one call. Unanswered says whether the request was sent; nothing is raised for what others did.

        A 401 makes the token be read again, once; if there is a new one, the call, which was refused, is repeated.
        """
        clock = asyncio.get_running_loop().time
        deadline = clock() + within
        try:
            token = await self._token(service, request, within)
            answer = await self._call(service, request, deadline - clock(), token)
            if token is not None and isinstance(answer, HttpResponse) and answer.status == _UNAUTHORIZED:
                fresh = await self._token(service, request, deadline - clock(), stale=token)
                if fresh != token:
                    answer = await self._call(service, request, deadline - clock(), fresh)
        except _NotSentError as error:
            return Unanswered(str(error), sent=False)
        return answer

    async def close(self) -> None:
        """Close every connection."""
        for session in self._sessions.values():
            await session.close()
        self._sessions.clear()

    async def _token(
        self, service: Service, request: HttpRequest, within: float, stale: str | None = None
    ) -> str | None:
        if request.sign_as is not None:  # its secret signs, and is never sent
            if SIGNATURE not in request.headers:
                raise _NotSentError("the request is to be signed, and is not")
            return None
        if service.secret is None:
            return None
        try:
            held = self.secrets.kept(service.secret) if stale is None else None
            if held is None:
                async with asyncio.timeout(within):
                    held = await self.secrets.token(service.secret, stale)
        except TimeoutError as error:
            raise _NotSentError(f"no secret {service.secret!r} within {within:.0f} s") from error
        except ProvisioningError as error:
            raise _NotSentError(f"no secret {service.secret!r}: {error}") from error
        token = held.strip()
        if not token or not token.isascii() or not token.isprintable() or " " in token:
            raise _NotSentError(f"secret {service.secret!r} is not a bearer token")
        return token

    async def _call(self, service: Service, request: HttpRequest, within: float, token: str | None) -> Answer:
        progress = _Progress()
        _progress.set(progress)
        if within <= 0:  # aiohttp takes 0 for no limit at all
            raise _NotSentError("no time was left for the call")
        try:
            async with self._ask(service, request, within, token) as response:
                body = await _body(response, service.response)
                if body is None:
                    return Unanswered(f"the answer is longer than {service.response} bytes, or packed", sent=True)
                headers = {name.lower(): value for name, value in response.headers.items()}
                return HttpResponse(response.status, headers, body)
        except TimeoutError:
            doing = "no answer" if progress.connected else "not connected"
            return Unanswered(f"{doing} within {within:.0f} s", sent=progress.connected)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Unanswered(_describe(error, connected=progress.connected), sent=progress.connected)

    def _ask(
        self, service: Service, request: HttpRequest, within: float, token: str | None
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        headers = {**request.headers, **({"authorization": f"Bearer {token}"} if token is not None else {})}
        return self._session(private=service.private).request(
            request.method,
            _url(service, request),
            data=_content(request),
            headers=headers,
            allow_redirects=False,
            timeout=_timeout(within),
        )

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
                skip_auto_headers=("accept", "content-type"),
                auto_decompress=False,
                trust_env=False,
            )
        return self._sessions[private]


@dataclass(slots=True)
class _Progress:
    """How far a call has come. `connected`: a connection is there, TLS included, so the request may reach the SP."""

    connected: bool = False


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


@lru_cache(maxsize=64)
def _timeout(within: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=within)


def _content(request: HttpRequest) -> bytes | None:
    """The bytes of the body, or None for no body."""
    if request.content is not None:
        return request.content
    return None if request.body is None else json.dumps(request.body).encode()


def _url(service: Service, request: HttpRequest) -> URL:
    text = service.endpoint.rstrip("/") + request.path if request.path else service.endpoint
    if request.query:
        text += "?" + urlencode(request.query, quote_via=quote)
    try:
        url = URL(text, encoded=True)
    except ValueError as error:
        raise _NotSentError("the endpoint is not a URL") from error
    if url.scheme != "https" and not (url.scheme == "http" and service.private):
        raise _NotSentError("the endpoint is not https")
    if not url.host or url.user is not None:
        raise _NotSentError("the endpoint is not a plain URL of a host")
    return url


async def _body(response: aiohttp.ClientResponse, most: int) -> bytes | None:
    """The body as it comes, or None as soon as it is too long: the connection is then dropped, not drained."""
    if response.headers.get("content-encoding", "identity").lower() not in ("identity", ""):
        response.close()
        return None
    if response.content_length is not None and response.content_length <= most:
        return await response.read()  # no more than that is read
    body = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK):
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
