"""notify: what the table's stream shows → events to whoever listens, and the history of each person.

Events are published at least once, in the order of each item's revisions: an entry of the stream is done with when
they are accepted and its history is durable, in this sequence, so that what is in the history was published. A
repetition has the same ids.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from provisioning.core.event import Announced, Refusal, announced
from provisioning.core.history import Entry, Written, entry_of
from provisioning.core.occurrence import Change, Occurrence, Type, Unreadable
from provisioning.core.period import DAY, Instant
from provisioning.core.policy import Policy
from provisioning.core.subscription import told_apart
from provisioning.core.transition import occurrences
from provisioning.ports import Announcements, Histories, Policies, Rejected, Rejections
from provisioning.stages.message import Log

STREAM: Final = "table-stream#"  # under which unreadable entries are kept: no source can have this name
GAPS: Final = frozenset({Type.IDENTITY_GAP, Type.ACCOUNT_GAP})


@dataclass(frozen=True, slots=True)
class Notify:
    """What notify needs. `topic`: where everybody hears everything, without values; `topics`: of subscribers' own."""

    policies: Policies
    histories: Histories
    announcements: Announcements
    rejections: Rejections
    topic: str
    topics: Mapping[str, str]
    log: Log


@dataclass(frozen=True, slots=True)
class Read:
    """A write of the stream, what it meant, and its entry in the history."""

    change: Change
    found: Sequence[Occurrence]
    entry: Entry


async def notify(shell: Notify, entries: Sequence[Change | Unreadable], now: Instant) -> str | None:
    """Take a batch of the stream; the number of the entry from which on it must come again, if any must.

    Requests: for each topic that gets any, one for 10 events; one for 100 entries of the history that are looked up,
    which is as many as items were written here before; one for 25 entries that are written, as many as there are
    writes: 1 write unit each. An entry that nobody understands costs a put of the table and one of the bucket. A
    new person with one account is 3 writes of the stream (the person, the intent, the account): 3 write units and 4
    events.
    """
    policy = await shell.policies.current(at_least=max(map(_sequence, entries), default=0))
    for each in entries:
        if isinstance(each, Unreadable):
            # What is unreadable stays so: it is kept for people, and the rest goes on. The item's next write that is
            # understood finds no entry of this one, and tells of the state.
            await shell.rejections.keep(Rejected(STREAM, each.number, each.reason, each.body, each.at))
            shell.log("stream.unreadable", item=each.reason.split(":")[0], number=each.number)
    changes = [each for each in entries if isinstance(each, Change)]
    read = _read(changes, await _told(shell, changes), policy)
    failed = await _publish(shell, policy, read)
    done = read[:failed]
    if done:
        retention = policy.bundle.tenant.history.retention
        await shell.histories.keep([each.entry for each in done], now + retention.days * DAY + retention.seconds)
    _say(shell, done)
    return read[failed].change.number if failed < len(read) else None


def _sequence(entry: Change | Unreadable) -> int:
    item = None if isinstance(entry, Unreadable) else entry.new
    return 0 if item is None else item.sequence


async def _told(shell: Notify, changes: Sequence[Change]) -> dict[Written, int]:
    """Of which revision something was told last, as of the writes before these, as far as the history knows."""
    within = {(*each.item, each.revision) for each in changes}
    before = [(*each.item, each.previous) for each in changes if each.previous]
    wanted = [each for each in before if each not in within]
    return dict(await shell.histories.told(wanted)) if wanted else {}


def _read(changes: Sequence[Change], told: dict[Written, int], policy: Policy) -> list[Read]:
    """What each write means. The entry of one write is what the next one of the same item follows."""
    read = []
    for change in changes:
        known = told.get((*change.item, change.previous)) if change.previous else 0
        found = occurrences(change, known)
        entry = entry_of(change, found, known or 0, policy)
        told[entry.written] = entry.told
        read.append(Read(change, found, entry))
    return read


async def _publish(shell: Notify, policy: Policy, read: Sequence[Read]) -> int:
    """Publish what was read; how many writes, from the first on, were published wholly."""
    tenant = policy.bundle.tenant.id
    letters = {shell.topic: [announced(tenant, each) for one in read for each in one.found]}
    for subscriber in policy.bundle.subscribers:
        if not subscriber.apart:
            continue
        if subscriber.id in shell.topics:
            own = [each for one in read for each in told_apart(tenant, subscriber, one.change, one.found)]
            letters[shell.topics[subscriber.id]] = own
        else:
            shell.log("notify.undeployed", subscriber=subscriber.id)
    refused: dict[str, Refusal] = {}
    for topic, events in letters.items():
        found = await shell.announcements.announce(topic, events) if events else {}
        await _keep(shell, read, [each for each in events if each.id in found and found[each.id].lasting], found)
        refused |= {id_: refusal for id_, refusal in found.items() if not refusal.lasting}
    return _first_of(read, refused, shell)


async def _keep(
    shell: Notify, read: Sequence[Read], events: Sequence[Announced], refused: Mapping[str, Refusal]
) -> None:
    """Keep events that nobody will ever accept: they would hold up all that come after them.

    Whoever listens sees by the next event of the same item that one was missed.
    """
    at = {each.id: one.change.at for one in read for each in one.found}
    for each in events:
        reason = f"event {each.id}: {refused[each.id].reason}"
        await shell.rejections.keep(Rejected(STREAM, each.id, reason, each.body, at[each.id]))
        shell.log("notify.kept", event=each.id, reason=reason)


def _first_of(read: Sequence[Read], refused: Mapping[str, Refusal], shell: Notify) -> int:
    for number, one in enumerate(read):
        refusal = next((refused[each.id] for each in one.found if each.id in refused), None)
        if refusal is not None:
            shell.log("notify.refused", reason=refusal.reason, again=len(read) - number, trace=one.change.number)
            return number
    return len(read)


def _say(shell: Notify, done: Iterable[Read]) -> None:
    """One line for a batch, and one for each gap."""
    events = 0
    for one in done:
        events += len(one.found)
        if any(each.type in GAPS for each in one.found):
            shell.log(
                "notify.gap", identity=one.change.identity, service=one.change.service, revision=one.change.revision,
            )  # fmt: skip
    if events:
        shell.log("notified", events=events)
