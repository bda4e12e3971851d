"""Lists of SCIM servers that are not as the standard: nothing may seem to be whole by a lie."""

from typing import Any

import pytest

from provisioning.core.source import Evidence
from tests.sources.scim_liar import Liar, liar
from tests.sources.world import everything

ALL = [f"u{number}" for number in range(1, 8)]


async def keys_of(server: Liar, page: int = 3, **options: Any) -> tuple[list[str], Evidence]:
    """Everybody whom a snapshot shows, and its evidence."""
    async with server.open(page, **options) as source:
        items, last = await everything(source)
    assert last.evidence is not None
    return [item.key for item in items], last.evidence


async def test_the_end_is_seen_with_one_request_more() -> None:
    async with liar() as server:
        assert await keys_of(server) == (ALL, Evidence(7))
        assert server.asked == ["/ServiceProviderConfig", "/Users", "/Users", "/Users", "/Users"]
        assert [query.get("startIndex") for _, query in server.calls[1:]] == ["1", "4", "7", "8"]


async def test_a_server_that_gives_fewer_than_asked_is_read_whole() -> None:
    async with liar(most=2) as server:
        assert await keys_of(server, page=5) == (ALL, Evidence(7))


async def test_a_total_that_falls_while_it_is_read_is_no_evidence() -> None:
    async with liar() as server:
        server.before[3] = lambda: server.gone(1)
        keys, evidence = await keys_of(server)
        assert "u4" not in keys  # it moved into a page that was read
        assert evidence == Evidence(6, "totalResults fell from 7 to 6 while it was read")


async def test_a_total_that_grows_is_expected_to_the_end() -> None:
    async with liar() as server:
        server.before[3] = lambda: server.people.append({"id": "u8"})
        assert await keys_of(server) == ([*ALL, "u8"], Evidence(8))


@pytest.mark.parametrize(
    ("how", "problem"),
    [
        ({"deaf": True}, "index 4 shows a page that was shown before"),
        ({"total": lambda count, page: count + 2}, "an empty page at index 8, where totalResults is 9"),
        ({"total": lambda count, page: page}, "more is shown than totalResults, 3"),
        ({"claims": 9}, "itemsPerPage is 9 at index 1, where 3 are shown"),
    ],
)
async def test_lies_of_lists_are_told(how: dict[str, Any], problem: str) -> None:
    async with liar(**how) as server:
        _, evidence = await keys_of(server)
        assert evidence.problem == problem


async def test_an_empty_page_in_the_middle_is_no_end() -> None:
    async with liar() as server:
        server.instead[3] = (200, {}, {"totalResults": 7, "itemsPerPage": 0, "startIndex": 4, "Resources": []})
        keys, evidence = await keys_of(server)
        assert (keys, evidence) == (
            ["u1", "u2", "u3"],
            Evidence(7, "an empty page at index 4, where totalResults is 7"),
        )


@pytest.mark.parametrize("how", [{"rewinds": True}, {"refuses_past": True}, {"resources": "resources"}, {"claims": 3}])
async def test_habits_that_hide_nobody_are_borne(how: dict[str, Any]) -> None:
    async with liar(people=8, **how) as server:
        keys, evidence = await keys_of(server)
        assert (keys, evidence) == ([*ALL, "u8"], Evidence(8))


async def test_the_same_resource_in_two_pages_is_shown_twice_and_fewer_than_counted_remain() -> None:
    async with liar() as server:
        swap = [*server.people[3:6], *server.people[:3], server.people[6]]  # the server has no order of its own
        server.before[3] = lambda: setattr(server, "people", swap)
        keys, evidence = await keys_of(server)
        assert evidence.problem or len(set(keys)) < (evidence.expected or 0)


async def test_a_resource_twice_in_a_page_is_told() -> None:
    async with liar() as server:
        server.people.insert(1, server.people[0])
        _, evidence = await keys_of(server)
        assert evidence.problem == "a resource is shown twice in a page"


async def test_cursor_is_taken_where_it_is_announced_and_bounds_are_kept() -> None:
    async with liar(paging="cursor", offers={"cursor": True, "index": True, "maxPageSize": 2}) as server:
        assert await keys_of(server) == (ALL, Evidence(7))
        lists = [query for path, query in server.calls if path == "/Users"]
        assert [query["cursor"] for query in lists] == ["", "+/=:&2", "+/=:&4", "+/=:&6"]
        assert {query["count"] for query in lists} == {"2"}
        assert not any("startIndex" in query for query in lists)


async def test_a_cursor_that_comes_unasked_is_followed() -> None:
    async with liar(paging="cursor") as server:
        assert await keys_of(server) == (ALL, Evidence(7))
        assert [query.get("cursor") for _, query in server.calls[1:]] == [None, "+/=:&3", "+/=:&6"]


async def test_cursor_without_a_total_is_read_whole() -> None:
    async with liar(paging="cursor", total=lambda count, page: None) as server:
        assert await keys_of(server, paging="cursor") == (ALL, Evidence(None))
        assert "/ServiceProviderConfig" not in server.asked


async def test_a_server_that_knows_no_cursor_is_no_evidence() -> None:
    async with liar() as server:
        keys, evidence = await keys_of(server, paging="cursor")
        assert (keys, evidence) == (["u1", "u2", "u3"], Evidence(7, "3 are shown, where totalResults is 7"))


@pytest.mark.parametrize(
    ("shown", "cursor", "problem"),
    [
        (["u4"], "+/=:&3", "nextCursor is the cursor of the same page"),
        (["u1", "u2", "u3"], "x", "a page was shown that was shown before"),
    ],
)
async def test_circles_of_cursors_end(shown: list[str], cursor: str, problem: str) -> None:
    async with liar(paging="cursor") as server:
        server.instead[2] = (200, {}, {"Resources": [{"id": each} for each in shown], "nextCursor": cursor})
        _, evidence = await keys_of(server, paging="cursor")
        assert evidence.problem == problem


async def test_empty_pages_with_cursors_end() -> None:
    async with liar(paging="cursor") as server:
        server.instead = {number: (200, {}, {"Resources": [], "nextCursor": f"c{number}"}) for number in range(1, 300)}
        _, evidence = await keys_of(server, paging="cursor")
        assert evidence.problem == "more than 100 empty pages, one after the other"


@pytest.mark.parametrize("word", ["expiredCursor", "invalidCursor", "invalidCount"])
async def test_a_cursor_that_expired_ends_the_run_without_evidence(word: str) -> None:
    async with liar(paging="cursor") as server:
        server.instead[2] = server.error(400, word)
        keys, evidence = await keys_of(server, paging="cursor")
        assert keys == ["u1", "u2", "u3"]
        assert evidence.problem == f"after 3 resources: the SCIM server refuses a list: 400 {word}"


async def test_options_that_change_end_the_run_without_evidence() -> None:
    async with liar() as server:
        async with server.open() as source:
            page = await source.snapshot(None)
        async with server.open(filter='userType eq "Employee"') as source:
            last = await source.snapshot(page.position)
        assert (last.more, last.items) == (False, ())
        assert last.evidence == Evidence(None, "the options changed while it was read")


async def test_resources_that_cannot_be_read_are_kept_and_stop_nobody() -> None:
    async with liar() as server:
        server.people[1:3] = [{"userName": "none"}, {"id": "u3", "nickName": "\ud800"}]
        server.people.append({"id": "u9", "nickName": "x" * 250_000})
        async with server.open(page=10) as source:
            page = await source.snapshot(None)
        assert [item.key for item in page.items] == ["u1", "u4", "u5", "u6", "u7"]
        assert [(each.where, each.reason, each.key) for each in page.spoiled] == [
            ("/Users, number 2", "it has no usable id", None),
            ("/Users, number 3", "it has half a character", "u3"),
            ("/Users, number 8", "it has 250025 bytes, more than 240000", "u9"),
        ]
        assert all(len(each.body) <= 1000 for each in page.spoiled)
        assert "none" not in repr(page)


async def test_lists_have_an_order_of_ours_and_addresses_are_left_out() -> None:
    async with liar(people=0) as server:
        work, home = {"value": "b@a.edu", "type": "work", "primary": True}, {"value": "a@a.edu", "type": "home"}
        shown: list[Any] = []
        for emails in ([work, home], [home, work]):
            made = server.person(1, emails=emails, photos=[{"value": "x"}])
            made["meta"] |= {"location": f"http://node-{len(shown)}/Users/u1", "version": f'W/"{len(shown)}"'}
            exclude = ["meta.location", "META.version", "photos", "emails.display"]
            async with server.open(exclude=exclude) as source:
                shown += [item.fields for item in (await source.snapshot(None)).items]
        assert shown[0] == shown[1]
        assert shown[0] is not None
        assert shown[0]["emails"] == [work, home]
        assert shown[0]["meta"] == {"resourceType": "User", "lastModified": "2026-09-01T08:00:00Z"}
        assert "photos" not in shown[0]
        assert server.calls[1][1]["excludedAttributes"] == "photos,emails.display"


async def test_what_is_needed_is_asked_for_beside_the_attributes() -> None:
    async with liar() as server:
        await keys_of(server, attributes=["name.givenName"], key="userName", filter='userType eq "Employee"')
        query = server.calls[1][1]
        assert query["attributes"] == "name.givenName,userName,meta.lastModified"
        assert query["filter"] == 'userType eq "Employee"'


async def test_extensions_are_left_out_whole_or_in_part() -> None:
    extension = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
    async with liar(people=0) as server:
        server.person(1, **{extension: {"department": "arts", "costCenter": "7"}})
        shown: list[Any] = []
        for exclude in ([f"{extension}:costCenter"], [extension]):
            async with server.open(exclude=exclude) as source:
                shown += [(item.fields or {}).get(extension) for item in (await source.snapshot(None)).items]
        assert shown == [{"department": "arts"}, None]
