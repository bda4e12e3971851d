"""A directory's answers, read from their octets (RFC 4511 4.1.1, X.690): only what searches bring, and quickly.

ldap3's schema takes a millisecond for an entry, this a hundredth of that. Definite lengths only, as LDAP demands
(RFC 4511 5.1), and nothing is looked into deeper than it stands there.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from provisioning.adapters.delivery.ldap_codec import GarbageError

ENTRY: Final = 0x64
DONE: Final = 0x65
REFERENCE: Final = 0x73
INTERMEDIATE: Final = 0x79
_LEAST_CODED: Final = frozenset({0x61, DONE, 0x67, 0x69, 0x6B, 0x6D, 0x6F, 0x78})  # answers that hold a result code
SEQUENCE, SET, OCTETS, INTEGER, BOOLEAN, ENUMERATED = 0x30, 0x31, 0x04, 0x02, 0x01, 0x0A
_CONTROLS: Final = 0xA0
_LONG: Final = 0x80
_WIDEST: Final = 4


class Reply(NamedTuple):
    """One message of an answer. `kind`: its tag; `name` and `value`: of an intermediate response."""

    id: int
    kind: int
    size: int
    dn: str = ""
    attributes: Mapping[str, list[bytes]] = {}
    code: int = 0
    name: bytes = b""
    value: bytes = b""
    controls: Mapping[bytes, bytes] = {}


def read_reply(octets: bytes) -> Reply:
    """A message. Raises GarbageError."""
    try:
        tag, at, end = _element(octets, 0, len(octets))
        if tag != SEQUENCE or end != len(octets):
            raise GarbageError
        tag, start, at = _element(octets, at, end)
        if tag != INTEGER:
            raise GarbageError
        number = int.from_bytes(octets[start:at], signed=True)
        kind, start, stop = _element(octets, at, end)
        controls = _controls(octets, stop, end) if stop < end else {}
        if kind == ENTRY:
            dn, attributes = read_entry(octets, start, stop)
            return Reply(number, kind, len(octets), dn, attributes, controls=controls)
        if kind == INTERMEDIATE:
            parts = {tag: octets[first:last] for tag, first, last in elements(octets, start, stop)}
            return Reply(
                number, kind, len(octets), name=parts.get(0x80, b""), value=parts.get(0x81, b""), controls=controls
            )
        if kind == REFERENCE:
            return Reply(number, kind, len(octets), controls=controls)
        if kind in _LEAST_CODED:
            tag, first, last = _element(octets, start, stop)
            if tag == ENUMERATED:
                return Reply(number, kind, len(octets), code=int.from_bytes(octets[first:last]), controls=controls)
    except IndexError as error:
        raise GarbageError from error
    raise GarbageError


def read_entry(octets: bytes, at: int, end: int) -> tuple[str, Mapping[str, list[bytes]]]:
    """Name and attributes of a SearchResultEntry (RFC 4511 4.5.2). Raises GarbageError, IndexError."""
    tag, first, at = _element(octets, at, end)
    if tag != OCTETS:
        raise GarbageError
    dn = octets[first:at].decode(errors="replace")
    tag, at, last = _element(octets, at, end)
    if tag != SEQUENCE or last != end:
        raise GarbageError
    attributes: dict[str, list[bytes]] = {}
    while at < end:
        tag, first, after = _element(octets, at, end)
        named, start, stop = _element(octets, first, after)
        kind, value, last = _element(octets, stop, after)
        if tag != SEQUENCE or named != OCTETS or kind != SET or last != after:
            raise GarbageError
        values = attributes.setdefault(octets[start:stop].decode(errors="replace"), [])
        while value < last:
            # the same as _element: most of what comes are values, and a call costs more than all else here
            size = octets[value + 1]
            if size < _LONG:
                begin = value + 2
                stop = begin + size
                if octets[value] != OCTETS or stop > last:
                    raise GarbageError
            else:
                tag, begin, stop = _element(octets, value, last)
                if tag != OCTETS:
                    raise GarbageError
            values.append(octets[begin:stop])
            value = stop
        at = after
    return dn, attributes


def elements(octets: bytes, at: int, end: int) -> list[tuple[int, int, int]]:
    """What stands one after the other: tag, and where the content begins and ends. Raises GarbageError, IndexError."""
    found = []
    while at < end:
        found.append(_element(octets, at, end))
        at = found[-1][2]
    return found


def inside(octets: bytes, tag: int = SEQUENCE) -> list[tuple[int, bytes]]:
    """Tags and contents of what is in one element, as in the value of a control. Raises GarbageError."""
    try:
        kind, at, end = _element(octets, 0, len(octets))
        if kind != tag or end != len(octets):
            raise GarbageError
        return [(kind, octets[first:last]) for kind, first, last in elements(octets, at, end)]
    except IndexError as error:
        raise GarbageError from error


def element(tag: int, *contents: bytes) -> bytes:
    """Written: tag, length, content."""
    content = b"".join(contents)
    if len(content) < _LONG:
        return bytes((tag, len(content))) + content
    size = len(content).to_bytes((len(content).bit_length() + 7) // 8)
    return bytes((tag, _LONG + len(size))) + size + content


def control(name: str, value: bytes, *, critical: bool) -> bytes:
    """A control (RFC 4511 4.1.11)."""
    marked = element(BOOLEAN, b"\xff") if critical else b""
    return element(SEQUENCE, element(OCTETS, name.encode()), marked, element(OCTETS, value))


def with_controls(message: bytes, *controls: bytes) -> bytes:
    """A message that has none, with these."""
    _, start, end = _element(message, 0, len(message))
    return element(SEQUENCE, message[start:end], element(_CONTROLS, *controls)) if controls else message


def _element(octets: bytes, at: int, end: int) -> tuple[int, int, int]:
    size = octets[at + 1]
    start = at + 2
    if size >= _LONG:
        wide = size - _LONG
        if not 0 < wide <= _WIDEST:
            raise GarbageError
        start += wide
        size = int.from_bytes(octets[at + 2 : start])
    if start + size > end:
        raise GarbageError
    return octets[at], start, start + size


def _controls(octets: bytes, at: int, end: int) -> dict[bytes, bytes]:
    tag, start, stop = _element(octets, at, end)
    if tag != _CONTROLS or stop != end:
        raise GarbageError
    found = {}
    for tag, first, last in elements(octets, start, stop):
        parts = elements(octets, first, last)
        if tag != SEQUENCE or not parts or parts[0][0] != OCTETS:
            raise GarbageError
        value = next((octets[begin:close] for kind, begin, close in parts[1:] if kind == OCTETS), b"")
        found[octets[parts[0][1] : parts[0][2]]] = value
    return found
