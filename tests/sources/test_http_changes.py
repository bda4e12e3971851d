"""Changes of APIs: by an instant, by a place that is handed out, by an ETag. What cannot be shown is told."""

from typing import Any

import pytest
from aiohttp import web

from provisioning.core.errors import InvalidError, TransientError
from tests.sources.http_world import CURSOR, LINK, OFFSET, PAGE, SINCE, WHOLE, HttpWorld, http_world
from tests.sources.world import since


async def begun(world: HttpWorld, **options: Any) -> str:
    async with world.open(**options) as source:
        place = await source.begin()
    assert place is not None
    world.later(minutes=10)
    return place


async def test_changes_go_back_and_do_not_lose_what_lags() -> None:
    async with http_world(LINK, people=7) as world:
        place = await begun(world)
        world.person("p2", given="Renamed")
        world.later(minutes=10)
        async with world.open() as source:
            items, place = await since(source, place)
            assert [item.key for item in items] == ["p2"]
            world.later(seconds=-30)  # a transaction that took its time before our look, and is seen after it
            world.person("p5", given="Renamed")
            world.later(minutes=10)
            items, place = await since(source, place)
        assert [item.key for item in items] == ["p5"]
        assert world.calls[-1] == "/people?removed=shown&since=2026-09-01T08%3A19%3A00Z&limit=3"


async def test_while_nothing_changes_one_request_is_answered_304_and_nothing_is_stored() -> None:
    async with http_world(LINK, people=7) as world:
        world.etags = True
        place = await begun(world)
        async with world.open() as source:
            first = await source.changes(place)
            world.calls.clear()
            world.statuses.clear()
            for _ in range(3):
                world.later(minutes=10)
                page = await source.changes(str(first.position))
                assert (page.items, page.position, page.more) == ((), first.position, False)
            assert world.statuses == [304] * 3
            world.person("p3", given="Renamed")
            items, _ = await since(source, str(first.position))
        assert [item.key for item in items] == ["p3"]


async def test_a_list_of_changes_with_several_pages_is_never_taken_for_unchanged_by_its_first() -> None:
    async with http_world(LINK, people=7) as world:
        world.etags = True
        place = await begun(world)
        for number in range(1, 5):
            world.person(f"p{number}", given="Renamed")
        async with world.open() as source:
            _, place = await since(source, place)
            world.calls.clear()
            items, _ = await since(source, place)
        assert len(items) == 4
        assert 304 not in world.statuses


@pytest.mark.parametrize(
    ("format_", "asked"),
    [
        ("instant", "2026-09-01T07%3A59%3A00Z"), ("date", "2026-09-01"), ("seconds", "1788249540"),
        ("milliseconds", "1788249540000"),
    ],
)  # fmt: skip
async def test_an_instant_is_written_as_the_api_wants_it(format_: str, asked: str) -> None:
    async with http_world({**WHOLE, "changes": {**SINCE, "format": format_}}) as world:
        place = await begun(world)
        async with world.open() as source:
            await source.changes(place)
        assert world.calls[-1] == f"/people?since={asked}"


async def test_a_parameter_that_is_ignored_is_seen() -> None:
    async with http_world(LINK, people=7) as world:
        place = await begun(world)
        world.instead[len(world.calls) + 1] = (200, {"X-Total-Count": "7"}, list(world.people.values()))
        async with world.open() as source:
            with pytest.raises(InvalidError, match=r"poll\.http\.changes\.parameter: it is ignored"):
                await source.changes(place)


async def test_a_parameter_that_finds_nobody_is_seen_before_anything_is_lost() -> None:
    async with http_world(LINK, people=7) as world:
        world.instead[2] = (200, {"X-Total-Count": "0"}, [])
        async with world.open() as source:
            with pytest.raises(InvalidError, match=r"poll\.http\.changes\.parameter: it does not find who is there"):
                await source.begin()


@pytest.mark.parametrize("strange", [None, "soon", 10**17, float("nan"), {"at": 1}])
async def test_a_list_in_which_nobody_shows_an_instant_is_seen(strange: Any) -> None:
    async with http_world(LINK, people=7) as world:
        for person in world.people.values():
            person["changed"] = strange
        async with world.open() as source:
            with pytest.raises(InvalidError, match=r"poll\.http\.changes\.changed: nobody shows an instant"):
                await source.begin()


async def test_without_the_servers_time_there_is_no_place_to_begin() -> None:
    async with http_world(LINK, people=1, dated=False) as world, world.open() as source:
        with pytest.raises(InvalidError, match="no Date"):
            await source.begin()


async def test_without_a_way_there_are_only_snapshots() -> None:
    async with http_world(LINK, people=1) as world, world.open(changes=None) as source:
        assert await source.begin() is None
        assert world.calls == []
        with pytest.raises(InvalidError, match=r"poll\.http\.changes"):
            await source.changes("{}")


@pytest.mark.parametrize("options", [LINK, CURSOR])
async def test_a_look_that_could_not_see_all_is_made_again_and_given_up_for_a_snapshot(options: Any) -> None:
    async with http_world(options, people=7) as world:
        place = await begun(world)
        for number in range(1, 6):
            world.person(f"p{number}", given="Renamed")

        def broken(request: web.Request, headers: dict[str, str], body: dict[str, Any]) -> None:
            headers["Link"] = f"<{request.raw_path}>; rel=next"
            body["meta"]["next"] = "c3"

        world.edit = broken
        lost, looks = "", 0
        async with world.open() as source:
            while not lost and looks < 9:
                page = await source.changes(place)
                lost, place, looks = page.lost, str(page.position), looks + (not page.more)
        assert lost.startswith("the list of changes cannot be read whole")
        assert looks == 3


async def test_delta_shows_each_change_once_and_a_link_is_asked_as_it_is() -> None:
    async with http_world(OFFSET, people=7) as world:
        place = await begun(world)
        assert world.calls == ["/people?delta=latest&limit=3&offset=0"]
        for number in range(1, 5):
            world.person(f"p{number}", given="Renamed")
        async with world.open() as source:
            items, place = await since(source, place)
            assert [item.key for item in items] == ["p1", "p2", "p3", "p4"]
            assert await since(source, place) == ([], place)
        assert world.calls[1:3] == ["/people?limit=3&delta=7&offset=0", "/people?limit=3&delta=7&offset=3"]


async def test_delta_that_is_unchanged_costs_one_304() -> None:
    async with http_world(CURSOR, people=3) as world:
        world.etags = True
        place = await begun(world)
        async with world.open() as source:
            _, place = await since(source, place)
            assert await since(source, place) == ([], place)
        assert world.statuses[-1] == 304


async def test_delta_without_a_start_is_found_at_the_end_of_the_list() -> None:
    async with http_world(CURSOR, people=7) as world:

        def handed(request: web.Request, headers: dict[str, str], body: dict[str, Any]) -> None:
            if "next" not in body["meta"]:
                body["meta"]["delta"] = len(world.log)  # a number will do

        world.edit = handed
        changes = {name: value for name, value in CURSOR["changes"].items() if name != "start"}
        place = await begun(world, changes=changes)
        assert len(world.calls) == 3
        world.person("p3", given="Renamed")
        async with world.open(changes=changes) as source:
            items, _ = await since(source, place)
        assert [item.key for item in items] == ["p3"]


async def test_delta_that_is_nowhere_is_an_error_and_no_silence() -> None:
    async with http_world(CURSOR, people=7) as world:
        place = await begun(world)
        world.edit = lambda request, headers, body: body["meta"].pop("delta", None)
        async with world.open() as source:
            with pytest.raises(InvalidError, match=r"poll\.http\.changes\.delta: after 1 pages"):
                await source.begin()
            with pytest.raises(TransientError, match=r"names no next place: poll\.http\.changes\.delta"):
                await source.changes(place)


@pytest.mark.parametrize("status", [410, 400, 404])
async def test_a_place_that_is_too_old_is_lost_also_in_the_middle_of_a_look(status: int) -> None:
    changes = {**CURSOR["changes"], "expired": [410, 400, 404]}
    async with http_world({**CURSOR, "changes": changes}, people=7) as world:
        place = await begun(world)
        for number in range(1, 6):
            world.person(f"p{number}", given="Renamed")
        async with world.open() as source:
            page = await source.changes(place)
            assert page.more
            world.instead[len(world.calls) + 1] = (status, {}, {})
            page = await source.changes(str(page.position))
        assert page.lost == f"the API answers {status}: the place is too old"
        assert page.position is not None


async def test_a_status_that_does_not_say_so_loses_no_place() -> None:
    async with http_world(CURSOR, people=7) as world:
        place = await begun(world)
        world.person("p2", given="Renamed")
        world.instead[len(world.calls) + 1] = (404, {}, {})
        async with world.open() as source:
            with pytest.raises(InvalidError, match="404"):
                await source.changes(place)
            items, _ = await since(source, place)
        assert [item.key for item in items] == ["p2"]


async def test_a_delta_link_to_another_host_is_refused() -> None:
    async with http_world(OFFSET, people=7) as world:
        world.edit = lambda request, headers, body: body["meta"].update(deltaLink="https://elsewhere.example/x")
        async with world.open() as source:
            with pytest.raises(InvalidError, match="another host"):
                await source.begin()


async def test_a_feed_of_keys_is_asked_for_each_subject_once() -> None:
    async with http_world(PAGE, people=7) as world:
        place = await begun(world)
        for name in ("p1", "p2", "p1"):
            world.person(name, given="Renamed")
        await world.remove("p2")
        world.person("p5", given=float("nan"))
        async with world.open(page=10) as source:
            page = await source.changes(place)
        assert {item.key: world.given(item) for item in page.items} == {"p1": "Renamed", "p2": None}
        assert [each.key for each in page.spoiled] == ["p5"]  # one that cannot be read stops nobody
        assert sorted(call for call in world.calls if call.startswith("/people/")) == [
            "/people/p1", "/people/p1", "/people/p2", "/people/p5",
        ]  # fmt: skip  # p1 a second time: somebody is found, so that a 404 means something


async def test_the_whole_list_by_its_etag_costs_one_request_while_it_is_the_same() -> None:
    async with http_world(WHOLE, people=7) as world:
        place = await begun(world)
        async with world.open() as source:
            page = await source.changes(place)
            assert (page.items, page.position) == ((), place)
            world.person("p3", given="Renamed")
            page = await source.changes(place)
            assert len(page.items) == 7
            assert (await source.changes(str(page.position))).items == ()
        assert world.statuses == [200, 304, 200, 304]


async def test_a_list_without_etag_is_not_read_again_and_again() -> None:
    async with http_world(WHOLE, people=7) as world:
        place = await begun(world)
        world.etags = False
        async with world.open() as source:
            for ask in (source.begin(), source.changes(place)):
                with pytest.raises(InvalidError, match="the list has no ETag"):
                    await ask


@pytest.mark.parametrize("options", [LINK, CURSOR])
async def test_places_of_another_question_are_lost(options: Any) -> None:
    async with http_world(options, people=3) as world:
        place = await begun(world)
        async with world.open(query={"unit": "arts"}) as source:
            for useless in (place, "", "{}", "[" * 100_000, "x" * 200_000, place.replace('"tries": 0', '"tries": "0"')):
                page = await source.changes(useless)
                assert (bool(page.lost), bool(page.position)) == (True, True)
