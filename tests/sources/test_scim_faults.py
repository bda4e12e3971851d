"""SCIM servers that are not as the standard: nobody may seem to be gone, and nothing may seem to be whole, by a lie."""

from collections.abc import Callable
from typing import Any

import pytest

from provisioning.core.errors import InvalidError, TransientError
from provisioning.core.source import Evidence, Page
from tests.sources.scim_liar import Liar, liar
from tests.sources.world import everything, since

ALL = [f"u{number}" for number in range(1, 8)]


async def keys_of(server: Liar, page: int = 3, **options: Any) -> tuple[list[str], Evidence]:
    """Everybody whom a snapshot shows, and its evidence."""
    async with server.open(page, **options) as source:
        items, last = await everything(source)
    assert last.evidence is not None
    return [item.key for item in items], last.evidence


async def begun(server: Liar, **options: Any) -> str:
    async with server.open(**options) as source:
        place = await source.begin()
    assert place is not None
    return place


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
        server.before[3] = lambda: server.person(8) and None
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
    ("number", "told", "problem"),
    [
        (2, {"Resources": [{"id": "u4"}], "nextCursor": "+/=:&3"}, "nextCursor is the cursor of the same page"),
        (2, {"Resources": [{"id": f"u{n}"} for n in (1, 2, 3)], "nextCursor": "x"}, "a page was shown that was shown before"),
    ],
)  # fmt: skip
async def test_circles_of_cursors_end(number: int, told: dict[str, Any], problem: str) -> None:
    async with liar(paging="cursor") as server:
        server.instead[number] = (200, {}, told)
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
        shown = []
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


async def test_changes_go_back_and_do_not_lose_what_lags() -> None:
    async with liar() as server:
        place = await begun(server)
        server.person(2, title="Dr")
        server.later(minutes=10)
        async with server.open() as source:
            items, place = await since(source, place)
            assert [item.key for item in items] == ["u2"]
            server.later(seconds=-30)  # a transaction that took its time before our look, and is seen after it
            server.person(5, title="Dr")
            server.later(minutes=10)
            items, place = await since(source, place)
            assert [item.key for item in items] == ["u5"]
            items, _ = await since(source, place)
        assert items == []
        tests = [query["filter"] for path, query in server.calls[-6:] if path == "/Users"]
        assert tests[-1] == 'meta.lastModified ge "2026-09-01T08:18:30Z"'


async def test_a_look_that_could_not_see_all_is_made_again_and_given_up_for_a_snapshot() -> None:
    async with liar() as server:
        place = await begun(server)
        for number in range(1, 8):
            server.person(number, title="Dr")
        server.total = lambda count, page: count + 1
        async with server.open() as source:
            for _ in range(2):
                items, after = await since(source, place)
                assert {item.key for item in items} == set(ALL)
                assert after != place
                place = after
            page = await source.changes(place)
            while page.more:
                page = await source.changes(str(page.position))
            assert page.lost.startswith("the list of changes cannot be read whole")
            assert page.position is not None


Lie = Callable[[Liar], None]


def _ignores(server: Liar) -> None:
    server.filters = "ignored"


def _refuses(server: Liar) -> None:
    server.filters = "refused"


def _finds_nothing(server: Liar) -> None:
    server.filters = "nothing"


def _has_no_time(server: Liar) -> None:
    server.dated = False


def _shows_no_time(server: Liar) -> None:
    for person in server.people:
        del person["meta"]


@pytest.mark.parametrize("lie", [_ignores, _refuses, _finds_nothing, _has_no_time, _shows_no_time])
async def test_a_server_without_a_filter_of_time_has_snapshots_only(lie: Lie) -> None:
    async with liar() as server:
        lie(server)
        async with server.open() as source:
            assert await source.begin() is None
        async with server.open(changes="lastModified") as source:
            with pytest.raises(InvalidError, match=r"poll.scim.changes: .*auto or none: full snapshots only"):
                await source.begin()


@pytest.mark.parametrize("lie", [_ignores, _refuses])
async def test_a_filter_that_does_not_work_any_more_is_no_silence(lie: Lie) -> None:
    async with liar() as server:
        place = await begun(server)
        lie(server)
        async with server.open() as source:
            page = await source.changes(place)
            assert (page.items, page.position, page.more) == ((), None, False)
            assert page.lost
        async with server.open(changes="lastModified") as source:
            with pytest.raises(InvalidError):
                await source.changes(place)


async def test_tokens_of_another_question_are_lost() -> None:
    async with liar() as server:
        place = await begun(server)
        async with server.open(filter='userType eq "Employee"') as source:
            for useless in (place, "", "{}", "[" * 100_000, "x" * 200_000):
                page = await source.changes(useless)
                assert (bool(page.lost), bool(page.position)) == (True, True)


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
        assert (await keys_of(server, paging="index"))[0] == ALL
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
    "body", [b"", b"[]", b"{}", b'{"Resources": {}}', b"\xff", b"[" * 100_000, b'{"Resources": [], "Resources": [1]}']
)
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


def names_of(page: Page) -> dict[str, Any]:
    """Groups by key."""
    return {item.key: item.fields["groups"] for item in page.items if item.fields is not None}


async def test_who_came_and_left_is_seen_though_no_resource_changed() -> None:
    async with liar() as server:
        server.group("readers", "u1", "u2")
        server.group("staff", "u1")
        place = await begun(server, groups={})
        server.group("readers", "u1", "u3")
        server.later(hours=1)
        async with server.open(groups={}) as source:
            page = await source.changes(place)
            assert names_of(page) == {"u2": [], "u3": ["readers"]}
            again = await source.changes(str(page.position))
            assert again.items == ()
            items, _ = await everything(source)
            (one,) = await source.fetch(["u1"])
        assert {item.key: (item.fields or {})["groups"] for item in items}["u1"] == ["readers", "staff"]
        assert (one.fields or {})["groups"] == ["readers", "staff"]


async def test_a_member_that_is_nobody_stops_nothing() -> None:
    async with liar() as server:
        server.group("readers", "u1")
        place = await begun(server, groups={})
        server.group("readers", "u1", "gone")
        server.groups[0]["members"].append({"value": "g-other", "type": "Group"})
        async with server.open(groups={}) as source:
            page = await source.changes(place)
        assert page.items == ()
        assert not page.lost
        assert "/Users/gone" in server.asked
        assert "/Users/g-other" not in server.asked


async def test_more_changes_of_groups_than_can_be_told_call_for_a_snapshot() -> None:
    async with liar() as server:
        server.group("readers", "u1")
        place = await begun(server, groups={})
        server.group("readers", *(f"v{number}" for number in range(1000)))
        async with server.open(groups={}) as source:
            page = await source.changes(place)
        assert "memberships" in page.lost
        assert page.position is not None


async def test_groups_that_are_not_whole_take_nobody_out() -> None:
    async with liar() as server:
        server.group("readers", "u1")
        server.group("staff", "u1")
        server.instead[2] = (200, {}, {"totalResults": 2, "Resources": server.groups[:1]})
        async with server.open(groups={}) as source:
            with pytest.raises(TransientError, match="cannot be read whole"):
                await source.snapshot(None)


async def test_groups_that_show_no_members_take_nobody_out() -> None:
    async with liar() as server:
        server.group("readers")
        async with server.open(groups={}) as source:
            with pytest.raises(InvalidError, match="no group shows a member"):
                await source.snapshot(None)
