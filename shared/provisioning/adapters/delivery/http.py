"""HTTP calls to SPs: authenticated, bounded, and always clear about whether a request was sent."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final
from urllib.parse import quote, urlencode

from yarl import URL

from provisioning.adapters.delivery.certificates import Certificates
from provisioning.adapters.delivery.credentials import Credential, Credentials
from provisioning.adapters.delivery.exchange import Connections, Outgoing, read_url
from provisioning.adapters.delivery.refusal import NotSentError
from provisioning.adapters.delivery.secrets import Secrets
from provisioning.adapters.delivery.sign import SIGNATURE
from provisioning.adapters.delivery.tokens import Tokens
from provisioning.core.catalog import Service
from provisioning.core.wire import write_json
from provisioning.protocols.dialogue import Answer, HttpRequest, HttpResponse, Unanswered

_UNAUTHORIZED: Final = 401
_PLAIN: Final = re.compile(r"(/[A-Za-z0-9_-]+)+")  # a path that is in a URL as it is, whatever reads it


def _loop_time() -> float:
    return asyncio.get_running_loop().time()


@dataclass(slots=True)
class HttpCaller:
    """Calls SPs. Made once for a process and its loop: connections and tokens are kept between calls.

    `clock`: seconds, by which tokens and certificates grow old; where a process can be frozen, one that goes on.
    """

    secrets: Secrets
    clock: Callable[[], float] = _loop_time
    _connections: Connections = field(init=False)
    _credentials: Credentials = field(init=False)

    def __post_init__(self) -> None:
        """Put its parts together."""
        self._connections = Connections(Certificates(self.secrets, self.clock))
        self._credentials = Credentials(self.secrets, Tokens(self.secrets, self._connections, self.clock))

    async def __call__(self, service: Service, request: HttpRequest, within: float) -> Answer:
        """Make one call. Unanswered says whether the request was sent; nothing is raised for what others did.

        A 401 makes the secret be read again, or a new token be asked for, once; if there is a new one, the call,
        which was refused, is repeated.
        """
        clock = asyncio.get_running_loop().time
        deadline = clock() + within
        try:
            credential = await self._credential(service, request, within)
            answer = await self._call(service, request, deadline - clock(), credential)
            if credential is not None and isinstance(answer, HttpResponse) and answer.status == _UNAUTHORIZED:
                fresh = await self._credential(service, request, deadline - clock(), stale=credential)
                if fresh != credential:
                    answer = await self._call(service, request, deadline - clock(), fresh)
        except NotSentError as error:
            return Unanswered(str(error), sent=False, retry_after=error.retry_after)
        return answer

    async def close(self) -> None:
        """Close every connection."""
        await self._connections.close()

    async def _credential(
        self, service: Service, request: HttpRequest, within: float, stale: Credential | None = None
    ) -> Credential | None:
        if request.sign_as is None:
            return await self._credentials.credential(service, within, stale)
        if SIGNATURE not in request.headers:
            raise NotSentError("the request is to be signed, and is not")
        return None  # its secret signs, and is never sent

    async def _call(
        self, service: Service, request: HttpRequest, within: float, credential: Credential | None
    ) -> Answer:
        authorization = {} if credential is None else {"authorization": credential.header}
        url, target = _addressed(service, request)
        headers = {**request.headers, **authorization}
        outgoing = Outgoing(request.method, url, target, headers, _content(request), service.response)
        return await self._connections.exchange(service, outgoing, within)


def _addressed(service: Service, request: HttpRequest) -> tuple[URL, str]:
    """The URL of an endpoint and what is asked of it. Raises NotSentError."""
    if not request.query and (not request.path or _PLAIN.fullmatch(request.path)):
        endpoint = _endpoint(service.endpoint, private=service.private)
        if not request.path:
            return endpoint, endpoint.raw_path_qs
        if not endpoint.raw_query_string and not endpoint.raw_fragment:
            return endpoint, endpoint.raw_path.rstrip("/") + request.path
    text = service.endpoint.rstrip("/") + request.path if request.path else service.endpoint
    if request.query:
        text += "?" + urlencode(request.query, quote_via=quote)
    url = read_url(text, private=service.private)
    return url, url.raw_path_qs


@lru_cache(maxsize=1000)
def _endpoint(text: str, *, private: bool) -> URL:
    """Parsed once: most requests only add a plain path to it."""
    return read_url(text, private=private)


def _content(request: HttpRequest) -> bytes | None:
    """The bytes of the body, or None for no body."""
    if request.content is not None:
        return request.content
    return None if request.body is None else write_json(request.body)
