"""What `provision source` asks of a deployed stack: messages to the queue of poll, and how far it has come."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from secrets import token_hex
from typing import Any, Final

from provisioning.adapters.aws.polls import StoredPolls
from provisioning.adapters.aws.stack import output
from provisioning.command.deployed import Deployed, deployed
from provisioning.core.catalog import Source
from provisioning.core.errors import InvalidError
from provisioning.core.keylist import TAB, unescape
from provisioning.core.period import show
from provisioning.core.policy import Policy
from provisioning.core.polled import Polled, Run
from provisioning.runtime.entry import clock
from provisioning.stages.lines import read_part
from provisioning.stages.poll_orders import Do, Order, write_order

SHOWN: Final = 20  # subjects that are missing in a run that is held


@dataclass(frozen=True, slots=True)
class _Found:
    """A source that is polled, and how far it has come."""

    source: Source
    polls: StoredPolls
    item: Polled


def polls_of(ports: Deployed, source: str) -> StoredPolls:
    """What poll keeps of a source. Raises InvalidError if it is not deployed."""
    queue = ports.outputs.get(output("poll", source, "queue"))
    if queue is None:
        raise InvalidError(f"{source!r} is not polled by this stack", right="deploy the stack with its `poll` first")
    return StoredPolls(ports.rows, ports.clients, ports.outputs["Bucket"], queue)


def polled_source(policy: Policy, name: str) -> Source:
    """The source. Raises InvalidError if there is none, or if it cannot be asked."""
    some = ", ".join(source.id for source in policy.bundle.sources if source.poll is not None)
    right = f"one of {some}" if some else "a source with `poll` in the bundle"
    if name not in policy.sources:
        raise InvalidError(f"there is no source {name!r}", right=right)
    source = policy.source(name)
    if source.poll is None:
        raise InvalidError(f"{name!r} tells by itself and is not polled", right=right)
    return source


@asynccontextmanager
async def _found(stack: str, name: str) -> AsyncIterator[_Found]:
    async with deployed(stack) as ports:
        source = polled_source(await ports.policies.current(), name)
        polls = polls_of(ports, name)
        yield _Found(source, polls, await polls.polled(name))


async def order(stack: str, name: str, do: Do) -> None:
    """Order a look or a snapshot. Raises InvalidError if a snapshot is under way: the order would be passed over."""
    async with _found(stack, name) as found:
        run = found.item.run
        if do is Do.SNAPSHOT and run is not None and not run.waits:
            raise InvalidError(f"run {run.number} of {name!r} is under way", right="wait until it is complete")
        # An id of its own: if the message is sent twice, it is one run.
        await found.polls.continue_poll(write_order(Order(do, f"command-{token_hex(8)}")))


async def decide(stack: str, name: str, do: Do) -> Run:
    """Order that what is held is released or discarded; the run as it is held. Raises InvalidError if nothing is."""
    async with _found(stack, name) as found:
        run = found.item.run
        if run is None or not run.held:
            raise InvalidError(f"no run of {name!r} is held", right=f"look at: provision source status {name}")
        # By its number: another one that is held by the time the message is read stays held.
        await found.polls.continue_poll(write_order(Order(do, number=run.number)))
        return run


async def state_of(stack: str, name: str) -> dict[str, Any]:
    """The last complete run, and the one under way or held."""
    async with _found(stack, name) as found:
        item, options = found.item, found.source.poll
        every = options.every if options is not None else None
        full = options.full if options is not None else None
        complete = item.complete
        return {
            "source": name,
            "technology": options.technologies[0] if options is not None else "",
            "changes": f"every {every} minutes" if every is not None else "on command",
            "snapshots": f"at {full} in the tenant's zone" if full is not None else "on command",
            "looked_at": show(item.looked_at) if item.looked_at else None,
            "at_work": item.leased > clock(),
            "complete": None
            if complete is None
            else {"number": complete.number, "rows": complete.rows, "at": show(complete.at)},
            "run": None if item.run is None else await _run(found, item.run),
            "trouble": item.trouble,
            "fault": item.fault,
        }


async def _run(found: _Found, run: Run) -> dict[str, Any]:
    return {
        "number": run.number,
        "step": "held" if run.waits else run.step.value,
        "pages": run.pages,
        "spoiled": run.spoiled,
        "expected": run.expected,
        "problem": run.problem,
        "held": run.held,
        "missing": await _missing(found, run) if run.held else [],
        "found": {name: getattr(run.found, name) for name in run.found.__slots__},
    }


async def _missing(found: _Found, run: Run) -> list[str]:
    """Some of those who would be taken for gone."""
    for part in run.absences[:1]:
        async for lines in read_part(found.polls, part):
            return [unescape(line.split(TAB, 1)[0]) for line in lines[:SHOWN]]
    return []
