"""extract: the rows that deliver staged → files and their manifest. A message makes one part, then the next message."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from provisioning.core import extract as core
from provisioning.core.account import Phase
from provisioning.core.catalog import Service
from provisioning.core.errors import ConflictError, InvalidError, TransientError
from provisioning.core.extract import Extracts, Kind, Part, Run
from provisioning.core.extract_options import Extract as Options
from provisioning.core.extract_rows import Layout, layout_of, row_of
from provisioning.core.extract_writer import MakeWriter, Writer, line_writer
from provisioning.core.period import Instant
from provisioning.core.policy import Policy
from provisioning.ports import Files, Policies, Runs, Staged, Walk
from provisioning.stages.extract_orders import Do, Order, read_order, write_order
from provisioning.stages.message import Failed, Log, Message

PAGE: Final = 500  # identities that are read at once
READS: Final = 100_000  # identities of one message, however few of them have the service


@dataclass(frozen=True, slots=True)
class Extract:
    """What extract needs. `parquet` makes parts of that format."""

    walk: Walk
    staged: Staged
    runs: Runs
    files: Files
    policies: Policies
    parquet: MakeWriter
    log: Log


@dataclass(frozen=True, slots=True)
class _Work:
    """One order with what it is about."""

    order: Order
    again: bool
    policy: Policy
    service: Service
    item: Extracts

    @property
    def options(self) -> Options:
        return self.service.extract or Options()


async def extract(shell: Extract, messages: Sequence[Message], now: Instant) -> Failed:
    """Take orders one after the other. One that failed comes again; the others are done."""
    failed = set()
    for message in messages:
        try:
            await _take(shell, read_order(message), message.again, now)
        except InvalidError as error:  # again cannot help: an operator must change the order, the bundle or the stack
            shell.log("extract.refused", message=message.id, reason=str(error))
        except ConflictError:
            # Another process made the same step first, and goes on with what follows.
            shell.log("extract.overtaken", message=message.id)
        except TransientError as error:
            shell.log("extract.failed", message=message.id, reason=str(error))
            failed.add(message.id)
    return frozenset(failed)


async def _take(shell: Extract, order: Order, again: bool, now: Instant) -> None:
    item = await shell.runs.extracts(order.service)
    policy = await shell.policies.current(at_least=item.run.sequence if item.run is not None else 0)
    service = policy.services.get(order.service)
    if service is None or service.protocol != "extract":
        raise InvalidError(f"{order.service!r} is not a service of protocol extract in bundle {policy.sequence}")
    work = _Work(order, again, policy, service, item)
    if order.do is Do.START:
        await _start(shell, work, now)
    elif item.run is None or item.run.number != order.number:
        shell.log("extract.over", service=service.id, number=order.number)
    elif order.do is Do.GO:
        await _go(shell, work, item.run, now)
    else:
        await _decided(shell, work, item.run, now)


async def _decided(shell: Extract, work: _Work, run: Run, now: Instant) -> None:
    """A person's word about an extract that is held."""
    item, order = work.item, work.order
    if not run.held:
        if run.released and work.again:  # perhaps nobody was told to go on
            await _continue(shell, item)
        else:
            shell.log("extract.not-held", service=item.service, number=run.number)
        return
    if order.do is Do.RELEASE:
        await _continue(shell, await _save(shell, core.released(item, run, now)))
    else:
        await _save(shell, core.given_up(item, run, f"it was discarded: {run.held}"))
    shell.log(f"extract.{order.do}", service=item.service, number=run.number)


async def _start(shell: Extract, work: _Work, now: Instant) -> None:
    item, order = work.item, work.order
    if order.request in item.requests:
        if item.run is not None and work.again:  # begun, and perhaps nobody was told to go on
            await _continue(shell, item)
        return
    if item.run is not None and core.is_busy(item.run, now):
        shell.log("extract.busy", service=item.service, number=item.run.number)
        return
    item = await _acknowledged(shell, work.service, item)
    item = await _begin(shell, work, item, now, full=order.full)
    await _continue(shell, item)


async def _begin(shell: Extract, work: _Work, item: Extracts, now: Instant, *, full: bool) -> Extracts:
    request = work.order.request if work.order.do is Do.START else ""
    begun = core.begin(item, work.service, work.policy.zone, work.policy.sequence, request, now, full=full)
    item = await _save(shell, begun)
    if item.run is not None:
        shell.log(
            "extract.begun", service=item.service, number=item.number, kind=item.run.kind.value,
            reason=item.run.because,
        )  # fmt: skip
    return item


async def _acknowledged(shell: Extract, service: Service, item: Extracts) -> Extracts:
    """The newest extract for which the SP left its word."""
    for made in reversed(item.waiting):
        name = core.acknowledgement_name(core.folder_of(made.number, made.kind))
        if await shell.files.has(service.endpoint, name):
            return core.acknowledged(item, made)
    return item


async def _go(shell: Extract, work: _Work, run: Run, now: Instant) -> None:
    item = work.item
    if work.order.revision != item.revision:
        # Somebody was here with this message. If that was long ago, nobody may have been told to go on.
        if work.again and not run.held:
            await _continue(shell, item)
        return
    if run.held:
        return
    layout = layout_of(work.service)
    if layout.schema != run.schema:
        # A newer bundle has other columns: what was made until now is of no use to anybody.
        await _continue(shell, await _begin(shell, work, item, now, full=run.kind is Kind.FULL))
        return
    if not run.walked:
        try:
            item = await _part(shell, work, layout, run, now)
        except InvalidError as error:  # it would be the same again: the run ends, so that the next start is heard
            await _save(shell, core.given_up(item, run, str(error)))
            shell.log("extract.given-up", service=item.service, number=run.number, reason=str(error))
            return
    if item.run is None or not item.run.walked:
        await _continue(shell, item)
        return
    reason = core.shrinkage(item, item.run, work.service)
    if not reason:
        await _publish(shell, work, item, item.run, now)
        return
    await _save(shell, core.held(item, item.run, reason))
    shell.log("extract.held", service=item.service, number=item.number, reason=reason)


async def _part(shell: Extract, work: _Work, layout: Layout, run: Run, now: Instant) -> Extracts:
    """Read until a part is full, store it, and remember it with the place where the walk stands."""
    delta, options = run.kind is Kind.DELTA, work.options
    writer: Writer = line_writer(layout, delta=delta) or shell.parquet(layout)
    position, rows, removed, read = run.position, 0, 0, 0
    most = min(PAGE, options.part_rows)
    while True:
        identities, position = await _page(shell, work, run, position, most)
        accounts = {each.identity: each for each in await shell.staged.accounts(work.service.id, identities)}
        for row in (row_of(layout, accounts[id_], delta=delta) for id_ in identities if id_ in accounts):
            if row is not None:
                writer.add(row)
                rows, removed = rows + 1, removed + (row.phase is Phase.ABSENT)
        read += len(identities)
        full = rows + most > options.part_rows or writer.size >= options.part_bytes
        if position is None or full or read >= READS:
            break
    part = None
    if rows:
        body = writer.finish()
        digest = hashlib.sha256(body).hexdigest()
        part = Part(f"part-{len(run.parts) + 1:05d}-{digest[:12]}.{layout.format}", rows, removed, len(body), digest)
        await shell.files.put(work.service.endpoint, f"{run.folder}/{part.name}", body)
    return await _save(shell, core.advanced(work.item, run, part, position, now))


async def _page(
    shell: Extract, work: _Work, run: Run, position: str | None, most: int
) -> tuple[Sequence[str], str | None]:
    if run.since is None:
        return await shell.walk.walk(0, 1, position, most)
    return await shell.staged.changed(work.service.id, run.since.watermark, run.watermark, position, most)


async def _publish(shell: Extract, work: _Work, item: Extracts, run: Run, now: Instant) -> None:
    """Write the manifest, and only then that it is written: a repetition writes the same one."""
    body = json.dumps(core.manifest(run, layout_of(work.service), item.service), indent=1, ensure_ascii=False)
    await shell.files.put(work.service.endpoint, core.manifest_name(run.folder), f"{body}\n".encode())
    await _save(shell, core.published(item, run, now))
    shell.log(
        "extract.published", service=item.service, number=run.number, kind=run.kind.value, rows=run.rows,
        removed=run.removed, parts=len(run.parts),
    )  # fmt: skip


async def _save(shell: Extract, item: Extracts) -> Extracts:
    # Loses to another process that made this step first: it goes on, and ours ends here.
    await shell.runs.put_extracts(item)
    return replace(item, revision=item.revision + 1)


async def _continue(shell: Extract, item: Extracts) -> None:
    order = Order(Do.GO, item.service, number=item.number, revision=item.revision)
    await shell.runs.continue_extract(write_order(order))
