"""The form of a security event token (RFC 8417 2.2, RFC 7519 7.2), without its signature."""

import base64
import re
from binascii import Error as Base64Error
from typing import Any, Final

from provisioning.core.errors import InvalidError
from provisioning.core.wire import read_json

_COMPACT: Final = re.compile(rb"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")
_CLAIMS: Final = ("iss", "iat", "jti", "events")


def fault_of(token: bytes, most: int) -> str:
    """Why something is no token by its form; nothing if it is one."""
    if len(token) > most:
        return f"{len(token)} bytes; at most {most}"
    if _COMPACT.fullmatch(token) is None:
        return "not a JWT in compact form"
    header, claims = (_object(part, most) for part in token.split(b".")[:2])
    if header is None or not isinstance(header.get("alg"), str):
        return "the JWT's header is no object with alg"
    if claims is None:
        return "the JWT's claims are no object"
    missing = [name for name in _CLAIMS if name not in claims]
    if missing:
        return f"the claim {missing[0]} is missing"
    return "" if isinstance(claims["events"], dict) and claims["events"] else "the claim events is no object"


def _object(part: bytes, most: int) -> dict[str, Any] | None:
    try:
        text = base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4)).decode()
        found = read_json(text, "token", most)
    except (Base64Error, UnicodeDecodeError, InvalidError):
        return None
    return found if isinstance(found, dict) else None
