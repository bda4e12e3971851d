"""Lists of APIs, by every way of paging: nothing may seem to be whole by a lie, and nothing is asked in vain."""

from collections.abc import Mapping
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioning.adapters.sources.http_next import Told
from provisioning.adapters.sources.http_walk import Walk, after_page
from provisioning.core.errors import InvalidError, TransientError
from provisioning.core.source import Evidence
from provisioning.core.source_http import HttpSource
from tests.sources.http_world import CURSOR, HALF, LINK, OFFSET, PAGE, WAYS, WHOLE, Answer, HttpWorld, http_world
from tests.sources.world import everything

ALL = [f"p{number}" for number in range(1, 8)]
SIX = ALL[:6]


async def keys_of(world: HttpWorld, page: int = 3, **options: Any) -> tuple[list[str], Evidence]:
    """Everybody whom a snapshot shows, and its evidence."""
    async with world.open(page, **options) as source:
        items, last = await everything(source)
    assert last.evidence is not None
    return [item.key for item in items], last.evidence


COUNTED = {"cursor": 7, "offset": 7, "link": 7, "page": None, "whole": None}
ASKED = {
    "link": ["limit=3", "limit=3&offset=3", "limit=3&offset=6"],
    "cursor": ["limit=3", "limit=3&cursor=c3", "limit=3&cursor=c6"],
    "offset": [f"limit=3&offset={number}" for number in (0, 3, 6, 7)],  # one more than there are
    "page": [f"limit=3&page={number}" for number in (1, 2, 3, 4, 5)],  # nobody counts: two more
    "whole": [""],
}


@pytest.mark.parametrize("way", WAYS)
async def test_everybody_is_read_and_every_request_is_counted(way: str) -> None:
    async with http_world(WAYS[way], people=7) as world:
        assert await keys_of(world) == (ALL, Evidence(COUNTED[way]))
        assert [call.removeprefix("/people").removeprefix("?") for call in world.calls] == ASKED[way]


@pytest.mark.parametrize("way", WAYS)
async def test_nobody_is_nobody(way: str) -> None:
    async with http_world(WAYS[way]) as world:
        assert await keys_of(world) == ([], Evidence(0 if COUNTED[way] else None))


@pytest.mark.parametrize("way", ["link", "cursor", "offset"])
async def test_fewer_than_asked_for_are_no_end(way: str) -> None:
    async with http_world(WAYS[way], people=7, most=2) as world:
        assert await keys_of(world, page=5) == (ALL, Evidence(7))


def _more(**paging: Any) -> Mapping[str, Any]:
    return {**PAGE, "paging": {**PAGE["paging"], "more": "meta.more", **paging}}


async def test_an_api_that_says_what_follows_is_asked_no_more_than_needed() -> None:
    async with http_world(_more(), people=7) as world:
        assert await keys_of(world) == (ALL, Evidence(None))
        assert len(world.calls) == 3


async def test_an_api_that_answers_404_past_the_end_is_read_whole_where_that_is_said() -> None:
    async with http_world(PAGE, people=6) as world:
        world.instead[3] = (404, {}, {})
        assert await keys_of(world, paging={**PAGE["paging"], "past": [404]}) == (SIX, Evidence(None))
        world.instead = {6: (404, {}, {})}
        assert await keys_of(world) == (SIX, Evidence(None, "after 6 subjects the API answers 404"))


async def test_a_first_page_that_is_not_there_is_an_error() -> None:
    async with http_world(PAGE, people=6) as world:
        world.instead[1] = (404, {}, {})
        with pytest.raises(InvalidError, match=r"poll\.http\.url: the API answers 404"):
            await keys_of(world, paging={**PAGE["paging"], "past": [404]})


async def test_the_next_url_may_be_in_the_body() -> None:
    in_body = {"items": "data", "paging": {"way": "link", "next": "meta.nextLink", "size": "limit"}}
    async with http_world({**CURSOR, **in_body}, people=7) as world:
        assert await keys_of(world) == (ALL, Evidence(7))
        assert [call.partition("?")[2] for call in world.calls] == ASKED["link"]


async def test_the_next_url_may_be_in_one_of_several_headers_of_a_name() -> None:
    async with http_world(LINK, people=7) as world:

        def apart(request: web.Request, headers: dict[str, str], body: dict[str, Any]) -> None:
            if "Link" in headers:
                headers["Link"] += '\n</people>; rel="prev"'

        world.edit = apart
        assert await keys_of(world) == (ALL, Evidence(7))


async def test_page_7_twice_and_page_8_skipped_is_no_evidence() -> None:
    async with http_world(PAGE, people=30) as world:
        seventh: Answer = (200, {}, {"data": list(world.people.values())[18:21], "meta": {}})
        world.instead[8] = seventh
        keys, evidence = await keys_of(world)
    assert evidence == Evidence(None, "a page was shown that was shown before")
    assert keys == [f"p{number}" for number in (*range(1, 22), *range(19, 22), *range(25, 31))]


async def test_a_page_that_is_skipped_without_a_trace_is_missed_by_the_count() -> None:
    async with http_world(OFFSET, people=7) as world:
        world.instead[2] = (200, {}, {"data": [world.people["p7"]], "meta": {"total": 7}})
        keys, evidence = await keys_of(world)
    assert "p4" not in keys
    assert evidence == Evidence(7)
    assert len(set(keys)) < 7


async def test_a_count_that_falls_while_it_is_read_is_no_evidence() -> None:
    async with http_world(OFFSET, people=7) as world:
        world.before[2] = lambda: world.people.__delitem__("p1")
        keys, evidence = await keys_of(world)
    assert "p4" not in keys  # it moved into a page that was read
    assert evidence.problem == "the API's count fell from 7 to 6 while it was read"


async def test_a_count_that_grows_is_expected_to_the_end() -> None:
    async with http_world(OFFSET, people=7) as world:
        world.before[2] = lambda: world.person("p8", given="Later")
        assert await keys_of(world) == ([*ALL, "p8"], Evidence(8))


async def test_a_count_that_was_promised_and_never_comes_is_no_evidence() -> None:
    async with http_world(CURSOR, people=2) as world:
        world.edit = lambda request, headers, body: body["meta"].pop("total")
        _, evidence = await keys_of(world)
    assert evidence.problem.startswith("no page says how many subjects there are")


@pytest.mark.parametrize("way", ["page", "offset", "link", "cursor"])
async def test_an_empty_page_in_the_middle_is_no_end(way: str) -> None:
    async with http_world(WAYS[way], people=7) as world:

        def empty(request: web.Request, headers: dict[str, str], body: dict[str, Any]) -> None:
            if len(world.calls) == 2:
                body["data"] = []

        world.edit = empty
        keys, evidence = await keys_of(world)
    assert "p7" in keys
    assert evidence.problem


async def test_more_than_counted_is_no_evidence() -> None:
    async with http_world(CURSOR, people=7) as world:
        world.edit = lambda request, headers, body: body["meta"].update(total=3)
        _, evidence = await keys_of(world)
    assert evidence.problem == "7 are shown, where the API counts only 3"


async def test_a_subject_twice_in_a_page_is_told() -> None:
    async with http_world(WHOLE, people=2) as world:
        world.edit = lambda request, headers, body: body["data"].append(body["data"][0])
        _, evidence = await keys_of(world)
    assert evidence.problem == "a subject is shown twice in a page"


async def test_who_is_said_to_be_gone_is_not_there_whether_counted_or_not() -> None:
    for counted in (3, 2):
        async with http_world({**WHOLE, "deleted": "removed", "total": "meta.total"}, people=3) as world:
            world.people["p2"]["removed"] = True
            world.edit = lambda request, headers, body, total=counted: body["meta"].update(total=total)  # type: ignore[misc]  # its own default
            assert await keys_of(world) == (["p1", "p3"], Evidence(2))


@pytest.mark.parametrize("length", [1, 2, 5])
async def test_circles_of_links_end(length: int) -> None:
    async with http_world(LINK, people=7) as world:

        def circle(request: web.Request, headers: dict[str, str], body: dict[str, Any]) -> None:
            number = (int(request.query.get("n", "0")) + 1) % length
            body["data"] = [{"id": f"x{number}-{len(world.calls)}"}]  # never the same
            headers["Link"] = f"</people?n={number}>; rel=next"

        world.edit = circle
        _, evidence = await keys_of(world, total_header=None)
    assert evidence.problem == "a page leads to one that was read before"
    assert len(world.calls) <= 4 * length + 2


@pytest.mark.parametrize("way", ["page", "offset", "cursor"])
async def test_an_api_that_is_deaf_to_the_parameter_is_left(way: str) -> None:
    async with http_world(WAYS[way], people=3) as world:

        def deaf(request: web.Request, headers: dict[str, str], body: dict[str, Any]) -> None:
            body["data"] = list(world.people.values())
            body["meta"] = {"next": f"c{len(world.calls)}"}

        world.edit = deaf
        keys, evidence = await keys_of(world, total=None)
    assert set(keys) == {"p1", "p2", "p3"}
    assert evidence.problem == "a page was shown that was shown before"
    assert len(world.calls) == 4


async def test_empty_pages_with_cursors_end() -> None:
    async with http_world(CURSOR, people=3) as world:
        world.edit = lambda request, headers, body: body.update(
            data=[], meta={"next": f"c{len(world.calls)}", "total": 0}
        )
        _, evidence = await keys_of(world)
    assert evidence.problem == "more than 100 empty pages, one after the other"


@pytest.mark.parametrize(
    "link",
    [
        "<http://elsewhere.example/people?offset=3>; rel=next", "<//elsewhere.example/people>; rel=next",
        "<ftp://127.0.0.1/people>; rel=next", "<http://127.0.0.1:1/people>; rel=next",
        "<http://user@127.0.0.1/people>; rel=next", "</people; rel=next", "people; rel=next",
        '</people?a>; rel="next', "</people?a>; rel=next, </people?b>; rel=next", f"</{'x' * 9000}>; rel=next",
    ],
)  # fmt: skip
async def test_a_next_page_elsewhere_or_nowhere_is_refused_and_no_end(link: str) -> None:
    async with http_world(LINK, people=7) as world:
        world.edit = lambda request, headers, body: headers.update(Link=link)
        with pytest.raises((InvalidError, TransientError)) as caught:
            await keys_of(world)
        assert len(world.calls) == 1
    assert "elsewhere" not in str(caught.value)


@pytest.mark.parametrize("cursor", [7.5, True, {"a": 1}, ["c3"], "x" * 5000, "a\nb", float("nan")])
async def test_a_cursor_that_is_none_is_no_end(cursor: Any) -> None:
    async with http_world(CURSOR, people=7) as world:
        world.edit = lambda request, headers, body: body["meta"].update(next=cursor)
        with pytest.raises(TransientError):
            await keys_of(world)


async def test_cursors_are_sent_as_they_came() -> None:
    async with http_world(CURSOR, people=7) as world:
        world.instead[1] = (200, {}, {"data": [{"id": "p1"}], "meta": {"next": "+/=:& é", "total": 1}})
        world.instead[2] = (200, {}, {"data": [], "meta": {"total": 1, "next": None}})
        assert await keys_of(world) == (["p1"], Evidence(1))
        assert world.calls[1] == "/people?limit=3&cursor=%2B%2F%3D%3A%26%20%C3%A9"


async def test_a_cursor_in_a_header_is_followed() -> None:
    async with http_world({"items": "data"}, people=7) as world:

        def told(request: web.Request, headers: dict[str, str], body: dict[str, Any]) -> None:
            headers |= {"X-Next": body["meta"]["next"]} if "next" in body["meta"] else {}

        world.edit = told
        paging = {"way": "cursor", "parameter": "cursor", "next_header": "x-next", "size": "limit"}
        assert await keys_of(world, paging=paging) == (ALL, Evidence(None))


@pytest.mark.parametrize("status", [400, 404, 410])
async def test_a_cursor_that_expired_ends_the_run_without_evidence(status: int) -> None:
    async with http_world(CURSOR, people=7) as world:
        world.instead[2] = (status, {}, {"error": "p1"})
        keys, evidence = await keys_of(world)
    assert keys == ALL[:3]
    assert evidence.problem == f"after 3 subjects the API answers {status}"


async def test_a_page_that_cannot_be_read_is_asked_for_again_from_its_place() -> None:
    async with http_world(LINK, people=7) as world:
        async with world.open() as source:
            first = await source.snapshot(None)
        faults: tuple[Answer, ...] = (
            (500, {}, {}), (200, {"X-Total-Count": "7"}, b'[{"id": "p4"}'), (HALF, {}, b"[" + b" " * 999),
        )  # fmt: skip
        for number, fault in enumerate(faults, 2):
            world.instead[number] = fault
            async with world.open() as source:
                with pytest.raises(TransientError):
                    await source.snapshot(first.position)
        async with world.open() as source:
            page = await source.snapshot(first.position)
        assert [item.key for item in page.items] == ["p4", "p5", "p6"]


async def test_options_that_changed_in_the_middle_end_the_run_without_evidence() -> None:
    async with http_world(LINK, people=7) as world:
        async with world.open() as source:
            first = await source.snapshot(None)
        async with world.open(query={"unit": "arts"}) as source:
            page = await source.snapshot(first.position)
    assert (page.items, page.more, page.evidence) == (
        (), False, Evidence(None, "the options changed while it was read"),
    )  # fmt: skip


PAGED = HttpSource.model_validate({
    "url": "https://idms.example.edu/people", "paging": {"way": "page", "parameter": "page"},
})  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(st.lists(st.sampled_from("abcdef"), max_size=3), max_size=30), st.booleans())
def test_every_list_ends_and_only_a_list_without_doubt_is_evidence(pages: list[list[str]], counted: bool) -> None:
    """Whatever the pages: the walk ends, and where it sees no problem, everybody was seen once."""
    total = sum(map(len, pages)) if counted else None
    walk, seen = Walk(), list[str]()
    while not walk.over:
        page = pages[walk.pages] if walk.pages < len(pages) else []
        seen += page
        walk = after_page(walk, [{"id": each} for each in page], Told("", None, total), PAGED, 3, _id)
        assert walk.pages <= len(pages) + 3
    if counted and not walk.problem:
        assert seen == [each for page in pages for each in page]


def _id(entry: Any) -> str:
    return str(entry["id"])


LINKED = HttpSource.model_validate({"url": "https://idms.example.edu/people", "paging": {"way": "link"}})


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 20), st.integers(1, 20))
def test_every_circle_ends_however_long_its_way_and_its_length(way: int, length: int) -> None:
    walk, place = Walk(), 0
    while not walk.over:
        place = place + 1 if place + 1 < way + length else way
        walk = after_page(walk, [{"id": f"{walk.pages}"}], Told(f"/{place}", None, None), LINKED, 3, _id)
        assert walk.pages <= 4 * (way + length) + 4
    assert walk.problem == "a page leads to one that was read before"
