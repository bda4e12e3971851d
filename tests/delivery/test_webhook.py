"""Signed webhooks over loopback: a receiver that verifies by another's library, rotation, doubt, refusals."""

import asyncio
import base64
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook

from provisioning.adapters.delivery.driver import Courier
from provisioning.adapters.delivery.http import HttpCaller
from provisioning.adapters.delivery.secrets import Secrets
from provisioning.adapters.delivery.sign import Signing, read_keys, signatures
from provisioning.core.account import Desired, Known, Phase
from provisioning.core.catalog import Service
from provisioning.core.errors import InvalidError, TransientError
from provisioning.protocols.dialogue import Delivery, Ending, HttpRequest, HttpResponse, Outcome, Unanswered
from provisioning.protocols.webhook import deliver
from provisioning.runtime.entry import clock
from tests.delivery.conftest import no_queue
from tests.delivery.webhook import Endpoint

OLD = "whsec_" + base64.b64encode(b"o" * 32).decode()
NEW = "whsec_" + base64.b64encode(b"n" * 32).decode()
DELIVERY = Delivery("identity-1", Desired(Phase.ACTIVE, {"userName": "ann"}), Known(), False, "operation-1", 1)


class Sender:
    """The real transports, with a secret and a clock that a test can turn."""

    def __init__(self) -> None:
        self.secret = OLD
        self.reads = 0
        self.ahead = 0
        secrets = Secrets(self.read)
        self.caller = HttpCaller(secrets)
        self.courier = Courier(Signing(self.caller, secrets, lambda: clock() + self.ahead), no_queue)

    async def read(self, name: str) -> str:
        self.reads += 1
        if not self.secret:
            raise TransientError(f"there is no secret {name!r}")
        return self.secret

    async def send(self, service: Service, delivery: Delivery = DELIVERY) -> Ending:
        return await self.courier.converse(service, deliver(service, delivery))


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    made = Endpoint(OLD)
    await made.server.start_server()
    yield made
    await made.server.close()


@pytest.fixture
async def sender() -> AsyncIterator[Sender]:
    made = Sender()
    yield made
    await made.caller.close()


def service(endpoint: Endpoint, **changes: Any) -> Service:
    fields = {
        "id": "library", "protocol": "webhook", "endpoint": endpoint.url, "secret": "library", "private": True,
        "timeout": 2, "account": {"userName": "x"},
    }  # fmt: skip
    return Service.model_validate({**fields, **changes})


async def test_a_receiver_verifies_what_is_sent_and_names_its_account(endpoint: Endpoint, sender: Sender) -> None:
    ending = await sender.send(service(endpoint))
    assert (ending.outcome, ending.known) == (Outcome.DONE, Known(Phase.ACTIVE, "r1", {"userName": "ann"}))
    sent = endpoint.headers[0]
    assert (sent["webhook-id"], sent["content-type"]) == ("operation-1", "application/json")
    assert "authorization" not in sent
    later = Delivery("identity-1", Desired(Phase.ABSENT), ending.known, False, "operation-2", 2)
    assert (await sender.send(service(endpoint), later)).known == Known()
    assert b'"id":"r1"' in endpoint.bodies[1]
    assert endpoint.receiver.held == {}


async def test_with_two_live_secrets_receivers_of_either_verify(endpoint: Endpoint, sender: Sender) -> None:
    sender.secret = f"{NEW}\n{OLD}\n"
    assert (await sender.send(service(endpoint))).outcome is Outcome.DONE
    endpoint.secret = NEW
    assert (await sender.send(service(endpoint), replace(DELIVERY, operation="operation-2", turn=2))).known.remote_id
    assert [len(headers["webhook-signature"].split(" ")) for headers in endpoint.headers] == [2, 2]


async def test_a_secret_that_was_changed_is_read_again_after_a_refusal(endpoint: Endpoint, sender: Sender) -> None:
    assert (await sender.send(service(endpoint))).outcome is Outcome.DONE
    endpoint.secret = sender.secret = NEW
    assert (await sender.send(service(endpoint), replace(DELIVERY, operation="operation-2"))).outcome is Outcome.DONE
    assert (sender.reads, len(endpoint.bodies)) == (2, 3)


async def test_a_refused_signature_is_not_sent_again_and_parks_nobody(endpoint: Endpoint, sender: Sender) -> None:
    endpoint.secret = NEW
    ending = await sender.send(service(endpoint))
    assert (ending.outcome, len(endpoint.bodies), endpoint.receiver.calls) == (Outcome.TRANSIENT, 1, 0)


@pytest.mark.parametrize(("ahead", "outcome"), [(-200, Outcome.DONE), (200, Outcome.DONE), (-400, Outcome.TRANSIENT)])
async def test_the_signature_carries_the_time_of_its_sending(
    endpoint: Endpoint, sender: Sender, ahead: int, outcome: Outcome
) -> None:
    sender.ahead = ahead
    assert (await sender.send(service(endpoint))).outcome is outcome


async def test_after_an_answer_was_lost_the_same_operation_is_sent_and_nothing_is_made_twice(
    endpoint: Endpoint, sender: Sender
) -> None:
    endpoint.spoil = [Unanswered("", sent=True), HttpResponse(500)]
    for _ in range(2):
        assert (await sender.send(service(endpoint), replace(DELIVERY, look=True))).outcome is Outcome.UNKNOWN
    ending = await sender.send(service(endpoint), replace(DELIVERY, look=True))
    assert (ending.outcome, ending.known.remote_id) == (Outcome.DONE, "r1")
    assert (list(endpoint.receiver.held), len(set(endpoint.bodies))) == (["r1"], 1)
    assert {headers["webhook-id"] for headers in endpoint.headers} == {"operation-1"}


@pytest.mark.parametrize(
    ("answer", "outcome", "wait"),
    [
        (HttpResponse(410), Outcome.PERMANENT, None),
        (HttpResponse(400), Outcome.PERMANENT, None),
        (HttpResponse(429, {"retry-after": "7"}), Outcome.TRANSIENT, 7),
        (HttpResponse(503, {"retry-after": "9"}), Outcome.TRANSIENT, 9),
        (HttpResponse(302, {"location": "http://169.254.169.254/"}), Outcome.PERMANENT, None),
        (HttpResponse(200, {}, b"<html>Welcome to the hotel"), Outcome.UNKNOWN, None),
        (HttpResponse(200, {}, b"ok"), Outcome.DONE, None),
        (HttpResponse(204), Outcome.DONE, None),
    ],
)
async def test_each_answer_has_its_ending(
    endpoint: Endpoint, sender: Sender, answer: HttpResponse, outcome: Outcome, wait: int | None
) -> None:
    endpoint.spoil = [answer]
    ending = await sender.send(service(endpoint))
    assert (ending.outcome, ending.retry_after, ending.known.remote_id) == (outcome, wait, None)


@pytest.mark.parametrize("secret", ["", "a-token", f"{OLD} {OLD} {NEW}", "whsec_!!!!", "whsec_c2hvcnQ="])
async def test_nothing_leaves_without_a_good_secret(endpoint: Endpoint, sender: Sender, secret: str) -> None:
    sender.secret = secret
    ending = await sender.send(service(endpoint))
    assert (ending.outcome, endpoint.bodies) == (Outcome.TRANSIENT, [])
    assert not secret or secret.removeprefix("whsec_") not in ending.reason


async def test_a_secret_that_does_not_come_ends_in_time(endpoint: Endpoint) -> None:
    async def never(name: str) -> str:
        await asyncio.Event().wait()
        return OLD

    caller = HttpCaller(Secrets(never))
    courier = Courier(Signing(caller, Secrets(never), lambda: 0), no_queue)
    ending = await courier.converse(service(endpoint, timeout=1), deliver(service(endpoint), DELIVERY))
    assert (ending.outcome, ending.reason) == (Outcome.TRANSIENT, "no secret 'library' within 1 s")


async def test_what_is_to_be_signed_never_leaves_unsigned(endpoint: Endpoint, sender: Sender) -> None:
    request = HttpRequest("POST", "", content=b"{}", sign_as="operation-1")
    answer = await sender.caller(service(endpoint), request, 2.0)
    assert answer == Unanswered("the request is to be signed, and is not", sent=False)
    assert endpoint.bodies == []


@given(st.binary(min_size=24, max_size=64), st.text(), st.integers(0, 2**32))
def test_our_signature_is_the_one_that_another_library_makes(key: bytes, body: str, seconds: int) -> None:

    secret = "whsec_" + base64.b64encode(key).decode()
    body = body.encode("utf-8", "replace").decode()
    theirs = Webhook(secret).sign("operation-1", datetime.fromtimestamp(seconds, UTC), body)
    assert signatures(read_keys(secret), "operation-1", seconds, body.encode()) == theirs


def test_keys_are_not_quoted_in_errors() -> None:
    with pytest.raises(InvalidError) as caught:
        read_keys("whsec_c2hvcnQ= whsec_c2hvcnQ=")
    assert "c2hvcnQ" not in str(caught.value)
