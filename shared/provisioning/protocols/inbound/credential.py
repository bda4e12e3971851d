"""Whose request it is: the credential says so, and nothing else."""

import base64
import hmac
import json
from binascii import Error as Base64Error
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, Final

from provisioning.core.errors import InvalidError

MOST: Final = 4  # credentials of one source: two tokens and two passwords, so that one can follow the other
SHORTEST: Final = 16  # characters of one
_RIGHT: Final = f"one to {MOST} bearer tokens or user:password, each of {SHORTEST} characters or more"


def read_secret(name: str, text: str) -> Sequence[bytes]:
    """The digests of a source's live credentials: a list in JSON, or one a line. Raises InvalidError."""
    found: Any = text.splitlines()
    if text.lstrip().startswith("["):
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            raise InvalidError("not a list in JSON", f"secret {name!r}", right=_RIGHT) from None
    live = [each.strip() if isinstance(each, str) else "" for each in found]
    live = [each for each in live if each] if not text.lstrip().startswith("[") else live
    if not 1 <= len(live) <= MOST or min(map(len, live)) < SHORTEST:
        raise InvalidError("no credentials", f"secret {name!r}", right=_RIGHT)
    return [_digest(each) for each in live]


def presented(authorization: str) -> bytes | None:
    """The digest of what a request shows (RFC 6750 2.1, RFC 7617); None if it shows nothing that can be read."""
    scheme, _, rest = authorization.strip().partition(" ")
    if scheme.lower() == "bearer" and rest.strip():
        return _digest(rest.strip())
    if scheme.lower() == "basic":
        try:
            return _digest(base64.b64decode(rest.strip(), validate=True).decode())
        except (Base64Error, ValueError):
            return None
    return None


def owner(shown: bytes, live: Mapping[str, Sequence[bytes]]) -> str | None:
    """The one source whose credential it is. All are compared, so that the time says nothing of any."""
    owners = {source for source, digests in live.items() for each in digests if hmac.compare_digest(each, shown)}
    return owners.pop() if len(owners) == 1 else None


def _digest(text: str) -> bytes:
    return sha256(text.encode("utf-8", "surrogatepass")).digest()
