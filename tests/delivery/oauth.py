"""A token endpoint by RFC 6749, and an SP that takes only its tokens: both on loopback, over TLS."""

import base64
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_plus

from aiohttp import web
from aiohttp.test_utils import TestServer

from provisioning.adapters.delivery.driver import Courier
from provisioning.adapters.delivery.http import HttpCaller
from provisioning.adapters.delivery.secrets import Secrets
from provisioning.core.account import Desired, Known, Phase
from provisioning.core.catalog import Service
from provisioning.core.errors import TransientError
from provisioning.protocols.dialogue import Delivery, Ending
from provisioning.protocols.scim import deliver
from tests.delivery.certificates import Authority
from tests.delivery.conftest import no_queue
from tests.delivery.grader import Grader
from tests.delivery.watched import judge, watched

CLIENT, PASSWORD = "engine", "a-secret-of-the-engine"
DELIVERY = Delivery("identity-1", Desired(Phase.ACTIVE, {"userName": "ann"}), Known(), False, "operation-1", 1)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(repr=False)
class World:
    """The two servers and our side: its secrets and its clock, which a test turns."""

    authority: Authority = field(default_factory=lambda: Authority("of-the-tests"))
    clients: dict[str, str] = field(default_factory=lambda: {CLIENT: PASSWORD})
    secrets: dict[str, str] = field(default_factory=dict)
    lifetime: Any = 3600  # what the endpoint says
    holds: int = 3600  # seconds for which the SP takes a token
    now: float = 1_000_000.0
    asked: list[tuple[dict[str, str], str | None]] = field(default_factory=list)  # form, Authorization
    borne: list[str | None] = field(default_factory=list)  # Authorization of each call of the SP
    issued: dict[str, float] = field(default_factory=dict)  # token: until when
    spoil: Handler | None = None  # answers instead of the token endpoint
    base: str = ""
    judge: Grader = field(default_factory=lambda: judge(in_order=False))
    reads: int = 0

    def __post_init__(self) -> None:
        self.secrets.setdefault("library", json.dumps({"client_id": CLIENT, "client_secret": PASSWORD}))
        self.caller = HttpCaller(Secrets(self.read), lambda: self.now)
        self.courier = Courier(self.caller, no_queue)

    async def read(self, name: str) -> str:
        self.reads += 1
        if name not in self.secrets:
            raise TransientError(f"there is no secret {name!r}")
        return self.secrets[name]

    def service(self, authentication: dict[str, Any] | None = None, **changes: Any) -> Service:
        options = {
            "kind": "oauth2", "token_endpoint": f"{self.base}/token", "authorities": self.authority.pem,
            **(authentication or {}),
        }  # fmt: skip
        fields = {
            "id": "library", "protocol": "scim", "endpoint": f"{self.base}/v2", "secret": "library", "private": True,
            "timeout": 5, "account": {"userName": "x"}, "authentication": options,
        }  # fmt: skip
        return Service.model_validate({**fields, **changes})

    async def run(self, service: Service, delivery: Delivery = DELIVERY) -> Ending:
        return await self.courier.converse(service, deliver(service, delivery))

    def revoke(self) -> None:
        self.issued.clear()

    async def token(self, request: web.Request) -> web.StreamResponse:
        form = {name: str(value) for name, value in (await request.post()).items()}
        authorization = request.headers.get("authorization")
        self.asked.append((form, authorization))
        if self.spoil is not None:
            return await self.spoil(request)
        client, password = form.get("client_id", ""), form.get("client_secret", "")
        if authorization is not None:
            # RFC 6749 2.3.1, as a server reads it: apart at the first colon, then each decoded.
            first, _, second = base64.b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
            client, password = unquote_plus(first), unquote_plus(second)
        if self.clients.get(client) != password or not password:
            return web.json_response({"error": "invalid_client"}, status=401)
        assert form["grant_type"] == "client_credentials"
        token = f"token-{len(self.asked)}"
        self.issued[token] = self.now + self.holds
        answer = {"access_token": token, "token_type": "Bearer", "expires_in": self.lifetime}
        return web.json_response({name: value for name, value in answer.items() if value is not None})

    async def users(self, request: web.Request) -> web.StreamResponse:
        return await watched(self.judge, request, self.made)

    async def made(self, request: web.Request) -> web.StreamResponse:
        authorization = request.headers.get("authorization")
        self.borne.append(authorization)
        if self.issued.get((authorization or "").removeprefix("Bearer "), 0) <= self.now:
            return web.json_response({"detail": "who are you"}, status=401)
        return web.json_response({"id": str(len(self.borne))}, status=201)


@contextlib.asynccontextmanager
async def opened(world: World, demand: Authority | None = None) -> AsyncIterator[World]:
    """The servers, running. `demand`: whose certificates they ask of clients."""
    application = web.Application()
    application.router.add_post("/token", world.token)
    application.router.add_post("/v2/Users", world.users)
    server = TestServer(application, scheme="https")
    await server.start_server(ssl=world.authority.server(demand=demand), shutdown_timeout=0)
    world.base = str(server.make_url("")).rstrip("/")
    yield world
    await world.caller.close()
    await server.close()
