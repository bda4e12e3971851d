"""The webhook protocol: the account as wanted, POSTed to the SP as signed JSON (Standard Webhooks).

Nothing can be asked back: after a doubt the same operation is sent again, under the same webhook-id, by which the
receiver knows it. What a receiver answers: 2xx, it has taken the operation, and may name its account in
`{"id": …}`, which later operations carry as `data.id`; 409, somebody else's account has the match value.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Final

from provisioning.core.account import Known, Phase
from provisioning.core.catalog import Service
from provisioning.core.errors import InvalidError
from provisioning.protocols.dialogue import Answer, Delivery, Dialogue, Ending, HttpRequest, HttpResponse, Outcome
from provisioning.protocols.ending import classify, discreet, garbage, read_object, status_of
from provisioning.protocols.queue import make_event

_LONGEST_ID: Final = 512
_PAGE: Final = b"<"  # how HTML and XML begin


def deliver(service: Service, delivery: Delivery) -> Dialogue:
    """Send the whole account. Also with `look`: the same operation again, for which the receiver does nothing twice."""
    desired, known = delivery.desired, delivery.known
    request = HttpRequest(
        "POST",
        "",
        headers={"accept": "application/json", "content-type": "application/json"},
        content=make_body(service, delivery),
        sign_as=delivery.operation,
    )
    answer = yield request
    ending = classify(request, answer, known)
    if status_of(answer) == HTTPStatus.CONFLICT:
        ending = replace(ending, taken=(service.match, desired.values.get(service.match)))
    if ending.outcome is not Outcome.DONE:
        return discreet(ending, desired.values, known.values)
    if isinstance(answer, HttpResponse) and answer.body.lstrip().startswith(_PAGE):
        # A log-in page, or a proxy's: whoever answered, it was not the receiver.
        return garbage(request, known, "a page")
    if desired.phase is Phase.ABSENT:
        return Ending(Outcome.DONE, Known())
    remote_id = _remote_id(answer) or known.remote_id
    return Ending(Outcome.DONE, Known(desired.phase, remote_id, desired.held, desired.groups, desired.filled))


def make_body(service: Service, delivery: Delivery) -> bytes:
    """The payload: `type` and `data` as Standard Webhooks advises; the same bytes for the same operation.

    It has no `timestamp`: that of the signature says when it was sent, and operations are ordered by `data.turn`.
    """
    event = make_event(service, delivery)
    remote_id = delivery.known.remote_id
    data = {**event["data"], "service": service.id, **({"id": remote_id} if remote_id is not None else {})}
    return json.dumps({"type": event["type"], "data": data}, separators=(",", ":"), sort_keys=True).encode()


def check(service: Service) -> Sequence[InvalidError]:
    """Any path will do: the receiver gives it its meaning. But nothing is sent unsigned."""
    if service.secret is not None:
        return ()
    right = "the name of a secret that holds one or two whsec_ values"
    return (InvalidError("a webhook is signed", where=f"services/{service.id}.secret", right=right),)


def _remote_id(answer: Answer) -> str | None:
    """The receiver's id of the account, if it named one that can be: a text of 1 to 512 printable characters."""
    value = (read_object(answer) or {}).get("id")
    return value if isinstance(value, str) and 0 < len(value) <= _LONGEST_ID and value.isprintable() else None
