"""poll: ask a source that does not tell. One deployment of this for each source that is extracted.

What is found is sent to the source's own queue `changes-<source>`, as if the source had published it, and only then
is it remembered how far we have come.
"""

from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from provisioning.core import polled as core
from provisioning.core.account import Json
from provisioning.core.catalog import Source
from provisioning.core.errors import ConflictError, InvalidError, PermanentError, TransientError
from provisioning.core.period import Instant
from provisioning.core.policy import Policy
from provisioning.core.polled import Step
from provisioning.core.source import Page
from provisioning.core.source_options import Poll as Options
from provisioning.core.wire import digest_of
from provisioning.ports import Extraction
from provisioning.stages.message import Failed, Message
from provisioning.stages.poll_orders import Do, Order, read_order, write_order
from provisioning.stages.poll_work import BUDGET, LEASE, PAUSE, Poll, Work, keep_spoiled, send
from provisioning.stages.recall import note, recall
from provisioning.stages.snapshot import compare, read, send_on

__all__ = ["LEASE", "Poll", "poll"]


async def poll(shell: Poll, messages: Sequence[Message], now: Instant) -> Failed:
    """Take orders one after the other. One that failed comes again; the others are done."""
    failed = set()
    for message in messages:
        try:
            await _take(shell, read_order(message), now)
        except InvalidError as error:  # again cannot help: an operator must change the order, the bundle or the source
            shell.log("poll.refused", source=shell.source, message=message.id, reason=str(error))
        except TransientError as error:
            shell.log("poll.failed", source=shell.source, message=message.id, reason=str(error))
            failed.add(message.id)
    return frozenset(failed)


async def _take(shell: Poll, order: Order, now: Instant) -> None:
    policy = await shell.policies.current()
    source = next((each for each in policy.bundle.sources if each.id == shell.source), None)
    if source is None or source.poll is None:
        raise InvalidError(f"{shell.source!r} is not a source that is polled in bundle {policy.sequence}")
    order = _understood(order, source.poll)
    item, owner = await shell.polls.polled(shell.source), shell.owner()
    if core.is_leased(item, owner, now):
        await _later(shell, order)
        return
    work = Work(shell, source, source.poll, _schema(policy, source), owner, shell.clock() + BUDGET, item)
    try:
        await work.save(item)
    except ConflictError:  # another process took the lease since our read
        await _later(shell, order)
        return
    try:
        await _work(work, order)
    except ConflictError:
        # Another process has the lease, or a sign of life of ours was written whose answer was lost. Either way the
        # order is not done, as far as we know; what was is known again when it is repeated.
        shell.log("poll.overtaken", source=shell.source)
        await _later(shell, order)


async def _work(work: Work, order: Order) -> None:
    """Do what an order says, give the lease back, and see that the run goes on."""
    shell = work.shell
    try:
        await _obey(work, order)
    except (InvalidError, TransientError) as error:
        await work.leave(str(error))
        raise
    except PermanentError as error:  # a file of the run is lost: what was read is of no use
        await work.save(core.given_up(work.item, str(error)))
        await work.leave()
        shell.log("poll.given-up", source=shell.source, reason=str(error))
        return
    run = work.item.run
    if run is not None and run.volatile and run.step is Step.READ:
        reason = f"run {run.number}: the source is too large to be read in one go, and cannot be read otherwise"
        await work.save(core.given_up(work.item, reason))
        shell.log("poll.given-up", source=shell.source, reason=reason)
    goes_on = work.item.run is not None and not work.item.run.waits
    await work.hear()
    await work.leave()
    if goes_on:
        # Whoever dies before this is sent has not answered the message that brought it here, so that one comes again.
        await shell.polls.continue_poll(write_order(Order(Do.GO)))


async def _later(shell: Poll, order: Order) -> None:
    """While another process is at work: the order comes again. Who is at work sees changes, and the clock asks again.

    Sent anew, because a message that fails comes again only when the longest invocation would have ended.
    """
    shell.log("poll.busy", source=shell.source, order=order.do)
    if order.do is not Do.CHANGES:
        await shell.polls.continue_poll(write_order(order), PAUSE)


def _understood(order: Order, options: Options) -> Order:
    """What is to be done about files that arrived: a full one calls for a snapshot, any other for a look."""
    if order.do is not Do.ARRIVED:
        return order
    pattern = options.files.full if options.files is not None else ""
    names = [name.removesuffix(".done").removesuffix(".count") for name in order.files]
    full = any(fnmatchcase(name, f"*/{pattern}") for name in names)
    return replace(order, do=Do.SNAPSHOT if full else Do.CHANGES)


def _schema(policy: Policy, source: Source) -> str:
    reading = source.record.model_dump(mode="json") if source.record is not None else None
    parts: list[Json] = [reading, dict(policy.schema.person), dict(policy.schema.affiliation), policy.zone.key]
    # What is believed is a part of it only where there is a limit, so that the others are not sent again.
    limits = [source.asserts.model_dump(mode="json")] if source.asserts is not None else []
    return digest_of([*parts, *limits])


async def _obey(work: Work, order: Order) -> None:
    run = work.item.run
    async with work.alive(), work.shell.open(work.options) as source:
        match order.do:
            case Do.SNAPSHOT if order.request not in work.item.requests and (run is None or run.waits):
                await begin(work, source, order.request)
            case Do.RELEASE | Do.DISCARD if run is None or run.number != order.number or not run.held:
                work.shell.log("poll.over", source=work.source.id, number=order.number)
            case Do.RELEASE if run is not None:
                await work.save(core.released(work.item, run))
            case Do.DISCARD if run is not None:
                await work.save(core.given_up(work.item, f"run {run.number} was discarded"))
        await look(work, source)
        await advance(work, source)


async def begin(work: Work, source: Extraction, request: str) -> None:
    """Begin a snapshot: what changes from now on is seen by the changes since the place that is kept."""
    observed = work.shell.microseconds()
    place = await source.begin()
    await work.save(core.begun(work.item, request, observed, place))
    work.shell.log("poll.begun", source=work.source.id, number=work.item.number)


async def look(work: Work, source: Extraction) -> None:
    """See what changed, if the source can show it. Without a place to begin from, a snapshot is made."""
    if work.options.every is None:
        return
    if work.item.position is None:
        if work.item.run is None and work.item.complete is None:
            await begin(work, source, "")
        return
    while work.has_time:
        observed = work.shell.microseconds()
        page = await source.changes(work.item.position)
        if page.lost or page.position is None:
            await _lost(work, source, page)
            return
        await note(work, page.items)
        await send(work, page.items, observed)
        await keep_spoiled(work, page.spoiled)
        if page.position != work.item.position or page.items:
            await work.save(core.moved(work.item, page.position, work.now))
        work.shell.log("poll.changes", source=work.source.id, items=len(page.items), spoiled=len(page.spoiled))
        if not page.more:
            return


async def _lost(work: Work, source: Extraction, page: Page) -> None:
    """The place is of no use any more: whatever happened meanwhile, a snapshot shows."""
    work.shell.log("poll.lost", source=work.source.id, reason=page.lost)
    await work.save(replace(work.item, position=page.position))
    if work.item.run is None or work.item.run.step is not Step.READ or work.item.run.pages:
        await begin(work, source, "")


async def advance(work: Work, source: Extraction) -> None:
    """Go on with the run under way: one step at least, and as long as there is time."""
    while (run := work.item.run) is not None and not run.waits:
        match run.step:
            case Step.READ:
                await read(work, source, run)
            case Step.RECALL:
                await recall(work, run)
            case Step.COMPARE:
                await compare(work, run)
            case Step.SEND:
                await send_on(work, run)
        if not work.has_time:
            return
        await look(work, source)
