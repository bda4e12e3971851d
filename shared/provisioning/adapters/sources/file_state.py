"""What full files and deltas say together: who is known, and as what, after a full file and the deltas after it."""

import hashlib
from dataclasses import dataclass, field
from typing import Final

from provisioning.adapters.sources.file_batch import Shelf, begin_batch
from provisioning.adapters.sources.file_pieces import ReplacedError
from provisioning.core.errors import InvalidError, TransientError
from provisioning.core.file_names import Stamped, StoredFile, check_alike, later, order_of, prefix_of, stamped
from provisioning.core.source import Item, Spoiled

MOST_FILES: Final = 20_000  # of one pattern
MOST_DELTA_BYTES: Final = 33_554_432  # of the deltas after a full file: they are held in memory
MOST_DELTA_ROWS: Final = 200_000
_ROWS: Final = 5000  # that are read at once


@dataclass(slots=True)
class Overlay:
    """The deltas after a full file: the last word on each of their subjects. `digest` stands for the files."""

    items: dict[str, Item] = field(default_factory=dict)
    spoiled: list[Spoiled] = field(default_factory=list)
    digest: str = ""
    through: str = ""
    problem: str = ""

    @property
    def shown(self) -> list[Item]:
        """Who is known by the deltas' word, in a fixed order."""
        return [item for item in self.items.values() if item.fields is not None]


async def fulls(shelf: Shelf) -> tuple[Stamped, ...]:
    """Full files, in order."""
    listed = await shelf.listed(prefix_of(shelf.options.full), MOST_FILES)
    return stamped(shelf.options.full, listed, done=shelf.options.done)


async def deltas(shelf: Shelf) -> tuple[Stamped, ...]:
    """Deltas that are complete, in order."""
    return stamped(shelf.options.delta or "", await listed_deltas(shelf), done=shelf.options.done)


async def listed_deltas(shelf: Shelf) -> tuple[StoredFile, ...]:
    """Whatever may be a delta, or say that one is complete."""
    if shelf.options.delta is None:
        return ()
    return await shelf.listed(prefix_of(shelf.options.delta), MOST_FILES)


async def overlay(shelf: Shelf, full: Stamped, through: str | None) -> Overlay:
    """The deltas after a full file, up to a stamp (None: all that there are).

    Raises InvalidError if they are too large to be held, or cannot be ordered, TransientError if one is replaced now.
    """
    every = await deltas(shelf)
    check_alike(full, every, "files.delta")
    files = [each for each in later(every, full.stamp) if through is None or order_of(each.stamp) <= order_of(through)]
    names = [f"{each.file.name}\0{each.file.etag}" for each in files]
    digest = hashlib.sha256("\0".join(names).encode()).hexdigest()[:16] if names else ""
    made = Overlay(digest=digest, through=files[-1].stamp if files else full.stamp)
    read = 0
    for each in files:
        read += await _lay(shelf, each, made, MOST_DELTA_BYTES - read)
    return made


async def _lay(shelf: Shelf, delta: Stamped, over: Overlay, most: int) -> int:
    """Lay one delta over those before it. Its bytes, unpacked."""
    read = 0
    try:
        batch = begin_batch(shelf, delta)
        while not batch.finished:
            before = batch.place.mark.offset
            for row in await batch.read(_ROWS):
                if isinstance(row, Spoiled):
                    over.spoiled.append(row)
                else:
                    over.items.pop(row.key, None)  # the last word stands where it was said
                    over.items[row.key] = row
            read += max(0, batch.place.mark.offset - before)
            if read > most or len(over.items) + len(over.spoiled) > MOST_DELTA_ROWS:
                right = "a newer full file: deltas after the newest are held in memory"
                raise InvalidError(f"the deltas up to {delta.file.name} are too large", "files.delta", right=right)
        _, problem = await batch.verdict()
    except ReplacedError as error:
        raise TransientError(f"{error} was replaced while it was read") from error
    if batch.counted.rows:  # a delta of nobody says nothing wrong
        over.problem = over.problem or problem
    return read
