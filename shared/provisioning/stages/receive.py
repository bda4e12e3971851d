"""receive: what an IDMS published → record → decision → bells."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from provisioning.core.bell import Bell, Cause
from provisioning.core.errors import InvalidError, PermanentError, TransientError
from provisioning.core.notification import Notification, read_notification
from provisioning.core.period import Instant
from provisioning.core.policy import Policy
from provisioning.ports import Bells, Rejected, Rejections
from provisioning.stages.decide import Decide, Subject, decide
from provisioning.stages.message import Failed, Message


@dataclass(frozen=True, slots=True)
class Receive:
    """What receive needs."""

    decide: Decide
    rejections: Rejections
    bells: Bells


@dataclass(frozen=True, slots=True)
class _Arrived:
    message: Message
    notification: Notification


async def receive(shell: Receive, messages: Sequence[Message], now: Instant) -> Failed:
    """Take a batch. A message is done only when its record, its decision and its bells are durable.

    What cannot be understood is kept with its reason and is done too: it would not be understood next time.
    """
    policy = await shell.decide.policies.current()
    arrived: dict[tuple[str, str], list[_Arrived]] = {}
    for message in messages:
        found = await _read(shell, policy, message, now)
        if found is not None:
            record = found.notification.record
            arrived.setdefault((record.source, record.key), []).append(found)
    if not arrived:
        return frozenset()
    links = await shell.decide.identities.links(list(arrived))
    results = await asyncio.gather(*(_take(shell, key, links.get(key), items, now) for key, items in arrived.items()))
    bells = [bell for result in results for bell in result or ()]
    failed = {
        item.message.id
        for result, items in zip(results, arrived.values(), strict=True)
        for item in items
        if result is None
    }
    if bells:
        await shell.bells.ring(bells, now)  # if this fails, the whole batch comes again: rings are repeated, not lost
    return frozenset(failed)


async def _read(shell: Receive, policy: Policy, message: Message, now: Instant) -> _Arrived | None:
    try:
        if message.origin not in policy.sources:
            known = ", ".join(policy.sources)
            raise InvalidError(f"no source {message.origin!r} in the bundle", where="queue", right=f"one of {known}")
        return _Arrived(message, read_notification(message.origin, message.body, policy.schema))
    except InvalidError as error:
        await _reject(shell, message, str(error), now)
        return None


async def _reject(shell: Receive, message: Message, reason: str, now: Instant) -> None:
    shell.decide.log("rejected", source=message.origin, message=message.id, reason=reason)
    await shell.rejections.keep(Rejected(message.origin, message.id, reason, message.body, now))


async def _take(
    shell: Receive, key: tuple[str, str], identity: str | None, items: Sequence[_Arrived], now: Instant
) -> list[Bell] | None:
    """Bells of one subject, or None if its messages must come again. Others of the batch go on."""
    # Of several versions the newest is the source's word; the others would only have been superseded.
    newest = max(items, key=lambda item: item.notification.record.version).notification
    record, trace = newest.record, newest.trace
    for notice in record.notices:
        shell.decide.log("record.notice", source=record.source, notice=notice, trace=trace)
    try:
        return await decide(
            shell.decide,
            Subject(identity, key, record, again=any(item.message.again for item in items)),
            now,
            Cause.NOTIFICATION,
            trace,
        )
    except TransientError as error:
        shell.decide.log("receive.failed", source=key[0], reason=str(error), trace=trace)
        return None
    except PermanentError as error:  # larger than an item can be
        for item in items:
            await _reject(shell, item.message, str(error), now)
        return []
