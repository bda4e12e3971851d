"""The delivery benchmark's limit: a bare aiohttp client that sends what the engine sent, and does nothing else.

What to send is recorded from an engine that goes over the same people before. URLs are parsed and bodies are bytes
before the clock runs; answers are read whole, and their status is looked at.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TypeVar

import aiohttp
from yarl import URL

from tests.bench.delivery_sp import Conversation, Provider

CONNECTIONS = 50  # the driver's limit, too
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Sent:
    """A request as it goes over the wire. `headers` without those that say where it goes and how long it is."""

    method: str
    url: URL
    headers: dict[str, str]
    body: bytes


class Recorder(Provider):
    """An SP in this process that writes down what it is sent."""

    def __init__(self) -> None:
        super().__init__()
        self._sent: list[Sent] = []

    def answer(self, head: bytes, body: bytes) -> bytes:
        first, *lines = head.decode().splitlines()
        method, path, _ = first.split(" ")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        host = headers.pop("host")
        headers.pop("content-length", None)
        self._sent.append(Sent(method, URL(f"http://{host}{path}", encoded=True), headers, body))
        return super().answer(head, body)

    def sent_to(self, url: str) -> list[Sent]:
        """What was written down since the last time, addressed to another SP."""
        recorded, self._sent = self._sent, []
        return [replace(one, url=URL(url + one.url.raw_path_qs, encoded=True)) for one in recorded]


class _Connection(asyncio.Protocol):
    """One connection to the recorder."""

    def __init__(self, recorder: Recorder) -> None:
        self._conversation = Conversation(recorder)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._transport.write(self._conversation.answers(data))


@asynccontextmanager
async def recording() -> AsyncIterator[tuple[Recorder, str]]:
    """A recorder and its URL."""
    recorder = Recorder()
    server = await asyncio.get_running_loop().create_server(lambda: _Connection(recorder), "127.0.0.1", 0)
    async with server:
        yield recorder, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@asynccontextmanager
async def bare_client() -> AsyncIterator[Callable[[Sequence[Sent]], Awaitable[None]]]:
    """A function that sends all of some requests, with as many at a time as there may be connections."""
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=CONNECTIONS),
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=("accept", "content-type"),
    ) as session:

        async def send(one: Sent) -> None:
            async with session.request(one.method, one.url, data=one.body, headers=one.headers) as response:
                await response.read()
                assert response.ok

        async def send_all(some: Sequence[Sent]) -> None:
            await in_turns(some, CONNECTIONS, send)

        yield send_all


async def in_turns(items: Iterable[Item], most: int, work: Callable[[Item], Awaitable[None]]) -> None:
    """Do the work for every item, for at most so many at a time; who is done takes the next."""
    waiting = iter(items)

    async def worker() -> None:
        for item in waiting:
            await work(item)

    async with asyncio.TaskGroup() as group:
        for _ in range(most):
            group.create_task(worker())
