"""Values ↔ bytes: canonical JSON, digests, and the packed bodies of items."""

import base64
import hashlib
import json
import math
import re
import zlib
from typing import Any, Final

from provisioning.core.errors import InvalidError

_BRACKET: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[\]{}]', re.DOTALL)  # or a text, whose brackets are none
DEEPEST: Final = 32  # levels of nesting in anything that comes from outside


def canonical(value: Any) -> bytes:
    """JSON with sorted keys and no spaces: equal values have equal bytes."""
    return _CANONICAL.encode(value).encode()


def write_json(value: Any) -> bytes:
    """JSON of ASCII, as any reader takes it: what is sent to others."""
    return _PLAIN.encode(value).encode()


def digest_of(value: Any) -> str:
    """16 characters that stand for a value: 96 bits of SHA-256 over its canonical JSON."""
    return base64.urlsafe_b64encode(hashlib.sha256(canonical(value)).digest()[:12]).decode()


def pack(value: Any) -> bytes:
    """A compressed body: items are billed by started kilobyte."""
    return zlib.compress(canonical(value), 6)


def unpack(body: bytes) -> Any:
    """The value of a body that `pack` made."""
    return json.loads(zlib.decompress(body))


def read_json(text: str, where: str, most: int) -> Any:
    """Decode JSON from outside: at most `most` bytes and 32 levels, no duplicate-key or NaN surprises.

    Raises InvalidError with the line and column of the fault.
    """
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > most:
        raise InvalidError(f"{size} bytes", where=where, right=f"at most {most} bytes")
    if _depth(text) > DEEPEST:
        raise InvalidError("too deeply nested", where=where, right=f"at most {DEEPEST} levels")
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise InvalidError(f"not JSON: {error.msg}", where, error.lineno, error.colno, "a JSON object") from error
    except ValueError as error:  # NaN, 1e999, a name twice, too many digits for an integer
        raise InvalidError(f"not JSON: {error}", where, right="a JSON object") from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Of two values for one name, one reader takes the first and another the last: nobody knows which was meant."""
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ValueError("a name stands twice in one object")
    return value


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON value")


def _finite(text: str) -> float:
    """JSON can say 1e999, which would become infinite, and then no JSON when it is written again."""
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"{text[:40]} is beyond the largest number")
    return value


def _depth(text: str) -> int:
    """The deepest nesting, counted without recursion. What is no JSON may count as anything: it is refused later."""
    opened = text.count("[") + text.count("{")
    if opened <= DEEPEST:  # as most: then it cannot be deeper, and nothing needs to be walked through
        return opened
    deepest = depth = 0
    for bracket in _BRACKET.finditer(text):
        kind = text[bracket.start()]
        if kind in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif kind != '"':
            depth -= 1
    return deepest


# Made once: `json.dumps` and `json.loads` make new ones for each call that is not of the plainest. Nothing that is
# written has itself in it, so nobody looks for that: it would be a quarter of the work.
_CANONICAL: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, check_circular=False)
_PLAIN: Final = json.JSONEncoder(check_circular=False)
_DECODER: Final = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_finite, object_pairs_hook=_once)
