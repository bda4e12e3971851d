"""evaluate: whatever may have changed an identity's rights but its record: clock, policy, command → bells."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from provisioning.core.bell import EARLY, Bell, instant_of, read_bell
from provisioning.core.errors import InvalidError, PermanentError, TransientError
from provisioning.core.period import Instant
from provisioning.ports import Bells
from provisioning.stages.decide import Decide, Subject, decide
from provisioning.stages.message import Failed, Message, Rung, gather


@dataclass(frozen=True, slots=True)
class Evaluate:
    """What evaluate needs."""

    decide: Decide
    bells: Bells


async def evaluate(shell: Evaluate, messages: Sequence[Message], now: Instant) -> Failed:
    """Answer a batch of bells. Several for one identity are one evaluation, at the latest of their instants.

    Bells of groups are passed on to their service.
    """
    rung: list[Rung] = []
    passed: list[Bell] = []
    for message in messages:
        try:
            bell = read_bell(message.body)
        except InvalidError as error:  # nobody but the engine may write to this queue: drop it and say so
            shell.decide.log("bell.unreadable", message=message.id, reason=str(error))
            continue
        if bell.group is not None:
            # It waited here, where a bell can wait. What came too early waits once more.
            passed.append(replace(bell, at=None) if (bell.at or 0) < now + EARLY else bell)
            continue
        rung.append(Rung(message.id, bell, instant_of(bell, now), message.again))
    by_identity = gather(rung)
    results = await asyncio.gather(*(_answer(shell, identity, items) for identity, items in by_identity.items()))
    bells = [*passed, *(bell for result in results for bell in result or ())]
    if bells:
        await shell.bells.ring(bells, now)
    return frozenset(
        item.message
        for result, items in zip(results, by_identity.values(), strict=True)
        for item in items
        if result is None
    )


async def _answer(shell: Evaluate, identity: str, items: Sequence[Rung]) -> list[Bell] | None:
    last = max(items, key=lambda item: item.now)
    sequence = max(item.bell.sequence for item in items)
    # A bell that comes too early is rung again for its instant, and so is one whose first handler may have died.
    again = any(item.again or (item.bell.at or 0) > item.now for item in items)
    try:
        return await decide(
            shell.decide,
            Subject(identity, sequence=sequence, again=again),
            last.now,
            last.bell.cause,
            last.bell.trace,
        )
    except (TransientError, PermanentError) as error:
        shell.decide.log("evaluate.failed", identity=identity, reason=str(error), trace=last.bell.trace)
        return None
