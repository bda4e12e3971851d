"""Changes of SCIM servers, and their groups: what cannot be shown is told, and nobody is lost."""

from collections.abc import Callable
from typing import Any

import pytest

from provisioning.core.errors import InvalidError, TransientError
from provisioning.core.source import Page
from tests.sources.scim_liar import Liar, liar
from tests.sources.world import everything, since

ALL = [f"u{number}" for number in range(1, 8)]


async def begun(server: Liar, **options: Any) -> str:
    async with server.open(**options) as source:
        place = await source.begin()
    assert place is not None
    return place


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


async def test_a_list_that_is_not_there_for_a_moment_does_not_lose_the_place() -> None:
    async with liar() as server:
        place = await begun(server)
        server.person(2, title="Dr")
        server.instead[len(server.calls) + 2] = server.error(404)
        async with server.open() as source:
            with pytest.raises(InvalidError, match="404"):
                await source.changes(place)
            items, _ = await since(source, place)
        assert [item.key for item in items] == ["u2"]


async def test_tokens_of_another_question_are_lost() -> None:
    async with liar() as server:
        place = await begun(server)
        async with server.open(filter='userType eq "Employee"') as source:
            for useless in (place, "", "{}", "[" * 100_000, "x" * 200_000):
                page = await source.changes(useless)
                assert (bool(page.lost), bool(page.position)) == (True, True)


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
        for number, shown in ((2, server.groups[:1]), (3, [])):
            server.instead[number] = (200, {}, {"totalResults": 2, "Resources": shown})
        async with server.open(groups={}) as source:
            with pytest.raises(TransientError, match="cannot be read whole"):
                await source.snapshot(None)


async def test_groups_that_show_no_members_take_nobody_out() -> None:
    async with liar() as server:
        server.group("readers")
        async with server.open(groups={}) as source:
            with pytest.raises(InvalidError, match="no group shows a member"):
                await source.snapshot(None)
