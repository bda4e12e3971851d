"""What a token endpoint says, believed as far as RFC 6749 5 lets it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

from provisioning.adapters.delivery.refusal import NotSentError
from provisioning.core.account import Json
from provisioning.protocols.dialogue import HttpResponse, Unanswered
from provisioning.protocols.ending import read_object, retry_after

_UNSAID: Final = 300  # seconds that a token is kept where the endpoint does not say how long it holds
_LONGEST: Final = 86400  # seconds that one is kept at most
_TOKEN: Final = 16384  # characters of one, at most
_DIGITS: Final = 12
# The words of RFC 6749 5.2, and what is to be mended; others are not quoted, because nobody knows what they repeat.
_ERRORS: Final[Mapping[str, str]] = {
    "invalid_client": "the client_id and client_secret of secret {secret!r} are not accepted",
    "invalid_grant": "the grant is not accepted",
    "invalid_request": "scope, audience, or where `client` puts the secret, is not what it wants",
    "invalid_scope": "`scope` is not one that it gives",
    "unauthorized_client": "the client of secret {secret!r} may not use client credentials",
    "unsupported_grant_type": "it does not know client credentials",
}


@dataclass(frozen=True, slots=True)
class Granted:
    """A token, and for how many seconds from the asking it is kept."""

    token: str = field(repr=False)
    seconds: int


def read_answer(answer: HttpResponse | Unanswered, secret: str) -> Granted:
    """The token. Raises NotSentError, with the endpoint's Retry-After if it has given one; it quotes no secret."""
    if isinstance(answer, Unanswered):
        raise NotSentError(f"no token: the token endpoint: {answer.reason}")
    body = read_object(answer)
    if answer.status != HTTPStatus.OK:
        raise NotSentError(_refusal(answer, body, secret), retry_after(answer.headers))
    if body is None:
        raise NotSentError("no token: the token endpoint answered 200 with no JSON object")
    token, kind = body.get("access_token"), body.get("token_type", "bearer")
    if not isinstance(token, str) or not 0 < len(token) <= _TOKEN or not token.isascii():
        raise NotSentError("no token: the token endpoint answered without a usable access_token")
    if not token.isprintable() or " " in token:
        raise NotSentError("no token: the token endpoint answered with an access_token that no header can bear")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise NotSentError("no token: the token endpoint gives a token_type that is not bearer")
    return Granted(token, _seconds(body.get("expires_in")))


def _refusal(answer: HttpResponse, body: Mapping[str, Json] | None, secret: str) -> str:
    said = f"no token: the token endpoint answered {answer.status}"
    if HTTPStatus.MULTIPLE_CHOICES <= answer.status < HTTPStatus.BAD_REQUEST:
        return f"{said}: redirect refused"
    error = (body or {}).get("error")
    if not isinstance(error, str) or error not in _ERRORS:
        return said
    return f"{said}: {error}: {_ERRORS[error].format(secret=secret)}"


def _seconds(value: Json) -> int:
    """A life as it is said, also in a text, as some do; none, or one that makes no sense, is a short one."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _DIGITS:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 1:
        return _UNSAID
    return int(min(value, _LONGEST))
