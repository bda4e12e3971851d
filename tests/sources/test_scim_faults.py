"""SCIM servers that fail: whoever cannot be read is not gone, and no error quotes anybody."""

from typing import Any

import pytest

from provisioning.core.errors import InvalidError, TransientError
from tests.sources.scim_liar import liar

ALL = [f"u{number}" for number in range(1, 8)]


async def test_nobody_is_gone_by_a_server_that_finds_nobody() -> None:
    async with liar() as server:
        server.instead[3] = server.error(404)  # the second look: of one whom the list shows
        async with server.open() as source:
            with pytest.raises(InvalidError, match="does not find a resource that it shows"):
                await source.fetch(["u99"])
        assert server.asked == ["/Users/u99", "/Users", "/Users/u1"]


async def test_who_is_gone_costs_two_requests_more_once() -> None:
    async with liar() as server:
        async with server.open() as source:
            items = await source.fetch(["u98", "u1"])
            items = [*items, *await source.fetch(["u99"])]
        assert [(item.key, item.fields is None) for item in items] == [("u98", True), ("u1", False), ("u99", True)]
        assert sorted(server.asked) == sorted(["/Users/u98", "/Users/u1", "/Users", "/Users/u1", "/Users/u99"])


async def test_a_plain_404_for_a_strange_id_is_not_believed() -> None:
    async with liar() as server:
        server.instead[1] = (404, {}, b"<html>not found</html>")
        async with server.open() as source:
            with pytest.raises(TransientError, match="without an error of SCIM"):
                await source.fetch(["a/b"])


@pytest.mark.parametrize(
    "answer",
    [
        (200, {}, {"id": "u2"}),
        (200, {}, b"<html>welcome</html>"),
        (200, {}, {"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": "404"}),
        (500, {}, {"detail": "user1"}),
        (400, {}, {"detail": "user1"}),
        (401, {}, {}),
        (403, {}, {}),
        (302, {"Location": "http://elsewhere/"}, {}),
    ],
)
async def test_whoever_cannot_be_read_is_not_gone(answer: Any) -> None:
    async with liar() as server:
        server.instead = dict.fromkeys((1, 2), answer)
        async with server.open() as source:
            with pytest.raises((TransientError, InvalidError)) as caught:
                await source.fetch(["u1"])
        assert "u1" not in str(caught.value)
        assert "user1" not in str(caught.value)
        assert "elsewhere" not in str(caught.value)


async def test_keys_are_looked_up_as_they_are_spelled() -> None:
    async with liar(people=0) as server:
        name = 'ann "o\\brien" é'
        server.person(1, userName=name)
        async with server.open(key="userName") as source:
            (item,) = await source.fetch([name])
        assert item.fields is not None
        assert server.calls[0][1]["filter"] == r'userName eq "ann \"o\\brien\" é"'


async def test_another_spelling_is_neither_found_nor_gone() -> None:
    async with liar(caseless=True) as server, server.open(key="userName") as source:
        with pytest.raises(InvalidError, match="other capitals"):
            await source.fetch(["User1"])


async def test_two_with_one_key_are_an_error_and_no_guess() -> None:
    async with liar() as server:
        server.person(8, userName="user1")
        async with server.open(key="userName") as source:
            with pytest.raises(InvalidError, match="2 resources have the same key"):
                await source.fetch(["user1"])


@pytest.mark.parametrize(("filters", "people"), [("ignored", 3), ("ignored", 9), ("refused", 3), ("nothing", 3)])
async def test_a_filter_that_does_not_look_up_is_an_error(filters: str, people: int) -> None:
    async with liar(people=people, filters=filters) as server, server.open(key="userName") as source:
        with pytest.raises(InvalidError):
            await source.fetch(["user99"])


async def test_nobody_shown_proves_nobody_gone() -> None:
    async with liar(people=0) as server, server.open() as source:
        with pytest.raises(TransientError, match="proves nothing"):
            await source.fetch(["u1"])


async def test_who_is_not_the_sources_is_not_there() -> None:
    async with liar() as server:
        server.person(8, userType="Guest")
        async with server.open(filter='userType eq "Employee"') as source:
            items = await source.fetch(["u8", "u1"])
        assert [item.fields is None for item in items] == [True, False]


async def test_a_server_that_asks_for_patience_gets_it() -> None:
    async with liar() as server:
        date = {"Date": "Tue, 01 Sep 2026 08:00:00 GMT", "Retry-After": "Tue, 01 Sep 2026 08:00:05 GMT"}
        server.instead = {1: (429, {"Retry-After": "3"}, {}), 2: (503, date, {})}
        async with server.open(page=10, paging="index") as source:
            page = await source.snapshot(None)
        assert [item.key for item in page.items] == ALL
        assert server.slept == [3, 5]


@pytest.mark.parametrize("wait", ["1000", None])
async def test_patience_has_an_end(wait: str | None) -> None:
    async with liar() as server:
        server.instead[1] = (429, {} if wait is None else {"Retry-After": wait}, {})
        async with server.open() as source:
            with pytest.raises(TransientError, match="answers 429"):
                await source.snapshot(None)
        assert server.slept == []


@pytest.mark.parametrize("status", [401, 404, 301, 400])
async def test_what_an_operator_must_mend_names_the_option(status: int) -> None:
    async with liar() as server:
        server.instead[1] = server.error(status)
        async with server.open(paging="index") as source:
            with pytest.raises(InvalidError, match=r"poll\.scim"):
                await source.snapshot(None)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"{}", b'{"Resources": {}}', b"\xff", b"[" * 100_000, b'{"Resources": [], "Resources": [1]}',
        b'{"Resources": [], "nextCursor": 7}', b'{"Resources": [], "nextCursor": "%b"}' % (b"x" * 5000),
    ],
)  # fmt: skip
async def test_what_is_no_list_is_no_empty_list(body: bytes) -> None:
    async with liar() as server:
        server.instead[1] = (200, {}, body)
        async with server.open(paging="index") as source:
            with pytest.raises(TransientError):
                await source.snapshot(None)


async def test_answers_are_bounded() -> None:
    async with liar() as server:
        server.instead[1] = (200, {}, b" " * (17 << 20))
        async with server.open(paging="index") as source:
            with pytest.raises(TransientError, match="longer than"):
                await source.snapshot(None)
