"""Whom a source is known to have shown, put away as lists of keys: see `core.recalled`."""

from collections.abc import Sequence
from typing import Final

from provisioning.core import recalled as core
from provisioning.core.keylist import known_line
from provisioning.core.polled import Run
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
    name = work.file(run, "known", len(run.known) + 1)
    part = await write_part(work.shell.spool, name, sorted(set(lines))) if lines else None
    await work.save(core.recalled_on(work.item, run, part, position))


async def note(work: Work, items: Sequence[Item]) -> None:
    """Write down whom changes show, before anybody is told: who dies in between has missed nobody.

    Few are put away together with those of the last file, whose place the new one takes.
    """
    fresh = {known_line(item.key) for item in items if item.fields is not None}
    if not fresh:
        return
    open_file = core.open_file(work.item)
    if open_file is not None:
        try:
            fresh |= {line async for lines in read_part(work.shell.spool, open_file) for line in lines}
        except LostFileError as error:
            work.shell.log("poll.lost", source=work.source.id, reason=str(error))
    part = await write_part(work.shell.spool, work.file(None, "seen", len(work.item.seen)), sorted(fresh))
    before = work.item.seen
    await work.save(core.seen_on(work.item, part))
    # Who dies here leaves files that nothing names to the bucket's lifecycle.
    await work.shell.spool.drop([each.name for each in before if each not in work.item.seen])
