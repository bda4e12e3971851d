"""Directories that break, restart, forget and lie: nothing is lost, nobody is removed, and it is said what is wrong."""

import asyncio
import json
import ssl
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from provisioning.adapters.sources.ldap import LdapExtraction
from provisioning.adapters.sources.ldap_search import Directory
from provisioning.core.errors import InvalidError, TransientError
from tests.delivery.certificates import make_certificate
from tests.sources.ldap_world import LdapWorld, ldap_world
from tests.sources.slapd import GROUPS
from tests.sources.world import everything, since

UNITS = {"given": "Given", "unit": "arts"}
CSN = "20990101000000.000000Z#000000#{sid}#000000"


@pytest.fixture
async def directory() -> AsyncIterator[LdapWorld]:
    async with ldap_world() as made:
        for number in range(7):
            await made.put(f"p{number}", UNITS)
        yield made


async def begun(world: LdapWorld) -> str:
    async with world.open() as source:
        place = await source.begin()
    assert place is not None
    return place


def at(place: str, cookie: bytes) -> str:
    """The place, with another cookie."""
    return json.dumps({**json.loads(place), "at": b64encode(cookie).decode()})


async def is_lost_and_goes_on(world: LdapWorld, place: str) -> None:
    """A place that is of no use is no error: the one that is given instead is of use, and a snapshot shows all."""
    async with world.open(page=100) as source:
        page = await source.changes(place)
        assert page.lost
        assert not page.items
        assert page.position is not None
        key = await world.put("p0", {"given": "Later", "unit": "arts"})
        items, _ = await since(source, page.position)
        assert key in {item.key for item in items}
        items, _ = await everything(source)
        assert len(items) == 7


@pytest.mark.parametrize(
    "cookie",
    [
        b"garbage",
        b"\xff\x00" * 20,
        b"rid=000",
        b"rid=000,csn=garbage",
        b"rid=-1,csn=20200101000000.000000Z#000000#000#000000",
        f"rid=000,csn={CSN.format(sid='000')}".encode(),  # newer than all that the directory knows
        f"rid=000,csn={CSN.format(sid='001')}".encode(),  # of another server
        b"rid=000,csn=20000101000000.000000Z#000000#000#000000",  # older than its log
    ],
)
async def test_a_cookie_that_is_of_no_use_calls_for_a_snapshot(directory: LdapWorld, cookie: bytes) -> None:
    await is_lost_and_goes_on(directory, at(await begun(directory), cookie))


@pytest.mark.parametrize("place", ["", "{}", "[]", "7", '{"of": 1}', "[" * 10_000, "x" * 400_000])
async def test_a_place_that_cannot_be_read_calls_for_a_snapshot(directory: LdapWorld, place: str) -> None:
    await is_lost_and_goes_on(directory, place)


async def test_the_cookie_of_another_directory_calls_for_a_snapshot(directory: LdapWorld) -> None:
    async with ldap_world() as other:
        await other.put("x", UNITS)
        place = await begun(other)
    await is_lost_and_goes_on(directory, place)


async def test_a_session_log_that_is_too_short_calls_for_a_snapshot() -> None:
    async with ldap_world(log=2) as world:
        for number in range(9):
            await world.put(f"p{number}", UNITS)
        place = await begun(world)
        for number in range(4):
            world.change(f"p{number}", ou=["law"])
        for number in (7, 8):
            await world.remove(f"p{number}")
        await is_lost_and_goes_on(world, place)


async def test_a_directory_that_offers_no_synchronization_any_more_goes_on_by_time(directory: LdapWorld) -> None:
    place = await begun(directory)
    directory.server.configure(sync=False)
    directory.restart(kill=False)
    await is_lost_and_goes_on(directory, place)


async def test_a_server_that_is_killed_in_the_middle_of_changes_shows_them_again(directory: LdapWorld) -> None:
    place = await begun(directory)
    for number in range(7):
        directory.change(f"p{number}", ou=["law"])
    async with directory.open(page=1) as source:
        first = await source.changes(place)
        assert first.more
        assert first.position is not None
        directory.restart(kill=True)
        with suppress(TransientError):  # what the connection holds already is shown
            await since(source, first.position)
    async with directory.open() as source:
        again = await source.changes(first.position)
        assert again.lost or len(again.items) == 3  # the log was in its memory: said so, or shown


@asynccontextmanager
async def cutting(world: LdapWorld, most: int) -> AsyncIterator[str]:
    """A proxy before the directory that drops the connection after so many octets of answers. Its address."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind, ahead = await asyncio.open_connection("127.0.0.1", world.server.port)

        async def ask() -> None:
            while octets := await reader.read(65536):
                ahead.write(octets)

        asking = asyncio.create_task(ask())
        tasks.add(asking)
        left = most
        while left and (octets := await behind.read(left)):
            writer.write(octets)
            left -= len(octets)
        asking.cancel()
        ahead.close()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"ldap://localhost:{server.sockets[0].getsockname()[1]}"


@pytest.mark.parametrize("most", [0, 1, 14, 15, 40, 300, 500, 1000, 1500])
async def test_a_connection_that_is_dropped_anywhere_is_a_fault_that_passes(directory: LdapWorld, most: int) -> None:
    place = await begun(directory)
    directory.change("p1", ou=["law"])
    async with cutting(directory, most) as url:
        for page in (3, 100):
            async with directory.open(page=page, urls=[url]) as source:
                with pytest.raises(TransientError):
                    await everything(source)
                if most < 200:
                    with pytest.raises(TransientError):
                        await source.changes(place)
        async with directory.open(page=100, urls=[url, directory.server.url]) as source:
            items, _ = await since(source, place) if most < 14 else ([None], None)
            assert items


async def test_a_directory_that_says_nothing_is_not_waited_for(directory: LdapWorld) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        url = f"ldap://localhost:{server.sockets[0].getsockname()[1]}"
        options = directory.poll(urls=[url]).ldap
        assert options is not None
        source = LdapExtraction(Directory(options, directory.read, 1), 3)
        with pytest.raises(TransientError, match="within 1 s"):
            await source.snapshot(None)
        await source.close()


async def test_what_is_no_directory_is_a_fault_that_passes(directory: LdapWorld) -> None:
    async def talkative(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(talkative, "127.0.0.1", 0) as server:
        url = f"ldap://localhost:{server.sockets[0].getsockname()[1]}"
        async with directory.open(urls=[url]) as source:
            with pytest.raises(TransientError):
                await source.begin()


async def test_the_next_address_is_tried(directory: LdapWorld) -> None:
    async with directory.open(urls=["ldap://localhost:1", directory.server.url]) as source:
        items, _ = await everything(source)
    assert len(items) == 7


@pytest.mark.parametrize(
    ("options", "where"),
    [
        ({"base": "ou=nowhere,dc=example,dc=org"}, "base"),
        ({"groups": {"base": f"ou=x,{GROUPS}"}}, "groups"),
    ],
)
async def test_what_is_configured_wrongly_names_the_option(
    directory: LdapWorld, options: dict[str, Any], where: str
) -> None:
    async with directory.open(**options) as source:
        with pytest.raises(InvalidError, match=where):
            await source.snapshot(None)
        with pytest.raises(InvalidError, match=where):
            await source.begin()


@pytest.mark.parametrize("where", ["filter", "groups.filter"])
async def test_what_is_no_filter_is_said_before_anything_is_asked(directory: LdapWorld, where: str) -> None:
    wrong = "(uid=(x)"
    options = {"filter": wrong} if where == "filter" else {"groups": {"base": GROUPS, "filter": wrong}}
    with pytest.raises(InvalidError, match=rf"poll\.ldap\.{where}"):
        async with directory.open(**options):
            pass


@pytest.mark.parametrize("secret", ["", "{}", '{"dn": "cn=x", "password": ""}', '{"dn": "cn=x", "password": "hidden"}'])
async def test_a_wrong_secret_is_said_and_not_shown(directory: LdapWorld, secret: str) -> None:
    async def read(name: str) -> str:
        return secret

    options = directory.poll().ldap
    assert options is not None
    source = LdapExtraction(Directory(options, read, 5), 3)
    with pytest.raises(InvalidError, match=r"poll\.ldap\.secret") as caught:
        await source.begin()
    assert "hidden" not in str(caught.value)


async def test_a_private_address_is_refused_unless_it_is_said(directory: LdapWorld) -> None:
    async with directory.open(private=False, start_tls=True) as source:
        with pytest.raises(InvalidError, match="private address"):
            await source.begin()


async def test_the_certificate_is_verified(directory: LdapWorld, tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)
    directory.server.configure(tls=(certificate, key))
    directory.restart(kill=False)
    options = directory.poll(start_tls=True).ldap
    assert options is not None
    doubtful = LdapExtraction(Directory(options, directory.read, 5), 3)
    with pytest.raises(TransientError, match="not to be trusted"):
        await doubtful.begin()
    tls = ssl.create_default_context(cafile=str(certificate))
    source = LdapExtraction(Directory(options, directory.read, 5, tls), 3)
    items, _ = await everything(source)
    assert len(items) == 7
    await source.close()


async def test_a_password_alone_is_of_use_with_a_name(directory: LdapWorld) -> None:
    async def read(name: str) -> str:
        return str(json.loads(await directory.read(name))["password"])

    dn = json.loads(await directory.read("directory"))["dn"]
    options = directory.poll(bind=dn).ldap
    assert options is not None
    source = LdapExtraction(Directory(options, read, 5), 3)
    assert len((await everything(source))[0]) == 7
    await source.close()
