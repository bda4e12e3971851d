"""What changed: delta after delta, each row an item."""

from provisioning.adapters.sources.file_batch import Batch, Shelf, begin_batch
from provisioning.adapters.sources.file_pieces import ReplacedError
from provisioning.adapters.sources.file_state import deltas, fulls, listed_deltas
from provisioning.core.errors import InvalidError
from provisioning.core.file_names import Stamped, check_alike, gap, in_turn, later
from provisioning.core.file_place import ChangesPlace, read_changes, write_changes
from provisioning.core.source import Item, Page, Spoiled

_NUMBERED = "files.numbered"


class Changes:
    """The deltas of a source. What is under way, and what was listed, is kept from page to page."""

    def __init__(self, shelf: Shelf, most: int) -> None:
        self._shelf, self._most = shelf, most
        self._listed: tuple[Stamped, ...] = ()
        self._batch: tuple[str, Batch] | None = None  # under the position that it stands at

    async def begin(self) -> ChangesPlace:
        """The place after the newest full file, and after the deltas behind it that are complete.

        A delta that is not complete yet is after it: neither was it in a snapshot.
        """
        options, newest = self._shelf.options, (await fulls(self._shelf))[-1:]
        base = newest[0].stamp if newest else ""
        found = in_turn(options.delta or "", await listed_deltas(self._shelf), base, done=options.done)
        if newest:
            check_alike(newest[0], found, "files.delta")
        return ChangesPlace(found[-1].stamp if found else base)

    async def page(self, position: str) -> Page:
        """The next rows. Raises InvalidError if there are no deltas by configuration."""
        if self._shelf.options.delta is None:
            raise InvalidError("there are no changes", "files.delta", right="names of deltas, or no `every`")
        held, self._batch = self._batch, None  # of no use if this call ends in the middle
        place = read_changes(position)
        if place.broken:
            return await self._lost(place.broken)
        if held is not None and held[0] == position:
            batch = held[1]
        elif place.within is not None:
            batch = Batch(self._shelf, place.within)
        else:
            following = await self._following(place.after)
            if isinstance(following, str):
                return await self._lost(following)
            if following is None:
                return Page((), position, more=False)
            batch = begin_batch(self._shelf, following)
        return await self._rows(batch, place)

    async def _following(self, after: str) -> Stamped | str | None:
        """The delta after a stamp, or why it cannot be told which that is; None: there is none yet."""
        if not (found := later(self._listed, after)):
            options = self._shelf.options
            files = await listed_deltas(self._shelf)
            found = self._listed = in_turn(options.delta or "", files, after, done=options.done)
        if self._shelf.options.numbered and (missing := gap(found, after, _NUMBERED)):
            return missing
        return found[0] if found else None

    async def _rows(self, batch: Batch, place: ChangesPlace) -> Page:
        try:
            rows = await batch.read(self._most)
        except ReplacedError:
            return await self._again(batch, place)
        items = tuple(row for row in rows if isinstance(row, Item))
        spoiled = tuple(row for row in rows if isinstance(row, Spoiled))
        stamp = batch.place.batch.stamp
        if not batch.finished:
            position = write_changes(ChangesPlace(place.after, batch.place))
            self._batch = position, batch
            return Page(items, position, more=True, spoiled=spoiled)
        expected, problem = await batch.verdict()
        if problem and (batch.counted.rows or expected is not None):  # a delta of nobody is right without a count
            # What it shows is true, so it is shown; what it does not show only a snapshot can tell.
            return Page(items, write_changes(ChangesPlace(stamp, broken=problem)), more=True, spoiled=spoiled)
        more = not self._listed or bool(later(self._listed, stamp))  # not listed here: there may be others
        return Page(items, write_changes(ChangesPlace(stamp)), more=more, spoiled=spoiled)

    async def _again(self, batch: Batch, place: ChangesPlace) -> Page:
        """A delta was replaced while it was read: its successor is read from the beginning. A removed one is lost."""
        self._listed, whole = (), batch.place.batch
        if any(each.stamp == whole.stamp for each in await deltas(self._shelf)):
            return Page((), write_changes(ChangesPlace(place.after)), more=True)
        return await self._lost(f"{whole.file.name} was removed before it was read")

    async def _lost(self, reason: str) -> Page:
        return Page((), write_changes(await self.begin()), more=False, lost=reason)
