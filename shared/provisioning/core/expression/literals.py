"""Tokens of literals → their values."""

import math
import re
from functools import cache
from typing import Final

from provisioning.core.expression.errors import ExpressionError
from provisioning.core.expression.lexer import Token, fault
from provisioning.core.expression.values import UInt

_ESCAPE: Final = (
    r"\\(?:(?P<octal>[0-3][0-7]{2})|[xX](?P<hex>[0-9a-fA-F]{2})|u(?P<short>[0-9a-fA-F]{4})"
    r"|U(?P<long>[0-9a-fA-F]{8})|(?P<plain>[abfnrtv\\\"'`?]))|(?P<bad>\\.?)"
)
_PLAIN: Final = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_MOST_DIGITS: Final = 40  # more can only be leading zeros


def text_of(token: Token, text: str) -> str | bytes:
    """The value of a string or bytes token. Raises ExpressionError for an escape that CEL does not have."""
    prefix = re.match(r"[a-zA-Z]*", token.text)
    letters = prefix[0].lower() if prefix else ""
    body = token.text[len(letters) :]
    width = 3 if body[:3] in ('"""', "'''") else 1
    # Line ends of any system are line feeds, as in the other implementations of the language.
    body = body[width:-width].replace("\r\n", "\n").replace("\r", "\n")
    if "b" in letters:
        return body.encode() if "r" in letters else _unescaped_bytes(body, token, text)
    return body if "r" in letters or "\\" not in body else _unescaped(body, token, text)


def number_of(token: Token, text: str, *, negative: bool) -> int | float:
    """The value of a number token, with its sign. Raises ExpressionError beyond 64 bits."""
    sign = -1 if negative else 1
    if token.kind == "double":
        real = sign * float(token.text)
        if real in (math.inf, -math.inf):
            raise fault(text, token.offset, "the number is too large for a double", "less than 1.8e308")
        return real
    digits = token.text.rstrip("uU")
    unsigned = digits != token.text
    value = sign * int(digits, 16 if digits.startswith("0x") else 10) if len(digits) <= _MOST_DIGITS else 1 << 65
    if unsigned:
        if negative or not 0 <= value < 1 << 64:
            raise fault(text, token.offset, "the number does not fit 64 bits without a sign", "0 to 2^64-1")
        return UInt(value)
    if not -(1 << 63) <= value < 1 << 63:
        raise fault(text, token.offset, "the number does not fit 64 bits", "-2^63 to 2^63-1")
    return value


@cache
def _escape() -> re.Pattern[str]:
    return re.compile(_ESCAPE, re.DOTALL)


def _unescaped(body: str, token: Token, text: str) -> str:
    return _escape().sub(lambda match: chr(_code(match, token, text)), body)


def _unescaped_bytes(body: str, token: Token, text: str) -> bytes:
    pieces, position = [], 0
    for match in _escape().finditer(body):
        pieces.append(body[position : match.start()].encode())
        if match["short"] or match["long"]:
            raise fault(text, token.offset, f"{match[0]} is a character, not a byte", "such as \\x0a")
        pieces.append(bytes([_code(match, token, text)]))
        position = match.end()
    return b"".join([*pieces, body[position:].encode()])


def _code(match: re.Match[str], token: Token, text: str) -> int:
    if match["bad"] is not None:
        raise _refused(match[0], token, text)
    if match["plain"]:
        return ord(_PLAIN.get(match["plain"], match["plain"]))
    digits = match["octal"]
    code = int(digits, 8) if digits else int(match["hex"] or match["short"] or match["long"], 16)
    if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        raise _refused(match[0], token, text)
    return code


def _refused(escape: str, token: Token, text: str) -> ExpressionError:
    return fault(text, token.offset, f"{escape} is no escape", 'such as \\n or \\u00e9; r"…" has none')
