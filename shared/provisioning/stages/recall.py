"""Whom a source is known to have shown, put away as lists of keys: see `core.recalled`."""

from collections.abc import Iterable, Sequence
from typing import Final

from provisioning.core import recalled as core
from provisioning.core.keylist import known_line
from provisioning.core.polled import Part, Run
from provisioning.core.source import Item
from provisioning.stages.lines import PART, LostFileError, read_part, write_part
from provisioning.stages.poll_work import Work

PAGE: Final = 1000  # identities read at once


async def recall(work: Work, run: Run) -> None:
    """Read the table until a part is full; then the place after it is remembered."""
    lines, size, position = list[bytes](), 0, run.recalled
    while True:
        keys, position = await work.shell.recall.recall(work.source.id, position, PAGE)
        fresh = [known_line(key) for key in keys]
        lines += fresh
        size += sum(map(len, fresh))
        if position is None or size >= PART or not work.has_time:
            break
    name = f"{work.source.id}/{run.number:06d}/known-{len(run.known) + 1:05d}"
    await work.save(core.recalled_on(work.item, run, await _put_away(work, name, lines), position))


async def note(work: Work, items: Sequence[Item]) -> Part | None:
    """Put away whom changes showed, with those of the file whose place this one takes."""
    fresh = {known_line(item.key) for item in items if item.fields is not None}
    before = core.open_file(work.item)
    if fresh and before is not None:
        try:
            fresh |= {line async for lines in read_part(work.shell.spool, before) for line in lines}
        except LostFileError as error:
            work.shell.log("poll.lost", source=work.source.id, reason=str(error))
    # The revision is nobody else's, and the item names a file only once it is there.
    return await _put_away(work, f"{work.source.id}/seen-{work.item.revision:010d}", fresh)


async def _put_away(work: Work, name: str, lines: Iterable[bytes]) -> Part | None:
    ordered = sorted(set(lines))
    return await write_part(work.shell.spool, name, ordered) if ordered else None
