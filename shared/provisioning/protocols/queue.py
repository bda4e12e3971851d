"""The queue protocol: the account as wanted, sent to the SP's queue or topic as one CloudEvent.

Nothing can be asked back. Where the service says `confirm`, the SP answers through `feedback`, and until then the
ending is unknown, with a ticket that counts the messages sent.
"""

import hashlib
import json
from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from typing import Final
from urllib.parse import quote

from provisioning.core.account import Desired, Json, Known, Phase
from provisioning.core.catalog import Service
from provisioning.core.confirmation import Ticket, patience, read_ticket, write_ticket
from provisioning.core.errors import InvalidError
from provisioning.core.queue_options import DEFAULTS, SNS_LARGEST, Queue, read_place, seconds_of
from provisioning.protocols.dialogue import (
    Accepted,
    Answer,
    Delivery,
    Deposit,
    Deposited,
    Dialogue,
    Ending,
    HttpRequest,
    Outcome,
    Publish,
    Request,
    Unanswered,
)
from provisioning.protocols.ending import classify, discreet, garbage

_SENDING: Final = HttpRequest("POST", "")  # a message that was sent is as doubtful as a call that was
_STRING: Final = len("String")  # the type of an attribute counts towards the size of its message


def deliver(service: Service, delivery: Delivery) -> Dialogue:
    """Publish the whole account. A repetition has the same id, by which the receiver knows it.

    There is no look-up: with `look` the same operation is sent again. The receiver orders by `data.turn` and keeps
    the highest.
    """
    options, desired = service.queue or DEFAULTS, delivery.desired
    sent = _sent_before(delivery)
    if options.confirm is not None and sent >= options.sends:
        return Ending(Outcome.PERMANENT, delivery.known, f"not confirmed after {sent} messages")
    message = _message(service, delivery)
    if _size(message) > options.largest:
        referring = yield from _refer(service, delivery, options)
        if isinstance(referring, Ending):
            return _waiting(service, delivery, sent, referring)
        message = referring
    answer = yield message
    if isinstance(answer, Accepted):
        if options.confirm is None:
            return Ending(Outcome.DONE, held(desired, None))
        ticket = write_ticket(Ticket(delivery.operation, delivery.turn, sent + 1))
        pause = patience(seconds_of(options.confirm), sent)
        return Ending(Outcome.UNKNOWN, delivery.known, "not confirmed yet", pause, ticket=ticket)
    if isinstance(answer, Unanswered):
        return _waiting(service, delivery, sent, discreet(classify(_SENDING, answer, delivery.known)))
    return _waiting(service, delivery, sent, garbage(_SENDING, delivery.known, "something that is no queue's word"))


def held(desired: Desired, remote_id: str | None) -> Known:
    """What is known of an account once the SP has it as desired."""
    if desired.phase is Phase.ABSENT:
        return Known()
    return Known(desired.phase, remote_id, desired.held, desired.groups, desired.filled)


def check(service: Service) -> Sequence[InvalidError]:
    """Whether the endpoint is a queue or a topic, and takes what is to be sent.

    Nothing can be wrong with a path: the receiver gives it its meaning.
    """
    where = f"services/{service.id}"
    try:
        place = read_place(service.endpoint)
    except InvalidError as error:
        return [replace(error, where=f"{where}.endpoint")]
    options = service.queue or DEFAULTS
    if place.kind == "sns" and options.largest > SNS_LARGEST:
        right = f"at most {SNS_LARGEST}"
        return [InvalidError("a topic takes no messages of that size", f"{where}.queue.largest", right=right)]
    return ()


def make_event(service: Service, delivery: Delivery) -> dict[str, Json]:
    """The CloudEvent (1.0, structured JSON). It has no `time`: its order is `data.turn`, whoever's clock is wrong.

    `data.strengths` names the values that are not for every account: `create`, only for one that the receiver makes
    now; `fill`, only where it has none. Every message has them, because only the receiver knows what it has.
    A thin event says who and which phase, and where the values may be fetched. `data.confirm`: the SP is to confirm
    the event's id; each repetition too, since a repetition means that no confirmation came.
    """
    options, desired = service.queue or DEFAULTS, delivery.desired
    data: dict[str, Json] = {"identity": delivery.identity, "phase": desired.phase.value, "turn": delivery.turn}
    if options.payload == "thin":
        fetch = options.fetch and options.fetch.replace("{identity}", quote(delivery.identity, safe=""))
        data |= {"account": delivery.known.remote_id, "fetch": fetch}
    else:
        weak = {path: "create" if path in desired.once else "fill" for path in desired.values if desired.is_weak(path)}
        data |= {"values": dict(desired.values), "strengths": weak, "groups": list(desired.groups)}
    if options.confirm is not None:
        data["confirm"] = True
    return {**_envelope(service, delivery), "data": data}


def _envelope(service: Service, delivery: Delivery) -> dict[str, Json]:
    return {
        "specversion": "1.0",
        "id": delivery.operation,
        "source": f"/provisioning/{service.id}",
        "type": f"account.{delivery.desired.phase.value}",
        "subject": delivery.identity,
        "datacontenttype": "application/json",
    }


def _message(service: Service, delivery: Delivery, event: Mapping[str, Json] | None = None) -> Publish:
    body = json.dumps(event or make_event(service, delivery), separators=(",", ":"))
    attributes = {"type": f"account.{delivery.desired.phase.value}", "service": service.id}  # what topics filter by
    return Publish(delivery.operation, delivery.identity, body, attributes)


def _refer(service: Service, delivery: Delivery, options: Queue) -> Generator[Request, Answer, Publish | Ending]:
    """Keep the data elsewhere, and the message that refers to it (CloudEvents extension Dataref: the claim check).

    `datasha256` and `datasize` (bytes) tell the receiver whether it fetched what was meant.
    """
    data = json.dumps(make_event(service, delivery)["data"], separators=(",", ":")).encode()
    name = f"deliveries/{service.id}/{delivery.operation}"
    answer = yield Deposit(name, data, seconds_of(options.reference))
    if isinstance(answer, Unanswered):
        # Whatever became of it, the SP has not heard anything.
        return discreet(Ending(Outcome.TRANSIENT, delivery.known, answer.reason))
    if not isinstance(answer, Deposited):
        return Ending(Outcome.TRANSIENT, delivery.known, "the storage answered with something that is no reference")
    digest = hashlib.sha256(data).hexdigest()
    event = {**_envelope(service, delivery), "dataref": answer.url, "datasha256": digest, "datasize": len(data)}
    return _message(service, delivery, event)


def _size(message: Publish) -> int:
    """Bytes by which queues and topics measure a message: body, and name, type and value of each attribute."""
    named = sum(len(name.encode()) + _STRING + len(value.encode()) for name, value in message.attributes.items())
    return len(message.body.encode()) + named


def _waiting(service: Service, delivery: Delivery, sent: int, ending: Ending) -> Ending:
    """The ending of a message that may not have been sent: it, and those before it, may yet be confirmed."""
    if not (service.queue or DEFAULTS).confirm or (ending.outcome is not Outcome.UNKNOWN and not sent):
        return ending
    return replace(ending, ticket=write_ticket(Ticket(delivery.operation, delivery.turn, sent)))


def _sent_before(delivery: Delivery) -> int:
    """How many messages of this very operation were sent and not confirmed."""
    ticket = read_ticket(delivery.ticket)
    return ticket.sends if ticket is not None and ticket.operation == delivery.operation else 0
