"""receive: what an IDMS published, or what was extracted from it → record → decision → bells."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from provisioning.core.bell import Bell, Cause
from provisioning.core.catalog import Source
from provisioning.core.errors import InvalidError, PermanentError, TransientError
from provisioning.core.freshness import watched
from provisioning.core.notification import Listening, Notification, Wanted, read_notification, read_observation
from provisioning.core.period import Instant
from provisioning.core.policy import Policy
from provisioning.core.record import Absence, Record
from provisioning.core.source import MOST_KEYS, Item
from provisioning.core.token import Taken
from provisioning.core.trust import believed, is_about
from provisioning.ports import Bells, Hearings, Rejected, Rejections
from provisioning.stages.decide import Decide, Subject, decide
from provisioning.stages.message import Failed, Message
from provisioning.stages.signed import Verifying, read_signed, remember, seen

Fetch = Callable[[Source, Sequence[str]], Awaitable[Sequence[Item]]]
"""Asks a thin source for subjects as they are now: see `ports.Extraction.fetch`."""


async def no_fetch(source: Source, _keys: Sequence[str]) -> Sequence[Item]:
    """Where no source is thin."""
    raise TransientError(f"there is no way to fetch from {source.id!r} here")


@dataclass(frozen=True, slots=True)
class Receive:
    """What receive needs. `microseconds` since 1970: by it, what was fetched later is told from what was before."""

    decide: Decide
    rejections: Rejections
    bells: Bells
    microseconds: Callable[[], int]
    fetch: Fetch = no_fetch
    verifying: Verifying | None = None  # for sources whose events are signed tokens
    hearings: Hearings | None = None  # for sources whose silence has a limit


@dataclass(frozen=True, slots=True)
class _Arrived:
    message: Message
    notification: Notification
    token: Taken | None = None  # that told it


async def receive(shell: Receive, messages: Sequence[Message], now: Instant) -> Failed:
    """Take a batch. A message is done only when its record, its decision and its bells are durable.

    What cannot be understood is kept with its reason and is done too: it would not be understood next time.
    """
    policy = await shell.decide.policies.current()
    again = set[str]()
    read = [await _read(shell, policy, message, again, now) for message in messages]
    new = await _new(shell, [each for each in read if each is not None], again)
    arrived, failed = await _fetched(shell, policy, new, now)
    failed |= again
    by_key = _by_subject([each for each in [await _heeded(shell, policy, each, now) for each in arrived] if each])
    if not by_key:
        return failed
    links = await shell.decide.identities.links(list(by_key))
    rejected = set[str]()
    results = await asyncio.gather(
        *(_take(shell, key, links.get(key), items, rejected, now) for key, items in by_key.items())
    )
    bells = [bell for result in results for bell in result or ()]
    failed |= {
        item.message.id
        for result, items in zip(results, by_key.values(), strict=True)
        for item in items
        if result is None
    }
    if bells:
        await shell.bells.ring(bells, now)  # if this fails, the whole batch comes again: rings are repeated, not lost
    done = [each for each in arrived if each.message.id not in failed | rejected]
    await remember(shell.verifying, [each.token for each in done if each.token is not None])
    await _hear(shell, policy, arrived, now)
    return failed


async def _hear(shell: Receive, policy: Policy, arrived: Sequence[_Arrived], now: Instant) -> None:
    """Remember that sources were heard whose silence has a limit. If it fails, the whole batch comes again."""
    if shell.hearings is None:
        return
    spoke = {each.notification.told.source for each in arrived}
    for source in watched(policy):
        if source in spoke:
            await shell.hearings.hear(source, now)


def _by_subject(arrived: Sequence[_Arrived]) -> dict[tuple[str, str], list[_Arrived]]:
    by_key: dict[tuple[str, str], list[_Arrived]] = {}
    for each in arrived:
        by_key.setdefault((each.notification.told.source, each.notification.told.key), []).append(each)
    return by_key


async def _read(shell: Receive, policy: Policy, message: Message, again: set[str], now: Instant) -> _Arrived | None:
    """What a message tells, if it does; what must come again, because nobody can tell now, is added to `again`."""
    try:
        if message.origin not in policy.sources:
            known = ", ".join(policy.sources)
            raise InvalidError(f"no source {message.origin!r} in the bundle", where="queue", right=f"one of {known}")
        listening, observed = _listening(policy, message.origin), shell.microseconds()
        if listening.source.signed is None:
            return _Arrived(message, read_notification(listening, message.body, observed))
        told = await read_signed(shell.verifying, shell.decide.log, listening, message.body, now, observed)
        return _Arrived(message, told.notification, told.taken) if told is not None else None
    except TransientError as error:
        shell.decide.log("verify.failed", source=message.origin, message=message.id, reason=str(error))
        again.add(message.id)
        return None
    except InvalidError as error:
        await _reject(shell, message, str(error), now)
        return None


async def _new(shell: Receive, arrived: list[_Arrived], again: set[str]) -> list[_Arrived]:
    """What arrived, without the tokens that were taken before, or are here twice: those are counted."""
    try:
        known = set(await seen(shell.verifying, [each.token for each in arrived if each.token is not None]))
    except TransientError as error:
        waiting = {each.message.id for each in arrived if each.token is not None}
        shell.decide.log("verify.failed", messages=len(waiting), reason=str(error))
        again |= waiting
        return [each for each in arrived if each.token is None]
    new = []
    for each in arrived:
        if each.token is not None and each.token[:2] in known:
            trace = each.notification.trace
            shell.decide.log("token.seen", source=each.token.source, message=each.message.id, trace=trace)
            continue
        known |= {each.token[:2]} if each.token is not None else set()
        new.append(each)
    return new


def _listening(policy: Policy, source: str) -> Listening:
    return Listening(policy.source(source), policy.readers.get(source), policy.schema)


async def _fetched(
    shell: Receive, policy: Policy, arrived: Sequence[_Arrived], now: Instant
) -> tuple[list[_Arrived], Failed]:
    """What arrived, with those who are only named as their source shows them now: each is asked for once."""
    told = [each for each in arrived if not isinstance(each.notification.told, Wanted)]
    wanted: dict[str, dict[str, list[_Arrived]]] = {}
    for each in arrived:
        if isinstance(each.notification.told, Wanted):
            by_key = wanted.setdefault(each.notification.told.source, {})
            by_key.setdefault(each.notification.told.key, []).append(each)
    failed = set[str]()
    for source, by_key in wanted.items():
        observed = shell.microseconds()
        try:
            items = await shell.fetch(policy.source(source), list(by_key)[:MOST_KEYS])
        except (TransientError, InvalidError) as error:  # its configuration is not the message's fault: it comes again
            shell.decide.log("fetch.failed", source=source, keys=len(by_key), reason=str(error))
            failed |= {each.message.id for some in by_key.values() for each in some}
            continue
        shown = {item.key: item for item in items}
        for key, some in by_key.items():
            told += await _shown(shell, policy, shown.get(key, Item(key, None)), some, observed, now)
    return told, frozenset(failed)


async def _shown(
    shell: Receive, policy: Policy, item: Item, some: Sequence[_Arrived], observed: int, now: Instant
) -> list[_Arrived]:
    """All messages about one subject, with what its source shows; none if that cannot be understood."""
    source = some[0].notification.told.source
    data = {"key": item.key, "observed": observed, "fields": item.fields}
    try:
        told = read_observation(_listening(policy, source), data)
    except InvalidError as error:
        for each in some:
            await _reject(shell, each.message, str(error), now)
        return []
    return [replace(each, notification=replace(each.notification, told=told)) for each in some]


async def _heeded(shell: Receive, policy: Policy, arrived: _Arrived, now: Instant) -> _Arrived | None:
    """What arrived, as far as its source is believed; of a subject that is none of its own nothing, which is kept."""
    told, trace = arrived.notification.told, arrived.notification.trace
    asserts = policy.trust.asserts.get(told.source) if policy.trust is not None else None
    if asserts is None:
        return arrived
    if not is_about(told.key, asserts):
        where, right = f"sources/{told.source}.asserts.keys", "a key of its own subjects"
        await _reject(
            shell, arrived.message, str(InvalidError(f"{told.key!r} is none of its keys", where, right=right)), now
        )
        return None
    if not isinstance(told, Record):
        return arrived
    part, dropped = believed(told, asserts)
    if dropped:
        shell.decide.log("record.unbelieved", source=told.source, dropped=dict(dropped), trace=trace)
    return replace(arrived, notification=replace(arrived.notification, told=part))


async def _reject(shell: Receive, message: Message, reason: str, now: Instant) -> None:
    shell.decide.log("rejected", source=message.origin, message=message.id, reason=reason)
    await shell.rejections.keep(Rejected(message.origin, message.id, reason, message.body, now))


async def _take(
    shell: Receive,
    key: tuple[str, str],
    identity: str | None,
    items: Sequence[_Arrived],
    rejected: set[str],
    now: Instant,
) -> list[Bell] | None:
    """Bells of one subject, or None if its messages must come again. Others of the batch go on.

    Messages that nobody will ever be able to take are kept, and added to `rejected`.
    """
    again = any(item.message.again for item in items)
    bells: list[Bell] = []
    try:
        for number, notification in enumerate(_newest([item.notification for item in items])):
            if number and identity is None:  # what was new is linked now
                identity = (await shell.decide.identities.links([key])).get(key)
            told, trace = notification.told, notification.trace
            if isinstance(told, Wanted):  # none is left when this begins
                continue
            for notice in told.notices if isinstance(told, Record) else ():
                shell.decide.log("record.notice", source=told.source, notice=notice, trace=trace)
            subject = Subject(identity, key, told, again=again)
            bells += await decide(shell.decide, subject, now, Cause.NOTIFICATION, trace)
    except TransientError as error:
        shell.decide.log("receive.failed", source=key[0], reason=str(error), trace=items[0].notification.trace)
        return None
    except PermanentError as error:  # larger than an item can be
        for item in items:
            await _reject(shell, item.message, str(error), now)
            rejected.add(item.message.id)
        return []
    return bells


def _newest(notifications: Sequence[Notification]) -> list[Notification]:
    """Of several versions the newest is the source's word; the others would only have been superseded.

    So it is with absences; a record and an absence are both told, because only the stored record decides between them.
    """
    records = [(each.told.version, each.told.observed, each) for each in notifications if isinstance(each.told, Record)]
    absences = [(each.told.observed, each) for each in notifications if isinstance(each.told, Absence)]
    newest = [max(records, key=lambda one: one[:2])[-1]] if records else []
    return newest + ([max(absences, key=lambda one: one[0])[-1]] if absences else [])
