"""The queue protocol: the account as wanted, sent to the SP's queue as one CloudEvent. Nothing can be asked back."""

import json
from typing import Final

from provisioning.core.account import Json, Known, Phase
from provisioning.core.catalog import Service
from provisioning.protocols.dialogue import (
    Accepted,
    Delivery,
    Dialogue,
    Ending,
    HttpRequest,
    Outcome,
    Publish,
    Unanswered,
)
from provisioning.protocols.ending import classify, discreet, garbage

_SENDING: Final = HttpRequest("POST", "")  # a message that was sent is as doubtful as a call that was


def deliver(service: Service, delivery: Delivery) -> Dialogue:
    """Publish the whole account. A repetition has the same id, by which the receiver knows it.

    There is no look-up: with `look` the same operation is sent again. The receiver orders by `data.turn` and keeps
    the highest.
    """
    desired = delivery.desired
    answer = yield Publish(
        id=delivery.operation,
        group=delivery.identity,
        body=json.dumps(make_event(service, delivery), separators=(",", ":")),
        attributes={"type": f"account.{desired.phase.value}", "service": service.id},
    )
    if isinstance(answer, Accepted):
        if desired.phase is Phase.ABSENT:
            return Ending(Outcome.DONE, Known())
        return Ending(Outcome.DONE, Known(desired.phase, None, desired.values, desired.groups))
    if isinstance(answer, Unanswered):
        return discreet(classify(_SENDING, answer, delivery.known))
    return garbage(_SENDING, delivery.known, "something that is no queue's word")


def make_event(service: Service, delivery: Delivery) -> dict[str, Json]:
    """The CloudEvent (1.0, structured JSON). It has no `time`: its order is `data.turn`, whoever's clock is wrong."""
    desired = delivery.desired
    return {
        "specversion": "1.0",
        "id": delivery.operation,
        "source": f"/provisioning/{service.id}",
        "type": f"account.{desired.phase.value}",
        "subject": delivery.identity,
        "datacontenttype": "application/json",
        "data": {
            "identity": delivery.identity,
            "phase": desired.phase.value,
            "values": dict(desired.values),
            "groups": list(desired.groups),
            "turn": delivery.turn,
        },
    }
