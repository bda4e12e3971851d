"""Paged results (RFC 2696): all entries of a search by one connection, which is what its cookies hold for."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from provisioning.adapters.delivery.ldap_codec import GarbageError
from provisioning.adapters.sources.ldap_ber import DONE, INTEGER, OCTETS, SEQUENCE, Reply, control, element, inside
from provisioning.adapters.sources.ldap_search import Directory, check
from provisioning.protocols.ldap_message import LdapSearch

_PAGED: Final = "1.2.840.113556.1.4.319"
_LONGEST: Final = 64 * 1024  # octets of a cookie


async def pages(directory: Directory, wanted: LdapSearch, size: int, where: str) -> AsyncGenerator[Reply]:
    """Entries and references, page after page. A directory without pages shows all at once.

    Raises InvalidError that names the option `where` if the directory does not show all.
    """
    async with aclosing(every_page(directory, wanted, size)) as replies:
        async for reply in replies:
            if reply.kind == DONE:
                check(reply, where)
            else:
                yield reply


async def every_page(directory: Directory, wanted: LdapSearch, size: int) -> AsyncGenerator[Reply]:
    """The same, with the end of the last page, whatever its code."""
    link, cookie, ended = await directory.link(), b"", False
    try:
        while True:
            asked = element(SEQUENCE, element(INTEGER, size.to_bytes(4)), element(OCTETS, cookie))
            paged = control(_PAGED, asked, critical=False)
            async with aclosing(directory.search(wanted, paged, link=link)) as replies:
                async for reply in replies:
                    if reply.kind != DONE:
                        yield reply
            cookie = _cookie(reply)
            if not cookie or reply.code:
                ended = True
                yield reply
                return
            if len(cookie) > _LONGEST:
                raise GarbageError
    finally:
        if ended:
            directory.give_back(link)
        else:
            link.close()


def _cookie(end: Reply) -> bytes:
    value = end.controls.get(_PAGED.encode())
    if value is None:
        return b""
    parts = inside(value)
    if [tag for tag, _ in parts] != [INTEGER, OCTETS]:
        raise GarbageError
    return parts[1][1]
