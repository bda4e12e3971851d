"""Everybody, by paged results (RFC 2696), with a count that is asked apart from them."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import Final

from provisioning.adapters.sources.ldap_ber import DONE, ENTRY, REFERENCE, Reply
from provisioning.adapters.sources.ldap_pages import every_page
from provisioning.adapters.sources.ldap_search import Directory, check
from provisioning.adapters.sources.ldap_shown import MOST_OCTETS, Shown
from provisioning.core.source import Evidence, Page
from provisioning.protocols.ldap_message import LdapSearch

_LIMITED: Final = frozenset({4, 11})  # codes of a directory that shows some of what it found


class Snapshot:
    """One run through all pages, of use in this process only. `position`: of the page that comes next."""

    def __init__(self, directory: Directory, wanted: LdapSearch, shown: Shown, page: int) -> None:
        self._directory, self._wanted, self._shown, self._page = directory, wanted, shown, page
        self._replies: AsyncGenerator[Reply] = every_page(directory, wanted, page)
        self._number = self._references = 0
        self.position: str | None = None

    async def close(self) -> None:
        """End it."""
        await self._replies.aclose()

    async def page(self) -> Page:
        """The next page."""
        if not self._number:
            await self._shown.read_groups()
        self._number += 1
        self.position = str(self._number)
        entries, octets, end = list[Reply](), 0, None
        while len(entries) < self._page and octets < MOST_OCTETS and end is None:
            reply = await anext(self._replies)
            if reply.kind == ENTRY:
                entries.append(reply)
                octets += reply.size
            elif reply.kind == REFERENCE:
                self._references += 1
            elif reply.kind == DONE:
                end = reply
        items, spoiled = await self._shown.items(entries)
        evidence = None
        if end is not None:
            await self.close()
            evidence = await self._evidence(end)
        return Page(
            tuple(items), self.position, more=end is None, spoiled=tuple(spoiled), restarts=True, evidence=evidence
        )

    async def _evidence(self, end: Reply) -> Evidence:
        problems = []
        if end.code in _LIMITED:
            problems.append("the directory shows only some of the entries: its limits for our name are too low")
        else:
            check(end, "poll.ldap.base")
        if self._references and not self._directory.options.ignore_referrals:
            problems.append(f"{self._references} parts of the tree are in other directories, and were not read")
        count = await self._count()
        if count is None:
            problems.append("the entries cannot be counted: the directory's limits for our name are too low")
        return Evidence(count, "; ".join(problems))

    async def _count(self) -> int | None:
        """How many entries there are: asked without pages, or, where that is limited, with others. None: not all."""
        wanted = replace(self._wanted, attributes=("1.1",))
        for replies in (self._directory.search(wanted), every_page(self._directory, wanted, self._page * 2)):
            async with aclosing(replies):
                count = 0
                async for reply in replies:
                    count += reply.kind == ENTRY
            if reply.code not in _LIMITED:
                check(reply, "poll.ldap.base")
                return count
        return None
