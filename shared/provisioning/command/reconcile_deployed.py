"""What `provision reconcile` asks of a deployed stack: one message to the service's queue, then its item and report."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from secrets import token_hex
from typing import Any, Final

from provisioning.adapters.aws.objects import Objects
from provisioning.adapters.aws.reconciles import StoredReconciles
from provisioning.adapters.aws.stack import output
from provisioning.command.deployed import deployed
from provisioning.core.errors import InvalidError, TransientError
from provisioning.core.reconcile_report import words
from provisioning.core.reconciled import Reconciled, Run, is_busy
from provisioning.runtime.entry import clock
from provisioning.stages.reconcile_act import report_name
from provisioning.stages.reconcile_orders import Do, Order, write_order

PAUSE: Final = 1.0  # seconds between two looks at a run
_WAITS: Final = "waits for its function"
Say = Callable[[str], None]
Report = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Found:
    """A service that is reconciled, and where its runs are kept."""

    service: str
    runs: StoredReconciles

    async def item(self) -> Reconciled:
        return await self.runs.reconciled(self.service)


@asynccontextmanager
async def _found(stack: str, name: str) -> AsyncIterator[_Found]:
    """Raises InvalidError if there is no such service, or if it is not reconciled."""
    async with deployed(stack) as ports:
        services = (await ports.policies.current()).services
        some = ", ".join(service.id for service in services.values() if service.reconcile is not None)
        right = f"one of {some}" if some else "a service with `reconcile` in the bundle"
        if name not in services:
            raise InvalidError(f"there is no service {name!r}", right=right)
        if services[name].reconcile is None:
            raise InvalidError(f"the accounts of {name!r} are not compared", right=right)
        queue = ports.outputs.get(output("reconcile", name, "queue"), "")
        if not queue:
            raise InvalidError(f"{name!r} has no function for this yet", right="deploy the stack with its `reconcile`")
        objects = Objects(ports.clients, ports.outputs["Bucket"])
        yield _Found(name, StoredReconciles(ports.rows, ports.clients, objects, queue))


async def start(stack: str, name: str) -> None:
    """Order a comparison, and leave it to its function. Raises InvalidError if one is under way."""
    async with _found(stack, name) as found:
        await _start(found, await found.item())


async def compare(stack: str, name: str, say: Say, within: int) -> Report:
    """Order a comparison and wait for its report, as many seconds at most. Raises InvalidError, TransientError."""
    async with _found(stack, name) as found:
        before = await found.item()
        await _start(found, before)
        said = ""
        for _ in range(1 + int(within / PAUSE)):
            item = await found.item()
            if item.number > before.number and item.run is None:
                return await _report(found, item)
            text = standing(item.run) if item.run is not None and item.number > before.number else _WAITS
            if text != said:
                say(text)
                said = text
            await asyncio.sleep(PAUSE)
        right = f"it goes on: `provision reconcile {name} --last` shows it when it has ended"
        raise TransientError(f"the comparison has not ended within {within} s ({said}); {right}")


async def last(stack: str, name: str) -> Report:
    """The report of the last comparison that ended. Raises InvalidError if none has."""
    async with _found(stack, name) as found:
        return await _report(found, await found.item())


async def _start(found: _Found, item: Reconciled) -> None:
    if item.run is not None and is_busy(item.run, clock()):
        raise InvalidError(
            f"comparison {item.run.number} of {found.service!r} is under way: {standing(item.run)}",
            right="wait until it has ended, or look at the one before with --last",
        )
    # An id of its own: if the message is sent twice, it is one start.
    await found.runs.continue_reconcile(write_order(Order(Do.START, f"command-{token_hex(8)}")))


async def _report(found: _Found, item: Reconciled) -> Report:
    """The report of the last run, with what the ones before it counted."""
    if not item.ended:
        raise InvalidError(f"the accounts of {found.service!r} were never compared", right="leave --last out")
    runs = [words(summary) for summary in item.ended]
    body = await found.runs.file(report_name(found.service, item.ended[-1].number))
    told: dict[str, Any] = json.loads(body) if body is not None else {"service": found.service, **runs[-1]}
    return {"unkept": [], "accounts": [], "unlisted": 0, **told, "runs": runs}


def standing(run: Run) -> str:
    """How far a run has come, in words."""
    of = f" of {run.total}" if run.total is not None else ""
    return f"{run.step.value}: {run.pages} pages, {run.shown}{of} accounts shown"
