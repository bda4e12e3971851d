"""A SCIM server of our own for tests, that does what servers in the field do beside the standard."""

import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from aiohttp import web

from provisioning.adapters.sources.scim import open_scim
from provisioning.core.source_options import Poll
from provisioning.ports import Extraction

TOKEN = "a-token-of-the-idms"
SCHEMAS = "urn:ietf:params:scim:api:messages:2.0:"
_TEST = re.compile(r'\(?(?P<path>[\w.]+) (?P<how>eq|ge) (?P<value>"(?:[^"\\]|\\.)*")\)?')
Answer = tuple[int, dict[str, str], Any]


@dataclass
class Liar:
    """`people` and `groups`: what it holds, in the order in which it lists them. The rest: how it lies.

    `before` and `instead`: by number of the request, from 1, what happens before it, and what is answered to it.
    """

    people: list[dict[str, Any]] = field(default_factory=list)
    groups: list[dict[str, Any]] = field(default_factory=list)
    now: datetime = datetime(2026, 9, 1, 8, 0, 0, tzinfo=UTC)
    paging: str = "index"
    offers: dict[str, Any] | None = None  # pagination of ServiceProviderConfig; None: no discovery
    most: int = 1000
    total: Callable[[int, int], int | None] = lambda count, page: count  # of all, and of the page → totalResults
    claims: int | None = None  # itemsPerPage
    deaf: bool = False  # to startIndex
    rewinds: bool = False  # past the end
    refuses_past: bool = False
    filters: str = "served"  # ignored, refused, nothing
    caseless: bool = False
    dated: bool = True
    resources: str = "Resources"
    before: dict[int, Callable[[], None]] = field(default_factory=dict)
    instead: dict[int, Answer] = field(default_factory=dict)
    calls: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    accepts: str = f"Bearer {TOKEN}"
    secret: str = TOKEN
    port: int = 0

    def person(self, number: int, **values: Any) -> dict[str, Any]:
        """Somebody comes, or changes, now."""
        made = {
            "id": f"u{number}", "userName": f"user{number}", "userType": "Employee", **values,
            "meta": {"resourceType": "User", "lastModified": self.now.isoformat().replace("+00:00", "Z")},
        }  # fmt: skip
        self.people = [each for each in self.people if each["id"] != made["id"]] + [made]
        return made

    def group(self, name: str, *members: str) -> None:
        """Who is in a group from now on. No resource gets another lastModified by this."""
        entries = [{"value": each, "type": "User"} for each in members]
        self.groups = [each for each in self.groups if each["displayName"] != name]
        self.groups.append({"id": f"g-{name}", "displayName": name, "members": entries})

    def gone(self, number: int) -> None:
        """Somebody goes."""
        self.people = [each for each in self.people if each["id"] != f"u{number}"]

    def poll(self, page: int = 3, **options: Any) -> Poll:
        """What the bundle says."""
        scim = {"url": f"http://127.0.0.1:{self.port}/v2", "secret": "idms", "private": True, "overlap": 60}
        return Poll.model_validate({"scim": {**scim, **options}, "page": page, "timeout": 20})

    def open(self, page: int = 3, **options: Any) -> AbstractAsyncContextManager[Extraction]:
        """The adapter."""
        return open_scim(self.poll(page, **options), self._read, self._sleep)

    @property
    def asked(self) -> list[str]:
        """The requests' paths."""
        return [path for path, _ in self.calls]

    async def _read(self, name: str) -> str:
        assert name == "idms"
        return self.secret

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    async def serve(self, request: web.Request) -> web.Response:
        """One request."""
        self.calls.append((request.path.removeprefix("/v2"), dict(request.query)))
        number = len(self.calls)
        self.before.get(number, lambda: None)()
        status, headers, body = self.instead.get(number) or self._answer(request)
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        date = format_datetime(self.now, usegmt=True) if self.dated else "-"
        return web.Response(status=status, headers={"Date": date, **headers}, body=content)

    def _answer(self, request: web.Request) -> Answer:
        if request.path == "/token":
            return 200, {}, {"access_token": f"granted-{len(self.calls)}", "token_type": "Bearer"}
        if request.headers.get("Authorization") != self.accepts:
            return self.error(401)
        kind, _, remote_id = request.path.removeprefix("/v2/").partition("/")
        held = {"Users": self.people, "Groups": self.groups}.get(kind)
        if kind == "ServiceProviderConfig" and self.offers is not None:
            return 200, {}, {"pagination": self.offers}
        if held is None:
            return self.error(404)
        if remote_id:
            found = [each for each in held if each["id"] == remote_id]
            return (200, {}, found[0]) if found else self.error(404)
        return self._list(held, dict(request.query))

    def error(self, status: int, word: str = "") -> Answer:
        """An error of RFC 7644 3.12, which quotes somebody."""
        told = {"schemas": [SCHEMAS + "Error"], "status": str(status), "detail": "user1 is refused"}
        return status, {}, {**told, **({"scimType": word} if word else {})}

    def _list(self, held: list[dict[str, Any]], query: dict[str, str]) -> Answer:
        if "filter" in query and self.filters == "refused":
            return self.error(400, "invalidFilter")
        chosen = [each for each in held if self._meant(each, query.get("filter"))]
        count, start = min(int(query.get("count", "100")), self.most), int(query.get("startIndex", "1")) - 1
        if "cursor" in query and self.paging == "cursor":
            start = int(query["cursor"].removeprefix("+/=:&") or "0")
        if start >= len(chosen) > 0 and self.refuses_past:
            return self.error(400, "invalidValue")
        if self.deaf or (self.rewinds and start >= len(chosen)):
            start = 0
        page = chosen[start : start + count]
        told: dict[str, Any] = {"schemas": [SCHEMAS + "ListResponse"], self.resources: page}
        total = self.total(len(chosen), len(page))
        told |= {} if total is None else {"totalResults": total}
        told |= {"itemsPerPage": len(page) if self.claims is None else self.claims}
        if self.paging == "cursor" and start + count < len(chosen):
            told["nextCursor"] = f"+/=:&{start + count}"
        return 200, {}, told

    def _meant(self, item: dict[str, Any], filter_: str | None) -> bool:
        if filter_ is None or self.filters == "ignored":
            return True
        return self.filters == "served" and all(self._fits(item, test) for test in filter_.split(" and "))

    def _fits(self, item: dict[str, Any], test: str) -> bool:
        match = _TEST.fullmatch(test)
        assert match is not None, test
        wanted, held = json.loads(match["value"]), item
        for name in match["path"].split("."):
            held = held.get(name, {})
        if match["how"] == "ge":
            return datetime.fromisoformat(str(held)) >= datetime.fromisoformat(wanted)
        return str(held) == wanted or (self.caseless and str(held).casefold() == wanted.casefold())

    def later(self, **how: float) -> None:
        """Time passes."""
        self.now += timedelta(**how)


@asynccontextmanager
async def liar(people: int = 7, **how: Any) -> AsyncIterator[Liar]:
    """A server with people whom it has had for a day."""
    made = Liar(**how)
    made.now -= timedelta(days=1)
    for number in range(1, people + 1):
        made.person(number)
    made.now += timedelta(days=1)
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", made.serve)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.port = runner.addresses[0][1]
    try:
        yield made
    finally:
        await runner.cleanup()
