"""Key sets: read over TLS, kept, read again in good time, and never replaced by trust."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from provisioning.adapters.sources.jwks import AGAIN, PAUSE, CachedKeySets
from provisioning.adapters.sources.jwks_http import fetch_key_set, secret_key_set
from provisioning.core.errors import InvalidError, TransientError
from provisioning.core.source_signed import Signed
from tests.delivery.certificates import Authority
from tests.sources.issuer import KEYS, Issuer, KeyServer, jwk, options, published

OURS, OTHERS = Authority("ours"), Authority("others")


@dataclass
class Reader:
    """One process, and its clock."""

    served: KeyServer
    now: float = 1000.0
    secrets: dict[str, str] = field(default_factory=dict)
    read: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.sets = CachedKeySets(fetch_key_set, secret_key_set(self._secret), lambda: self.now)

    async def _secret(self, name: str) -> str:
        self.read.append(name)
        if name not in self.secrets:
            raise TransientError(f"there is no secret {name!r}")
        return self.secrets[name]

    async def kids(self, kid: str | None = None, signed: Signed | None = None) -> list[str | None]:
        return [key.kid for key in await self.sets.keys(signed or self.served.options(), kid)]


@pytest_asyncio.fixture
async def reader() -> AsyncIterator[Reader]:
    async with published(Issuer(), OURS) as served:
        yield Reader(served)


async def test_a_set_is_read_once_for_as_long_as_it_is_believed(reader: Reader) -> None:
    assert await reader.kids() == ["rsa", "ec", "okp"]
    for kid in ("rsa", "ec", "okp"):
        assert await reader.kids(kid) == [kid]
    reader.now += 3599
    assert (await reader.kids("ec"), reader.served.asked) == (["ec"], 1)
    reader.now += 1
    assert (await reader.kids("ec"), reader.served.asked) == (["ec"], 2)


@pytest.mark.parametrize(
    ("control", "seconds"),
    [
        ("max-age=600", 600), ("public, Max-Age=600, must-revalidate", 600), ('max-age="600"', 600),
        ("max-age=0", 60), ("max-age=99999999", 86400), ("no-store", 60), ("no-cache, max-age=600", 60),
        ("s-maxage=600", 3600), ("max-age=x", 3600), ("max-age=" + "9" * 100, 3600), ("", 3600),
    ],
)  # fmt: skip
async def test_a_set_is_believed_as_long_as_its_issuer_says_within_bounds(
    reader: Reader, control: str, seconds: int
) -> None:
    reader.served.control = control
    await reader.kids()
    reader.now += seconds - 1
    await reader.kids()
    assert reader.served.asked == 1
    reader.now += 1
    await reader.kids()
    assert reader.served.asked == 2


async def test_a_new_key_is_found_and_an_old_one_is_gone(reader: Reader) -> None:
    await reader.kids()
    reader.now += AGAIN
    reader.served.issuer.published = [jwk(KEYS["ec"], kid="next")]
    assert await reader.kids("next") == ["next"]
    assert await reader.kids("ec") == []
    assert reader.served.asked == 2


async def test_who_asks_for_a_new_key_too_soon_comes_again_and_finds_it(reader: Reader) -> None:
    await reader.kids()
    reader.served.issuer.published.append(jwk(KEYS["ec"], kid="next"))
    reader.now += AGAIN - 1
    with pytest.raises(TransientError, match="none of this kid"):
        await reader.kids("next")
    assert reader.served.asked == 1
    reader.now += 1
    assert (await reader.kids("next"), reader.served.asked) == (["next"], 2)


async def test_forged_kids_make_no_storm_and_each_is_refused_in_the_end(reader: Reader) -> None:
    await reader.kids()
    reader.now += 1
    for number in range(500):
        with pytest.raises(TransientError):
            await reader.kids(f"forged-{number}")
    reader.now += AGAIN
    answers = await asyncio.gather(*(reader.kids(f"forged-{number}") for number in range(500)))
    assert (answers, reader.served.asked) == ([[]] * 500, 2)
    reader.now += 1
    assert (await reader.kids("forged-7"), reader.served.asked) == ([], 2)


async def test_a_process_that_begins_with_a_forged_kid_reads_once(reader: Reader) -> None:
    assert (await reader.kids("forged"), await reader.kids("forged"), reader.served.asked) == ([], [], 1)


async def test_however_many_ask_at_once_one_reads(reader: Reader) -> None:
    assert await asyncio.gather(*(reader.kids("ec") for _ in range(20))) == [["ec"]] * 20
    assert reader.served.asked == 1


def status(number: int) -> Callable[[web.Request], web.StreamResponse]:
    return lambda _request: web.Response(status=number, text=json.dumps({"keys": []}))


def text(body: Any, **more: Any) -> Callable[[web.Request], web.StreamResponse]:
    return lambda _request: web.Response(body=body.encode() if isinstance(body, str) else body, **more)


def moved(request: web.Request) -> web.StreamResponse:
    raise web.HTTPFound(f"{request.url}?elsewhere")


def closed(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.close()
    return web.Response()


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (status(500), "answered 500"), (status(404), "answered 404"), (moved, "answered 302"),
        (text("<html>"), "not JSON"), (text("{}"), "not a key set"), (text(b"\xff"), "not UTF-8"),
        (text("[" * 5000), "too deeply nested"), (text("x" * 300_000), "more than 262144 bytes"),
        (closed, "no answer of"),
    ],
)  # fmt: skip
async def test_what_is_no_key_set_is_never_believed_and_the_message_waits(
    reader: Reader, answer: Callable[[web.Request], web.StreamResponse], why: str
) -> None:
    reader.served.answer = answer
    with pytest.raises(TransientError, match=why):
        await reader.kids("ec")
    asked = reader.served.asked
    for _ in range(3):  # the failure is remembered for a while, so that nobody asks for each message
        with pytest.raises(TransientError, match=why):
            await reader.kids("ec")
    assert reader.served.asked == asked
    reader.now, reader.served.answer = reader.now + PAUSE, None
    assert await reader.kids("ec") == ["ec"]


async def test_a_set_that_is_too_old_is_not_believed_while_it_cannot_be_read(reader: Reader) -> None:
    await reader.kids("ec")
    reader.served.answer, reader.now = status(503), reader.now + 3600
    with pytest.raises(TransientError, match="answered 503"):
        await reader.kids("ec")


async def test_while_a_set_is_believed_an_issuer_that_is_down_only_delays_new_keys(reader: Reader) -> None:
    await reader.kids("ec")
    reader.served.answer, reader.now = status(503), reader.now + AGAIN
    with pytest.raises(TransientError):
        await reader.kids("next")
    assert await reader.kids("ec") == ["ec"]


@pytest.mark.parametrize(
    "changes", [{"authorities": OTHERS.pem}, {"authorities": None}, {"private": False}], ids=["others", "public", "in"]
)
async def test_a_server_that_nobody_vouches_for_and_one_inside_are_not_asked(
    reader: Reader, changes: dict[str, Any]
) -> None:
    with pytest.raises(TransientError, match="no answer of"):
        await reader.kids("ec", reader.served.options(**changes))
    assert reader.served.asked == 0


async def test_an_expired_certificate_is_refused() -> None:
    class Late(Authority):
        def server(self, **_more: Any) -> Any:
            return super().server(days=1)

    async with published(Issuer(), Late()) as served:
        with pytest.raises(TransientError, match="no answer"):
            await Reader(served).kids("ec")
        assert served.asked == 0


async def test_authorities_that_are_none_are_named(reader: Reader) -> None:
    with pytest.raises(TransientError, match=r"signed\.authorities: not certificates"):
        await reader.kids("ec", reader.served.options(authorities="x"))


async def test_a_set_in_a_secret_is_read_by_the_same_rules(reader: Reader) -> None:
    signed = options(jwks_url=None, secret="issuer-keys")
    with pytest.raises(TransientError, match="issuer-keys"):
        await reader.kids("ec", signed)
    reader.now += PAUSE
    reader.secrets["issuer-keys"] = json.dumps({"keys": [jwk(KEYS["ec"], kid="ec")]})
    assert await reader.kids("ec", signed) == ["ec"]
    reader.secrets["issuer-keys"] = json.dumps({"keys": [jwk(KEYS["ec"], kid="next")]})
    reader.now += AGAIN
    assert await reader.kids("next", signed) == ["next"]
    assert (reader.read, reader.served.asked) == (["issuer-keys"] * 3, 0)


@pytest.mark.parametrize(
    "changes",
    [
        {"jwks_url": None}, {"secret": "x"}, {"jwks_url": "http://keys.example"}, {"jwks_url": "https://user@keys.example"},
        {"audience": []}, {"issuer": ""}, {"algorithms": []},
    ],
)  # fmt: skip
def test_options_that_cannot_be_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises((ValueError, InvalidError)):
        options(**changes)
