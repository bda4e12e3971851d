"""An API of our own for tests, as the contract sees it: a real server, every way of paging, and faults by number."""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from hashlib import sha256
from typing import Any

from aiohttp import web

from provisioning.adapters.sources.http import open_http
from provisioning.core.source import Item
from provisioning.core.source_options import Poll
from provisioning.ports import Extraction
from tests.sources.world import Fields

HALF = 0  # in place of a status: the answer breaks off
TOKEN = "a-token-of-the-idms"
SINCE = {"by": "since", "parameter": "since", "overlap": 60}
_GONE = "who is gone is not listed any more: full snapshots show it"
_INSTANT = "an instant is of use however old it is"
LINK: Mapping[str, Any] = {
    "paging": {"way": "link", "size": "limit"}, "total_header": "X-Total-Count", "deleted": "removed",
    "changes": {**SINCE, "changed": "changed", "query": {"removed": "shown"}},
}  # fmt: skip
CURSOR: Mapping[str, Any] = {
    "items": "data", "total": "meta.total", "deleted": "removed",
    "paging": {"way": "cursor", "size": "limit", "parameter": "cursor", "next": "meta.next"},
    "changes": {"by": "delta", "delta": "meta.delta", "parameter": "delta", "start": {"delta": "latest"}},
}  # fmt: skip
OFFSET: Mapping[str, Any] = {
    "items": "data", "total": "meta.total", "deleted": "removed",
    "paging": {"way": "offset", "size": "limit", "parameter": "offset"},
    "changes": {"by": "delta", "delta": "meta.deltaLink", "start": {"delta": "latest"}},
}  # fmt: skip
PAGE: Mapping[str, Any] = {
    "items": "data", "paging": {"way": "page", "size": "limit", "parameter": "page"},
    "changes": {**SINCE, "url": "/events", "key": "person", "fetch": True, "format": "milliseconds"},
}  # fmt: skip
WHOLE: Mapping[str, Any] = {"items": "data", "changes": {"by": "etag"}}
LACKS: Mapping[str, Mapping[str, str]] = {
    "link": {"a_useless_place_says_so": _INSTANT},
    "page": {"a_useless_place_says_so": _INSTANT},
    "whole": {"changes_show_who_went": _GONE, "a_useless_place_says_so": "the list is compared with its own ETag"},
}
Answer = tuple[int, dict[str, str], Any]


@dataclass
class HttpWorld:
    """`people`: what it holds, in the order in which it lists them. `log`: keys, in the order in which they changed.

    `before` and `instead`: by number of the request, from 1, what happens before it, and what is answered to it.
    `edit` changes each answer of a list: it is given the target, headers and body.
    """

    options: Mapping[str, Any] = field(default_factory=lambda: LINK)
    lacks: Mapping[str, str] = field(default_factory=dict)
    people: dict[str, dict[str, Any]] = field(default_factory=dict)
    gone: dict[str, dict[str, Any]] = field(default_factory=dict)
    log: list[tuple[str, datetime]] = field(default_factory=list)
    forgotten: int = 0
    now: datetime = datetime(2026, 9, 1, 8, 0, 0, tzinfo=UTC)
    dated: bool = True
    etags: bool = False
    before: dict[int, Callable[[], None]] = field(default_factory=dict)
    instead: dict[int, Answer] = field(default_factory=dict)
    edit: Callable[[web.Request, dict[str, str], dict[str, Any]], None] = lambda request, headers, body: None
    most: int = 1000
    accepts: Mapping[str, str] = field(default_factory=lambda: {"Authorization": f"Bearer {TOKEN}"})
    secret: str = TOKEN
    calls: list[str] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    borne: list[dict[str, str]] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    port: int = 0
    _runner: Any = None

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def poll(self, page: int = 3, **options: Any) -> Poll:
        """What the bundle says."""
        http = {"url": f"{self.origin}/people", "person": f"{self.origin}/people/{{key}}", "secret": "idms"}
        made = {**http, "private": True, **self.options, **options}
        changes = made.get("changes")
        if changes and changes.get("url"):
            made["changes"] = {**changes, "url": f"{self.origin}{changes['url']}"}
        return Poll.model_validate({"http": made, "page": page, "timeout": 20})

    def open(self, page: int = 3, **options: Any) -> AbstractAsyncContextManager[Extraction]:
        return open_http(self.poll(page, **options), self.read, self.sleep)

    async def put(self, name: str, fields: Fields) -> str:
        self.person(name, **fields)
        return name

    def person(self, name: str, **fields: Any) -> None:
        """Somebody comes, or changes, now."""
        self.people[name] = {"id": name, **fields, "changed": _text(self.now)}
        self.log.append((name, self.now))

    async def remove(self, name: str) -> None:
        del self.people[name]
        self.gone[name] = {"id": name, "removed": _text(self.now), "changed": _text(self.now)}
        self.log.append((name, self.now))

    async def spoil(self, name: str) -> None:
        self.person(name, given=float("nan"))

    async def forget(self) -> None:
        self.forgotten = len(self.log)

    async def interrupt(self) -> None:
        await self.stop()
        await self.start()

    async def read(self, name: str) -> str:
        assert name == "idms"
        return self.secret

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def given(self, item: Item) -> str | None:
        return None if item.fields is None else str(item.fields["given"])

    def later(self, **how: float) -> None:
        """Time passes."""
        self.now += timedelta(**how)

    async def start(self) -> None:
        """Serve, at the same port as before."""
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self.serve)
        self._runner = web.AppRunner(application, shutdown_timeout=0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Do not serve any more."""
        await self._runner.cleanup()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One request."""
        self.calls.append(request.raw_path)
        self.borne.append(dict(request.headers))
        number = len(self.calls)
        self.before.get(number, lambda: None)()
        status, headers, body = self.instead.get(number) or self._answer(request)
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        if status == HALF:
            return await _half(request, content)
        tag = f'W/"{sha256(content).hexdigest()[:16]}"'
        if self.etags and status == 200:
            headers = {"ETag": tag, **headers}
            if request.headers.get("If-None-Match") == tag:
                status, content = 304, b""
        self.statuses.append(status)
        date = {"Date": format_datetime(self.now, usegmt=True) if self.dated else "-"}
        response = web.Response(status=status, body=content, headers={**date, **headers})
        for each in headers.get("Link", "").split("\n")[1:]:  # one header for each line
            response.headers["Link"] = headers["Link"].split("\n")[0]
            response.headers.add("Link", each)
        return response

    def _answer(self, request: web.Request) -> Answer:
        path = request.path.strip("/").split("/", 1)
        if path == ["token"]:
            return 200, {}, {"access_token": f"granted-{len(self.calls)}", "token_type": "Bearer"}
        if any(request.headers.get(name) != value for name, value in self.accepts.items()):
            return 401, {}, {"error": "p1 is not for you"}
        if path == ["events"]:
            return self._events(request)
        if path == ["people"]:
            return self._delta(request) if "delta" in request.query else self._people(request)
        if path[0] != "people" or path[1] not in self.people:
            return 404, {}, {"error": f"no {request.path}"}
        return 200, {}, self.people[path[1]]

    def _people(self, request: web.Request) -> Answer:
        shown = [*self.people.values(), *(self.gone.values() if "removed" in request.query else ())]
        if "since" in request.query:
            shown = [each for each in shown if each["changed"] >= request.query["since"]]
        return self._page(request, shown, {})

    def _events(self, request: web.Request) -> Answer:
        since = int(request.query["since"]) / 1000
        events = [
            {"event": number, "person": key}
            for number, (key, at) in enumerate(self.log)
            if at.timestamp() >= since
        ]  # fmt: skip
        return self._page(request, events, {})

    def _delta(self, request: web.Request) -> Answer:
        token = request.query["delta"]
        start = len(self.log) if token == "latest" else int(token)
        if start < self.forgotten:
            return 410, {}, {"error": "the token is too old"}
        keys = list(dict.fromkeys(key for key, _ in self.log[start:]))
        shown = [self.people.get(key) or self.gone[key] for key in keys]
        token = str(len(self.log))
        return self._page(request, shown, {"delta": token, "deltaLink": f"{self.origin}/people?limit=3&delta={token}"})

    def _page(self, request: web.Request, held: list[dict[str, Any]], last: dict[str, Any]) -> Answer:
        """One page, by whatever is asked."""
        query = request.query
        size = min(int(query.get("limit", "1000")), self.most)
        start = int(query.get("cursor", "c0")[1:]) if "cursor" in query else int(query.get("offset", "0"))
        start = (int(query["page"]) - 1) * size if "page" in query else start
        end = start + size
        headers = {"X-Total-Count": str(len(held))}
        body: dict[str, Any] = {"data": held[start:end], "meta": {"total": len(held)}}
        if end < len(held):
            body["meta"] |= {"next": f"c{end}", "nextLink": f"/people?limit={size}&offset={end}"}
            url = request.rel_url.update_query(offset=str(end))
            headers["Link"] = f'<{url}>; rel="next", </people>; rel=first; title="a, <b>; rel=next"'
        else:
            body["meta"] |= last
        body["meta"]["more"] = end < len(held)
        self.edit(request, headers, body)
        is_bare = "items" not in self.options
        return 200, headers, body["data"] if is_bare else body


async def _half(request: web.Request, content: bytes) -> web.StreamResponse:
    """An answer that breaks off after its first half."""
    response = web.StreamResponse(headers={"Content-Length": str(len(content))})
    await response.prepare(request)
    await response.write(content[: len(content) // 2])
    assert request.transport is not None
    request.transport.close()
    return response


def _text(instant: datetime) -> str:
    return f"{instant:%Y-%m-%dT%H:%M:%SZ}"


@asynccontextmanager
async def http_world(options: Mapping[str, Any] = LINK, people: int = 0, **how: Any) -> AsyncIterator[HttpWorld]:
    """An API with so many people, whom it has had for a day."""
    lacks = next((LACKS.get(name, {}) for name, each in WAYS.items() if each is options), {})
    made = HttpWorld(options, lacks, etags=options is WHOLE, **how)
    made.now -= timedelta(days=1)
    for number in range(1, people + 1):
        made.person(f"p{number}", given=f"Given {number}")
    made.now += timedelta(days=1)
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


WAYS: Mapping[str, Mapping[str, Any]] = {
    "link": LINK, "cursor": CURSOR, "offset": OFFSET, "page": PAGE, "whole": WHOLE,
}  # fmt: skip
