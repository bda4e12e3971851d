"""A security event token (RFC 8417): its form, whose it is, and whether that can be believed. Bytes and values only.

What is told apart is what a transmitter is told (RFC 8935 2.4), so that who takes tokens over HTTP can answer before
it acknowledges. No reason quotes what a token says: it may be personal, and it may be forged.
"""

import base64
import re
from binascii import Error as Base64Error
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple

from provisioning.core.errors import InvalidError
from provisioning.core.period import DAY, Instant
from provisioning.core.source_signed import Signed
from provisioning.core.wire import read_json

Code = Literal["invalid_request", "invalid_key", "invalid_issuer", "invalid_audience", "authentication_failed"]
_PART: Final = re.compile(r"[A-Za-z0-9_-]+")
_HEADER: Final = 16384  # characters of the header, encoded
_LONGEST: Final = 512  # characters of kid, jti and txn
_TRACE: Final = 64  # of which so many stand in logs
_LATEST: Final = 10**15  # seconds since 1970 that anybody can mean
_TYPES: Final = ("secevent+jwt", "application/secevent+jwt")  # RFC 8417 2.3: what it is cannot be an access token
# Which keys an algorithm takes: the token's word alone never makes a public key into something else (RFC 8725 3.1).
_KINDS: Final = {"RS256": "RSA", "PS256": "RSA", "ES256": "EC", "EdDSA": "OKP", "Ed25519": "OKP"}


@dataclass(eq=False)
class TokenError(InvalidError):
    """A token that is not believed. `code`: as RFC 8935 2.4 names it."""

    code: Code = "invalid_request"


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """A public key. `kind` and `algorithm`: its `kty`, and the `alg` that it is meant for, if it says so.

    `verifies`: whether a signature, by an algorithm of its kind, is this key's over these bytes.
    """

    kid: str | None
    kind: str
    algorithm: str | None
    verifies: Callable[[str, bytes, bytes], bool] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Token:
    """A token, taken apart; nothing in it is believed yet."""

    algorithm: str
    kid: str | None
    claims: dict[str, Any] = field(repr=False)
    content: bytes = field(repr=False)  # what the signature is over
    signature: bytes = field(repr=False)

    @property
    def jti(self) -> str:
        return str(self.claims["jti"])

    @property
    def trace(self) -> str:
        """What follows it in logs: its transaction, the same for retransmissions under another `jti`, or its `jti`."""
        return str(self.claims.get("txn", self.jti))[:_TRACE]


class Taken(NamedTuple):
    """A token that was taken, by what stands for it within its source, and how long that must be remembered."""

    source: str
    token: str
    until: Instant


def read_token(text: str, most: int) -> Token:
    """Take apart a JWS in compact form (RFC 7515 7.1) of at most `most` bytes. Raises TokenError."""
    if len(text) > most:
        raise TokenError(f"{len(text)} characters", "token", right=f"at most {most}")
    parts = text.split(".", 3)
    if len(parts) != 3 or not all(map(_PART.fullmatch, parts)) or len(parts[0]) > _HEADER:
        raise TokenError("not a signed token", "token", right="a JWS in compact form, with its signature")
    header, claims = (_object(part, name, most) for part, name in zip(parts, ("header", "claims"), strict=False))
    if str(header.get("typ")).lower() not in _TYPES:
        raise TokenError("another type", "token.header.typ", right=_TYPES[0])
    if "crit" in header:
        raise TokenError("an extension that must be understood", "token.header.crit", right="no crit")
    algorithm, kid = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str):
        raise TokenError("no text", "token.header.alg", right="the name of an algorithm")
    if kid is not None:
        _check_text(kid, "header.kid")
    content = f"{parts[0]}.{parts[1]}".encode("ascii")
    return Token(algorithm, kid, claims, content, _bytes(parts[2], "signature"))


def check_algorithm(token: Token, signed: Signed) -> None:
    """Whether it is signed in a way that the source allows. Raises TokenError; nobody need ask for keys then."""
    if token.algorithm not in signed.algorithms:
        right = f"one of {', '.join(signed.algorithms)}"
        raise TokenError("not an allowed algorithm", "token.header.alg", right=right, code="authentication_failed")


def check_signature(token: Token, keys: Sequence[VerificationKey]) -> None:
    """Whether one of the keys that its `kid` names, or that fit if it names none, has signed it. Raises TokenError."""
    fit = [
        key for key in keys
        if key.kind == _KINDS.get(token.algorithm) and key.algorithm in (None, token.algorithm)
        and token.kid in (None, key.kid)
    ]  # fmt: skip
    if not fit:
        right = "a key of the issuer's that fits the algorithm"
        raise TokenError("no such key", "token.header.kid", right=right, code="invalid_key")
    if not any(key.verifies(token.algorithm, token.content, token.signature) for key in fit):
        raise TokenError("not the issuer's signature", "token", right="as signed", code="authentication_failed")


def check_claims(token: Token, signed: Signed, now: Instant) -> None:
    """Whether what is signed is meant for us, now (RFC 8417 2.2, RFC 9967 2.1). Raises TokenError.

    `exp` does not belong in what has happened already; who says it nevertheless is taken at its word.
    """
    claims = token.claims
    if claims.get("iss") != signed.issuer:
        raise TokenError("another issuer", "token.iss", right=signed.issuer, code="invalid_issuer")
    audience = claims.get("aud")
    named = audience if isinstance(audience, list) else [audience]
    if not any(each in signed.audience for each in named if isinstance(each, str)):
        right = " or ".join(signed.audience)
        raise TokenError("meant for others", "token.aud", right=right, code="invalid_audience")
    _check_text(claims.get("jti"), "jti")
    _check_text(claims.get("txn", "none"), "txn")
    if "sub" in claims:
        raise TokenError("a subject as access tokens have it", "token.sub", right="sub_id alone")
    _check_times(token, signed, now)
    events = claims.get("events")
    if not isinstance(events, dict) or not events or not all(isinstance(each, dict) for each in events.values()):
        raise TokenError("no events", "token.events", right="an object of objects by URI, one at least")


def _check_text(value: Any, name: str) -> None:
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST or not value.isprintable():
        raise TokenError("no usable text", f"token.{name}", right=f"up to {_LONGEST} printable characters")


def _check_times(token: Token, signed: Signed, now: Instant) -> None:
    issued = instant_of(token, "iat")
    if issued is None:
        raise TokenError("no time", "token.iat", right="seconds since 1970")
    if issued > now + signed.tolerance:
        raise TokenError("of the future", "token.iat", right=f"at most {signed.tolerance} s ahead")
    if issued < now - signed.days * DAY:
        # Nobody remembers any more whether it was taken.
        raise TokenError("too old", "token.iat", right=f"of the last {signed.days} days; signed.days sets it")
    ends, begins = instant_of(token, "exp"), instant_of(token, "nbf")
    if ends is not None and ends <= now - signed.tolerance:
        raise TokenError("it has expired", "token.exp", right="no exp: an event stays true")
    if begins is not None and begins > now + signed.tolerance:
        raise TokenError("it is not valid yet", "token.nbf", right="no nbf")
    happened = instant_of(token, "toe")
    if happened is not None and happened > now + signed.tolerance:
        raise TokenError("of the future", "token.toe", right=f"at most {signed.tolerance} s ahead")


def instant_of(token: Token, name: str) -> float | None:
    """Seconds since 1970 (RFC 7519 2, NumericDate); None: it does not say. Raises TokenError."""
    value = token.claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LATEST:
        raise TokenError("no time", f"token.{name}", right="seconds since 1970")
    return value


def _object(part: str, name: str, most: int) -> dict[str, Any]:
    try:
        text = _bytes(part, name).decode()
        found = read_json(text, f"token.{name}", most)
    except UnicodeDecodeError as error:
        raise TokenError("not UTF-8", f"token.{name}", right="JSON") from error
    except TokenError:
        raise
    except InvalidError as error:  # not `from`: what was read may be quoted
        raise TokenError("not JSON that can be read", error.where, error.line, error.column, error.right) from None
    if not isinstance(found, dict):
        raise TokenError("not an object", f"token.{name}", right="a JSON object")
    return found


def _bytes(part: str, name: str) -> bytes:
    """RFC 7515 2: without padding; and no second way to write the same, by bits that nobody reads."""
    try:
        found = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except Base64Error as error:
        raise TokenError("not base64url", f"token.{name}", right="base64url without padding") from error
    if base64.urlsafe_b64encode(found).rstrip(b"=").decode() != part:
        raise TokenError("not base64url as it is written", f"token.{name}", right="no stray bits at its end")
    return found
