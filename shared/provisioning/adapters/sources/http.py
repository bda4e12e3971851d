"""An IDMS that shows lists in JSON over HTTP: pages for snapshots, a parameter or a place handed out for changes."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Final

from provisioning.adapters.delivery.http import HttpCaller
from provisioning.adapters.delivery.secrets import Secrets
from provisioning.adapters.sources.http_api import Api
from provisioning.adapters.sources.http_changes import Changes, LostError
from provisioning.adapters.sources.http_fetch import Finder
from provisioning.adapters.sources.http_item import ObjectReader, Read
from provisioning.adapters.sources.http_pages import Question, next_page, path_of
from provisioning.adapters.sources.http_place import read_place, read_snapshot, write_snapshot
from provisioning.adapters.sources.http_walk import Walk
from provisioning.adapters.sources.patience import Sleep
from provisioning.adapters.sources.registry import ReadSecret
from provisioning.core.account import Json
from provisioning.core.errors import InvalidError
from provisioning.core.source import MOST_KEYS, Evidence, Item, Page, Spoiled
from provisioning.core.source_options import Poll
from provisioning.ports import Extraction

_AT_ONCE: Final = 8  # requests that wait for their answers


class HttpExtraction:
    """Port Extraction over an API."""

    def __init__(self, api: Api, page: int) -> None:
        self._api, self._options, self._page = api, api.options, page
        self._reader = ObjectReader(self._options)
        self._finder = Finder(api, self._reader)
        how = self._options.changes
        self._changes = Changes(api, how, page) if how is not None else None
        self._changed = ObjectReader(self._options, how.key) if how is not None else self._reader

    async def begin(self) -> str | None:
        return (await self._changes.begin()).write() if self._changes is not None else None

    async def changes(self, position: str) -> Page:
        if self._changes is None:
            raise InvalidError("nothing shows changes", "poll.http.changes", right="a way, or no `every`")
        try:
            place = read_place(position, self._options)
            if place is None:
                raise LostError("the place is of no use: it is that of another question, or cannot be read")
            seen = await self._changes.page(place)
        except LostError as error:
            return Page((), await self.begin(), more=False, lost=str(error))
        read = await self._shown(seen.entries, "the list of changes, number", seen.before + 1)
        return Page(read.items, seen.place.write(), more=seen.place.walk is not None, spoiled=read.spoiled)

    async def fetch(self, keys: Sequence[str]) -> Sequence[Item]:
        wanted = list(dict.fromkeys(keys))
        if len(wanted) > MOST_KEYS:
            raise InvalidError(f"{len(wanted)} keys", "keys", right=f"at most {MOST_KEYS}")
        read = await self._fetched(wanted)
        if read.spoiled:
            raise InvalidError(read.spoiled[0].reason, "poll.http.person", right="an object that can be read")
        return read.items

    async def snapshot(self, position: str | None) -> Page:
        walk = Walk() if position is None else read_snapshot(position, self._options)
        if walk is None:
            return Page((), None, more=False, evidence=Evidence(None, "the options changed while it was read"))
        question = Question(path_of(self._options.url), self._options.query, self._page, self._reader.key)
        listed, after = await next_page(self._api, question, walk)
        read = self._reader.read(listed.entries, "the list, number", walk.shown + 1)
        after = replace(after, gone=after.gone + read.gone)
        place = write_snapshot(after, self._options)
        items = tuple(item for item in read.items if item.fields is not None)  # who is said to be gone is not there
        evidence = self._evidence(after) if after.over else None
        return Page(items, place, more=not after.over, spoiled=read.spoiled, evidence=evidence)

    def _evidence(self, walk: Walk) -> Evidence:
        counts = self._options.total is not None or self._options.total_header is not None
        if counts and walk.total is None and not walk.problem:
            return Evidence(None, "no page says how many subjects there are: poll.http.total or total_header")
        shown = walk.shown - walk.gone
        if not walk.problem and walk.total is not None and shown > walk.total:
            return Evidence(walk.expected, f"{shown} are shown, where the API counts only {walk.total}")
        return Evidence(walk.expected, walk.problem)

    async def _shown(self, entries: Sequence[Json], where: str, first: int) -> Read:
        """Whom a list of changes shows, as they are in it, or as they are when they are asked for."""
        read = self._changed.read(entries, where, first)
        if self._options.changes is None or not self._options.changes.fetch:
            return read
        fetched = await self._fetched(list(dict.fromkeys(item.key for item in read.items)))
        return Read(fetched.items, (*read.spoiled, *fetched.spoiled))

    async def _fetched(self, keys: Sequence[str]) -> Read:
        gate = asyncio.Semaphore(_AT_ONCE)

        async def one(key: str) -> Item | Spoiled:
            async with gate:
                found = await self._finder.find(key)
            return Item(key, None) if found is None else self._reader.item(found, "a subject that was asked for")

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(key)) for key in keys]
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None
        made = [task.result() for task in tasks]
        items = tuple(each for each in made if isinstance(each, Item))
        return Read(items, tuple(each for each in made if isinstance(each, Spoiled)))


@asynccontextmanager
async def open_http(poll: Poll, read: ReadSecret, sleep: Sleep = asyncio.sleep) -> AsyncIterator[Extraction]:
    """The source of this API. Nothing is asked before it is used. Raises InvalidError."""
    if poll.http is None:
        raise InvalidError("no API", "poll", right="http: and its options")
    caller = HttpCaller(Secrets(read))
    try:
        yield HttpExtraction(Api(poll.http, caller, poll.timeout, sleep), poll.page)
    finally:
        await caller.close()
