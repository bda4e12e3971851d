"""Rows as LDIF (RFC 2849): entries in a full extract, changes in a delta.

Nobody knows whether the directory has an entry yet: a row may be in two deltas. So a row of a delta is an `add` and
then a `modify` that replaces every attribute: whichever of the two finds the other case fails and is passed over, as
by `ldapmodify -c`; an entry is never removed to be made anew. A name that changed would leave the old entry behind,
so a service with deltas in LDIF has names that do not change.
"""

import base64
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from provisioning.core.account import Phase
from provisioning.core.extract_rows import Layout, Row, text_of, texts_of

_WIDTH: Final = 76  # characters of a line, without what ends it
_SAFE: Final = re.compile(r"(?![ :<])[\x01-\x09\x0b\x0c\x0e-\x7f]*(?<! )")
_SPECIAL: Final = re.compile(r'([\\,+"<>;=]|^[ #]| $)')
NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]*(;[A-Za-z0-9-]+)*")  # of an attribute, with its options

HEADER: Final = b"version: 1\n"


def entry(layout: Layout, row: Row) -> bytes:
    """A row of a full extract, as the entry that is to be."""
    return _record([("dn", _name(layout, row)), *_attributes(layout, row)])


def changes(layout: Layout, row: Row) -> bytes:
    """A row of a delta, as changes."""
    name = ("dn", _name(layout, row))
    if row.phase is Phase.ABSENT:
        return _record([name, ("changetype", "delete")])
    added = _record([name, ("changetype", "add"), *_attributes(layout, row)])
    return added + _record([name, ("changetype", "modify")], _replacements(layout, row))


def _replacements(layout: Layout, row: Row) -> Iterator[bytes]:
    """Every attribute but the one that names the entry; one without a value is removed."""
    for attribute, values in _named(layout, row):
        if attribute != layout.key:
            yield _line("replace", attribute) + b"".join(_line(attribute, value) for value in values) + b"-\n"


def _attributes(layout: Layout, row: Row) -> Iterator[tuple[str, str]]:
    yield from (("objectClass", name) for name in layout.classes)
    for attribute, values in _named(layout, row):
        yield from ((attribute, value) for value in values)


def _named(layout: Layout, row: Row) -> Iterator[tuple[str, Sequence[str]]]:
    if layout.identity:
        yield layout.identity, (row.identity,)
    for path in layout.paths:
        # An attribute cannot have an empty value, and has each value once.
        yield path, tuple(dict.fromkeys(text for text in texts_of(row.values.get(path)) if text))
    if layout.phase:
        yield layout.phase, (row.phase.value,)
    if layout.groups:
        yield layout.groups, row.groups


def _name(layout: Layout, row: Row) -> str:
    """The distinguished name (RFC 4514)."""
    value = _SPECIAL.sub(r"\\\1", text_of(row.values.get(layout.key), ",")).replace("\x00", "\\00")
    return f"{layout.key}={value},{layout.base}"


def _record(lines: Iterable[tuple[str, str]], more: Iterable[bytes] = ()) -> bytes:
    return b"\n" + b"".join(_line(name, value) for name, value in lines) + b"".join(more)


def _line(name: str, value: str) -> bytes:
    """`name: value`, or `name:: base64` if it is not safe, folded: a line that goes on begins with a space."""
    if _SAFE.fullmatch(value):
        line = f"{name}: {value}"
    else:
        line = f"{name}:: {base64.b64encode(value.encode(errors='replace')).decode()}"
    if len(line) <= _WIDTH:
        return f"{line}\n".encode()
    rest = range(_WIDTH, len(line), _WIDTH - 1)
    folded = [line[:_WIDTH], *(f" {line[start : start + _WIDTH - 1]}" for start in rest)]
    return ("\n".join(folded) + "\n").encode()
