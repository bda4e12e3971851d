"""scim2-server over TLS, which may ask its clients for a certificate, on loopback."""

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any, cast
from wsgiref.simple_server import make_server
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from scim2_server.memory import InMemoryStorage
from scim2_server.testserver.application import BearerTokenApplication
from scim2_server.testserver.cli import ThreadingWSGIServer
from scim2_server.utils import load_default_provider

from provisioning.adapters.delivery.driver import Courier
from provisioning.adapters.delivery.http import HttpCaller
from provisioning.adapters.delivery.secrets import Secrets
from provisioning.core.account import Desired, Known, Phase
from provisioning.core.catalog import Service
from provisioning.core.errors import TransientError
from provisioning.protocols.dialogue import Delivery, Ending
from provisioning.protocols.scim import deliver
from tests.delivery.certificates import Authority
from tests.delivery.conftest import TOKEN, Quiet, no_queue
from tests.delivery.grader import Grader

NOTHING = Known()


class TlsServer(ThreadingWSGIServer):
    """Shakes hands in the connection's own thread. What it refuses it hears out, so that its alert arrives.

    Closing with something unread would reset the connection, and a reset can take the alert with it. `resets`: it does
    just that, and before it has said why.
    """

    context: ssl.SSLContext
    resets = False

    def finish_request(self, request: Any, client_address: Any) -> None:
        if self.resets:
            _reset(request, self.context)
            return
        # Not as it is wrapped: what fails then is closed at once.
        secure = self.context.wrap_socket(request, server_side=True, do_handshake_on_connect=False)
        try:
            secure.do_handshake()
        except OSError:
            with contextlib.suppress(OSError):
                secure.shutdown(socket.SHUT_WR)
                while secure.recv(65536):  # as it comes: a socket that was shut down has no TLS any more
                    pass
            secure.close()
            return
        super().finish_request(cast(Any, secure), client_address)


def _reset(request: socket.socket, context: ssl.SSLContext) -> None:
    """Shake hands until that fails; the alert is never sent."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    hands = context.wrap_bio(incoming, outgoing, server_side=True)
    with request, contextlib.suppress(ssl.SSLError):  # what it refuses
        request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        while True:
            try:
                hands.do_handshake()
            except ssl.SSLWantReadError:
                request.sendall(outgoing.read())
                incoming.write(request.recv(65536))


@dataclass(repr=False)
class Provider:
    """What an SP behind TLS was asked, and our side: secrets and a clock that a test turns."""

    authority: Authority
    url: str
    grader: Grader
    storage: InMemoryStorage
    borne: list[str | None]
    secrets: dict[str, str] = field(default_factory=lambda: {"library": TOKEN})
    now: float = 0.0
    reads: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.caller = HttpCaller(Secrets(self.read), lambda: self.now)
        self.courier = Courier(self.caller, no_queue)

    async def read(self, name: str) -> str:
        self.reads.append(name)
        if name not in self.secrets:
            raise TransientError(f"there is no secret {name!r}")
        return self.secrets[name]

    def service(self, authentication: dict[str, Any] | None = None, **changes: Any) -> Service:
        options = {"authorities": self.authority.pem, **(authentication or {})}
        fields = {
            "id": "library", "protocol": "scim", "endpoint": self.url, "secret": "library", "private": True,
            "account": {"userName": "x"}, "authentication": options,
        }  # fmt: skip
        return Service.model_validate({**fields, **changes})

    async def run(
        self, service: Service, known: Known = NOTHING, phase: Phase = Phase.ACTIVE, user_name: str = "ann"
    ) -> Ending:
        values = {} if phase is Phase.ABSENT else {"userName": user_name}
        delivery = Delivery("identity-1", Desired(phase, values), known, False, "operation-1", 1)
        return await self.courier.converse(service, deliver(service, delivery))

    @property
    def users(self) -> list[str]:
        dumps = [item.model_dump() for item in self.storage.resources]
        return [dump["userName"] for dump in dumps if dump["meta"]["resourceType"] == "User"]


@contextlib.contextmanager
def served(authority: Authority, context: ssl.SSLContext, *, resets: bool = False) -> Iterator[Provider]:
    """The server, running; its client is judged afterwards. `resets`: whom it refuses it does not tell."""
    storage, borne = InMemoryStorage(), list[str | None]()
    grader = Grader(BearerTokenApplication(storage, load_default_provider(), bearer_tokens=[TOKEN]))
    server = make_server("127.0.0.1", 0, _noting(grader, borne), server_class=TlsServer, handler_class=Quiet)
    server.context, server.resets = context, resets
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield Provider(authority, f"https://127.0.0.1:{server.server_port}/v2", grader, storage, borne)
    server.shutdown()
    server.server_close()


@contextlib.asynccontextmanager
async def provided(authority: Authority, context: ssl.SSLContext, *, resets: bool = False) -> AsyncIterator[Provider]:
    """The server and our side, which is closed first."""
    with served(authority, context, resets=resets) as provider:
        yield provider
        await provider.caller.close()


def _noting(application: Grader, borne: list[str | None]) -> WSGIApplication:
    def noting(environment: WSGIEnvironment, start: StartResponse) -> Any:
        borne.append(environment.get("HTTP_AUTHORIZATION"))
        return application(environment, start)

    return noting
