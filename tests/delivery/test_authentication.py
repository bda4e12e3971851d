"""Who we are to an SP: basic, OAuth 2 with tokens that end, certificates; against servers that check it."""

import asyncio
import base64
import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote_plus

import pytest
from aiohttp import web
from pydantic import ValidationError

from provisioning.adapters.delivery.http import HttpCaller
from provisioning.adapters.delivery.secrets import Secrets
from provisioning.core.catalog import Service
from provisioning.core.errors import TransientError
from provisioning.protocols.dialogue import Answer, HttpRequest, HttpResponse, Unanswered
from tests.delivery.certificates import make_certificate

CLIENT = {"client_id": "eng:ine/ü", "client_secret": "s€cret+ &"}
OAUTH = {"kind": "oauth2", "scope": "users groups", "audience": "https://sp"}
GET = HttpRequest("GET", "/Users")


@dataclass
class Sp:
    """An SP and its token endpoint. `answer` replaces the endpoint's; `tokens` are those that are good now."""

    url: str = ""
    asked: list[tuple[str, dict[str, list[str]]]] = field(default_factory=list)  # authorization, form
    seen: list[str] = field(default_factory=list)  # authorization of each call
    tokens: set[str] = field(default_factory=set)
    answer: Callable[[], web.Response] | None = None
    lasts: Any = 3600
    secrets: dict[str, str] = field(default_factory=lambda: {"client": json.dumps(CLIENT)})
    reads: list[str] = field(default_factory=list)
    now: float = 1000.0

    async def token(self, request: web.Request) -> web.Response:
        self.asked.append((request.headers.get("authorization", ""), parse_qs(await request.text())))
        await asyncio.sleep(0)
        if self.answer is not None:
            return self.answer()
        token = f"token-{len(self.asked)}"
        self.tokens = {token}
        return web.json_response({"access_token": token, "token_type": "Bearer", "expires_in": self.lasts})

    async def users(self, request: web.Request) -> web.Response:
        self.seen.append(request.headers.get("authorization", ""))
        good = self.seen[-1].removeprefix("Bearer ") in self.tokens
        return web.json_response({"Resources": []}, status=200 if good else 401)

    async def read(self, name: str) -> str:
        self.reads.append(name)
        if name not in self.secrets:
            raise TransientError(f"there is no secret {name!r}")
        return self.secrets[name]


@asynccontextmanager
async def serving(sp: Sp, context: ssl.SSLContext | None = None) -> AsyncIterator[HttpCaller]:
    application = web.Application()
    application.add_routes([web.post("/token", sp.token), web.get("/Users", sp.users)])
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    port = runner.addresses[0][1]
    sp.url = f"{'https://localhost' if context else 'http://127.0.0.1'}:{port}"
    caller = HttpCaller(Secrets(sp.read), lambda: sp.now)
    try:
        yield caller
    finally:
        await caller.close()
        await runner.cleanup()


def service(sp: Sp, authentication: dict[str, Any] | None = None, **fields: Any) -> Service:
    if authentication and authentication["kind"] == "oauth2":
        authentication = {"token_endpoint": f"{sp.url}/token", **authentication}
    return Service.model_validate({
        "id": "library", "protocol": "scim", "endpoint": sp.url, "secret": "client", "private": True,
        "account": {"userName": "x"}, "authentication": authentication, **fields,
    })  # fmt: skip


def status(answer: Answer) -> int | str:
    return answer.status if isinstance(answer, HttpResponse) else getattr(answer, "reason", "")


async def test_a_token_is_asked_for_once_however_many_need_it_and_used_until_shortly_before_its_end() -> None:
    sp = Sp()
    async with serving(sp) as caller:
        library = service(sp, OAUTH)
        answers = await asyncio.gather(*(caller(library, GET, 5) for _ in range(50)))
        assert ({status(answer) for answer in answers}, len(sp.asked)) == ({200}, 1)
        header, form = sp.asked[0]
        pair = base64.b64decode(header.removeprefix("Basic ")).decode()
        assert [unquote_plus(text) for text in pair.split(":")] == [*CLIENT.values()], "encoded, then joined"
        assert form == {"grant_type": ["client_credentials"], "scope": ["users groups"], "audience": ["https://sp"]}
        sp.now += 3600 - 31
        await caller(library, GET, 5)
        assert len(sp.asked) == 1
        sp.now += 2
        assert (status(await caller(library, GET, 5)), len(sp.asked)) == (200, 2)


async def test_a_token_that_is_refused_is_replaced_once_and_the_call_repeated() -> None:
    sp = Sp()
    async with serving(sp) as caller:
        library = service(sp, {**OAUTH, "client": "body"})
        await caller(library, GET, 5)
        sp.tokens = set()
        assert (status(await caller(library, GET, 5)), len(sp.asked), len(sp.seen)) == (200, 2, 3)
        assert sp.asked[1][1]["client_secret"] == [CLIENT["client_secret"]]
        assert sp.asked[1][0] == ""

        sp.answer = lambda: web.json_response({"access_token": "never-good", "token_type": "bearer"})
        sp.tokens = set()
        assert (status(await caller(library, GET, 5)), len(sp.seen)) == (401, 5), "no third time"


async def test_a_client_whose_secret_was_changed_is_read_again() -> None:
    sp = Sp()
    async with serving(sp) as caller:
        library = service(sp, OAUTH)
        fresh = json.dumps({**CLIENT, "client_secret": "new"})

        def picky() -> web.Response:
            sp.secrets["client"], sp.answer = fresh, None
            return web.json_response({"error": "invalid_client"}, status=401)

        sp.answer = picky
        assert status(await caller(library, GET, 5)) == 200
        assert (len(sp.asked), sp.reads) == (2, ["client", "client"])


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda: web.json_response({"error": "invalid_scope"}, status=400), "answered 400: invalid_scope"),
        (lambda: web.Response(status=429, headers={"retry-after": "9"}), "answered 429"),
        (lambda: web.Response(status=503, text="<html>"), "answered 503"),
        (lambda: web.Response(status=302, headers={"location": "http://169.254.169.254/"}), "answered 302"),
        (lambda: web.Response(text="<html>"), "none that can be used"),
        (lambda: web.json_response({"token_type": "bearer"}), "none that can be used"),
        (lambda: web.json_response({"access_token": "a\r\nx-evil: 1"}), "none that can be used"),
        (lambda: web.json_response({"access_token": "a", "token_type": "mac"}), "none that can be used"),
        (lambda: web.json_response([1]), "none that can be used"),
        (lambda: web.Response(body=b"x" * 20_000), "longer than 16384 bytes"),
    ],
)
async def test_an_endpoint_that_gives_no_token_keeps_the_call_from_being_made(
    answer: Callable[[], web.Response], reason: str
) -> None:
    sp = Sp(answer=answer)
    async with serving(sp) as caller:
        library = service(sp, OAUTH, response=16384)
        found = await asyncio.gather(*(caller(library, GET, 5) for _ in range(10)))
        assert all(isinstance(each, Unanswered) and not each.sent and reason in each.reason for each in found), found
        assert CLIENT["client_secret"] not in str(found)
        assert (sp.seen, len(sp.asked)) == ([], 1), "nobody asks again at once"
        sp.answer = None
        sp.now += 6
        assert status(await caller(library, GET, 5)) == 200


@pytest.mark.parametrize(
    ("lasts", "good_for"), [(None, 270), ("600", 570), (-5, 5), (40, 20), (10**30, 86370), ([], 270)]
)
async def test_whatever_an_endpoint_says_of_its_token_s_end_is_bounded(lasts: Any, good_for: int) -> None:
    sp = Sp(lasts=lasts)
    async with serving(sp) as caller:
        library = service(sp, OAUTH)
        await caller(library, GET, 5)
        sp.now += good_for - 1
        await caller(library, GET, 5)
        assert len(sp.asked) == 1
        sp.now += 2
        await caller(library, GET, 5)
        assert len(sp.asked) == 2


async def test_basic_is_utf_8_and_read_again_when_refused() -> None:
    sp = Sp(secrets={"client": json.dumps({"user": "Ümit", "password": "a:b c"})})
    async with serving(sp) as caller:
        assert status(await caller(service(sp, {"kind": "basic"}), GET, 5)) == 401
        assert base64.b64decode(sp.seen[0].removeprefix("Basic ")).decode() == "Ümit:a:b c"
        assert (len(sp.seen), sp.reads) == (1, ["client", "client"]), "the same again is not sent again"


@pytest.mark.parametrize(
    ("authentication", "secret", "problem"),
    [
        ({"kind": "basic"}, "user:password", "is not JSON"),
        ({"kind": "basic"}, '{"user": "a:b", "password": "x"}', "cannot have a colon"),
        ({"kind": "basic"}, '{"user": "a"}', "lacks user or password"),
        (OAUTH, '["x"]', "lacks client_id or client_secret"),
        (None, "two words", "is not a bearer token"),
    ],
)
async def test_a_secret_of_the_wrong_shape_is_told_and_never_quoted(
    authentication: dict[str, Any] | None, secret: str, problem: str
) -> None:
    sp = Sp(secrets={"client": secret})
    async with serving(sp) as caller:
        answer = await caller(service(sp, authentication), GET, 5)
        assert isinstance(answer, Unanswered)
        assert (problem in answer.reason, "'client'" in answer.reason, answer.sent) == (True, True, False)
        assert (secret in answer.reason, sp.seen) == (False, [])


def mutual(folder: Path, client: Path) -> ssl.SSLContext:
    certificate, key = make_certificate(folder)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=client)
    context.load_cert_chain(certificate, key)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def pair(files: tuple[Path, Path]) -> str:
    return json.dumps({"certificate": files[0].read_text(), "key": files[1].read_text()})


async def test_an_sp_knows_us_by_a_certificate_and_is_known_by_an_authority_of_its_own(tmp_path: Path) -> None:
    ours, others = make_certificate(tmp_path, "engine"), make_certificate(tmp_path, "stranger")
    sp = Sp(tokens={"good"}, secrets={"client": "good", "pair": pair(ours)})
    async with serving(sp, mutual(tmp_path, ours[0])) as caller:
        authorities = (tmp_path / "localhost.pem").read_text()
        with_both = service(sp, certificate="pair", authorities=authorities, private=True)
        assert status(await caller(with_both, GET, 5)) == 200

        without = await caller(service(sp, authorities=authorities), GET, 5)
        assert isinstance(without, Unanswered)
        unknown = await caller(service(sp, certificate="pair"), GET, 5)
        assert "certificate is not to be trusted" in str(status(unknown))

        sp.secrets["other"] = pair(others)
        stranger = await caller(service(sp, certificate="other", authorities=authorities), GET, 5)
        assert isinstance(stranger, Unanswered)
        assert len(sp.seen) == 1


@pytest.mark.parametrize(
    ("content", "problem"),
    [("x", "is not JSON"), ("{}", "lacks certificate or key"), (None, "do not fit")],
)
async def test_a_certificate_that_is_none_is_told(tmp_path: Path, content: str | None, problem: str) -> None:
    first, second = make_certificate(tmp_path, "engine"), make_certificate(tmp_path, "stranger")
    sp = Sp(secrets={"client": "good", "pair": content or pair((first[0], second[1]))})
    async with serving(sp) as caller:
        answer = await caller(service(sp, certificate="pair"), GET, 5)
        assert isinstance(answer, Unanswered)
        assert (problem in answer.reason, "BEGIN" in answer.reason.partition("(")[0], answer.sent) == (
            True,
            False,
            False,
        )


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"authentication": {"kind": "oauth2"}}, "token_endpoint"),
        ({"authentication": {"kind": "basic", "scope": "x"}}, "for `kind: oauth2`"),
        ({"authentication": {"kind": "basic"}, "secret": None}, "needs `secret`"),
        ({"authentication": {"kind": "basic"}, "protocol": "queue"}, "are for scim, spml, webhook"),
        ({"authentication": {"kind": "basic"}, "protocol": "webhook"}, "a webhook is signed"),
        ({"certificate": "pair", "protocol": "ldap"}, "are for scim, spml, webhook"),
        ({"authentication": {"kind": "oauth2", "token_endpoint": "http://x"}, "private": False}, "is not https"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_the_bundle(fields: dict[str, Any], problem: str) -> None:
    plain = {"id": "library", "protocol": "scim", "endpoint": "https://sp", "secret": "s", "account": {"userName": "x"}}
    with pytest.raises(ValidationError, match=problem):
        Service.model_validate({**plain, **fields})
