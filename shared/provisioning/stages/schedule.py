"""schedule: every minute, ring what is due soon, to the second."""

import asyncio
from dataclasses import dataclass
from typing import Final

from provisioning.core.bell import HORIZON, Bell, Cause
from provisioning.core.period import Instant
from provisioning.ports import Bells, Due
from provisioning.stages.message import Log

OVERLAP: Final = 120  # seconds that the sweep looks back: its index lags, and its minute is not exact
FULL: Final = 3600  # seconds between sweeps over everything that is overdue
_BATCH: Final = 500


@dataclass(frozen=True, slots=True)
class Schedule:
    """What schedule needs."""

    due: Due
    bells: Bells
    log: Log


def span(cursor: Instant, now: Instant) -> tuple[Instant, Instant, bool]:
    """What to sweep: after, until, and whether it is a full sweep, which also finds what was rung and lost."""
    full = cursor // FULL != (now + HORIZON) // FULL
    return (0 if full else cursor - OVERLAP), now + HORIZON, full


async def schedule(shell: Schedule, now: Instant, trace: str) -> int:
    """Sweep every shard; returns how many bells were rung."""
    return sum(await asyncio.gather(*(_sweep(shell, shard, now, trace) for shard in range(shell.due.shards))))


async def _sweep(shell: Schedule, shard: int, now: Instant, trace: str) -> int:
    cursor = await shell.due.cursor(shard)
    after, until, full = span(cursor, now)
    bells: list[Bell] = []
    rung = missed = 0
    seen: set[tuple[str, Instant]] = set()
    async for identity, due_at in shell.due.due(shard, after, until):
        if (identity, due_at) in seen:  # an identity and its accounts often wait for the same instant
            continue
        seen.add((identity, due_at))
        missed += due_at <= cursor - OVERLAP
        bells.append(Bell(identity, Cause.CLOCK, trace, at=due_at))
        if len(bells) == _BATCH:
            await shell.bells.ring(bells, now)
            rung, bells = rung + len(bells), []
    if bells:
        await shell.bells.ring(bells, now)
    # Only now: had we been killed before, the next sweep would begin where this one did.
    await shell.due.advance(shard, until)
    if full and missed:
        shell.log("schedule.overdue", shard=shard, missed=missed, trace=trace)
    return rung + len(bells)
