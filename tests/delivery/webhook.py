"""A webhook's receiver as the protocol asks for it. What reaches it by HTTP is verified by a library not of ours."""

import json
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from provisioning.protocols.dialogue import Answer, HttpRequest, HttpResponse, Unanswered


class Receiver:
    """Accounts by remote id. It knows a repetition by its id, and gives it the answer that it gave before."""

    def __init__(self) -> None:
        self.calls = 0
        self.answered: dict[str, tuple[int, dict[str, Any]]] = {}
        self.held: dict[str, dict[str, Any]] = {}
        self.made = 0

    def receive(self, message: str, body: bytes) -> tuple[int, dict[str, Any]]:
        """Status and body."""
        self.calls += 1
        if message not in self.answered:
            status, answer = self._apply(json.loads(body)["data"])
            if status != 200:
                return status, answer
            self.answered[message] = status, answer
        return self.answered[message]

    def _apply(self, data: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        known = next((key for key, held in self.held.items() if held["identity"] == data["identity"]), None)
        if known is not None and self.held[known]["turn"] >= data["turn"]:
            return 200, {"id": known}
        if data["phase"] == "absent":
            self.held.pop(known or "", None)
            return 200, {}
        user_name = data["values"].get("userName")
        if any(held["values"].get("userName") == user_name for key, held in self.held.items() if key != known):
            return 409, {"detail": f"{user_name} is taken"}
        if known is None:
            self.made += 1
        key = known or f"r{self.made}"
        self.held[key] = data
        return 200, {"id": key}


class WebhookProvider(Receiver):
    """The receiver as the contract sees it: called without a network."""

    def answer(self, request: HttpRequest) -> HttpResponse:
        assert request.content is not None
        status, body = self.receive(str(request.sign_as), request.content)
        return HttpResponse(status, {}, json.dumps(body).encode())

    def throttled(self) -> Answer:
        return HttpResponse(429, {"retry-after": "30"})

    def garbage(self) -> Answer:
        return HttpResponse(200, {"content-type": "text/html"}, b"<html>Welcome")

    def accounts(self) -> dict[str, tuple[str, str, list[str]]]:
        return {
            data["identity"]: (data["phase"], data["values"]["userName"], data["groups"]) for data in self.held.values()
        }

    def plant(self, user_name: str, mark: str | None) -> None:
        values = {"userName": user_name}
        self.held[f"planted-{user_name}"] = {
            "identity": mark or "", "phase": "active", "values": values, "groups": [], "turn": 0,
        }  # fmt: skip

    def remove_all(self) -> None:
        self.held.clear()


class Endpoint:
    """The receiver on loopback. `secret`: the one that it verifies by; what is not signed by it is answered 401."""

    def __init__(self, secret: str) -> None:
        self.secret = secret
        self.receiver = Receiver()
        self.spoil: list[Answer] = []  # what is answered instead, after the effect
        self.headers: list[dict[str, str]] = []
        self.bodies: list[bytes] = []
        application = web.Application()
        application.router.add_post("/hook/", self.handle)
        self.server = TestServer(application)

    @property
    def url(self) -> str:
        return str(self.server.make_url("/hook/"))

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body, headers = await request.read(), {name.lower(): value for name, value in request.headers.items()}
        self.headers.append(headers)
        self.bodies.append(body)
        try:
            Webhook(self.secret).verify(body, headers)
        except WebhookVerificationError as error:
            return web.json_response({"detail": str(error)}, status=401)
        status, answer = self.receiver.receive(headers["webhook-id"], body)
        if self.spoil:
            spoiled = self.spoil.pop(0)
            if isinstance(spoiled, Unanswered):
                assert request.transport is not None
                request.transport.abort()
                return web.Response()
            assert isinstance(spoiled, HttpResponse)
            return web.Response(status=spoiled.status, headers=spoiled.headers, body=spoiled.body)
        return web.json_response(answer, status=status)
