"""The queue protocol: the account as wanted, sent to the SP's queue as one CloudEvent. Nothing can be asked back."""

import json
from collections.abc import Sequence
from typing import Final

from provisioning.core.account import Json, Known, Phase
from provisioning.core.catalog import Service
from provisioning.core.errors import InvalidError
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
        return Ending(Outcome.DONE, Known(desired.phase, None, desired.held, desired.groups, desired.filled))
    if isinstance(answer, Unanswered):
        return discreet(classify(_SENDING, answer, delivery.known))
    return garbage(_SENDING, delivery.known, "something that is no queue's word")


def check(_service: Service) -> Sequence[InvalidError]:
    """Nothing can be wrong with a path: the receiver gives it its meaning."""
    return ()


def make_event(service: Service, delivery: Delivery) -> dict[str, Json]:
    """The CloudEvent (1.0, structured JSON). It has no `time`: its order is `data.turn`, whoever's clock is wrong.

    `data.strengths` names the values that are not for every account: `create`, only for one that the receiver makes
    now; `fill`, only where it has none. Every message has them, because only the receiver knows what it has.
    """
    desired = delivery.desired
    strengths = {path: "create" if path in desired.once else "fill" for path in desired.values if desired.is_weak(path)}
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
            "strengths": strengths,
            "groups": list(desired.groups),
            "turn": delivery.turn,
        },
    }
