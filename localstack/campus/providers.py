"""The sample SPs: third-party SCIM servers on loopback that can be made to fail, and a badge system behind a queue."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from scim2_server.memory import InMemoryStorage
from scim2_server.testserver.application import BearerTokenApplication
from scim2_server.utils import load_default_provider

from localstack import clock

if TYPE_CHECKING:
    from types_aiobotocore_sqs import SQSClient

_BODY: Final = b'{"detail": "closed for maintenance"}'
_WAIT: Final = 5  # seconds of one long poll


class Mode(StrEnum):
    """What an SP does with a request."""

    UP = "up"
    UNAVAILABLE = "unavailable"  # answers 503
    DROPPING = "dropping"  # does the work, then closes the connection without an answer


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 128


class _Handler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_args: Any) -> None:
        return

    def address_string(self) -> str:
        return str(self.client_address[0])  # never a look-up of names


@dataclass
class ScimProvider:
    """One SCIM server. `port` is its port on every address that it is bound to; without its token it answers 401."""

    service: str
    token: str
    port: int = 0
    mode: Mode = Mode.UP
    refused: int = 0
    calls: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def endpoint(self) -> str:
        """Its base URL on this machine."""
        return f"http://127.0.0.1:{self.port}/v2"

    def serve(self, application: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
        """The application behind the switch."""

        def switch(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            with self._lock:
                self.calls += 1
                self.refused += self.mode is not Mode.UP
            if self.mode is Mode.UNAVAILABLE:
                start_response("503 Service Unavailable", [("Content-Type", "application/json")])
                return [_BODY]
            answer = application(environ, start_response)
            if self.mode is Mode.DROPPING:
                raise ConnectionAbortedError  # what wsgiref takes for an end without a word
            return answer

        return switch


@contextmanager
def scim_provider(service: str, token: str, bind: str = "127.0.0.1") -> Iterator[ScimProvider]:
    """Run a SCIM server on a free port of an address, in threads of this process."""
    provider = ScimProvider(service, token)
    application = BearerTokenApplication(InMemoryStorage(), load_default_provider(), bearer_tokens=[token])
    server = make_server(bind, 0, provider.serve(application), server_class=_Server, handler_class=_Handler)
    provider.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass(frozen=True, slots=True)
class Badge:
    """What the badge system holds for one identity. `first`, `at`: when its first and its last message came."""

    turn: int
    phase: str
    values: dict[str, Any]
    first: float
    at: float


@dataclass
class BadgeSystem:
    """Takes messages from its own queue. Of each identity it keeps the highest turn, whatever came last."""

    sqs: "SQSClient"
    queue: str
    badges: dict[str, Badge] = field(default_factory=dict)
    received: int = 0
    outdated: int = 0

    @property
    def withdrawn(self) -> int:
        """How many badges were given and taken back."""
        return sum(badge.phase == "absent" for badge in self.badges.values())

    async def run(self) -> None:
        """Take messages until cancelled."""
        while True:
            answer = await self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10, WaitTimeSeconds=_WAIT)
            messages = answer.get("Messages", [])
            for message in messages:
                self.take(message["Body"])
            if messages:
                entries: list[Any] = [
                    {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
                    for number, message in enumerate(messages)
                ]
                await self.sqs.delete_message_batch(QueueUrl=self.queue, Entries=entries)
            await asyncio.sleep(0)

    def take(self, body: str) -> None:
        """Take one CloudEvent. A turn that is not higher than the one held is a repetition or came late."""
        event = json.loads(body)
        data = event["data"]
        self.received += 1
        held = self.badges.get(data["identity"])
        if held is not None and data["turn"] <= held.turn:
            self.outdated += 1
            return
        now = clock.seconds()
        first = held.first if held is not None else now
        self.badges[data["identity"]] = Badge(data["turn"], data["phase"], data["values"], first, now)


async def badge_queue(sqs: "SQSClient", name: str) -> str:
    """Make the badge system's own queue; returns its URL."""
    return (await sqs.create_queue(QueueName=name))["QueueUrl"]
