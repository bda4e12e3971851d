"""feedback: what SPs say of the operations that they were told of by messages.

It records the ending of a call that deliver began, so both write the account; each write is conditional on the
revision that was read, and whoever loses looks again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from provisioning.core import delivery
from provisioning.core.account import Account, Intent
from provisioning.core.bell import Bell, Cause
from provisioning.core.confirmation import Confirmation, Status, open_ticket, read_confirmation
from provisioning.core.errors import ConflictError, InvalidError, StalePolicyError, TransientError
from provisioning.core.identity import Identity
from provisioning.core.period import Instant
from provisioning.core.policy import Policy
from provisioning.ports import Accounts, Bells, Policies
from provisioning.protocols.dialogue import Ending, Outcome
from provisioning.protocols.ending import discreet
from provisioning.protocols.queue import held
from provisioning.protocols.registry import member_batch
from provisioning.stages.forward import forwarded
from provisioning.stages.message import Failed, Log, Message
from provisioning.stages.visit import Visit, bells_of, dependents, visit_of

ATTEMPTS: Final = 5


@dataclass(frozen=True, slots=True)
class Feedback:
    """What feedback needs."""

    accounts: Accounts
    policies: Policies
    bells: Bells
    log: Log


@dataclass(frozen=True, slots=True)
class Word:
    """A confirmation, and the message that brought it."""

    message: Message
    said: Confirmation


Rows = Mapping[str, tuple[Identity | None, Account | None]]


async def feedback(shell: Feedback, messages: Sequence[Message], now: Instant) -> Failed:
    """Take a batch of confirmations. `origin` of each is the service whose SP alone may send to its queue.

    What cannot be understood is dropped, and said. The same goes for what confirms nothing that is open.
    """
    by_service: dict[str, list[Word]] = {}
    for message in messages:
        try:
            word = Word(message, read_confirmation(message.body))
        except InvalidError as error:
            shell.log("confirmation.unreadable", service=message.origin, message=message.id, reason=str(error))
        else:
            by_service.setdefault(message.origin, []).append(word)
    bells: list[Bell] = []
    failed: set[str] = set()
    for service, words in by_service.items():
        try:
            some, again = await _hear(shell, service, words, now)
        except TransientError as error:
            shell.log("feedback.failed", service=service, reason=str(error), messages=len(words))
            failed |= {word.message.id for word in words}
        else:
            bells += some
            failed |= again
    if bells:
        await shell.bells.ring(list(dict.fromkeys(bells)), now)
    return frozenset(failed)


async def _hear(
    shell: Feedback, service: str, words: Sequence[Word], now: Instant
) -> tuple[Sequence[Bell], frozenset[str]]:
    """Take what one SP said; the bells it leads to, and the messages that must come again."""
    bells: list[Bell] = []
    failed: set[str] = set()
    policy, rows = await _look(shell, service, list(dict.fromkeys(word.said.identity for word in words)))
    done: set[str] = set()
    for word in words:
        if word.said.identity in done:  # an earlier word of this batch was stored, or lost its race
            policy, rows = await _look(shell, service, [word.said.identity])
        done.add(word.said.identity)
        for _ in range(ATTEMPTS):
            try:
                some = await _take(shell, policy, service, word, rows, now)
            except (ConflictError, StalePolicyError):
                policy, rows = await _look(shell, service, [word.said.identity])
                continue
            break
        else:
            some = None
        bells += some or ()
        failed |= {word.message.id} if some is None else set()
    return bells, frozenset(failed)


async def _look(shell: Feedback, service: str, identities: Sequence[str]) -> tuple[Policy, Rows]:
    found = await shell.accounts.deliveries(service, identities)
    sequences = [item.sequence for row in found.rows.values() for item in row if item is not None]
    policy = await shell.policies.current(at_least=max(sequences, default=0))
    if service not in policy.services:
        raise TransientError(f"service {service!r} is not in bundle {policy.sequence}")
    rows = dict(found.rows)
    for name, (identity, _) in found.rows.items():
        if identity is not None and identity.forward:  # the SP still knows the account by whom it was made for
            rows[name] = await forwarded(shell.accounts, service, name)
    return policy, rows


async def _take(
    shell: Feedback, policy: Policy, service: str, word: Word, rows: Rows, now: Instant
) -> Sequence[Bell] | None:
    """Store one confirmation; the bells it leads to, or None if its message must come again.

    Who confirms is known by the queue; what is confirmed must be what this very account waits for.
    """
    said, trace = word.said, word.message.id
    identity, account = rows.get(said.identity, (None, None))
    if identity is None:
        return _ignored(shell, service, word, "of nobody")
    of_service = policy.services[service]
    visit = visit_of(policy, of_service, identity, account, trace, gathers=member_batch(of_service) is not None)
    wanted = visit.operation == said.operation
    ticket = open_ticket(account)
    if ticket is None or ticket.operation != said.operation:
        if wanted and not word.message.again:
            # Its delivery may not be stored yet. When this comes again, that delivery has ended.
            return None
        ignored = _ignored(shell, service, word, "of nothing that is open")
        # Who stored what was said may have died before they rang.
        return [*ignored, *_bells(visit, visit.account, now)] if word.message.again else ignored
    if not wanted:
        _ignored(shell, service, word, "of what is not wanted any more")
        return [Bell(identity.id, Cause.DECISION, trace, service)]
    after = _after(visit, said, now)
    # Loses to a delivery that sends the same operation again, or a newer one: it is looked at on top of that.
    await shell.accounts.put_account(after)
    shell.log(
        "confirmed", identity=identity.id, service=service, status=said.status.value,
        condition=after.condition.value, trace=trace,
    )  # fmt: skip
    return _bells(visit, after, now)


def _after(visit: Visit, said: Confirmation, now: Instant) -> Account:
    account, sequence = visit.account, visit.policy.sequence
    if said.status is Status.DONE:
        known = held(visit.desired, said.remote_id or account.known.remote_id)
        return delivery.done(account, known, visit.desired, visit.turn, sequence, now)
    told = discreet(Ending(Outcome.UNKNOWN, account.known, said.reason), visit.desired.values).reason
    ended = delivery.Ended(account.known, f"{said.status.value} at the SP: {told}" if told else said.status.value)
    # What an SP could not do, it may have begun: the whole account is sent again, whatever is wanted next.
    doubt = Intent(said.operation, account.intent.deadline if account.intent is not None else now)
    if said.status is Status.REJECTED:
        return delivery.parked(account, ended, visit.turn, sequence, doubt)
    return delivery.failed(account, ended, visit.turn, sequence, now, doubt)


def _bells(visit: Visit, account: Account, now: Instant) -> list[Bell]:
    return [
        *bells_of(account, visit.trace, now),
        *dependents(visit.policy, visit.identity, account, visit.trace),
    ]


def _ignored(shell: Feedback, service: str, word: Word, why: str) -> list[Bell]:
    shell.log("confirmation.ignored", identity=word.said.identity, service=service, why=why, trace=word.message.id)
    return []
