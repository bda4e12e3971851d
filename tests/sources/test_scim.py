"""SCIM as a source, against a server that is not ours, and through poll; what it costs is counted."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from provisioning.core.errors import InvalidError, TransientError
from provisioning.core.source_options import Poll
from provisioning.core.source_scim import ScimSource
from provisioning.core.version import read_version
from provisioning.ports import Extraction
from tests.sources.scim_liar import Liar, liar
from tests.sources.scim_world import scim_world
from tests.sources.world import everything, since
from tests.stages.polling import PollBench, polled_bundle

PEOPLE = {f"p{number}": {"given": f"Given {number}", "unit": "arts"} for number in range(7)}


@pytest.mark.parametrize(("cursor", "lists"), [(False, 4), (True, 3)])
async def test_requests_of_a_snapshot(cursor: bool, lists: int) -> None:
    async with scim_world(cursor=cursor) as world:
        for name, fields in PEOPLE.items():
            await world.put(name, fields)
        async with world.open() as source:
            items, last = await everything(source)
        assert len(items) == 7
        assert last.evidence is not None
        assert last.evidence.expected == 7
        assert [path for path, _ in world.calls] == ["/ServiceProviderConfig", *["/Users"] * lists]


@pytest.mark.parametrize("cursor", [False, True])
async def test_requests_of_a_look_for_changes(cursor: bool) -> None:
    async with scim_world(cursor=cursor) as world:
        for name, fields in PEOPLE.items():
            await world.put(name, fields)
        async with world.open() as source:
            begun = await source.begin()
            assert begun is not None
            assert len(world.calls) == 3  # somebody; whether the filter finds, and whether it leaves out
            _, place = await since(source, begun)
            world.calls.clear()
            await source.changes(place)
        assert len(world.calls) == 1


async def test_persons_by_their_names_at_a_server_that_is_not_ours() -> None:
    async with scim_world() as world:
        name = 'ann"o\\brien'
        await world.put(name, {"given": "Ann", "unit": "arts"})
        await world.put("bert", {"given": "Bert", "unit": "arts"})
        async with world.open(key="userName") as source:
            found = {item.key: world.given(item) for item in await source.fetch([name, "bert", "nobody"])}
            items, _ = await everything(source)
        assert found == {name: "Ann", "bert": "Bert", "nobody": None}
        assert {item.key for item in items} == {name, "bert"}


async def test_groups_of_a_server_that_is_not_ours() -> None:
    async with scim_world() as world:
        keys = [await world.put(name, fields) for name, fields in PEOPLE.items()]
        world.group("readers", keys[0], keys[1])
        async with world.open(groups={}) as source:
            begun = await source.begin()
            assert begun is not None
            world.group("readers", keys[1], keys[2])
            world.group("staff", keys[2])
            items, _ = await since(source, begun)
            groups = {item.key: (item.fields or {})["groups"] for item in items}
            assert groups | {keys[0]: [], keys[1]: ["readers"], keys[2]: ["readers", "staff"]} == groups
            shown, _ = await everything(source)
        assert {item.key: (item.fields or {})["groups"] for item in shown}[keys[2]] == ["readers", "staff"]


async def test_the_time_of_a_change_is_a_version() -> None:
    async with scim_world() as world:
        versions = []
        for given_name in ("Ann", "Anna"):
            key = await world.put("ann", {"given": given_name, "unit": "arts"})
            async with world.open() as source:
                (item,) = await source.fetch([key])
            meta = (item.fields or {})["meta"]
            assert "location" not in meta
            versions.append(read_version(meta["lastModified"], "version"))
        assert versions[0] < versions[1]


async def test_only_a_filter_s_persons_at_a_server_that_is_not_ours() -> None:
    async with scim_world() as world:
        keys = {name: await world.put(name, fields) for name, fields in PEOPLE.items()}
        await world.put("p1", {"given": "One", "unit": "law"})
        async with world.open(filter='title eq "law" or title eq "none"', attributes=["nickName"]) as source:
            items, _ = await everything(source)
            assert [item.key for item in items] == [keys["p1"]]
            found = {item.key: world.given(item) for item in await source.fetch([keys["p1"], keys["p2"]])}
            begun = await source.begin()
            assert begun is not None
            changed, _ = await since(source, begun)
        assert found == {keys["p1"]: "One", keys["p2"]: None}
        assert [item.key for item in changed] == [keys["p1"]]


class _Bench(PollBench):
    """poll, asking a SCIM server."""

    def __init__(self, server: Liar) -> None:
        super().__init__()
        self._server = server

    @asynccontextmanager
    async def open(self, _options: Poll) -> AsyncIterator[Extraction]:
        async with self._server.open() as source:
            yield source


async def test_poll_closes_who_is_gone_and_nobody_while_the_list_moves() -> None:
    async with liar() as server:
        bench = _Bench(server)
        await bench.publish(polled_bundle(runs=1))
        assert len(await bench.snapshot()) == 7
        server.calls.clear()
        assert await bench.snapshot() == {}
        second_page = [query.get("startIndex") == "4" for _, query in server.calls].index(True) + 1
        server.before[len(server.calls) + second_page] = lambda: server.gone(1)
        moved = await bench.snapshot()
        assert "totalResults fell" in bench.item.trouble
        assert moved == {}
        assert [key for key, fields in (await bench.snapshot()).items() if fields is None] == ["u1"]


@given(
    people=st.integers(0, 12), page=st.integers(1, 5), most=st.integers(1, 5), cursor=st.booleans(),
    gone=st.lists(st.tuples(st.integers(2, 8), st.integers(1, 12)), max_size=3),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_nobody_who_stays_is_left_out_of_what_seems_whole(
    people: int, page: int, most: int, cursor: bool, gone: list[tuple[int, int]]
) -> None:
    async def run() -> None:
        async with liar(people=people, most=most, paging="cursor" if cursor else "index") as server:
            for request, number in gone:
                server.before[request] = lambda number=number: server.gone(number)  # type: ignore[misc]  # its own default
            async with server.open(page, paging="cursor" if cursor else "index") as source:
                items, last = await everything(source)
            assert last.evidence is not None
            seen = {item.key for item in items}
            whole = not last.evidence.problem and len(seen) >= (last.evidence.expected or 0)
            assert not whole or seen >= {each["id"] for each in server.people}
            if not gone:
                assert whole
                assert len(items) == people

    asyncio.run(run())


@pytest.mark.parametrize(
    "options",
    [
        {"url": "ftp://idms/v2"},
        {"url": "https://user@idms/v2"},
        {"url": "http://idms/v2"},
        {"key": "user name"},
        {"exclude": ["ID"]},
        {"key": "userName", "exclude": ["username"]},
        {"changes": "lastModified", "exclude": ["meta"]},
        {"authentication": {"kind": "basic"}},
        {"secret": "s", "authentication": {"kind": "oauth2"}},
    ],
)
def test_options_that_cannot_be_meant_are_refused(options: dict[str, Any]) -> None:
    ScimSource.model_validate({"url": "https://idms.example/v2"})
    with pytest.raises(ValidationError):
        ScimSource.model_validate({"url": "https://idms.example/v2", **options})


def test_every_secret_that_is_read_is_named() -> None:
    authentication = {"kind": "bearer", "certificate": "our-certificate"}
    scim = {"url": "https://idms.example/v2", "secret": "idms", "authentication": authentication}
    assert Poll.model_validate({"scim": scim}).secrets == ("idms", "our-certificate")


async def test_a_key_that_the_server_has_for_itself_is_refused_when_opened() -> None:
    async with liar() as server:
        with pytest.raises(InvalidError, match=r"poll\.scim\.key"):
            async with server.open(key="groups.value"):
                pass


async def test_addresses_inside_are_not_called_unless_allowed() -> None:
    async with liar() as server:
        async with server.open(private=False, url=f"https://127.0.0.1:{server.port}/v2") as source:
            with pytest.raises(TransientError, match="private address"):
                await source.snapshot(None)
        assert server.calls == []


async def test_a_password_or_a_token_asked_for_is_borne() -> None:
    basic = '{"user": "engine", "password": "x"}'
    async with (
        liar(secret=basic, accepts="Basic ZW5naW5lOng=") as server,
        server.open(authentication={"kind": "basic"}) as source,
    ):
        assert (await source.snapshot(None)).items
    async with liar(secret='{"client_id": "engine", "client_secret": "x"}', accepts="Bearer granted-1") as server:
        authentication = {"kind": "oauth2", "token_endpoint": f"http://127.0.0.1:{server.port}/token"}
        async with server.open(authentication=authentication) as source:
            assert (await source.snapshot(None)).items
        assert server.asked[0] == "/token"


async def test_a_secret_of_another_form_is_named_and_not_quoted() -> None:
    async with liar() as server, server.open(authentication={"kind": "basic"}) as source:
        with pytest.raises(TransientError, match="secret 'idms' is not") as caught:
            await source.snapshot(None)
        assert server.secret not in str(caught.value)
