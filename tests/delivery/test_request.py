"""Requests as they arrive: what is asked of which host, and answers that come before or after what one expects."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest
from yarl import URL

from provisioning.adapters.delivery.http import HttpCaller
from provisioning.adapters.delivery.secrets import Secrets
from provisioning.core.catalog import Service
from provisioning.protocols.dialogue import HttpRequest, HttpResponse

Speak = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
FINE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@asynccontextmanager
async def spoken(speak: Speak) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server whose connections all speak so; its URL, and the heads of what it was asked."""
    heads = list[bytes]()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                heads.append(await reader.readuntil(b"\r\n\r\n"))
                await speak(reader, writer)
        writer.close()

    server = await asyncio.start_server(converse, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", heads


@asynccontextmanager
async def caller() -> AsyncIterator[HttpCaller]:
    async def read(_name: str) -> str:
        return "token"

    made = HttpCaller(Secrets(read))
    yield made
    await made.close()


def service(endpoint: str) -> Service:
    fields = {"id": "library", "protocol": "scim", "endpoint": endpoint, "private": True, "account": {"userName": "x"}}
    return Service.model_validate(fields)


async def fine(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(FINE)


@pytest.mark.parametrize("place", ["", "/", "/v2", "/v2/", "/v2//", "/a%20b", "/v2?tenant=1"])
@pytest.mark.parametrize("path", ["", "/Users", "/Users/a-1_b", "/Users/a%2Fb", "/Users/é", "/Users/../x", "/Users#x"])
@pytest.mark.parametrize("query", [{}, {"filter": 'a eq "b"'}])
async def test_what_is_asked_for_is_what_the_url_says(place: str, path: str, query: dict[str, str]) -> None:
    async with spoken(fine) as (url, heads), caller() as call:
        asked = HttpRequest("GET", path, query=query)
        assert isinstance(await call(service(url + place), asked, 5), HttpResponse)
        whole = (url + place).rstrip("/") + path if path else url + place
        whole += "?filter=a%20eq%20%22b%22" if query else ""
        line, host, *_ = heads[0].decode().split("\r\n")
        assert line == f"GET {URL(whole, encoded=True).raw_path_qs} HTTP/1.1"
        assert f"http://{host.removeprefix('Host: ')}" == url


async def test_what_is_said_on_the_way_to_an_answer_is_no_answer() -> None:
    async def hints(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 2 + FINE)

    async with spoken(hints) as (url, heads), caller() as call:
        for _ in range(2):
            answer = await call(service(url), HttpRequest("GET", "/Users"), 5)
            assert isinstance(answer, HttpResponse)
            assert (answer.status, answer.body) == (200, b"{}")
        assert len(heads) == 2


async def test_an_answer_that_comes_before_the_body_is_read_is_heard_and_its_connection_is_not_kept() -> None:
    connections = list[asyncio.StreamWriter]()

    async def impatient(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        gone = asyncio.get_running_loop().create_future()
        await gone

    async with spoken(impatient) as (url, _), caller() as call:
        for _ in range(2):
            asked = HttpRequest("POST", "/Users", content=b"x" * 20_000_000)
            answer = await call(service(url), asked, 20)
            assert isinstance(answer, HttpResponse)
            assert answer.status == 413
        assert len(connections) == 2
        for each in connections:
            each.transport.abort()
