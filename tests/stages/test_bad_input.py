"""Every bad input that the engine promises to survive: a clear error, and the next message is processed."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from provisioning.adapters.delivery.driver import Courier
from provisioning.adapters.delivery.http import HttpCaller
from provisioning.adapters.delivery.secrets import Secrets
from provisioning.adapters.memory.secrets import MemorySecrets
from provisioning.command.bundle import check_folder
from provisioning.core.account import Condition, Phase
from provisioning.core.lifecycle import Standing
from provisioning.core.period import FOREVER
from provisioning.core.publication import BundleError
from provisioning.stages.message import Message
from tests.delivery.watched import judge, watched
from tests.stages.bench import Bench, new_bench
from tests.stages.tenant import SOURCE, bundle, data, event, rule, says

# What a source may send.


def padded(size: int) -> str:
    body = event(data("big", 1, "student"))
    return body[:-1] + ', "padding": "' + "x" * (size - len(body) - len(', "padding": ""')) + '"}'


def without_version() -> str:
    content = data("p0", 1, "student")
    del content["version"]
    return json.dumps({"specversion": "1.0", "id": "e0", "data": content})


def affiliated(times: int) -> str:
    return event({**data("p0"), "affiliations": [{"id": f"a{number}"} for number in range(times)]})


BAD = {
    "not JSON": (Message("bad", "Dear engine,\nplease add Ada.", SOURCE), "message:1:1: not JSON: Expecting value"),
    "of an unknown source": (
        Message("bad", event(data("p0")), "payroll"),
        "queue: no source 'payroll' in the bundle (one of registry, hr)",
    ),
    "without version": (
        Message("bad", without_version(), SOURCE),
        "data.version: the record has no usable version (a whole number, 0 to 9223372036854775807)",
    ),
    "900 KB large": (
        Message("bad", padded(900 * 1024), SOURCE),
        "message: 921600 bytes (at most 262144 bytes)",
    ),
    "with 10,000 affiliations": (
        Message("bad", affiliated(10_000), SOURCE),
        "data.affiliations: 10000 affiliations (at most 100; tenant.limits.affiliations sets it)",
    ),
    "empty": (Message("bad", "", SOURCE), "message:1:1: not JSON"),
    "deeply nested": (Message("bad", "[" * 100_000, SOURCE), "message: too deeply nested (at most 32 levels)"),
    "a number of ten thousand digits": (Message("bad", "9" * 10_000, SOURCE), "message: not JSON"),
    "half a surrogate pair": (
        Message("bad", event(data("p0", 1, name="\ud800")), SOURCE),
        "data.attributes.name: half a surrogate pair (Unicode text)",
    ),
}


@pytest.mark.parametrize(("message", "reason"), BAD.values(), ids=BAD)
async def test_a_notification_that_is_bad_is_kept_with_its_reason_and_the_next_is_processed(
    message: Message, reason: str
) -> None:
    bench = await new_bench()
    assert await bench.process.receive(message, says("p1", 1, "student")) == frozenset()
    (rejected,) = await bench.store.rejections(message.origin, 10)
    assert rejected.reason.startswith(reason)
    assert (rejected.message, rejected.body) == ("bad", message.body)
    await bench.settle()
    assert bench.users().keys() == {"login-p1"}
    assert bench.said("rejected") == [{"source": message.origin, "message": "bad", "reason": rejected.reason}]


async def test_a_version_older_than_the_stored_one_is_passed_over_and_said() -> None:
    bench = await new_bench(sent=[says("p1", 7, "student")])
    assert await bench.process.receive(says("p1", 6, "staff"), says("p2", 1, "student")) == frozenset()
    await bench.settle()
    assert bench.identity().records[SOURCE].version == 7
    assert (set(bench.users()), bench.users("wiki")) == ({"login-p1", "login-p2"}, {})
    assert [(line["source"], line["version"]) for line in bench.said("record.older")] == [(SOURCE, 6)]
    assert await bench.store.rejections(SOURCE, 10) == []


async def test_an_end_in_the_year_9999_is_no_end_and_is_noticed() -> None:
    bench = await new_bench()
    open_ended = {"id": "a", "type": "student", "start": "2020-01-01", "end": "9999-12-31"}
    await bench.arrive(says("p1", 1, open_ended), says("p2", 1, "student"))
    assert bench.identity().records[SOURCE].affiliations[0].end == FOREVER
    assert (bench.identity().due_at, set(bench.users())) == (None, {"login-p1", "login-p2"})
    (notice,) = bench.said("record.notice")
    assert notice["notice"] == "data.affiliations[0].end: 9999-12-31 is out of range and taken as open"


@pytest.mark.parametrize("start", ["9999-12-31", "9999-12-31T23:59:59Z"])
async def test_a_start_in_the_year_9999_never_comes(start: str) -> None:
    bench = await new_bench()
    await bench.arrive(says("p1", 1, {"id": "a", "type": "student", "start": start}), says("p2", 1, "student"))
    assert (bench.identity().entitlements, bench.identity().due_at) == ({}, None)
    assert bench.users().keys() == {"login-p2"}


async def test_a_rule_with_an_unknown_attribute_is_refused_and_the_bundle_in_force_stays() -> None:
    bench = await new_bench()
    wrong = bundle(rules=[rule("readers", "library", 'affiliation.typ == "student"')])
    with pytest.raises(BundleError) as caught:
        await bench.publish(wrong)
    (problem,) = caught.value.problems
    assert (problem.where, problem.line, problem.column) == ("rules/readers.who", 1, 13)
    assert problem.right == "did you mean 'type'?"
    await bench.arrive(says("p1", 1, "student"))
    assert (bench.identity().sequence, set(bench.users())) == (1, {"login-p1"})


def test_a_rule_with_an_unknown_attribute_is_shown_at_its_file_line_and_column(tmp_path: Path) -> None:
    files = {
        "tenant.yaml": "id: campus\nperson: {login: string}\naffiliation: {type: string}\n",
        "sources/registry.yaml": "id: registry\n",
        "services/library.yaml": "id: library\nprotocol: scim\nendpoint: https://x.example\n"
        "account: {userName: person.login}\n",
        "rules/library.yaml": "- id: readers\n  service: library\n  because: x\n"
        '  who: affiliation.type == "student" && person.logn != ""\n',
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(BundleError) as caught:
        check_folder(tmp_path)
    (problem,) = caught.value.problems
    assert (problem.where, problem.line, problem.column) == (str(tmp_path / "rules/library.yaml"), 4, 48)
    assert (problem.right, "logn" in problem.problem) == ("did you mean 'login'?", True)


# What an SP may answer, through the real HTTP caller.

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Sp:
    """An SCIM server that treats the account of p1 as it is told, and everyone else well."""

    def __init__(self) -> None:
        self.hostile: Handler | None = None
        self.users: dict[str, dict[str, Any]] = {}
        self.tokens: set[str] = set()
        self.over = asyncio.Event()
        self.judge = judge()
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self.handle)
        self.server = TestServer(application)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        return await watched(self.judge, request, self.answer)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.tokens.add(request.headers.get("authorization", ""))
        body = json.loads(await request.read() or b"{}")
        if self.hostile is not None and body.get("userName", "login-p1") == "login-p1":
            return await self.hostile(request)
        if request.method == "GET":
            found = [user for user in self.users.values() if f'"{user["externalId"]}"' in request.query["filter"]]
            return web.json_response({"totalResults": len(found), "Resources": found})
        user = {**body, "id": f"u{len(self.users) + 1}"}
        self.users[user["userName"]] = user
        return web.json_response(user, status=201)

    @property
    def endpoint(self) -> str:
        return str(self.server.make_url("/scim"))


@pytest.fixture
async def sp() -> AsyncIterator[Sp]:
    made = Sp()
    await made.server.start_server()
    yield made
    made.over.set()
    await made.server.close()


@pytest.fixture
def secrets() -> MemorySecrets:
    return MemorySecrets({"library-token": "a-token"})


@pytest.fixture
async def bench(sp: Sp, secrets: MemorySecrets) -> AsyncIterator[Bench]:
    """Two students for whom the library is to make accounts, by real HTTP on loopback."""
    library = {"endpoint": sp.endpoint, "timeout": 1, "secret": "library-token"}
    made = await new_bench(bundle({"library": library}))
    caller = HttpCaller(Secrets(secrets.read))
    made.courier = Courier(caller, made._send)
    await made.process.receive(says("p1", 1, "student"), says("p2", 1, "student"))
    made.drain()
    yield made
    await caller.close()


async def html(_request: web.Request) -> web.StreamResponse:
    return web.Response(text="<html><h1>Welcome to the hotel", content_type="text/html")


async def ten_megabytes(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    response.enable_chunked_encoding()
    await response.prepare(request)
    for _ in range(160):
        await response.write(b"x" * 65536)
    return response


async def redirect(_request: web.Request) -> web.StreamResponse:
    return web.Response(status=302, headers={"location": "http://169.254.169.254/latest/meta-data/"})


async def disconnect(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.close()
    return web.Response()


ANSWERS = {
    "HTML": (html, Condition.UNKNOWN, "POST answered with something that is not a JSON object"),
    "a 10 MB body": (ten_megabytes, Condition.UNKNOWN, "the answer is longer than 1048576 bytes, or packed"),
    "a redirect": (redirect, Condition.PARKED, "POST answered 302: redirect refused"),
    "a closed connection": (disconnect, Condition.UNKNOWN, "no complete answer: ServerDisconnectedError"),
}


@pytest.mark.parametrize(("handler", "condition", "error"), ANSWERS.values(), ids=ANSWERS)
async def test_an_sp_that_answers_badly_leaves_a_clear_error_and_the_next_is_delivered(
    bench: Bench, sp: Sp, handler: Handler, condition: Condition, error: str
) -> None:
    sp.hostile = handler
    assert await bench.deliver("library", "p1", "p2") == frozenset()
    bad, good = bench.account(key="p1"), bench.account(key="p2")
    assert (bad.condition, bad.error, bad.known.remote_id) == (condition, error, None)
    assert (good.condition, good.known.phase) == (Condition.SETTLED, Phase.ACTIVE)
    assert sp.users.keys() == {"login-p2"}


async def test_an_sp_that_answers_nothing_at_all_is_not_waited_for(bench: Bench, sp: Sp) -> None:
    async def nothing(_request: web.Request) -> web.StreamResponse:
        await sp.over.wait()
        return web.Response()

    sp.hostile = nothing
    assert await bench.deliver("library", "p1", "p2") == frozenset()
    bad = bench.account(key="p1")
    assert (bad.condition, bad.error) == (Condition.UNKNOWN, "no answer within 1 s")
    assert bench.account(key="p2").condition is Condition.SETTLED


async def test_an_sp_that_behaves_again_gets_the_account_once(bench: Bench, sp: Sp) -> None:
    sp.hostile = html
    await bench.deliver("library", "p1")
    sp.hostile = None
    await bench.settle()
    account = bench.account(key="p1")
    assert (account.condition, account.error, account.attempts) == (Condition.SETTLED, "", 0)
    assert [user["externalId"] for user in sp.users.values()] == [bench.identity("p1").id]
    assert sp.tokens == {"Bearer a-token"}


async def test_a_service_without_its_secret_sends_nothing_says_so_and_goes_on_when_it_is_supplied(
    bench: Bench, sp: Sp, secrets: MemorySecrets
) -> None:
    secrets.values = {}
    assert await bench.deliver("library", "p1", "p2") == frozenset()
    for key in ("p1", "p2"):
        account = bench.account(key=key)
        expected = "no secret 'library-token': there is no secret 'library-token'"
        assert (account.condition, account.error) == (Condition.FAILED, expected)
        assert account.due_at is not None
    assert (sp.users, sp.tokens) == ({}, set())
    secrets.values = {"library-token": "a-token"}
    await bench.settle()
    assert (set(sp.users), sp.tokens) == ({"login-p1", "login-p2"}, {"Bearer a-token"})


async def test_a_service_without_its_secret_delays_no_other_service(bench: Bench, secrets: MemorySecrets) -> None:
    secrets.values = {}
    await bench.process.receive(says("p1", 2, "student", "visitor"))
    await bench.settle(until=bench.now)
    assert bench.account("library").condition is Condition.FAILED
    assert bench.identity().entitlements["badges"].standing is Standing.ACTIVE
    assert bench.badges[bench.identity().id]["phase"] == "active"
