"""A snapshot of a source: read, compare, send. Memory is bounded whatever the source's size."""

from functools import partial

from provisioning.core import polled as core
from provisioning.core.comparison import Comparison
from provisioning.core.completeness import compared
from provisioning.core.keylist import SPOILED, TAB, escape, spool_line, unescape
from provisioning.core.observation import observation, observation_of
from provisioning.core.polled import Compared, Part, Read, Run
from provisioning.core.recalled import forgotten
from provisioning.core.source import Item, Page, Spoiled
from provisioning.ports import Extraction
from provisioning.stages.lines import PART, LostFileError, Writer, read_part, readers, together, write_part
from provisioning.stages.poll_work import IN_ONE_GO, Work, keep_spoiled

_SENT_AT_ONCE = 500  # messages whose bodies are made before they are sent


async def read(work: Work, source: Extraction, run: Run) -> None:
    """Read pages until a part is full, and put it away sorted: then the place after it is remembered."""
    if run.volatile and not work.reading:  # whoever read until here died
        await work.save(core.read_again(work.item, run))
        return
    lines: list[bytes] = []
    size, pages, spoiled = 0, 0, list[Spoiled]()
    position = run.position
    while True:
        page = await source.snapshot(position)
        pages += 1
        fresh = [_line(item) for item in page.items]
        fresh += [b"%b\t%b\t" % (escape(each.key), SPOILED) for each in page.spoiled if each.key is not None]
        lines += fresh
        size += sum(map(len, fresh))
        spoiled += page.spoiled
        position = page.position
        if page.restarts and not work.reading:
            work.deadline += IN_ONE_GO
        work.reading = True
        if not page.more or size >= PART or not work.has_time:
            break
    await _put_away(work, run, page, lines, Read(pages, len(spoiled), sum(each.key is None for each in spoiled)))
    await keep_spoiled(work, spoiled)


def _line(item: Item) -> bytes:
    return spool_line(item.key, item.fields if item.fields is not None else {})


async def _put_away(work: Work, run: Run, page: Page, lines: list[bytes], read: Read) -> None:
    part = None
    if lines:
        lines.sort()
        part = await write_part(work.shell.spool, work.file(run, "spool", len(run.spool) + 1), lines)
    await work.save(core.read_on(work.item, run, page, part, read))


async def compare(work: Work, run: Run) -> None:
    """Go through what was read beside the keys of the last complete run. Made twice it is the same."""
    spool, before = work.shell.spool, work.item.complete
    keys, differences, absences = (
        Writer(spool, partial(work.file, run, name)) for name in ("keys", "differences", "absences")
    )
    again = before is not None and before.schema != work.schema
    # A first run removes nobody: whom the table knows may be of another time.
    comparison = Comparison(work.source.absence.runs + (before is None), again)
    known = readers(spool, (*(before.keys if before is not None else ()), *run.known))
    try:
        async for earlier, now in together(known, readers(spool, run.spool)):
            comparison.take(earlier, now)
            await keys.add(comparison.keys)
            await differences.add(comparison.differences)
            await absences.add(comparison.absences)
    except LostFileError as error:
        await _lost(work, run, error)
        return
    for writer in (keys, differences, absences):
        await writer.flush()
    made = Compared(comparison.found, tuple(keys.parts), tuple(differences.parts), tuple(absences.parts))
    await work.save(compared(work.item, run, made, work.source.absence))
    after = work.item.run or run
    work.shell.log(
        "poll.compared", source=work.source.id, number=run.number, rows=made.found.rows, new=made.found.new,
        changed=made.found.changed, absent=made.found.absent, due=made.found.due, problem=after.problem,
        held=after.held,
    )  # fmt: skip


async def _lost(work: Work, run: Run, error: LostFileError) -> None:
    """Without the keys that it is compared with a run recalls; without its own it is of no use."""
    names = {part.name for part in run.spool}
    if any(name in str(error) for name in names):
        raise error
    work.shell.log("poll.lost", source=work.source.id, reason=str(error))
    await work.save(forgotten(work.item, run))


async def send_on(work: Work, run: Run) -> None:
    """Send the next part of what differs; after the last, the run is done, or waits for a person."""
    if run.is_over:
        await _finish(work, run)
        return
    part, absent = run.outgoing[run.sent], run.sent >= len(run.differences)
    async for lines in read_part(work.shell.spool, part):
        for start in range(0, len(lines), _SENT_AT_ONCE):
            some = lines[start : start + _SENT_AT_ONCE]
            bodies = [_absence(work, run, line) if absent else _body(work, run, line) for line in some]
            await work.shell.intake.send([body for body in bodies if body], bulk=True)
    await work.save(core.sent_on(work.item, run, run.sent + 1))


def _body(work: Work, run: Run, line: bytes) -> str:
    key, _, fields = line.split(TAB, 2)
    return observation_of(work.source.id, unescape(key), run.observed, fields.decode())


def _absence(work: Work, run: Run, line: bytes) -> str:
    """That somebody is gone, as of the first of the runs that prove it; empty if there were not as many yet."""
    since = core.missed_since(work.item, run, work.source.absence.runs)
    return observation(work.source.id, unescape(line.split(TAB, 1)[0]), since, None) if since else ""


async def _finish(work: Work, run: Run) -> None:
    before = work.item.complete
    await work.save(core.finished(work.item, run, work.schema, work.now, work.source.absence))
    complete = work.item.complete.keys if work.item.complete is not None else ()
    kept = {part.name for part in (*work.item.seen, *complete)}
    old = (
        *run.spool,
        *run.known,
        *run.keys,
        *run.differences,
        *run.absences,
        *(before.keys if before is not None else ()),
    )
    await _drop(work, [part for part in old if part.name not in kept])
    work.shell.log("poll.finished", source=work.source.id, number=run.number, rows=run.found.rows, problem=run.problem)


async def _drop(work: Work, parts: list[Part]) -> None:
    """Files that nothing names any more. Who dies here leaves them to the bucket's lifecycle."""
    await work.shell.spool.drop([part.name for part in parts])
