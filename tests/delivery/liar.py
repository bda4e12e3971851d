"""An SCIM SP for tests that says one thing and does another: each of its quirks is a field."""

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from provisioning.core.catalog import Service
from tests.delivery.grader import Grader
from tests.delivery.watched import judge, watched

SUPPORTED = {"patch": True, "filter": True, "bulk": False, "sort": False, "etag": True}


@dataclass
class Liar:
    """What it says of itself, whom it has, and in what it does not keep to it. All that it was asked is kept.

    `instead`: the answer to a path, whatever was asked there. `paging` honest, or what it gives instead.
    """

    says: dict[str, Any] = field(default_factory=dict)
    people: int = 5
    filters: str = "honest"  # ignored, refused, blind
    paths: str = "honest"  # ignored, refused: filters with value paths
    paging: str = "honest"  # repeats, refused, first: it has a first page and no other
    cursors: str = "refused"  # honest, stuck, unasked
    most: int = 100
    versions: str = "honest"  # none, restless, unread
    members: str = "listed"  # one, hidden, strange
    strays: int = 404
    token: str = ""  # the only one that it takes; empty: it takes any
    instead: dict[str, web.Response | str] = field(default_factory=dict)
    asked: list[web.Request] = field(default_factory=list)
    url: str = ""
    tick: int = 0
    judge: Grader = field(default_factory=lambda: judge(in_order=False))

    @property
    def users(self) -> list[dict[str, Any]]:
        return [
            {"id": f"u{number}", "userName": f"Ann{number}", "meta": {"version": 'W/"1"'}}
            for number in range(self.people)
        ]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        return await watched(self.judge, request, self.answer)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        path = request.path.removeprefix("/v2")
        other = self.instead.get(path)
        if self.token and request.headers.get("authorization") != f"Bearer {self.token}":
            return web.Response(status=401)
        if other == "slow":
            await asyncio.Event().wait()  # ended by the client, which goes away
        if other == "bomb":
            return await bomb(request)
        if isinstance(other, web.Response):
            return web.Response(status=other.status, body=other.body, headers=other.headers)
        kind, _, identifier = path.removeprefix("/").partition("/")
        if kind == "ServiceProviderConfig":
            claims = {name: {"supported": value} for name, value in SUPPORTED.items()} | self.says
            return web.json_response(claims)
        if kind == "Users":
            return self.user(identifier, request) if identifier else self.list_users(request.query)
        if kind == "Groups":
            return self.group(identifier) if identifier else self.list_groups(request.query)
        return web.Response(status=404)

    def list_users(self, query: Any) -> web.Response:
        found = self.users
        how = self.paths if "[" in query.get("filter", "") else self.filters
        if "filter" in query and how == "refused":
            return web.json_response({"scimType": "invalidFilter"}, status=400)
        if "filter" in query and how != "ignored":
            wanted = re.fullmatch(r'([^ ]+) eq "([^"]*)".*', query["filter"])
            assert wanted is not None
            found = [user for user in found if user.get(wanted[1], "").casefold() == wanted[2].casefold()]
            found = [] if self.filters == "blind" else found
        total, count = len(found), min(int(query.get("count", "100")), self.most)
        if "cursor" in query and self.cursors == "refused":
            return web.json_response({"scimType": "invalidCursor"}, status=400)
        start = int(query.get("startIndex", "1")) - 1
        if "startIndex" in query and self.paging != "honest":
            if self.paging == "refused":
                return web.json_response({"scimType": "invalidValue"}, status=400)
            start = 0 if self.paging == "repeats" else start if start == 0 else total
        if query.get("cursor") and self.cursors != "stuck":
            start = int(query["cursor"])
        page = found[start : start + count]
        body: dict[str, Any] = {"Resources": page, "totalResults": total}
        if (self.cursors == "unasked" or "cursor" in query) and start + count < total:
            body["nextCursor"] = str(start + count)
        return web.json_response(body)

    def user(self, identifier: str, request: web.Request) -> web.Response:
        user = next((user for user in self.users if user["id"] == identifier), None)
        if user is None:
            return web.json_response({"detail": "?"}, status=self.strays)
        if self.versions == "none":
            del user["meta"]
            return web.json_response(user)
        self.tick += 1
        version = f'W/"{self.tick if self.versions == "restless" else 1}"'
        if self.versions == "honest" and request.headers.get("if-none-match") == version:
            return web.Response(status=304)
        return web.json_response({**user, "meta": {"version": version}}, headers={"etag": version})

    def list_groups(self, query: Any) -> web.Response:
        shown = [self.one_group(in_list=True)] if "filter" not in query or self.filters == "ignored" else []
        return web.json_response({"Resources": shown, "totalResults": len(shown)})

    def group(self, identifier: str) -> web.Response:
        return web.json_response(self.one_group(in_list=False)) if identifier == "g1" else web.Response(status=404)

    def one_group(self, *, in_list: bool) -> dict[str, Any]:
        members = [{"value": "u1" if self.members != "strange" else "ann1@a.edu"}]
        hidden = self.members == "hidden" or (self.members == "one" and in_list)
        return {"id": "g1", "displayName": "readers", **({} if hidden else {"members": members})}


async def bomb(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    with contextlib.suppress(ConnectionError):
        for _ in range(640):  # 40 MB
            await response.write(b" " * 65536)
    return response


@contextlib.asynccontextmanager
async def lying(liar: Liar) -> AsyncIterator[Liar]:
    """The SP on loopback."""
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", liar.handle)
    server = TestServer(application)
    await server.start_server(shutdown_timeout=0)
    liar.url = str(server.make_url("/v2"))
    yield liar
    await server.close()


def service(url: str, **changes: Any) -> Service:
    fields = {
        "id": "library", "protocol": "scim", "endpoint": url, "secret": "library", "private": True, "timeout": 1,
        "response": 65536, "account": {"userName": "person.login"},
    }  # fmt: skip
    return Service.model_validate({**fields, **changes})


def says(status: int, body: Any = None, **headers: str) -> web.Response:
    content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    return web.Response(status=status, body=content, headers={"content-type": "application/scim+json", **headers})
