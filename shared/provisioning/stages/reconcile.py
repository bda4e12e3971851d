"""reconcile: an SP's own list of accounts compared with ours. One deployment of this for each service that asks for it.

It reads the service's secret and no other, writes no account but to say that it is in doubt or parked, and removes
nothing. A message is a minute of work; then the next message goes on.
"""

from collections.abc import Sequence

from provisioning.core import reconciled as core
from provisioning.core.errors import ConflictError, InvalidError, PermanentError, TransientError
from provisioning.core.reconciled import Reconciled, Step, Summary
from provisioning.protocols.registry import PROTOCOLS
from provisioning.stages.message import Failed, Message
from provisioning.stages.reconcile_act import act, write
from provisioning.stages.reconcile_orders import Do, Order, read_order
from provisioning.stages.reconcile_read import read
from provisioning.stages.reconcile_walk import walk
from provisioning.stages.reconcile_work import BUDGET, IN_ONE_GO, Reconcile, Work

__all__ = ["Reconcile", "reconcile"]


async def reconcile(shell: Reconcile, messages: Sequence[Message]) -> Failed:
    """Take orders one after the other. One that failed comes again; the others are done."""
    failed = set()
    for message in messages:
        try:
            await _take(shell, read_order(message), again=message.again)
        except InvalidError as error:  # again cannot help: an operator must change the order or the bundle
            shell.log("reconcile.refused", service=shell.service, message=message.id, reason=str(error))
        except ConflictError:
            # Another process made the same step first, and goes on with what follows.
            shell.log("reconcile.overtaken", service=shell.service, message=message.id)
        except TransientError as error:
            shell.log("reconcile.failed", service=shell.service, message=message.id, reason=str(error))
            failed.add(message.id)
    return frozenset(failed)


async def _take(shell: Reconcile, order: Order, *, again: bool) -> None:
    item = await shell.reconciles.reconciled(shell.service)
    work = await _work(shell, item)
    if order.do is Do.START:
        await _start(work, order, again=again)
    elif item.run is None or item.run.number != order.number:
        shell.log("reconcile.over", service=shell.service, number=order.number)
    elif item.revision != order.revision:
        # Somebody was here with this message. If that was long ago, nobody may have been told to go on.
        if again:
            await work.go_on()
    else:
        await _go(work)


async def _work(shell: Reconcile, item: Reconciled) -> Work:
    policy = await shell.policies.current()
    service = policy.services.get(shell.service)
    if service is None or service.reconcile is None:
        raise InvalidError(f"{shell.service!r} is not a service that is reconciled in bundle {policy.sequence}")
    lists = PROTOCOLS[service.protocol].lists if service.protocol in PROTOCOLS else None
    if lists is None:
        raise InvalidError(f"an SP of protocol {service.protocol} cannot be asked for all of its accounts")
    deadline = shell.clock() + (IN_ONE_GO if lists.in_one_go else BUDGET)
    return Work(shell, policy, service, service.reconcile, lists, item, deadline)


async def _start(work: Work, order: Order, *, again: bool) -> None:
    item, shell = work.item, work.shell
    if order.request in item.requests:
        if item.run is not None and again:  # begun, and perhaps nobody was told to go on
            await work.go_on()
        return
    now = shell.seconds()
    if item.run is not None and core.is_busy(item.run, now):
        shell.log("reconcile.busy", service=shell.service, number=item.run.number)
        return
    await work.put(core.begun(item, order.request, now))
    shell.log("reconcile.begun", service=shell.service, number=work.item.number)
    await work.go_on()


async def _go(work: Work) -> None:
    """A minute of the run under way."""
    try:
        delay = await _advance(work)
    except PermanentError as error:  # a file of the run is lost: what was found is of no use
        run, now = work.run, work.shell.seconds()
        summary = Summary(run.number, run.begun, now, complete=False, problem=str(error), shown=run.shown)
        await work.put(core.ended(work.item, summary))
        work.shell.log("reconcile.given-up", service=work.service.id, number=run.number, reason=str(error))
        return
    if work.item.run is not None:
        await work.go_on(delay)


async def _advance(work: Work) -> int:
    """Go through the steps as far as there is time; in how many seconds the run goes on."""
    if work.run.step in (Step.READ, Step.WALK):
        await work.load()
    if work.run.step is Step.READ:
        delay = await read(work)
        if delay is not None:
            return delay
    if work.run.step is Step.WALK and not await walk(work):
        return 0
    if work.run.step is Step.ACT and not await act(work):
        return 0
    if work.has_time:
        await write(work)
    return 0
