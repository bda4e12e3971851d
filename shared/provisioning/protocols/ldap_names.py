"""Distinguished names and filters: written so that no value can be read as syntax (RFC 4514, RFC 4515)."""

import re
from typing import Final

from provisioning.core.errors import InvalidError

ATTRIBUTE: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]*(?:;[A-Za-z0-9-]+)*")
_SPECIAL: Final = frozenset('"+,;<>\\=#')
_PLAIN: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789@._-")
_PAIR: Final = re.compile(r"\\([0-9A-Fa-f]{2}|.)", re.DOTALL)
_RIGHT: Final = "such as ou=people,dc=example,dc=org"

Rdn = tuple[str, str]
"""Attribute and value of one component. A component of several parts (`a=1+b=2`) is kept as one text."""


def escape_filter(value: bytes) -> str:
    r"""A value in a filter: each octet but those of plain words as `\xx` (RFC 4515 3).

    That is more than the standard asks, because readers of filters exist that trim spaces.
    """
    return "".join(chr(octet) if octet in _PLAIN else f"\\{octet:02x}" for octet in value)


def equals(attribute: str, value: bytes) -> str:
    """The filter for entries with this value."""
    return f"({attribute}={escape_filter(value)})"


def escape_value(value: str) -> str:
    """A value in a distinguished name (RFC 4514 2.4)."""
    text = "".join(
        f"\\{character}" if character in _SPECIAL else character if character.isprintable() else _octets(character)
        for character in value
    )
    if text.startswith(" "):
        text = "\\" + text
    return text[:-1] + "\\ " if text.endswith(" ") and value != " " else text


def make_dn(attribute: str, value: str, parent: str) -> str:
    """The name of an entry beneath a parent."""
    return f"{attribute}={escape_value(value)},{parent}"


def read_dn(text: str) -> tuple[Rdn, ...]:
    """The components of a name, the entry's own first. Raises InvalidError."""
    if not text.strip():
        raise InvalidError("a name is empty", where=text, right=_RIGHT)
    return tuple(_component(part, text) for part in _split(text))


def same(one: str, other: str) -> bool:
    """Whether two names are one, without regard to case and to how they are escaped. What is no name is not."""
    try:
        return _folded(one) == _folded(other)
    except InvalidError:
        return False


def beneath(dn: str, base: str) -> bool:
    """Whether a name lies below a base, at any depth."""
    try:
        inner, outer = _folded(dn), _folded(base)
    except InvalidError:
        return False
    return len(inner) > len(outer) and inner[-len(outer) :] == outer


def folded_name(dn: str) -> str:
    """A name without what makes no other name of it: one text for one name. What is no name stays as it is."""
    try:
        return ",".join(f"{attribute}={value}" for attribute, value in _folded(dn))
    except InvalidError:
        return dn


def parent_of(dn: str) -> str:
    """The name above, as it is written. Raises InvalidError."""
    return ",".join(_split(dn)[1:])


def _folded(dn: str) -> tuple[Rdn, ...]:
    return tuple((attribute.casefold(), " ".join(value.casefold().split())) for attribute, value in read_dn(dn))


def _split(dn: str) -> list[str]:
    """The components as they are written: cut at commas that are not escaped."""
    parts, start, place = [], 0, 0
    while place < len(dn):
        if dn[place] == ",":
            parts.append(dn[start:place])
            start = place + 1
        place += 2 if dn[place] == "\\" else 1
    return [*parts, dn[start:]]


def _component(part: str, whole: str) -> Rdn:
    attribute, sign, value = part.partition("=")
    if not sign or not ATTRIBUTE.fullmatch(attribute.strip()):
        raise InvalidError("not a distinguished name", where=whole, right=_RIGHT)
    value = value.lstrip(" ")
    trimmed = value.rstrip(" ")
    if trimmed.endswith("\\") and trimmed != value and (len(trimmed) - len(trimmed.rstrip("\\"))) % 2:
        trimmed += " "
    return attribute.strip(), _unescape(trimmed, whole)


def _unescape(value: str, whole: str) -> str:
    octets = bytearray()
    place = 0
    for match in _PAIR.finditer(value):
        octets += value[place : match.start()].encode()
        octets += bytes.fromhex(match[1]) if len(match[1]) > 1 else match[1].encode()
        place = match.end()
    try:
        return (octets + value[place:].encode()).decode()
    except UnicodeDecodeError as error:
        raise InvalidError("not a distinguished name of text", where=whole, right=_RIGHT) from error


def _octets(character: str) -> str:
    return "".join(f"\\{octet:02x}" for octet in character.encode())
