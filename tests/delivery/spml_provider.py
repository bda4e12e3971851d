"""The SPML provider as tests meet it: without a network for the contract, and on loopback with faults and a judge."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from provisioning.core.catalog import Service
from provisioning.protocols.dialogue import Answer, HttpRequest, HttpResponse
from tests.delivery.judged import Recorded, recorded
from tests.delivery.spml_grader import Call, wrong
from tests.delivery.spml_objects import Held
from tests.delivery.spml_server import Target

REFERENCES = {"entity": "person", "owner": "employeeNumber", "target": "people", "reference": "memberOf"}
BATCH = {"operations": 50, "payload": 200_000}
ATTRIBUTES = {
    "entity": "person", "owner": "employeeNumber", "profile": "xsd", "namespace": "urn:example:people",
    "active": {"status": "open"}, "suspended": {"status": "closed"}, "member_of": "memberOf",
}  # fmt: skip


class SpmlProvider:
    """A target as the contract sees it: references for groups, the suspend capability, the DSML profile."""

    def __init__(self) -> None:
        self.target = Target(unique="userName")
        self.calls = 0
        self.judged = recorded("SPML", wrong)

    def answer(self, request: HttpRequest) -> HttpResponse:
        self.calls += 1
        assert request.content is not None
        call = Call(dict(request.headers), request.content)
        self.judged.append(call)
        call.answer = self.target.answer(request.content)
        return HttpResponse(200, {"content-type": "text/xml"}, call.answer)

    def throttled(self) -> Answer:
        return HttpResponse(503, {"retry-after": "30"})

    def garbage(self) -> Answer:
        return HttpResponse(200, {"content-type": "text/html"}, b"<html>Welcome")

    def accounts(self) -> dict[str, tuple[str, str, list[str]]]:
        return {held.one("employeeNumber"): self._account(held) for held in self.target.accounts()}

    def _account(self, held: Held) -> tuple[str, str, list[str]]:
        groups = [self.target.objects[to].one("cn") for _, to in held.references]
        return "suspended" if held.suspended else "active", held.one("userName"), sorted(groups)

    def plant(self, user_name: str, mark: str | None) -> None:
        self.target.plant("person", userName=user_name, **({"employeeNumber": mark} if mark else {}))

    def remove_all(self) -> None:
        self.target.objects.clear()


Fault = Callable[["Endpoint", web.Request, bytes], Awaitable[web.StreamResponse]]


@dataclass
class Endpoint:
    """A target on loopback. Each of `faults` meets one request; `calls` are judged when the test is over."""

    target: Target
    faults: list[Fault | None] = field(default_factory=list)
    calls: Recorded = field(default_factory=lambda: recorded("SPML", wrong))
    failure_status: int = 200
    url: str = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        content = await request.read()
        call = Call({name.lower(): value for name, value in request.headers.items()}, content)
        self.calls.append(call)
        fault = self.faults.pop(0) if self.faults else None
        response = await (fault or honest)(self, request, content)
        if isinstance(response, web.Response) and isinstance(response.body, bytes):
            call.status, call.answer = response.status, response.body
        return response

    @property
    def names(self) -> list[str]:
        """What was asked, in its order."""
        return [call.request.tag.rpartition("}")[2].removesuffix("Request") for call in self.calls]


async def honest(endpoint: Endpoint, _request: web.Request, content: bytes) -> web.StreamResponse:
    answer = endpoint.target.answer(content)
    status = endpoint.failure_status if b'status="failure"' in answer else 200
    return web.Response(status=status, body=answer, content_type="text/xml", charset="UTF-8")


async def dropped(endpoint: Endpoint, request: web.Request, content: bytes) -> web.StreamResponse:
    """The effect, and then no answer."""
    endpoint.target.answer(content)
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def refused(endpoint: Endpoint, request: web.Request, content: bytes) -> web.StreamResponse:
    """Neither an effect nor an answer."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def slow(endpoint: Endpoint, request: web.Request, content: bytes) -> web.StreamResponse:
    """The effect, and the answer when nobody waits any more."""
    endpoint.target.answer(content)
    await asyncio.sleep(30)  # ended by the server's end
    return web.Response()


def instead(body: bytes, status: int = 200, *, effect: bool = False) -> Fault:
    """This answer, with the effect or without."""

    async def fault(endpoint: Endpoint, _request: web.Request, content: bytes) -> web.StreamResponse:
        if effect:
            endpoint.target.answer(content)
        return web.Response(status=status, body=body, content_type="text/xml")

    return fault


@contextlib.asynccontextmanager
async def served(target: Target) -> AsyncIterator[Endpoint]:
    """The target on loopback; afterwards its client is judged."""
    endpoint = Endpoint(target)
    application = web.Application(client_max_size=2**24)
    application.router.add_post("/spml", endpoint.handle)
    server = TestServer(application)
    await server.start_server(shutdown_timeout=0)
    endpoint.url = str(server.make_url("/spml"))
    yield endpoint
    await server.close()


def service(url: str = "https://sp.example.org/spml", **changes: Any) -> Service:
    fields = {
        "id": "library", "protocol": "spml", "endpoint": url, "private": True, "match": "uid",
        "account": {"uid": "x", "mail": "x", "sn": "x"}, "spml": REFERENCES, "timeout": 2,
    }  # fmt: skip
    return Service.model_validate({**fields, **changes})
