"""The queue protocol: one event, whatever its size; and an ending that stays open until the SP confirms."""

import hashlib
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioning.core.account import Desired, Known, Phase
from provisioning.core.catalog import Service
from provisioning.core.confirmation import Ticket, write_ticket
from provisioning.protocols import queue
from provisioning.protocols.dialogue import (
    Accepted,
    Delivery,
    Deposit,
    Deposited,
    HttpResponse,
    Outcome,
    Publish,
    Unanswered,
)
from tests.protocols.talk import IDENTITY, LOST, REFUSED, VALUES, delivery, talk

URL = "https://bucket.example/deliveries?X-Amz-Signature=abc"


def service(endpoint: str = "https://sqs.eu-west-1.amazonaws.com/111122223333/badges", **options: Any) -> Service:
    return Service.model_validate(
        {"id": "badges", "protocol": "queue", "endpoint": endpoint, "account": {"userName": "x"}, "queue": options}
    )


def waiting(sends: int, operation: str = "operation-1", known: Known | None = None) -> Delivery:
    ticket = write_ticket(Ticket(operation, 7, sends))
    return Delivery(IDENTITY, Desired(Phase.ACTIVE, VALUES), known or Known(), False, "operation-1", 7, {}, ticket)


def conforms(event: dict[str, Any]) -> None:
    """CloudEvents 1.0: required attributes, names of attributes, their types; and the JSON format's members."""
    assert event["specversion"] == "1.0"
    for name in ("id", "source", "type"):
        assert isinstance(event[name], str)
        assert event[name]
    for name, value in event.items():
        assert re.fullmatch(r"[a-z0-9]{1,20}", name)
        assert name == "data" or isinstance(value, str | bool) or -(2**31) <= value < 2**31
    assert event["datacontenttype"] == "application/json"
    assert ("data" in event) != ("dataref" in event)


def test_without_a_word_on_confirmation_what_was_sent_is_done() -> None:
    (sent,), ending = talk(queue.deliver(service(), delivery()), Accepted())
    conforms(json.loads(sent.body))
    assert (ending.outcome, ending.ticket, ending.known.phase) == (Outcome.DONE, None, Phase.ACTIVE)
    assert "confirm" not in json.loads(sent.body)["data"]


def test_a_thin_event_says_who_and_where_the_values_are_and_no_value() -> None:
    thin = service(payload="thin", fetch="https://people.example/{identity}/badge")
    known = Known(Phase.ACTIVE, "77", {"userName": "before"}, ("staff",))
    (sent,), _ = talk(queue.deliver(thin, delivery(groups=("staff", "board"), known=known)), Accepted())
    event = json.loads(sent.body)
    conforms(event)
    assert event["data"] == {
        "identity": IDENTITY, "phase": "active", "turn": 7, "account": "77",
        "fetch": f"https://people.example/{IDENTITY}/badge",
    }  # fmt: skip
    assert not any(word in sent.body for word in ("ann", "Ann", "staff", "board", "before"))


def test_what_is_too_large_is_kept_elsewhere_and_referred_to() -> None:
    values = {"userName": "ann.other", "photo": "é" * 300_000}
    (deposit, sent), ending = talk(queue.deliver(service(), delivery(values=values)), Deposited(URL), Accepted())
    assert (deposit.name, deposit.seconds) == ("deliveries/badges/operation-1", 3600)
    assert json.loads(deposit.body)["values"] == values
    event = json.loads(sent.body)
    conforms(event)
    assert (event["dataref"], event["datasize"]) == (URL, len(deposit.body))
    assert event["datasha256"] == hashlib.sha256(deposit.body).hexdigest()
    assert (event["id"], event["subject"], event["type"]) == ("operation-1", IDENTITY, "account.active")
    assert (ending.outcome, ending.known.values) == (Outcome.DONE, values)


@given(st.integers(700, 1100))
def test_no_message_is_larger_than_the_service_takes_with_its_attributes(length: int) -> None:
    small = service(largest=1024)
    requests, _ = talk_as_needed(small, {"photo": "x" * length})
    sent = requests[-1]
    attributes = sum(len(name) + len("String") + len(value) for name, value in sent.attributes.items())
    assert len(sent.body) + attributes <= 1024
    assert len(requests) == (2 if "dataref" in sent.body else 1)


def talk_as_needed(to: Service, values: dict[str, Any]) -> tuple[list[Any], Any]:
    dialogue = queue.deliver(to, delivery(values=values))
    requests = [next(dialogue)]
    if isinstance(requests[0], Deposit):
        requests.append(dialogue.send(Deposited(URL)))
    with pytest.raises(StopIteration) as stopped:
        dialogue.send(Accepted())
    return requests, stopped.value.value


@pytest.mark.parametrize("answer", [LOST, REFUSED, HttpResponse(200), Accepted()])
def test_where_nothing_can_be_kept_nothing_is_sent_and_nothing_is_in_doubt(answer: Any) -> None:
    values = {"photo": "x" * 300_000}
    (deposit,), ending = talk(queue.deliver(service(), delivery(values=values)), answer)
    assert isinstance(deposit, Deposit)
    assert (ending.outcome, ending.known, ending.ticket) == (Outcome.TRANSIENT, Known(), None)


def test_a_message_that_is_to_be_confirmed_leaves_a_ticket_and_teaches_nothing() -> None:
    asked = service(confirm="PT10M")
    (sent,), ending = talk(queue.deliver(asked, delivery()), Accepted())
    assert json.loads(sent.body)["data"]["confirm"] is True
    assert (ending.outcome, ending.known, ending.retry_after) == (Outcome.UNKNOWN, Known(), 600)
    assert ending.ticket == write_ticket(Ticket("operation-1", 7, 1))


def test_an_operation_that_nobody_confirms_is_sent_again_with_growing_patience_and_then_parked() -> None:
    asked = service(confirm="PT10M", sends=4)
    bodies, pauses = set(), []
    for sends in range(4):
        (sent,), ending = talk(queue.deliver(asked, waiting(sends)), Accepted())
        assert ending.ticket == write_ticket(Ticket("operation-1", 7, sends + 1))
        bodies.add(sent.body)
        pauses.append(ending.retry_after)
    assert len(bodies) == 1
    assert pauses == [600, 1200, 2400, 4800]
    nothing, ending = talk(queue.deliver(asked, waiting(4)))
    assert (nothing, ending.outcome) == ([], Outcome.PERMANENT)
    assert ending.reason == "not confirmed after 4 messages"


def test_another_operation_begins_to_count_anew() -> None:
    (sent,), ending = talk(queue.deliver(service(confirm="PT10M", sends=1), waiting(1, "operation-0")), Accepted())
    assert (sent.id, ending.ticket) == ("operation-1", write_ticket(Ticket("operation-1", 7, 1)))


@pytest.mark.parametrize(
    ("answer", "outcome"), [(LOST, Outcome.UNKNOWN), (REFUSED, Outcome.TRANSIENT), (HttpResponse(200), Outcome.UNKNOWN)]
)
def test_what_was_sent_before_can_be_confirmed_also_after_a_message_that_failed(answer: Any, outcome: Outcome) -> None:
    _, ending = talk(queue.deliver(service(confirm="PT10M"), waiting(2)), answer)
    assert (ending.outcome, ending.ticket) == (outcome, write_ticket(Ticket("operation-1", 7, 2)))


def test_a_first_message_that_surely_was_not_sent_leaves_nothing_to_confirm() -> None:
    _, ending = talk(queue.deliver(service(confirm="PT10M"), delivery()), REFUSED)
    assert (ending.outcome, ending.ticket) == (Outcome.TRANSIENT, None)


def test_a_reason_quotes_no_value() -> None:
    _, ending = talk(queue.deliver(service(), delivery()), Unanswered("ann.other@example.org refused", sent=False))
    assert "example.org" not in ending.reason


@pytest.mark.parametrize(
    ("endpoint", "options", "where"),
    [
        ("https://sqs.eu-west-1.amazonaws.com/", {}, "services/badges.endpoint"),
        ("arn:aws:sns:eu-west-1:111122223333:badges", {"largest": 262_145}, "services/badges.queue.largest"),
    ],
)
def test_the_bundle_is_refused_where_its_messages_could_not_go(
    endpoint: str, options: dict[str, Any], where: str
) -> None:
    (problem,) = queue.check(service(endpoint, **options))
    assert problem.where == where
    assert problem.right


def test_a_topic_and_a_large_queue_are_accepted() -> None:
    assert not queue.check(service("arn:aws:sns:eu-west-1:111122223333:badges.fifo"))
    assert not queue.check(service(largest=1_048_576))


def test_attributes_are_what_a_topic_filters_by() -> None:
    (sent,), _ = talk(queue.deliver(service(), delivery(Phase.SUSPENDED)), Accepted())
    assert isinstance(sent, Publish)
    assert sent.attributes == {"type": "account.suspended", "service": "badges"}
