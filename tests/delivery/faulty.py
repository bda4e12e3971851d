"""An SP of any HTTP protocol on loopback, whose network and whose answers can be spoilt, one request after another."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from aiohttp import web
from aiohttp.test_utils import TestServer

from provisioning.adapters.delivery.driver import Courier
from provisioning.adapters.delivery.http import HttpCaller
from provisioning.adapters.delivery.secrets import Secrets
from provisioning.adapters.delivery.sign import Signing
from provisioning.core.account import Desired, Known, Phase
from provisioning.core.catalog import Service
from provisioning.protocols.dialogue import Delivery, Ending, HttpRequest, HttpResponse, Outcome
from provisioning.protocols.registry import PROTOCOLS
from tests.contracts.providers import PROVIDERS
from tests.delivery.conftest import TOKEN, no_queue
from tests.delivery.grader import Grader
from tests.delivery.spml_grader import Call
from tests.delivery.spml_provider import REFERENCES
from tests.delivery.test_webhook import OLD
from tests.delivery.watched import watched

MARK: Final = "0b8ff0e2-6f0f-4c3e-9b0f-3f6a2a1f4c11"
Fault = Callable[["Spoilt", web.Request, HttpResponse | None], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Spoil:
    """A fault that one request meets. `effect`: the SP has done what it was asked; the answer is then at hand."""

    fault: Fault
    effect: bool = False


@dataclass(repr=False)
class Spoilt:
    """The SP, our way to it, and one account's deliveries as a stage would lead them: a look after every doubt."""

    protocol: str
    spoils: list[Spoil] = field(default_factory=list)
    calls: int = 0
    url: str = ""
    known: Known = field(default_factory=Known)
    turn: int = 0
    look: bool = False
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.provider: Any = PROVIDERS[self.protocol]()
        secrets = Secrets(self.read)
        self.caller = HttpCaller(secrets)
        self.courier = Courier(Signing(self.caller, secrets, lambda: 1_800_000_000), no_queue)

    async def read(self, _name: str) -> str:
        return OLD if self.protocol == "webhook" else TOKEN

    def service(self, **changes: Any) -> Service:
        fields = {
            "id": "library", "protocol": self.protocol, "endpoint": self.url, "secret": "library", "private": True,
            "timeout": 1, "account": {"userName": "x"}, "spml": REFERENCES, "response": 65536,
        }  # fmt: skip
        return Service.model_validate({**fields, **changes})

    async def deliver(self, desired: Desired, service: Service | None = None, mark: str = MARK) -> Ending:
        """One delivery: the next turn, or the same again where the last one was not done."""
        held = service or self.service()
        delivery = Delivery(mark, desired, self.known, self.look, f"operation-{self.turn}", self.turn)
        ending = await self.courier.converse(held, PROTOCOLS[self.protocol].deliver(held, delivery))
        self.known = ending.known
        if ending.outcome is Outcome.DONE:
            self.look, self.turn = False, self.turn + 1
        else:
            self.look = self.look or ending.outcome is Outcome.UNKNOWN
        return ending

    async def settle(self, desired: Desired) -> None:
        """Delivered, as often as it takes."""
        for _ in range(6):
            ending = await self.deliver(desired)
            if ending.outcome is Outcome.DONE:
                return
        raise AssertionError(ending)

    def held(self) -> int:
        """How many accounts there are, whosever they are."""
        if self.protocol == "scim":
            return len(self.provider.storage.resources)
        return len(self.provider.target.accounts() if self.protocol == "spml" else self.provider.held)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.calls += 1
        content = await request.read()
        spoil = self.spoils.pop(0) if self.spoils else None
        if spoil is not None and not spoil.effect:
            return await self.unheard(request, content, spoil)
        answer = self.answer(request, content)
        if spoil is not None:
            return await spoil.fault(self, request, answer)
        return web.Response(status=answer.status, body=answer.body, headers=answer.headers)

    async def unheard(self, request: web.Request, content: bytes, spoil: Spoil) -> web.StreamResponse:
        """What the SP never hears of was asked of it all the same, and is judged."""

        async def fault(request: web.Request) -> web.StreamResponse:
            return await spoil.fault(self, request, None)

        if self.protocol == "scim":
            grader: Grader = self.provider.grader
            return await watched(grader, request, fault)
        response = None
        if self.protocol == "spml":
            call = Call({name.lower(): value for name, value in request.headers.items()}, content)
            self.provider.judged.append(call)
            response = await fault(request)
            call.status = response.status if isinstance(response, web.Response) else 0
        return response or await fault(request)

    def answer(self, request: web.Request, content: bytes) -> HttpResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        asked = HttpRequest(
            request.method, request.path.removeprefix("/sp"), dict(request.query), headers, content=content
        )
        if self.protocol == "scim":
            asked = replace(asked, content=None, body=json.loads(content) if content else None)
        answer = self.provider.answer(replace(asked, sign_as=headers.get("webhook-id")))
        assert isinstance(answer, HttpResponse)
        return answer


@contextlib.asynccontextmanager
async def spoilt(protocol: str) -> AsyncIterator[Spoilt]:
    """It runs."""
    world = Spoilt(protocol)
    application = web.Application()
    application.router.add_route("*", "/sp{path:.*}", world.handle)
    server = TestServer(application)
    await server.start_server(shutdown_timeout=0)
    world.url = str(server.make_url("/sp"))
    yield world
    world.over.set()
    await world.caller.close()
    await server.close()


# What can be the matter with the way there.


def nobody_there(service: Service) -> Service:
    """An address at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return service.model_copy(update={"endpoint": f"http://127.0.0.1:{taken.getsockname()[1]}/sp"})


def no_tls(service: Service) -> Service:
    """TLS with a server that knows of none."""
    return service.model_copy(update={"endpoint": service.endpoint.replace("http://", "https://")})


# What can be the matter with an answer.


def instead(status: int, body: bytes = b"", **headers: str) -> Fault:
    """This answer."""

    async def fault(_world: Spoilt, _request: web.Request, _answer: HttpResponse | None) -> web.StreamResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(status=status, body=body, headers=named)

    return fault


async def reset(_world: Spoilt, request: web.Request, answer: HttpResponse | None) -> web.StreamResponse:
    """The connection breaks: in the middle of the answer's body, or before there is one."""
    response = web.StreamResponse(headers={"content-length": "1000"})
    if answer is not None:
        await response.prepare(request)
        await response.write(answer.body[:10] or b"{")
    assert request.transport is not None
    request.transport.abort()
    return response


async def loris(world: Spoilt, request: web.Request, answer: HttpResponse | None) -> web.StreamResponse:
    """A first byte, then nothing that ends."""
    response = web.StreamResponse(headers={"content-length": "1000"})
    await response.prepare(request)
    await response.write(b" ")
    await world.over.wait()
    return response


async def silence(world: Spoilt, _request: web.Request, _answer: HttpResponse | None) -> web.StreamResponse:
    """Nothing."""
    await world.over.wait()
    return web.Response()


ACTIVE, CHANGED = Desired(Phase.ACTIVE, {"userName": "ann"}), Desired(Phase.ACTIVE, {"userName": "anna"})
STEPS: Final = {
    "create": ACTIVE,
    "change": CHANGED,
    "suspend": replace(ACTIVE, phase=Phase.SUSPENDED),
    "delete": Desired(Phase.ABSENT),
}
