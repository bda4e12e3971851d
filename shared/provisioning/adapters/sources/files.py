"""A source that leaves files in a folder: full ones and deltas, of CSV or JSON lines, packed or not."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from provisioning.adapters.sources.file_batch import Shelf, begin_batch
from provisioning.adapters.sources.file_changes import Changes
from provisioning.adapters.sources.file_pieces import ReplacedError
from provisioning.adapters.sources.file_snapshot import Snapshot, begin_snapshot, resume_snapshot
from provisioning.adapters.sources.file_state import fulls, overlay
from provisioning.adapters.sources.registry import ReadSecret
from provisioning.core.errors import InvalidError, TransientError
from provisioning.core.file_names import Stamped
from provisioning.core.file_place import write_changes
from provisioning.core.source import MOST_KEYS, Evidence, Item, Page, Spoiled
from provisioning.core.source_files import Files
from provisioning.core.source_options import Poll
from provisioning.ports import Extraction, Folders

_ROWS = 5000  # that a search reads at once


class FileSource:
    """Port Extraction. What is under way is kept, so that page after page nothing is read twice."""

    def __init__(self, folders: Folders, options: Files, page: int, timeout: float) -> None:
        self._shelf, self._page, self._timeout = Shelf(folders, options), page, timeout
        self._changes = Changes(self._shelf, page)
        self._snapshot: tuple[str, Snapshot] | None = None  # under the position that it stands at

    async def begin(self) -> str | None:
        if self._shelf.options.delta is None:
            return None
        async with self._in_time():
            return write_changes(await self._changes.begin())

    async def changes(self, position: str) -> Page:
        async with self._in_time():
            return await self._changes.page(position)

    async def fetch(self, keys: Sequence[str]) -> Sequence[Item]:
        """One pass through the newest full file, and the deltas after it: a file has no index."""
        wanted = dict.fromkeys(keys)
        if len(wanted) > MOST_KEYS:
            raise InvalidError(f"{len(wanted)} keys", "keys", right=f"at most {MOST_KEYS}")
        async with self._in_time():
            newest = await self._newest()
            over = await overlay(self._shelf, newest, None)
            found = {key: over.items[key] for key in wanted if key in over.items}
            try:
                await self._search(newest, found, {key for key in wanted if key not in found})
            except ReplacedError as error:
                raise TransientError(f"{error} was replaced while it was read") from error
        return [found.get(key) or Item(key, None) for key in wanted]

    async def snapshot(self, position: str | None) -> Page:
        async with self._in_time():
            held, self._snapshot = self._snapshot, None  # of no use if this call ends in the middle
            try:
                if position is None:
                    snapshot = await begin_snapshot(self._shelf, await self._newest())
                elif held is not None and held[0] == position:
                    snapshot = held[1]
                else:
                    snapshot = await resume_snapshot(self._shelf, position)
                page = await snapshot.page(self._page)
            except ReplacedError as error:
                # What was shown is true; who would have come is not known.
                problem = f"{error} was replaced or removed while it was read"
                return Page((), position, more=False, evidence=Evidence(problem=problem))
        if page.position is not None:
            self._snapshot = page.position, snapshot
        return page

    async def _newest(self) -> Stamped:
        found = await fulls(self._shelf)
        if not found:
            options = self._shelf.options
            raise InvalidError(f"no file in {options.place} is called so", "files.full", right=f"not {options.full!r}")
        return found[-1]

    async def _search(self, newest: Stamped, found: dict[str, Item], missing: set[str]) -> None:
        """Find the missing in a full file. Raises InvalidError if somebody may stand in what could not be read."""
        batch = begin_batch(self._shelf, newest)
        unread: Spoiled | None = None
        while missing and not batch.finished:
            for row in await batch.read(_ROWS):
                if isinstance(row, Spoiled):
                    unread = row if row.key is None or row.key in missing else unread
                elif row.key in missing:
                    missing.discard(row.key)
                    found[row.key] = row
        if not missing:
            return
        _, problem = await batch.verdict()
        if unread is not None or problem:
            where, reason = (unread.where, unread.reason) if unread is not None else (newest.file.name, problem)
            raise InvalidError(f"somebody who is asked for may stand there: {reason}", where, right="a whole file")

    @asynccontextmanager
    async def _in_time(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._timeout):
                yield
        except TimeoutError as error:
            raise TransientError(f"no answer of {self._shelf.options.place} in {self._timeout} s") from error


@asynccontextmanager
async def open_files(poll: Poll, read: ReadSecret, folders: Folders | None = None) -> AsyncIterator[Extraction]:
    """The source of these files. `folders`: where they are; none: in S3, by a connection of its own.

    Without `folders` there is no bucket of the engine's own.
    """
    del read  # the role may read the folder; there is no secret
    if poll.files is None:
        raise InvalidError("no files", "poll", right="files: and its options")
    if folders is not None:
        yield FileSource(folders, poll.files, poll.page, poll.timeout)
        return
    from provisioning.adapters.aws.folders import open_folders

    async with open_folders() as own:
        yield FileSource(own, poll.files, poll.page, poll.timeout)
