"""A directory as a source: content synchronization or time stamps for changes, paged results for snapshots."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from typing import Final

from provisioning.adapters.sources.ldap_ber import ENTRY, Reply
from provisioning.adapters.sources.ldap_changes import Changes
from provisioning.adapters.sources.ldap_groups import GroupReader
from provisioning.adapters.sources.ldap_item import EntryReader
from provisioning.adapters.sources.ldap_place import read_position
from provisioning.adapters.sources.ldap_search import Directory, asked, check, check_filter
from provisioning.adapters.sources.ldap_shown import Shown
from provisioning.adapters.sources.ldap_snapshot import Snapshot
from provisioning.adapters.sources.ldap_sync import LostError
from provisioning.adapters.sources.registry import ReadSecret
from provisioning.core.errors import InvalidError, TransientError
from provisioning.core.source import MOST_KEYS, Item, Page, Spoiled
from provisioning.core.source_options import Poll
from provisioning.ports import Extraction
from provisioning.protocols.ldap_message import LdapSearch
from provisioning.protocols.ldap_names import equals

_AT_ONCE: Final = 100  # keys of one search


class LdapExtraction:
    """Port Extraction over a directory's connections."""

    def __init__(self, directory: Directory, page: int) -> None:
        options = directory.options
        check_filter(options.filter, "poll.ldap.filter")
        if options.groups is not None:
            check_filter(options.groups.filter, "poll.ldap.groups.filter")
        self._directory, self._options, self._page = directory, options, page
        self._entries = EntryReader(options)
        self._groups = GroupReader(directory, options.groups, page) if options.groups is not None else None
        self._shown = Shown(self._entries, self._groups)
        self._wanted = LdapSearch(options.base, options.scope, options.filter, self._entries.asked, 0)
        self._changes = Changes(directory, self._wanted, self._shown, self._groups, page)
        self._snapshot: Snapshot | None = None

    async def begin(self) -> str | None:
        async with asked(self._directory.seconds):
            place = await self._changes.begin()
        return place.write() if place is not None else None

    async def changes(self, position: str) -> Page:
        try:
            place = read_position(position, self._options)
            if place is None:
                raise LostError("the place is of no use: it is that of another question, or cannot be read")
            async with asked(self._directory.seconds):
                return await self._changes.page(place)
        except LostError as error:
            return Page((), await self.begin(), more=False, lost=str(error))

    async def fetch(self, keys: Sequence[str]) -> Sequence[Item]:
        wanted = list(dict.fromkeys(keys))
        if len(wanted) > MOST_KEYS:
            raise InvalidError(f"{len(wanted)} keys", "keys", right=f"at most {MOST_KEYS}")
        found: dict[str, Item] = {}
        async with asked(self._directory.seconds):
            await self._shown.refresh()
            for start in range(0, len(wanted), _AT_ONCE):
                entries = [entry async for entry in self._fetched(wanted[start : start + _AT_ONCE])]
                items, spoiled = await self._shown.items(entries)
                _all_readable(spoiled)
                for item in items:
                    if item.key in found:
                        problem = "several entries have the same key"
                        raise InvalidError(problem, "poll.ldap.key", right="an attribute that tells entries apart")
                    found[item.key] = item
        return [found.get(key) or Item(key, None) for key in wanted]

    async def snapshot(self, position: str | None) -> Page:
        async with asked(self._directory.seconds):
            if position is None:
                await self._drop_snapshot()
                await self._shown.refresh()
                self._snapshot = Snapshot(self._directory, self._wanted, self._shown, self._page)
            if self._snapshot is None or position not in (None, self._snapshot.position):
                raise TransientError("the pages of a snapshot hold for one connection: it begins again")
            async with AsyncExitStack() as undo:
                undo.push_async_callback(self._drop_snapshot)  # also when cancelled: it was read in part
                page = await self._snapshot.page()
                undo.pop_all()
            if not page.more:
                self._snapshot = None
            return page

    async def close(self) -> None:
        """Close every connection."""
        await self._drop_snapshot()
        await self._changes.drop()
        self._directory.close()

    async def _drop_snapshot(self) -> None:
        if self._snapshot is not None:
            await self._snapshot.close()
            self._snapshot = None

    async def _fetched(self, keys: Sequence[str]) -> AsyncGenerator[Reply]:
        """Entries with these keys. Who cannot be found because the key has not the attribute's form is not there."""
        tests = "".join(equals(self._options.key, self._entries.octets(key)) for key in keys)
        chosen = f"(&{self._options.filter}(|{tests}))"
        wanted = LdapSearch(self._options.base, self._options.scope, chosen, self._entries.asked, 0)
        async with aclosing(self._directory.search(wanted)) as replies:
            async for reply in replies:
                check(reply, "poll.ldap.base")
                if reply.kind == ENTRY:
                    yield reply


def _all_readable(spoiled: Sequence[Spoiled]) -> None:
    if spoiled:
        raise InvalidError(spoiled[0].reason, "poll.ldap", right="an entry that can be read")


@asynccontextmanager
async def open_ldap(poll: Poll, read: ReadSecret) -> AsyncIterator[Extraction]:
    """The source of this directory. Nothing is asked before it is used. Raises InvalidError."""
    if poll.ldap is None:
        raise InvalidError("no directory", "poll", right="ldap: and its options")
    made = LdapExtraction(Directory(poll.ldap, read, poll.timeout), poll.page)
    try:
        yield made
    finally:
        await made.close()
