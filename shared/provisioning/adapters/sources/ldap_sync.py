"""Changes by content synchronization (RFC 4533, refreshOnly): entries that came or changed, and who is gone.

A refresh is in one answer, without pages. It ends with a delete phase (all deletions were told) or a present phase
(all that are there were told, and who is gone must be concluded). A present phase needs the keys of everybody, which
a snapshot holds and we do not: then the place is lost. OpenLDAP answers so when its session log does not reach back
(`syncprov-sessionlog`), which it has in memory, so also after each of its starts.

Some cookies that a directory cannot use it takes for none, in silence: it shows everything, and tells no deletion.
OpenLDAP does so with what has not its own form, and gives no cookie with it; so what has not that form, or changes it,
or tells of changes and gives no cookie after them, is lost, too.
"""

import re
import uuid
from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

from provisioning.adapters.delivery.ldap_codec import GarbageError
from provisioning.adapters.sources.ldap_ber import (
    BOOLEAN,
    DONE,
    ENTRY,
    ENUMERATED,
    INTERMEDIATE,
    OCTETS,
    REFERENCE,
    SEQUENCE,
    SET,
    Reply,
    control,
    element,
    inside,
)
from provisioning.adapters.sources.ldap_search import Directory, check
from provisioning.protocols.ldap_message import LdapSearch

_REQUEST: Final = "1.3.6.1.4.1.4203.1.9.1.1"
_STATE: Final = b"1.3.6.1.4.1.4203.1.9.1.2"
_DONE: Final = b"1.3.6.1.4.1.4203.1.9.1.3"
_INFO: Final = b"1.3.6.1.4.1.4203.1.9.1.4"
_REFRESH_ONLY: Final = b"\x01"
_PRESENT, _DELETED = 0, 3
_NEW_COOKIE, _REFRESH_DELETE, _REFRESH_PRESENT, _ID_SET = 0x80, 0xA1, 0xA2, 0xA3
_REFRESH_REQUIRED: Final = 4096
_NOT_OFFERED: Final = 12
# Codes that say that a cookie is of no use: it cannot be read, or is newer than all that the directory knows.
_USELESS: Final = {
    _REFRESH_REQUIRED: "the directory cannot go on from it",
    _NOT_OFFERED: "the directory does not offer content synchronization any more",
    2: "the directory cannot read it",
    53: "the directory is older than it, or is another one",
}
_LONGEST: Final = 16 * 1024  # octets of a cookie
_OPENLDAP: Final = b"rid="
_CSN: Final = rb"\d{14}\.\d{6}Z#[0-9a-f]{6}#[0-9a-f]{3}#[0-9a-f]{6}"
_FORM: Final = re.compile(rb"rid=\d{3}(,sid=[0-9a-f]{3})?,csn=%b(;%b)*" % (_CSN, _CSN))
_NOTHING: Final = "(&(objectClass=*)(!(objectClass=*)))"


class LostError(Exception):
    """Why a place is of no use any more."""


@dataclass(frozen=True, slots=True)
class Gone:
    """An entry is not there any more, or is none of those that are asked for. `uuid`: of the entry."""

    uuid: str


@dataclass(frozen=True, slots=True)
class End:
    """All changes were told. `place`: from which they are told the next time."""

    place: str


Event = Reply | Gone | End


@dataclass(frozen=True, slots=True)
class ContentSync:
    """One search whose changes are told. Deletions are known by `entryUUID`."""

    directory: Directory
    wanted: LdapSearch

    async def begin(self) -> str | None:
        """The place that the directory is at now; None if it does not offer this.

        A cookie of OpenLDAP is that of the whole database, whatever was asked; others hold for one question only, and
        are had by asking it, without attributes.
        """
        wanted = self.wanted
        nothing = LdapSearch(wanted.base, wanted.scope, _NOTHING, ("1.1",), 0)
        everything = LdapSearch(wanted.base, wanted.scope, wanted.filter, ("1.1",), 0)
        for question in (nothing, everything):
            cookie = b""
            async with aclosing(self.directory.search(question, _request(None))) as replies:
                async for reply in replies:
                    cookie = _cookie_of(reply) or cookie
            if reply.code == _NOT_OFFERED:
                return None
            check(reply, "poll.ldap.base")
            if cookie.startswith(_OPENLDAP) or (cookie and question is everything):
                return b64encode(cookie).decode()
        return None

    async def events(self, place: str) -> AsyncGenerator[Event]:
        """What changed since a place, then the end. Raises LostError if that cannot be told."""
        before = _read_cookie(place)
        cookie, deletes, told = before, False, False
        async with aclosing(self.directory.search(self.wanted, _request(before))) as replies:
            async for reply in replies:
                if reply.kind == REFERENCE:
                    continue
                if reply.code in _USELESS:
                    raise LostError(f"the place is of no use: {_USELESS[reply.code]}")
                check(reply, "poll.ldap.base")
                cookie = _cookie_of(reply) or cookie
                if reply.kind == ENTRY:
                    told = True
                    yield _changed(reply)
                elif reply.kind == INTERMEDIATE and reply.name == _INFO:
                    for gone in _gone(reply.value):
                        yield Gone(gone)
                elif reply.kind == DONE:
                    deletes = any(tag == BOOLEAN and value != b"\0" for tag, value in _done(reply))
        if not deletes:
            raise LostError("the directory does not tell deletions so far back: its session log is too short, or none")
        if before.startswith(_OPENLDAP) != cookie.startswith(_OPENLDAP) or (told and cookie == before):
            raise LostError("the place is that of another kind of directory")
        yield End(b64encode(cookie).decode())


def _read_cookie(place: str) -> bytes:
    try:
        cookie = b64decode(place, validate=True)
    except (Error, ValueError):
        raise LostError("the place is of no use: it cannot be read") from None
    if not cookie or (cookie.startswith(_OPENLDAP) and _FORM.fullmatch(cookie) is None):
        raise LostError("the place is of no use: it is not a cookie of the directory")
    return cookie


def _request(cookie: bytes | None) -> bytes:
    held = element(OCTETS, cookie) if cookie is not None else b""
    return control(_REQUEST, element(SEQUENCE, element(ENUMERATED, _REFRESH_ONLY), held), critical=True)


def _changed(reply: Reply) -> Event:
    """An entry by its state (RFC 4533 2.3)."""
    parts = inside(reply.controls.get(_STATE, b""))
    if [tag for tag, _ in parts[:2]] != [ENUMERATED, OCTETS]:
        raise GarbageError
    state, octets = int.from_bytes(parts[0][1]), parts[1][1]
    if state == _PRESENT:
        raise LostError("the directory tells who is there, not who is gone")
    return Gone(_uuid(octets)) if state == _DELETED else reply


def _gone(value: bytes) -> list[str]:
    """Of a message about the synchronization (RFC 4533 2.5): who is gone."""
    if value[:1] == bytes((_REFRESH_PRESENT,)):
        raise LostError("the directory tells who is there, not who is gone")
    if value[:1] != bytes((_ID_SET,)):
        return []
    parts = inside(value, _ID_SET)
    if not any(tag == BOOLEAN and held != b"\0" for tag, held in parts):
        raise LostError("the directory tells who is there, not who is gone")
    return [_uuid(octets) for tag, held in parts if tag == SET for _, octets in inside(element(SET, held), SET)]


def _uuid(octets: bytes) -> str:
    if len(octets) != 16:
        raise GarbageError
    return str(uuid.UUID(bytes=octets))


def _done(reply: Reply) -> list[tuple[int, bytes]]:
    return inside(reply.controls.get(_DONE, element(SEQUENCE)))


def _cookie_of(reply: Reply) -> bytes:
    """The cookie that comes with a message; nothing if none does."""
    cookie = b""
    if reply.kind == DONE:
        cookie = next((held for tag, held in _done(reply) if tag == OCTETS), b"")
    elif reply.kind == INTERMEDIATE and reply.name == _INFO and reply.value:
        tag = reply.value[0]
        if tag == _NEW_COOKIE:
            (_, cookie), *_ = inside(element(SEQUENCE, reply.value))
        elif tag in (_REFRESH_DELETE, _REFRESH_PRESENT, _ID_SET):
            cookie = next((held for kind, held in inside(reply.value, tag) if kind == OCTETS), b"")
    if len(cookie) > _LONGEST:
        raise GarbageError
    return cookie
