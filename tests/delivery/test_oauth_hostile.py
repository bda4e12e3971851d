"""Token endpoints that misbehave: the SP's call was never made, so nothing is in doubt, and nothing is told."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from provisioning.protocols.dialogue import Outcome
from tests.delivery.oauth import CLIENT, PASSWORD, Handler, World, opened

ACCESS = {"access_token": "t", "token_type": "bearer"}


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with opened(World()) as world:
        yield world


def says(status: int, body: Any, **headers: str) -> Handler:
    """This answer, whoever asks."""

    async def handler(_request: web.Request) -> web.StreamResponse:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(status=status, body=raw, headers=named)

    return handler


CASES: dict[str, tuple[Handler, str]] = {
    "html": (says(200, b"<html>Welcome"), "200 with no JSON object"),
    "nothing": (says(200, b""), "200 with no JSON object"),
    "a list": (says(200, [ACCESS]), "200 with no JSON object"),
    "twice": (says(200, b'{"access_token": "a", "access_token": "b"}'), "200 with no JSON object"),
    "no token": (says(200, {"token_type": "bearer"}), "without a usable access_token"),
    "a number": (says(200, {**ACCESS, "access_token": 7}), "without a usable access_token"),
    "empty": (says(200, {**ACCESS, "access_token": ""}), "without a usable access_token"),
    "long": (says(200, {**ACCESS, "access_token": "x" * 20000}), "without a usable access_token"),
    "a line": (says(200, {**ACCESS, "access_token": "t\r\nx-evil: 1"}), "that no header can bear"),
    "a space": (says(200, {**ACCESS, "access_token": "t t"}), "that no header can bear"),
    "not ascii": (says(200, {**ACCESS, "access_token": "tø"}), "without a usable access_token"),
    "another type": (says(200, {**ACCESS, "token_type": "mac"}), "a token_type that is not bearer"),
    "no type": (says(200, {**ACCESS, "token_type": None}), "a token_type that is not bearer"),
    "deep": (says(200, b"[" * 60000), "200 with no JSON object"),
    "bomb": (says(200, b"x" * 100000), "longer than 65536 bytes"),
    "packed": (says(200, b"\x1f\x8b", Content_Encoding="gzip"), "or packed"),
    "created": (says(201, ACCESS), "answered 201"),
    "redirect": (says(307, b"", Location="http://169.254.169.254/latest"), "answered 307: redirect refused"),
    "bad client": (says(400, {"error": "invalid_client"}), "400: invalid_client: the client_id and client_secret of"),
    "bad scope": (says(400, {"error": "invalid_scope"}), "400: invalid_scope: `scope` is not one that it gives"),
    "our secret": (says(400, {"error": PASSWORD, "error_description": PASSWORD}), "answered 400"),
    "forbidden": (says(403, b"no"), "answered 403"),
    "broken": (says(500, b"oops"), "answered 500"),
}


@pytest.mark.parametrize("case", CASES)
async def test_whatever_it_says_instead_of_a_token_the_call_is_not_made(world: World, case: str) -> None:
    world.spoil, reason = CASES[case]
    ending = await world.run(world.service())
    assert ending.outcome is Outcome.TRANSIENT
    assert ending.reason.startswith("no token: the token endpoint")
    assert reason in ending.reason
    assert PASSWORD not in ending.reason
    assert (world.borne, len(world.asked)) == ([], 1)


async def test_it_may_break_off_or_never_answer(world: World) -> None:
    over = asyncio.Event()

    async def breaks(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async def hangs(_request: web.Request) -> web.StreamResponse:
        await over.wait()
        return web.Response()

    for world.spoil in (breaks, hangs):
        endings = await asyncio.gather(*(world.run(world.service(timeout=1)) for _ in range(10)))
        assert {(ending.outcome, ending.reason[:8]) for ending in endings} == {(Outcome.TRANSIENT, "no token")}
    over.set()
    assert world.borne == []
    world.spoil = None
    assert (await world.run(world.service(timeout=1))).outcome is Outcome.DONE


async def test_what_one_is_told_all_hear_who_waited_and_the_next_asks_again(world: World) -> None:
    world.spoil = says(503, b"")
    endings = await asyncio.gather(*(world.run(world.service()) for _ in range(50)))
    assert {ending.reason for ending in endings} == {"no token: the token endpoint answered 503"}
    assert len(world.asked) == 1
    world.spoil = None
    assert (await world.run(world.service())).outcome is Outcome.DONE
    assert len(world.asked) == 2


@pytest.mark.parametrize(
    ("status", "headers", "seconds"),
    [
        (429, {"Retry_After": "17"}, 17),
        (503, {"Retry_After": "Fri, 31 Dec 1999 23:59:59 GMT", "Date": "Fri, 31 Dec 1999 23:58:59 GMT"}, 60),
    ],
)
async def test_its_retry_after_is_kept_to(world: World, status: int, headers: dict[str, str], seconds: int) -> None:
    world.spoil = says(status, b"", **headers)
    ending = await world.run(world.service())
    assert (ending.outcome, ending.retry_after) == (Outcome.TRANSIENT, seconds)
    world.spoil = None
    world.now += seconds - 5
    ending = await world.run(world.service())
    assert (ending.outcome, ending.retry_after, len(world.asked)) == (Outcome.TRANSIENT, 5, 1)
    world.now += 5
    assert (await world.run(world.service())).outcome is Outcome.DONE


async def test_a_retry_after_of_years_does_not_close_the_service_for_years(world: World) -> None:
    world.spoil = says(429, b"", Retry_After="999999999")
    await world.run(world.service())
    world.spoil = None
    world.now += 3600
    assert (await world.run(world.service())).outcome is Outcome.DONE


@pytest.mark.parametrize(
    ("token_endpoint", "reason"),
    [
        ("http://sp.example.org/token", "the token endpoint is not https"),
        ("https://user:word@sp.example.org/token", "the token endpoint is not a plain URL of a host"),
        ("https://169.254.169.254/token", "169.254.169.254 is a private address"),
        ("https://127.0.0.1/token", "127.0.0.1 is a private address"),
    ],
)
async def test_an_address_that_is_not_safe_is_not_asked(world: World, token_endpoint: str, reason: str) -> None:
    options = {"token_endpoint": token_endpoint}
    ending = await world.run(world.service(options, private=False, endpoint="https://sp.example.org/v2"))
    assert ending.outcome is Outcome.TRANSIENT
    assert reason in ending.reason
    assert world.asked == []


async def test_an_endpoint_without_a_name_that_we_know_is_given_no_secret(world: World) -> None:
    ending = await world.run(world.service({"authorities": None}))
    assert (ending.outcome, world.asked) == (Outcome.TRANSIENT, [])
    assert "the certificate is not to be trusted" in ending.reason


async def test_the_client_is_asked_for_again_only_where_the_secret_was_changed(world: World) -> None:
    world.clients = {CLIENT: "another"}
    ending = await world.run(world.service())
    assert "401: invalid_client: the client_id and client_secret of secret 'library' are not accepted" in ending.reason
    assert (len(world.asked), world.reads) == (1, 2)
