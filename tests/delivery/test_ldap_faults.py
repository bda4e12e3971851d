"""Directories and networks that misbehave, on loopback: every answer is honest about what was sent, and bounded."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from provisioning.adapters.delivery.driver import Courier
from provisioning.adapters.delivery.http import HttpCaller
from provisioning.adapters.delivery.ldap import LdapCaller
from provisioning.adapters.delivery.ldap_codec import GarbageError, decode
from provisioning.adapters.delivery.secrets import Secrets
from provisioning.core.catalog import Service
from provisioning.core.errors import TransientError
from provisioning.protocols.dialogue import Answer, Outcome, Unanswered
from provisioning.protocols.ldap import deliver
from provisioning.protocols.ldap_message import LdapDelete, LdapResult, LdapSearch
from tests.delivery.certificates import make_certificate
from tests.delivery.conftest import no_queue
from tests.delivery.openldap import ADMIN, MISSING, PASSWORD, PEOPLE, find, running
from tests.protocols.talk import delivery

ASK = LdapSearch(PEOPLE, "base", "(objectClass=*)", ("ou",), 1)
CHANGE = LdapDelete(f"uid=nobody,{PEOPLE}")
BIND, EXTENDED, DELETED, FOUND, ENTRY = 0x61, 0x78, 0x6B, 0x65, 0x64
Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
GOOD = json.dumps({"dn": ADMIN, "password": PASSWORD})


def message(number: int, tag: int, code: int, text: bytes = b"") -> bytes:
    body = bytes([10, 1, code, 4, 0, 4, len(text)]) + text
    whole = bytes([2, 1, number, tag, len(body)]) + body
    return bytes([0x30, len(whole)]) + whole


async def hear(reader: asyncio.StreamReader) -> bytes:
    header = await reader.readexactly(2)
    return header + await reader.readexactly(header[1])


async def let_in(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await hear(reader)
    writer.write(message(1, BIND, 0))


@asynccontextmanager
async def directory(script: Script, **changes: Any) -> AsyncIterator[Service]:
    """A directory that follows a script for each connection, in the clear."""
    over = asyncio.Event()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await script(reader, writer)
        await over.wait()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    yield service(f"ldap://127.0.0.1:{server.sockets[0].getsockname()[1]}", **changes)
    over.set()
    server.close()


def service(endpoint: str, *, start_tls: bool = False, **changes: Any) -> Service:
    fields = {
        "id": "directory", "protocol": "ldap", "endpoint": endpoint, "secret": "directory", "private": True,
        "timeout": 1, "match": "uid", "account": {"uid": "x"}, "ldap": {"base": PEOPLE, "start_tls": start_tls},
    }  # fmt: skip
    return Service.model_validate({**fields, **changes})


class Credential:
    def __init__(self, *secrets: str) -> None:
        self.secrets = list(secrets)
        self.reads = 0

    async def __call__(self, name: str) -> str:
        self.reads += 1
        if not self.secrets:
            raise TransientError(f"there is no secret {name!r}")
        return self.secrets.pop(0) if len(self.secrets) > 1 else self.secrets[0]


@asynccontextmanager
async def caller_with(credential: Credential, tls: ssl.SSLContext | None = None) -> AsyncIterator[LdapCaller]:
    made = LdapCaller(Secrets(credential), tls or ssl.create_default_context())
    yield made
    await made.close()


@pytest.fixture
async def caller() -> AsyncIterator[LdapCaller]:
    async with caller_with(Credential(GOOD)) as made:
        yield made


def unanswered(answer: Answer) -> tuple[bool, str]:
    assert isinstance(answer, Unanswered), answer
    return answer.sent, answer.reason


async def test_a_refused_connection_left_nothing_in_doubt(caller: LdapCaller) -> None:
    server = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    sent, reason = unanswered(await caller(service(f"ldap://127.0.0.1:{port}"), CHANGE, 1))
    assert (sent, reason.startswith("not connected: ConnectionRefusedError")) == (False, True)


async def test_a_connection_that_ends_before_the_bind_was_answered_left_nothing_in_doubt(caller: LdapCaller) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await hear(reader)
        writer.transport.abort()

    async with directory(script) as target:
        assert not unanswered(await caller(target, CHANGE, 1))[0]


@pytest.mark.parametrize(
    "spoken",
    [
        b"",
        message(2, DELETED, 0)[:-3],
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\x30\x80" + b"\x00" * 40,
        b"\x30\x88" + b"\xff" * 8,
        b"\x30\x84\x7f\xff\xff\xff",
        message(3, DELETED, 0),
        message(0, EXTENDED, 52),
        b"\x30\x05\x02\x01\x02\x6b\x00",
    ],
    ids=["end", "half", "http", "endless", "wide", "bomb", "another's", "notice", "empty"],
)
async def test_what_is_no_answer_leaves_the_effect_unknown(caller: LdapCaller, spoken: bytes) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await let_in(reader, writer)
        await hear(reader)
        writer.write(spoken)
        await writer.drain()
        writer.close()

    async with directory(script) as target:
        assert unanswered(await caller(target, CHANGE, 1))[0]
        ending = await Courier(HttpCaller(caller.secrets), no_queue, caller).converse(
            target, deliver(target, delivery(values={"uid": "ann"}))
        )
        assert (ending.outcome, ending.known.values) == (Outcome.UNKNOWN, {"uid": "ann"})


async def test_an_answer_without_end_is_not_read_to_its_end(caller: LdapCaller) -> None:
    entry = bytes([0x30, 12, 2, 1, 2, ENTRY, 7, 4, 3]) + b"o=x" + bytes([0x30, 0])

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await let_in(reader, writer)
        await hear(reader)
        try:
            while True:
                writer.write(entry * 1000)
                await writer.drain()
        except ConnectionError:
            return

    async with directory(script, response=2048) as target:
        answer = await caller(target, ASK, 5)
    assert answer == Unanswered("an answer that is no LDAP, or too long", sent=True)


async def test_drops_of_an_answer_do_not_stretch_the_time(caller: LdapCaller) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await let_in(reader, writer)
        await hear(reader)
        try:
            for octet in message(2, DELETED, 0, b"x" * 100):
                writer.write(bytes([octet]))
                await asyncio.sleep(0.05)
        except ConnectionError:
            return

    async with directory(script) as target:
        assert await caller(target, CHANGE, 0.2) == Unanswered("no answer within 0 s", sent=True)


@pytest.mark.parametrize("code", [51, 52])
async def test_a_busy_directory_is_asked_again_later_on_the_same_connection(caller: LdapCaller, code: int) -> None:
    connections = 0

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await let_in(reader, writer)
        for number in (2, 3):
            await hear(reader)
            writer.write(message(number, DELETED, code, b"later"))

    async with directory(script) as target:
        for _ in range(2):
            assert await caller(target, CHANGE, 1) == LdapResult(code, "later")
    assert connections == 1


async def test_a_kept_connection_that_was_closed_is_not_used_again(caller: LdapCaller) -> None:
    closed = asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await let_in(reader, writer)
        await hear(reader)
        writer.write(message(2, DELETED, 0))
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        closed.set()

    async with directory(script) as target:
        for _ in range(2):
            closed.clear()
            assert await caller(target, CHANGE, 1) == LdapResult(0)
            await closed.wait()


async def test_a_password_that_was_changed_is_read_again_once() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        good = b"new" in await hear(reader)
        writer.write(message(1, BIND, 0 if good else 49))
        if good:
            await hear(reader)
            writer.write(message(2, DELETED, 0))

    old, new = (json.dumps({"dn": ADMIN, "password": word}) for word in ("old", "new"))
    async with directory(script) as target:
        async with caller_with(Credential(old, new)) as made:
            assert await made(target, CHANGE, 1) == LdapResult(0)
        async with caller_with(Credential(old)) as made:
            assert await made(target, CHANGE, 1) == Unanswered("not bound: invalidCredentials", sent=False)


@pytest.mark.parametrize(
    "secret", ["", "a-token", "{}", "[]", '{"dn": "cn=x", "password": ""}', '{"dn": "", "password": "x"}']
)
async def test_nobody_binds_without_a_name_and_a_password(secret: str) -> None:
    heard = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await hear(reader))

    async with directory(script) as target, caller_with(Credential(secret)) as made:
        assert await made(target, CHANGE, 1) == Unanswered('not {"dn": …, "password": …}', sent=False)
    assert heard == []


async def test_without_the_transport_nothing_is_in_doubt(caller: LdapCaller) -> None:
    target = service("ldaps://directory.example.org")
    courier = Courier(HttpCaller(caller.secrets), no_queue)
    ending = await courier.converse(target, deliver(target, delivery(values={"uid": "ann"})))
    reason = "there is no way to the directory of 'directory' here"
    assert (ending.outcome, ending.reason) == (Outcome.TRANSIENT, reason)


async def test_no_secret_no_request(caller: LdapCaller) -> None:
    async with caller_with(Credential()) as made:
        sent, reason = unanswered(await made(service("ldap://127.0.0.1:1"), CHANGE, 1))
    assert (sent, reason) == (False, "no secret 'directory': there is no secret 'directory'")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"private": False}, "the endpoint is neither ldaps:// nor used with start_tls"),
        ({"endpoint": "https://127.0.0.1"}, "the endpoint is not ldaps://host:port"),
        ({"endpoint": "ldaps://127.0.0.1:99999"}, "the endpoint is not ldaps://host:port"),
        ({"endpoint": "ldaps://cn:pw@127.0.0.1"}, "the endpoint is not ldaps://host:port"),
        ({"endpoint": "ldaps://127.0.0.1:1", "private": False}, "private address"),
        ({"endpoint": "ldaps://localhost:1", "private": False}, "private address"),
        ({"secret": None}, "the service names no secret to bind with"),
    ],
)
async def test_where_a_password_may_not_go_nothing_is_sent(
    caller: LdapCaller, changes: dict[str, Any], reason: str
) -> None:
    sent, said = unanswered(await caller(service("ldap://127.0.0.1:1").model_copy(update=changes), CHANGE, 1))
    assert (sent, reason in said) == (False, True)


async def test_a_directory_that_offers_no_tls_hears_no_password(caller: LdapCaller) -> None:
    heard = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await hear(reader))
        writer.write(message(1, EXTENDED, 2))
        heard.append(await reader.read())

    async with directory(script) as target:
        tls = service(target.endpoint, start_tls=True)
        assert await caller(tls, CHANGE, 1) == Unanswered("no TLS: protocolError", sent=False)
    assert PASSWORD.encode() not in b"".join(heard)


@pytest.mark.parametrize(
    "octets", [b"", b"\x30\x00", b"\x02\x01\x01", b"\x30\x03\x02\x01\x01", b"\x30\x06\x02\x01\x01\x7f\x01\x00"]
)
def test_what_is_no_message_is_said_to_be_none(octets: bytes) -> None:
    with pytest.raises(GarbageError):
        decode(octets)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Path]]:
    folder = tmp_path_factory.mktemp("certificates")
    return {host: make_certificate(folder, host) for host in ("localhost", "elsewhere.example.org")}


@pytest.mark.skipif(find() is None, reason=MISSING)
@pytest.mark.parametrize("host", ["localhost", "elsewhere.example.org"])
async def test_tls_is_verified_from_the_start_and_after_start_tls(
    certificates: dict[str, tuple[Path, Path]], host: str
) -> None:
    trusting = ssl.create_default_context(cafile=str(certificates[host][0]))
    with running(*certificates[host]) as server:
        for target in (service(server.secure_url), service(server.url, start_tls=True)):
            async with caller_with(Credential(GOOD), trusting) as made:
                answer = await made(target, ASK, 5)
                if host == "localhost":
                    assert isinstance(answer, LdapResult)
                    assert (answer.code, [entry.dn for entry in answer.entries]) == (0, [PEOPLE])
                else:
                    assert "Hostname mismatch" in unanswered(answer)[1]
            async with caller_with(Credential(GOOD)) as made:
                sent, reason = unanswered(await made(target, ASK, 5))
                assert (sent, "certificate is not to be trusted" in reason) == (False, True)


@pytest.mark.skipif(find() is None, reason=MISSING)
async def test_many_at_once_share_a_bounded_number_of_connections(
    certificates: dict[str, tuple[Path, Path]],
) -> None:
    credential = Credential(GOOD)
    trusting = ssl.create_default_context(cafile=str(certificates["localhost"][0]))
    with running(*certificates["localhost"]) as server:
        async with caller_with(credential, trusting) as made:
            answers = await asyncio.gather(*(made(service(server.secure_url), ASK, 20) for _ in range(60)))
            assert {answer.code for answer in answers if isinstance(answer, LdapResult)} == {0}
            assert sum(len(links) for links in made._idle.values()) <= 20
    assert credential.reads == 1
