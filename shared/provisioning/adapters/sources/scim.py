"""An IDMS that is read as a SCIM server: lists for snapshots, `meta.lastModified` for changes, ids for one person."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Final

from provisioning.adapters.delivery.http import HttpCaller
from provisioning.adapters.delivery.secrets import Secrets
from provisioning.adapters.sources.patience import Sleep
from provisioning.adapters.sources.registry import ReadSecret
from provisioning.adapters.sources.scim_changes import Changes, LostError, UnfilteredError
from provisioning.adapters.sources.scim_fetch import Finder
from provisioning.adapters.sources.scim_groups import GroupReader
from provisioning.adapters.sources.scim_http import Server
from provisioning.adapters.sources.scim_item import ResourceReader
from provisioning.adapters.sources.scim_pages import Question, Walk, next_page
from provisioning.adapters.sources.scim_paging import Paging
from provisioning.adapters.sources.scim_place import Place, read_place, read_walk, write_walk
from provisioning.core.account import Json
from provisioning.core.errors import InvalidError
from provisioning.core.sketch import read_sketch
from provisioning.core.source import MOST_KEYS, Evidence, Item, Page, Spoiled
from provisioning.core.source_options import Poll
from provisioning.ports import Extraction
from provisioning.protocols.scim_calls import id_of

_AT_ONCE: Final = 8  # requests that wait for their answers


class ScimExtraction:
    """Port Extraction over a SCIM server."""

    def __init__(self, server: Server, page: int) -> None:
        options = server.options
        self._server, self._options = server, options
        self._paging = Paging(server, page)
        self._reader = ResourceReader(options)
        self._finder = Finder(server, self._reader)
        self._groups = GroupReader(self._paging, options.groups) if options.groups is not None else None
        self._changes = Changes(self._paging, self._reader)

    async def begin(self) -> str | None:
        if self._options.changes == "none":
            return None
        try:
            place = await self._changes.begin()
        except UnfilteredError as error:
            self._unfiltered(error)
            return None
        if self._groups is not None:
            place = replace(place, sketch=(await self._groups.refresh()).sketch.write())
        return place.write()

    async def changes(self, position: str) -> Page:
        if self._options.changes == "none":
            right = "auto or lastModified, or no `every`"
            raise InvalidError("nothing shows changes", "poll.scim.changes", right=right)
        try:
            place = read_place(position, self._options)
            if place is None:
                raise LostError("the place is of no use: it is that of another question, or cannot be read")
            return await self._look(place)
        except LostError as error:
            return Page((), await self.begin(), more=False, lost=str(error))
        except UnfilteredError as error:
            self._unfiltered(error)
            return Page((), None, more=False, lost=f"changes are not shown any more: {error}")

    async def fetch(self, keys: Sequence[str]) -> Sequence[Item]:
        wanted = list(dict.fromkeys(keys))
        if len(wanted) > MOST_KEYS:
            raise InvalidError(f"{len(wanted)} keys", "keys", right=f"at most {MOST_KEYS}")
        if self._groups is not None and wanted:
            await self._groups.refresh()
        found = await self._together(wanted, by_id=False)
        shown, spoiled = self._items([each for each in found if each is not None], "the resource asked for, number")
        if spoiled:
            raise InvalidError(spoiled[0].reason, "poll.scim", right="a resource that can be read")
        items = {item.key: item for item in shown}
        return [items.get(key) or Item(key, None) for key in wanted]

    async def snapshot(self, position: str | None) -> Page:
        walk = Walk(await self._paging.way()) if position is None else read_walk(position, self._options)
        if walk is None:
            problem = "the options changed while it was read"
            return Page((), None, more=False, evidence=Evidence(None, problem))
        if self._groups is not None and (position is None or self._groups.read is None):
            await self._groups.refresh()
        query = dict(self._reader.query)
        query |= {"filter": self._options.filter} if self._options.filter is not None else {}
        question = Question(self._options.resource, query, await self._paging.count())
        listed, after = await next_page(self._server, question, walk)
        items, spoiled = self._items(listed.entries, f"/{self._options.resource}, number", walk.start)
        evidence = Evidence(after.total, after.problem) if after.over else None
        place = write_walk(after, self._options)
        return Page(tuple(items), place, more=not after.over, spoiled=tuple(spoiled), evidence=evidence)

    async def _look(self, place: Place) -> Page:
        """One page of changes; with the first of a look, those whose groups changed."""
        items, spoiled = list[Item](), list[Spoiled]()
        if self._groups is not None and (place.walk is None or self._groups.read is None):
            before = read_sketch(place.sketch)
            now = await self._groups.refresh()
            members = now.sketch.difference(before) if before is not None else None
            if members is None:
                raise LostError("more memberships changed than can be told one by one")
            place = replace(place, sketch=now.sketch.write())
            moved = await self._together(sorted(member.decode() for member in members), by_id=True)
            items, spoiled = self._items([each for each in moved if each is not None], "a member of groups, number")
        seen = await self._changes.page(place)
        more_items, more_spoiled = self._items(
            seen.entries, f"/{self._options.resource} by meta.lastModified, number", seen.before.start
        )
        after = seen.place
        return Page(
            (*items, *more_items), after.write(), more=after.walk is not None, spoiled=(*spoiled, *more_spoiled)
        )

    async def _together(self, called: Sequence[str], *, by_id: bool) -> list[Json]:
        """Resources by their keys, or by their ids; None where there is none."""
        look, gate = self._finder.of_id if by_id else self._finder.find, asyncio.Semaphore(_AT_ONCE)

        async def one(name: str) -> Json:
            async with gate:
                return await look(name)

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(name)) for name in called]
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None
        return [task.result() for task in tasks]

    def _items(self, entries: Sequence[Json], where: str, first: int = 1) -> tuple[list[Item], list[Spoiled]]:
        items, spoiled = list[Item](), list[Spoiled]()
        for number, entry in enumerate(entries, first):
            groups = self._groups.of(id_of(entry)) if self._groups is not None else None
            made = self._reader.item(entry, f"{where} {number}", groups)
            if isinstance(made, Item):
                items.append(made)
            else:
                spoiled.append(made)
        return items, spoiled

    def _unfiltered(self, error: UnfilteredError) -> None:
        """Without changes full snapshots must do. Raises InvalidError where changes are wanted by all means."""
        if self._options.changes == "lastModified":
            right = "auto or none: full snapshots only"
            raise InvalidError(f"the SCIM server: {error}", "poll.scim.changes", right=right) from error


@asynccontextmanager
async def open_scim(poll: Poll, read: ReadSecret, sleep: Sleep = asyncio.sleep) -> AsyncIterator[Extraction]:
    """The source of this server. Nothing is asked before it is used. Raises InvalidError."""
    if poll.scim is None:
        raise InvalidError("no SCIM server", "poll", right="scim: and its options")
    caller = HttpCaller(Secrets(read))
    try:
        yield ScimExtraction(Server(poll.scim, caller, poll.timeout, sleep), poll.page)
    finally:
        await caller.close()
