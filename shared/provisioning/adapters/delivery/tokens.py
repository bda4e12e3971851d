"""Tokens by OAuth 2.0 client credentials (RFC 6749 4.4): asked for once, kept until they expire or are refused."""

import asyncio
import base64
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final
from urllib.parse import quote_plus, urlencode

from provisioning.adapters.delivery.exchange import Connections, Outgoing, read_url
from provisioning.adapters.delivery.refusal import NotSentError
from provisioning.adapters.delivery.secrets import Secrets, read_fields, read_within
from provisioning.adapters.delivery.token_answer import Granted, read_answer
from provisioning.core.authentication_options import Authentication
from provisioning.core.catalog import Service
from provisioning.protocols.dialogue import HttpResponse, Unanswered

_MOST: Final = 65536  # bytes of an answer
_MARGIN: Final = 30  # seconds before its end in which a token is not used any more; of a short life, a quarter
_LONGEST_WAIT: Final = 3600  # seconds that a token endpoint's Retry-After is believed
_UNAUTHORIZED: Final = (HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED)
_Key = tuple[str, str, Authentication]


@dataclass(slots=True)
class _Kept:
    """A service's token, and what came of asking for it last."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    token: str | None = field(default=None, repr=False)
    until: float = 0.0
    asked: int = 0
    failure: str | None = None
    again: float = 0.0  # nobody asks before


@dataclass(slots=True)
class Tokens:
    """Tokens by service, for the process. `clock`: seconds, also of the time in which a process is frozen."""

    secrets: Secrets
    connections: Connections
    clock: Callable[[], float]
    _kept: defaultdict[_Key, _Kept] = field(default_factory=lambda: defaultdict(_Kept), repr=False)

    async def token(
        self, service: Service, options: Authentication, secret: str, within: float, stale: str | None = None
    ) -> str:
        """A token that holds. Raises NotSentError: the call that needs it was not made.

        `stale`: the one that was refused. However many need a token, one asks, and all get what it is answered.
        """
        kept = self._kept[service.id, secret, options]
        before = kept.asked
        deadline = asyncio.get_running_loop().time() + within
        try:
            async with asyncio.timeout(within), kept.lock:
                now = self.clock()
                if kept.token is not None and kept.token != stale and now < kept.until:
                    return kept.token
                if kept.failure is not None and (kept.asked != before or now < kept.again):
                    raise NotSentError(kept.failure, max(1, round(kept.again - now)) if now < kept.again else None)
                return await self._ask(kept, service, options, secret, deadline)
        except TimeoutError as error:
            raise NotSentError(f"no token within {within:.0f} s") from error

    async def _ask(self, kept: _Kept, service: Service, options: Authentication, secret: str, deadline: float) -> str:
        kept.token, now = None, self.clock()  # a life counts from before it began: we are never late
        try:
            granted = await self._grant(service, options, secret, deadline)
        except NotSentError as error:
            kept.failure, kept.asked = str(error), kept.asked + 1
            kept.again = now + min(error.retry_after or 0, _LONGEST_WAIT)
            raise
        kept.token, kept.failure, kept.asked = granted.token, None, kept.asked + 1
        kept.until = now + granted.seconds - min(_MARGIN, granted.seconds // 4)
        return granted.token

    async def _grant(self, service: Service, options: Authentication, secret: str, deadline: float) -> Granted:
        """Ask. A client that is refused has its secret read again, once, and asks again if there is a new one."""
        clock = asyncio.get_running_loop().time
        text = await read_within(self.secrets, secret, deadline - clock())
        answer = await self._post(service, options, secret, text, deadline - clock())
        if isinstance(answer, HttpResponse) and answer.status in _UNAUTHORIZED:
            fresh = await read_within(self.secrets, secret, deadline - clock(), text)
            if fresh != text:
                answer = await self._post(service, options, secret, fresh, deadline - clock())
        return read_answer(answer, secret)

    async def _post(
        self, service: Service, options: Authentication, secret: str, text: str, within: float
    ) -> HttpResponse | Unanswered:
        url = read_url(options.token_endpoint or "", private=service.private, name="the token endpoint")
        client_id, client_secret = read_fields(secret, text, "client_id", "client_secret")
        form = {"grant_type": "client_credentials"}
        form |= {name: value for name, value in (("scope", options.scope), ("audience", options.audience)) if value}
        headers = {"accept": "application/json", "content-type": "application/x-www-form-urlencoded"}
        if options.client == "body":
            form |= {"client_id": client_id, "client_secret": client_secret}
        else:  # RFC 6749 2.3.1: each is encoded before the two are joined, so that a colon in one is none
            pair = f"{quote_plus(client_id)}:{quote_plus(client_secret)}"
            headers["authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        outgoing = Outgoing("POST", url, url.raw_path_qs, headers, urlencode(form).encode(), _MOST, own=False)
        return await self.connections.exchange(service, outgoing, within)
