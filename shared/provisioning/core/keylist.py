"""Sorted lines: a run's keys with digests, and what was read of each subject.

A line of the spool is `key TAB digest TAB fields`, one of a key list `key TAB digest TAB missed`; the fields are
canonical JSON. Keys are escaped so that lines sort as their keys do, by bytes, and hold no tab and no line break.
"""

import hashlib
from binascii import b2a_base64
from collections.abc import Mapping
from typing import Final

from provisioning.core.account import Json
from provisioning.core.source import Fields
from provisioning.core.wire import canonical

TAB: Final = b"\t"
SPOILED: Final = b"-"  # in place of a digest: somebody who is there, and how is not known
_ESCAPED: Final = {code: f"\\{code:02x}" for code in [*range(0x20), 0x5C, 0x7F]}


def escape(key: str) -> bytes:
    """A key as lines hold it. Different keys stay different."""
    if key.isascii() and key.isprintable() and "\\" not in key:
        return key.encode()
    return key.translate(_ESCAPED).encode("utf-8", "surrogatepass")


def unescape(key: bytes) -> str:
    """The key of a line."""
    text = key.decode("utf-8", "surrogatepass")
    if "\\" not in text:
        return text
    first, *rest = text.split("\\")
    return first + "".join(chr(int(part[:2], 16)) + part[2:] for part in rest)


def json_of(fields: Mapping[str, Json]) -> str:
    """The fields as one line of JSON: equal fields of one source have equal texts."""
    if isinstance(fields, Fields) and "\n" not in fields.text and "\t" not in fields.text:
        return fields.text
    return canonical(dict(fields)).decode()


def spool_line(key: str, fields: Mapping[str, Json]) -> bytes:
    """What was read of a subject."""
    body = json_of(fields).encode()
    digest = b2a_base64(hashlib.sha256(body).digest()[:12], newline=False)
    return b"%b\t%b\t%b" % (escape(key), digest, body)


def known_line(key: str) -> bytes:
    """A subject that was there, in a list of keys: nobody knows with which fields."""
    return key_line(escape(key), SPOILED, 0)


def key_line(key: bytes, digest: bytes, missed: int) -> bytes:
    """A subject in the list of keys. `missed`: complete runs, one after the other, that did not show it.

    Below zero: runs since it was told to be gone, less one: -1 in the run that tells it.
    """
    return b"%b\t%b\t%d" % (key, digest, missed)
