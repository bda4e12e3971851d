"""Who we are to an SP: the value of `authorization`, from the service's secret or from an OAuth 2 token endpoint."""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote, quote_plus, urlencode

from provisioning.adapters.delivery.secrets import Secrets
from provisioning.core.catalog import Service
from provisioning.core.errors import InvalidError, TransientError
from provisioning.protocols.dialogue import Answer, HttpRequest, HttpResponse
from provisioning.protocols.ending import read_object

_SHORTEST: Final = 5  # seconds that a token is used at least, whatever its endpoint says
_UNSAID: Final = 300  # seconds that one is used whose endpoint does not say for how long it is good
_LONGEST: Final = 86400
_MARGIN: Final = 30  # seconds before its end from which it is not used: calls take time, and clocks differ
_PATIENCE: Final = 5  # seconds in which an endpoint that has just refused is not asked again

Post = Callable[[Service, str, HttpRequest, float], Awaitable[Answer]]
"""Makes one call to a URL within so many seconds. Never raises for what others did."""


class NoTokenError(TransientError):
    """The token endpoint gave none."""


@dataclass(frozen=True, slots=True)
class _Token:
    header: str
    until: float
    refusal: str = ""  # instead of a token: why there is none


@dataclass(slots=True)
class Authentication:
    """Headers by service, kept from one call to the next. `clock`: the wall's, for others stand while we are frozen."""

    secrets: Secrets
    post: Post
    clock: Callable[[], float]
    _tokens: dict[str, _Token] = field(default_factory=dict)
    _locks: dict[str, asyncio.Lock] = field(default_factory=dict)

    def kept(self, service: Service) -> str | None:
        """The header, if it can be made of what is kept. Raises InvalidError as `header` does."""
        options = service.authentication
        if options is not None and options.kind == "oauth2":
            token = self._tokens.get(service.id)
            return token.header if token is not None and not token.refusal and self._is_good(token, None) else None
        held = self.secrets.kept(str(service.secret))
        return None if held is None else _writer(service)(str(service.secret), held)

    async def header(self, service: Service, within: float, stale: str | None = None) -> str | None:
        """The header for a service, None if it names no secret. `stale`: the one that was just refused.

        Raises InvalidError for a secret of the wrong shape, never quoting it; TransientError if there is no token.
        """
        if service.secret is None:
            return None
        options = service.authentication
        if options is not None and options.kind == "oauth2":
            return await self._oauth(service, within, stale)
        write = _writer(service)
        held = self.secrets.kept(service.secret)
        if held is None or (stale is not None and write(service.secret, held) == stale):
            held = await self.secrets.token(service.secret, held)
        return write(service.secret, held)

    async def _oauth(self, service: Service, within: float, stale: str | None) -> str:
        """The token that is kept, or a new one: asked for once, however many calls need it at the same time."""
        token = self._tokens.get(service.id)
        if token is None or not self._is_good(token, stale):
            async with self._locks.setdefault(service.id, asyncio.Lock()):
                token = self._tokens.get(service.id)
                if token is None or not self._is_good(token, stale):
                    token = self._tokens[service.id] = await self._fetch(service, within)
        if token.refusal:
            raise NoTokenError(token.refusal)
        return token.header

    def _is_good(self, token: _Token, stale: str | None) -> bool:
        return self.clock() < token.until and (token.header != stale or bool(token.refusal))

    async def _fetch(self, service: Service, within: float) -> _Token:
        """A new token. A client that is refused may have a new secret: it is read again, once."""
        secret = str(service.secret)
        held = await self.secrets.token(secret)
        answer = await self._ask(service, held, within)
        if isinstance(answer, HttpResponse) and answer.status in (HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED):
            fresh = await self.secrets.token(secret, held.strip())
            if fresh != held:
                answer = await self._ask(service, fresh, within)
        return self._read(answer)

    async def _ask(self, service: Service, held: str, within: float) -> Answer:
        options = service.authentication
        assert options is not None  # noqa: S101  asked by the caller
        secret = read_pair(str(service.secret), held, "client_id", "client_secret")
        form = {"grant_type": "client_credentials", "scope": options.scope, "audience": options.audience}
        headers = {"accept": "application/json", "content-type": "application/x-www-form-urlencoded"}
        if options.client == "header":  # RFC 6749 2.3.1: both are encoded before they are joined
            headers["authorization"] = _joined(quote_plus(secret[0]), quote_plus(secret[1]))
        else:
            form |= {"client_id": secret[0], "client_secret": secret[1]}
        content = urlencode({name: text for name, text in form.items() if text is not None}, quote_via=quote).encode()
        return await self.post(
            service, str(options.token_endpoint), HttpRequest("POST", "", {}, headers, content=content), within
        )

    def _read(self, answer: Answer) -> _Token:
        now = self.clock()
        if not isinstance(answer, HttpResponse):
            return _Token("", now + _PATIENCE, f"no token: {getattr(answer, 'reason', 'no answer')}")
        told: dict[str, Any] = read_object(answer) or {}
        if answer.status != HTTPStatus.OK:
            error = told.get("error")
            word = f": {error[:60]}" if isinstance(error, str) and error.isprintable() else ""
            return _Token("", now + _PATIENCE, f"no token: the endpoint answered {answer.status}{word}")
        token, kind = told.get("access_token"), told.get("token_type", "bearer")
        if not isinstance(token, str) or not is_token(token) or str(kind).casefold() != "bearer":
            return _Token("", now + _PATIENCE, "no token: the endpoint answered with none that can be used")
        return _Token(f"Bearer {token}", now + _good_for(told.get("expires_in")))


def _good_for(expires_in: Any) -> float:
    """Seconds that a token is used; a number as text is taken, for some endpoints give that."""
    try:
        seconds = int(expires_in) if not isinstance(expires_in, bool) else _UNSAID
    except (TypeError, ValueError, OverflowError):
        seconds = _UNSAID
    seconds = max(0, min(seconds, _LONGEST))
    return max(_SHORTEST, seconds - _MARGIN, seconds // 2 if seconds < 2 * _MARGIN else 0)


def is_token(text: str) -> bool:
    """Whether a text can be a bearer token: printable ASCII without spaces, so that it is one header's value."""
    return 0 < len(text) <= 16384 and text.isascii() and text.isprintable() and " " not in text


def _writer(service: Service) -> Callable[[str, str], str]:
    return _basic if service.authentication is not None and service.authentication.kind == "basic" else _bearer


def _bearer(name: str, held: str) -> str:
    token = held.strip()
    if not is_token(token):
        raise InvalidError(f"secret {name!r} is not a bearer token")
    return f"Bearer {token}"


def _basic(name: str, held: str) -> str:
    return _joined(*read_pair(name, held, "user", "password"))


def _joined(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def read_pair(name: str, held: str, first: str, second: str) -> tuple[str, str]:
    """Two texts of a secret that is JSON. Raises InvalidError, which never quotes the secret."""
    right = f'{{"{first}": "…", "{second}": "…"}}'
    try:
        content = json.loads(held)
    except ValueError:
        raise InvalidError(f"secret {name!r} is not JSON", right=right) from None
    pair = (content.get(first), content.get(second)) if isinstance(content, dict) else (None, None)
    if not all(isinstance(text, str) and text and "\x00" not in text for text in pair):
        raise InvalidError(f"secret {name!r} lacks {first} or {second}", right=right)
    if ":" in str(pair[0]) and first == "user":
        raise InvalidError(f"secret {name!r}: a user's name cannot have a colon", right="RFC 7617 2")
    return str(pair[0]), str(pair[1])
