"""Everybody: the newest full file, with the deltas after it laid over it.

A row of the full file whose subject a delta names is not shown; after the last row come the deltas' own subjects. So
everybody is shown once, as they are now, and what is shown is no older than what `changes` showed before. The full
file and the deltas are those that there were at the beginning: a newer one waits for the next snapshot.
"""

from dataclasses import dataclass, replace

from provisioning.adapters.sources.file_batch import Batch, Shelf, begin_batch
from provisioning.adapters.sources.file_state import Overlay, overlay
from provisioning.core.file_names import Stamped
from provisioning.core.file_place import SnapshotPlace, read_snapshot, write_snapshot
from provisioning.core.source import Evidence, Item, Page, Spoiled


@dataclass(slots=True)
class Snapshot:
    """One that is under way."""

    batch: Batch
    over: Overlay
    dropped: int = 0
    tail: int | None = None
    problem: str = ""

    async def page(self, most: int) -> Page:
        """The next page."""
        if self.tail is None:
            return await self._rows(most)
        shown = self.over.shown
        items = shown[self.tail : self.tail + most]
        self.tail += len(items)
        return await self._made(tuple(items), ())

    async def _rows(self, most: int) -> Page:
        items: list[Item] = []
        spoiled: list[Spoiled] = []
        rows = await self.batch.read(most)
        for row in rows:
            if isinstance(row, Spoiled):
                spoiled.append(row)
            elif row.fields is None or row.key in self.over.items:
                self.dropped += 1
            else:
                items.append(row)
        if self.batch.finished:
            self.tail = 0
            spoiled += self.over.spoiled
        return await self._made(tuple(items), tuple(spoiled))

    async def _made(self, items: tuple[Item, ...], spoiled: tuple[Spoiled, ...]) -> Page:
        place = SnapshotPlace(self.batch.place, self.over.through, self.over.digest, self.dropped, self.tail)
        more = self.tail is None or self.tail < len(self.over.shown)
        evidence = None if more else await self._evidence()
        return Page(items, write_snapshot(place), more=more, spoiled=spoiled, evidence=evidence)

    async def _evidence(self) -> Evidence:
        stated, problem = await self.batch.verdict()
        expected = None if stated is None else stated - self.dropped + len(self.over.shown)
        whole = self.batch.place.batch.file
        state = f"{whole.name} {whole.etag} {self.over.digest}".rstrip()
        return Evidence(expected, problem or self.over.problem or self.problem, state)


async def begin_snapshot(shelf: Shelf, full: Stamped) -> Snapshot:
    """One of a full file, with the deltas that there are."""
    over = await overlay(shelf, full, None)
    return Snapshot(begin_batch(shelf, full), over)


async def resume_snapshot(shelf: Shelf, position: str) -> Snapshot:
    """One that another process began."""
    place = read_snapshot(position)
    over = await overlay(shelf, place.full.batch, place.through)
    batch = Batch(shelf, place.full, finished=place.tail is not None)
    problem = "" if over.digest == place.deltas else "deltas were replaced or removed while a snapshot was read"
    over = replace(over, digest=place.deltas, through=place.through)
    return Snapshot(batch, over, place.dropped, place.tail, problem)
