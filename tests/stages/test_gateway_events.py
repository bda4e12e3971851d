"""Event tokens that are pushed (RFC 8935): durable as they are, or refused by a word that RFC 8935 2.4 has."""

from typing import Any

import pytest

from provisioning.adapters.memory.tokens import MemoryKeySets
from tests.gateway.world import OTHER, World
from tests.sources.issuer import ISSUER, Issuer

ISSUED = Issuer()


@pytest.fixture
def world() -> World:
    return World(issuers=MemoryKeySets({ISSUER: ISSUED.keys}))


async def push(world: World, body: bytes, kind: str = "application/secevent+jwt", method: str = "POST") -> Any:
    return await world.ask(method, "/events", body, headers={"Content-Type": kind}, token=OTHER)


async def test_an_event_token_is_in_the_queue_as_it_is_when_it_is_accepted(world: World) -> None:
    token = ISSUED.says("prov:delete")
    answer = await push(world, f" {token}\n".encode())
    assert (answer.status, answer.text) == (202, "")
    assert list(world.queues["hr"].bodies()) == [token]


async def test_where_nobody_can_say_now_whether_it_is_genuine_it_is_durable_for_the_receiver_verifies_it(
    world: World,
) -> None:
    world.issuers.sets.clear()
    token = ISSUED.says("prov:delete")
    assert (await push(world, token.encode())).status == 202
    assert list(world.queues["hr"].bodies()) == [token]


@pytest.mark.parametrize(
    ("token", "word"),
    [
        (ISSUED.says("prov:delete", iss="https://evil.example"), "invalid_issuer"),
        (ISSUED.says("prov:delete", aud="https://others.example"), "invalid_audience"),
        (ISSUED.says("prov:delete")[:-4] + "AAAA", "authentication_failed"),
        (ISSUED.sign(ISSUED.claims("prov:delete"), header={"kid": "gone"}), "invalid_key"),
        (ISSUED.sign(ISSUED.claims("prov:delete"), header={"alg": "none"}), "authentication_failed"),
        (ISSUED.says("prov:delete", jti=None), "invalid_request"),
        (ISSUED.says("prov:delete", events={}), "invalid_request"),
    ],
)
async def test_what_is_not_believed_is_refused_by_the_word_that_its_transmitter_understands(
    world: World, token: str, word: str
) -> None:
    answer = await push(world, token.encode())
    assert (answer.status, answer.json["err"]) == (400, word)
    assert answer.json["description"]
    assert list(world.queues["hr"].bodies()) == []


@pytest.mark.parametrize(
    "body",
    [b"", b"x", b"a.b", b"a.b.c", b"....", ISSUED.says("prov:delete").encode() + b".e30", b"\xff" * 40,
     b"\xff.\xff.\xff", b"W10." + ISSUED.says("prov:delete").split(".")[1].encode() + b".",
     b"A" * 300_000 + b"." + b"A" * 300_000 + b".A"],
)  # fmt: skip
async def test_what_is_no_token_by_its_form_is_refused_with_a_reason(world: World, body: bytes) -> None:
    answer = await push(world, body)
    assert (answer.status, answer.json["err"]) == (400, "invalid_request")
    assert answer.json["description"]
    good = ISSUED.says("prov:delete").encode()
    assert (await push(world, good, "application/json")).status == 400
    assert (await push(world, b"", method="GET")).status == 405
    assert list(world.queues["hr"].bodies()) == []
