"""Event tokens that are pushed (RFC 8935): durable as they are, or refused with a reason."""

import base64
import json
from typing import Any

import pytest

from tests.gateway.world import OTHER, World


@pytest.fixture
def world() -> World:
    return World()


CLAIMS = {"iss": "https://idm.a.edu", "iat": 1, "jti": "1", "events": {"urn:ietf:params:SCIM:event:prov:create": {}}}


def token(header: Any = None, claims: Any = None) -> str:
    parts = (header or {"alg": "RS256", "typ": "secevent+jwt"}, claims or CLAIMS)
    encoded = (base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
    return ".".join([*encoded, "c2ln"])


async def push(world: World, body: bytes, kind: str = "application/secevent+jwt", method: str = "POST") -> Any:
    return await world.ask(method, "/events", body, headers={"Content-Type": kind}, token=OTHER)


async def test_an_event_token_is_in_the_queue_as_it_is_when_it_is_accepted(world: World) -> None:
    answer = await push(world, token().encode())
    assert (answer.status, answer.text) == (202, "")
    assert list(world.queues["hr"].bodies()) == [token()]


@pytest.mark.parametrize(
    "body",
    [b"", b"x", b"a.b", b"a.b.c", b"....", token({"typ": "x"}).encode(), token(None, {"iss": "x"}).encode(),
     token(None, {"iss": "x", "iat": 1, "jti": "1", "events": {}}).encode(), token().encode() + b".e30", b"\xff" * 40,
     b"W10." + token().split(".")[1].encode() + b".", b"A" * 300_000 + b"." + b"A" * 300_000 + b".A"],
)  # fmt: skip
async def test_what_is_no_token_by_its_form_is_refused_with_a_reason(world: World, body: bytes) -> None:
    answer = await push(world, body)
    assert (answer.status, answer.json["err"]) == (400, "invalid_request")
    assert answer.json["description"]
    assert (await push(world, token().encode(), "application/json")).status == 400
    assert (await push(world, b"", method="GET")).status == 405
    assert list(world.queues["hr"].bodies()) == []
