"""SPs and networks that misbehave, on loopback, through the real courier: every ending is honest and bounded."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from provisioning.adapters.delivery.driver import Courier
from provisioning.adapters.delivery.http import HttpCaller
from provisioning.adapters.delivery.secrets import Secrets
from provisioning.core.account import Desired, Known, Phase
from provisioning.core.catalog import Service
from provisioning.core.errors import TransientError
from provisioning.protocols.dialogue import Delivery, Ending, HttpRequest, HttpResponse, Outcome, Unanswered
from provisioning.protocols.scim import deliver
from tests.delivery.conftest import no_queue
from tests.delivery.watched import judge, watched

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
DELIVERY = Delivery("identity-1", Desired(Phase.ACTIVE, {"userName": "ann.other"}), Known(), False, "operation-1", 1)
LOOK = Delivery("identity-1", Desired(Phase.ACTIVE, {"userName": "ann.other"}), Known(), True, "operation-1", 1)


class Hostile:
    """A server that answers as it is told, and remembers what it was asked."""

    def __init__(self) -> None:
        self.handler: Handler = answer(404)
        self.seen: list[web.Request] = []
        self.judge = judge(in_order=False)
        application = web.Application(client_max_size=2**24)
        application.router.add_route("*", "/{path:.*}", self.handle)
        self.server = TestServer(application)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(request)
        return await watched(self.judge, request, self.handler)


@pytest.fixture
async def hostile() -> AsyncIterator[Hostile]:
    hostile = Hostile()
    await hostile.server.start_server()
    yield hostile
    await hostile.server.close()


def service(hostile: Hostile, **changes: Any) -> Service:
    fields = {
        "id": "library", "protocol": "scim", "endpoint": str(hostile.server.make_url("/v2")), "secret": "library",
        "private": True, "timeout": 1, "account": {"userName": "x"},
    }  # fmt: skip
    return Service.model_validate({**fields, **changes})


def answer(status: int, body: bytes = b"", **headers: str) -> Handler:
    async def handler(_request: web.Request) -> web.StreamResponse:
        return web.Response(
            status=status, body=body, headers={name.replace("_", "-"): value for name, value in headers.items()}
        )

    return handler


async def run(courier: Courier, service_: Service, delivery: Delivery = DELIVERY) -> Ending:
    return await courier.converse(service_, deliver(service_, delivery))


@pytest.mark.parametrize(("delivery", "outcome"), [(DELIVERY, Outcome.UNKNOWN), (LOOK, Outcome.TRANSIENT)])
async def test_html_is_no_success(hostile: Hostile, courier: Courier, delivery: Delivery, outcome: Outcome) -> None:
    hostile.handler = answer(200, b"<html>Welcome to the hotel", content_type="text/html")
    ending = await run(courier, service(hostile), delivery)
    assert ending.outcome is outcome
    assert ending.known.remote_id is None
    assert len(hostile.seen) == 1


async def test_a_body_beyond_the_bound_is_not_read_to_its_end(hostile: Hostile, courier: Courier) -> None:
    written = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal written
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(640):  # 40 MB
            await response.write(b"x" * 65536)
            written += 65536
        return response

    hostile.handler = endless
    ending = await run(courier, service(hostile, response=1024))
    assert ending.outcome is Outcome.UNKNOWN
    assert "longer than 1024 bytes" in ending.reason
    assert written < 20_000_000


async def test_a_packed_body_is_not_unpacked(hostile: Hostile, courier: Courier) -> None:
    hostile.handler = answer(200, b"\x1f\x8b\x08 whatever", Content_Encoding="gzip")
    ending = await run(courier, service(hostile))
    assert (ending.outcome, hostile.seen[0].headers["accept-encoding"]) == (Outcome.UNKNOWN, "identity")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_to_a_metadata_address_is_refused(hostile: Hostile, courier: Courier, status: int) -> None:
    hostile.handler = answer(status, Location="http://169.254.169.254/latest/meta-data/")
    ending = await run(courier, service(hostile))
    assert (ending.outcome, ending.reason) == (Outcome.PERMANENT, f"POST answered {status}: redirect refused")
    assert len(hostile.seen) == 1


@pytest.mark.parametrize(("delivery", "outcome"), [(DELIVERY, Outcome.UNKNOWN), (LOOK, Outcome.TRANSIENT)])
async def test_no_answer_at_all_ends_in_time(
    hostile: Hostile, courier: Courier, delivery: Delivery, outcome: Outcome
) -> None:
    over = asyncio.Event()

    async def nothing(_request: web.Request) -> web.StreamResponse:
        await over.wait()
        return web.Response()

    hostile.handler = nothing
    ending = await run(courier, service(hostile), delivery)
    over.set()
    assert (ending.outcome, ending.reason) == (outcome, "no answer within 1 s")


async def test_a_connection_that_breaks_in_the_middle_leaves_the_effect_unknown(
    hostile: Hostile, courier: Courier
) -> None:
    async def broken(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-length": "1000"})
        await response.prepare(request)
        await response.write(b'{"id": "1"')
        assert request.transport is not None
        request.transport.abort()
        return response

    hostile.handler = broken
    ending = await run(courier, service(hostile))
    assert ending.outcome is Outcome.UNKNOWN
    assert ending.reason.startswith("no complete answer")


async def test_a_500_after_the_effect_is_unknown_and_looked_at(hostile: Hostile, courier: Courier) -> None:
    made: list[dict[str, Any]] = []

    async def fails_after(request: web.Request) -> web.StreamResponse:
        if request.method == "POST":
            made.append({**json.loads(await request.text()), "id": "77"})
            return web.Response(status=500)
        return web.json_response({"totalResults": len(made), "Resources": made})

    hostile.handler = fails_after
    assert (await run(courier, service(hostile))).outcome is Outcome.UNKNOWN
    ending = await run(courier, service(hostile), LOOK)
    assert (ending.outcome, ending.known.remote_id, len(made)) == (Outcome.DONE, "77", 1)


@pytest.mark.parametrize("status", [429, 503])
async def test_retry_after_is_understood_in_both_forms(hostile: Hostile, courier: Courier, status: int) -> None:
    hostile.handler = answer(status, Retry_After="17")
    ending = await run(courier, service(hostile))
    assert (ending.outcome, ending.retry_after) == (Outcome.TRANSIENT, 17)
    hostile.handler = answer(status, Retry_After="Fri, 31 Dec 1999 23:59:59 GMT", Date="Fri, 31 Dec 1999 23:58:59 GMT")
    assert (await run(courier, service(hostile))).retry_after == 60


async def test_nobody_listens(hostile: Hostile, courier: Courier) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: refused
        ending = await run(courier, service(hostile, endpoint=f"http://127.0.0.1:{taken.getsockname()[1]}"))
    assert ending.outcome is Outcome.TRANSIENT
    assert ending.reason.startswith("not connected")


async def test_a_name_that_does_not_exist_was_not_sent(hostile: Hostile, courier: Courier) -> None:
    ending = await run(courier, service(hostile, endpoint="https://sp.invalid/v2"))
    assert ending.outcome is Outcome.TRANSIENT
    assert ending.reason.startswith("not connected")


async def test_failing_tls_was_not_sent(hostile: Hostile, courier: Courier) -> None:
    url = hostile.server.make_url("/v2").with_scheme("https")
    ending = await run(courier, service(hostile, endpoint=str(url)))
    assert ending.outcome is Outcome.TRANSIENT
    assert ending.reason.startswith("not connected")
    assert hostile.seen == []


async def test_a_secret_that_cannot_be_had_stops_only_its_service(hostile: Hostile, courier: Courier) -> None:
    hostile.handler = answer(201, b'{"id": "1"}')
    ending = await run(courier, service(hostile, secret="lost"))
    assert (ending.outcome, ending.reason) == (
        Outcome.TRANSIENT, "no secret 'lost': there is no secret 'lost'",
    )  # fmt: skip
    assert hostile.seen == []
    assert (await run(courier, service(hostile))).outcome is Outcome.DONE


async def test_a_refused_token_is_read_again_once(hostile: Hostile) -> None:
    accepted, reads = "new", 0

    async def rotate(_name: str) -> str:
        nonlocal reads
        reads += 1
        await asyncio.sleep(0)  # others come meanwhile
        return "old" if reads == 1 else "new"

    async def checks(request: web.Request) -> web.StreamResponse:
        fits = request.headers["authorization"] == f"Bearer {accepted}"
        return web.json_response({"id": "1"}, status=201) if fits else web.Response(status=401)

    hostile.handler = checks
    caller = HttpCaller(Secrets(rotate))
    courier = Courier(caller, no_queue)
    endings = await asyncio.gather(*(run(courier, service(hostile)) for _ in range(3)))
    assert [ending.outcome for ending in endings] == [Outcome.DONE] * 3
    assert reads == 2
    accepted, asked = "never given", len(hostile.seen)
    ending = await run(courier, service(hostile))
    assert (ending.outcome, ending.reason) == (Outcome.TRANSIENT, "POST answered 401")
    assert len(hostile.seen) == asked + 1  # the same token would be refused again
    await caller.close()


async def test_connections_are_kept(hostile: Hostile, courier: Courier) -> None:
    hostile.handler = answer(201, b'{"id": "1"}')
    for _ in range(5):
        await run(courier, service(hostile))
    assert len({request.transport for request in hostile.seen}) == 1


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://127.0.0.1/v2",
        "https://localhost/v2",
        "https://169.254.169.254/",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
    ],
)
async def test_private_addresses_are_refused_when_connecting(hostile: Hostile, courier: Courier, endpoint: str) -> None:
    ending = await run(courier, service(hostile, endpoint=endpoint, private=False))
    assert ending.outcome is Outcome.TRANSIENT
    assert "private address" in ending.reason


async def test_a_name_that_resolves_inside_is_refused_whatever_the_resolver_said_before(
    hostile: Hostile, courier: Courier, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def rebound(self: Any, host: str, port: int = 0, family: Any = socket.AF_INET) -> list[dict[str, Any]]:
        entry = {"hostname": host, "host": "127.0.0.1", "port": hostile.server.port, "family": socket.AF_INET}
        return [{**entry, "proto": 0, "flags": socket.AI_NUMERICHOST}]

    monkeypatch.setattr("aiohttp.resolver.ThreadedResolver.resolve", rebound)
    ending = await run(courier, service(hostile, endpoint="https://sp.example.org/v2", private=False))
    assert "127.0.0.1 is a private address" in ending.reason
    assert hostile.seen == []


async def test_a_public_service_is_not_handed_a_private_services_connection(hostile: Hostile, courier: Courier) -> None:
    hostile.handler = answer(201, b'{"id": "1"}')
    assert (await run(courier, service(hostile))).outcome is Outcome.DONE
    url = hostile.server.make_url("/v2").with_scheme("https")
    assert "private address" in (await run(courier, service(hostile, endpoint=str(url), private=False))).reason


@pytest.mark.parametrize(
    ("endpoint", "reason"),
    [
        ("http://sp.example.org/v2", "not https"),
        ("ftp://sp.example.org", "not https"),
        ("https://user:word@sp.example.org", "not a plain URL"),
        ("no url at all", "not https"),
        ("https://[", "not a URL"),
    ],
)
async def test_an_endpoint_that_is_not_safe_is_not_called(
    hostile: Hostile, courier: Courier, endpoint: str, reason: str
) -> None:
    ending = await run(courier, service(hostile, endpoint=endpoint, private=False))
    assert ending.outcome is Outcome.TRANSIENT
    assert reason in ending.reason


async def test_a_secret_that_is_no_token_is_not_sent(hostile: Hostile) -> None:
    async def odd(_name: str) -> str:
        return "a\r\nx-evil: 1"

    caller = HttpCaller(Secrets(odd))
    answer_ = await caller(service(hostile), HttpRequest("GET", "/Users"), 1)
    assert answer_ == Unanswered("secret 'library' is not a bearer token", sent=False)
    await caller.close()


async def test_a_secret_store_that_hangs_does_not_hold_the_call(hostile: Hostile) -> None:
    async def hangs(_name: str) -> str:
        await asyncio.Event().wait()
        raise TransientError("never")

    caller = HttpCaller(Secrets(hangs))
    answer_ = await caller(service(hostile), HttpRequest("GET", "/Users"), 0.05)
    assert isinstance(answer_, Unanswered)
    assert not answer_.sent
    await caller.close()


async def test_ids_and_filters_arrive_as_they_are(hostile: Hostile) -> None:
    hostile.handler = answer(200, b"{}")

    async def token(_name: str) -> str:
        return "token\n"

    caller = HttpCaller(Secrets(token))
    request = HttpRequest("GET", "/Users/a%2Fb%20%C3%A6", {"filter": 'userName eq "a&b+c ø\\"%"'})
    answer_ = await caller(service(hostile), request, 1)
    assert isinstance(answer_, HttpResponse)
    (seen,) = hostile.seen
    assert seen.raw_path.startswith("/v2/Users/a%2Fb%20%C3%A6?")
    assert seen.query["filter"] == 'userName eq "a&b+c ø\\"%"'
    assert seen.headers["authorization"] == "Bearer token"
    hostile.judge.calls.forget()
    await caller.close()


async def test_a_body_that_is_said_to_be_short_and_comes_in_endless_chunks_is_bounded(courier: Courier) -> None:
    written = 0

    async def lie(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            for _ in range(640):  # 40 MB
                writer.write(b"10000\r\n" + b"x" * 65536 + b"\r\n")
                await writer.drain()
                written += 65536
        writer.close()

    server = await asyncio.start_server(lie, "127.0.0.1", 0)
    async with server:
        endpoint = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        liar = Service.model_validate({
            "id": "library", "protocol": "scim", "endpoint": endpoint, "private": True, "timeout": 5,
            "response": 1024, "account": {"userName": "x"},
        })  # fmt: skip
        ending = await run(courier, liar)
    assert ending.outcome is Outcome.UNKNOWN
    assert written < 20_000_000
