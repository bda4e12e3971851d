"""APIs that fail: whoever cannot be read is not gone, no secret goes elsewhere, and no error quotes anybody."""

import json
from typing import Any

import pytest

from provisioning.core.errors import InvalidError, TransientError
from tests.sources.http_world import CURSOR, HALF, LINK, WHOLE, HttpWorld, http_world
from tests.sources.world import everything

OAUTH = {"kind": "oauth2", "scope": "read"}


async def test_nobody_is_gone_by_an_api_that_finds_nobody() -> None:
    async with http_world(LINK, people=3) as world:
        world.instead[3] = (404, {}, {})  # the second look: of one whom the list shows
        async with world.open() as source:
            with pytest.raises(InvalidError, match="does not find a subject that it shows"):
                await source.fetch(["p99"])
        assert world.calls == ["/people/p99", "/people?limit=1", "/people/p1"]


async def test_nobody_shown_proves_nobody_gone() -> None:
    async with http_world(LINK) as world, world.open() as source:
        with pytest.raises(TransientError, match="proves nothing"):
            await source.fetch(["p1"])


@pytest.mark.parametrize("status", [404, 410])
async def test_who_is_gone_costs_two_requests_more_once(status: int) -> None:
    async with http_world(LINK, people=3) as world:
        world.instead[1] = (status, {}, {})
        async with world.open() as source:
            items = [*await source.fetch(["p98"]), *await source.fetch(["p99", "p1"])]
        assert [(item.key, item.fields is None) for item in items] == [("p98", True), ("p99", True), ("p1", False)]
        assert len(world.calls) == 5


@pytest.mark.parametrize(
    "answer",
    [
        (200, {}, {"id": "p2"}), (200, {}, []), (200, {}, None), (200, {}, {}), (200, {}, b"<html>welcome</html>"),
        (200, {}, {"error": "p1 not found", "status": 404}), (200, {}, b'{"id": "p1", "id": "p1"}'),
        (200, {}, b'{"id": "p1", "x": NaN}'), (204, {}, b""), (206, {}, {"id": "p1"}), (500, {}, {"error": "p1"}),
        (400, {}, {"error": "p1"}), (401, {}, {}), (403, {}, {}), (304, {}, b""), (HALF, {}, b"x" * 1000),
        (302, {"Location": "http://elsewhere.example/"}, {}), (502, {}, b""), (501, {}, {}),
    ],
)  # fmt: skip
async def test_whoever_cannot_be_read_is_not_gone(answer: Any) -> None:
    async with http_world(LINK, people=3) as world:
        world.instead = dict.fromkeys((1, 2), answer)
        async with world.open() as source:
            with pytest.raises((TransientError, InvalidError)) as caught:
                await source.fetch(["p1"])
    assert "p1" not in str(caught.value)
    assert "elsewhere" not in str(caught.value)


@pytest.mark.parametrize(
    ("key", "path"),
    [("a b", "a%20b"), ("é", "%C3%A9"), ("ann@x.edu", "ann%40x.edu"), ("x?y=1&z#w", "x%3Fy%3D1%26z%23w")],
)
async def test_keys_are_encoded(key: str, path: str) -> None:
    async with http_world(LINK) as world:
        world.person(key, given="Ann")
        world.instead[1] = (200, {}, world.people[key])
        async with world.open() as source:
            (item,) = await source.fetch([key])
        assert item.fields is not None
        assert world.calls == [f"/people/{path}"]


@pytest.mark.parametrize("key", ["a/b", "..%2fp1", "a;b", "%", "a\\b"])
async def test_a_404_for_a_key_that_a_proxy_may_not_like_is_not_believed(key: str) -> None:
    async with http_world(LINK, people=3) as world, world.open() as source:
        with pytest.raises(TransientError, match="special characters"):
            await source.fetch([key])


@pytest.mark.parametrize("key", ["", ".", ".."])
async def test_keys_that_lead_elsewhere_are_not_asked_for(key: str) -> None:
    async with http_world(LINK, people=3) as world, world.open() as source:
        with pytest.raises(InvalidError, match="cannot stand in a URL"):
            await source.fetch([key])
        assert world.calls == []


async def test_a_key_in_the_query_may_be_any() -> None:
    async with http_world(LINK, people=3) as world:
        world.instead = {1: (404, {}, {}), 3: (200, {}, {"id": "p1"})}
        async with world.open(person=f"{world.origin}/people?id={{key}}") as source:
            (item,) = await source.fetch(["a/b"])
        assert item.fields is None
        assert world.calls[0] == "/people?id=a%2Fb"


async def test_an_object_that_says_so_is_gone() -> None:
    async with http_world(CURSOR, people=3) as world:
        world.people["p1"]["removed"] = True
        async with world.open(body=None) as source:
            items = await source.fetch(["p1", "p2"])
        assert [item.fields is None for item in items] == [True, False]


async def test_the_object_may_be_inside_the_answer() -> None:
    async with http_world(CURSOR, people=3) as world:
        world.instead[1] = (200, {}, {"data": {"id": "p1", "given": "Ann"}})
        async with world.open(body="data") as source:
            (item,) = await source.fetch(["p1"])
        assert item.fields == {"id": "p1", "given": "Ann"}


DEEP: Any = "x"
for _ in range(40):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    ("body", "reason", "key"),
    [
        (b'{"id": "p9", "x": NaN}', "NaN is not a JSON value", "p9"),
        (b'{"id": "p9", "x": -Infinity}', "-Infinity is not a JSON value", "p9"),
        (b'{"id": "p9", "x": 1e999}', "a number beyond the largest", "p9"),
        (b'{"id": "p9", "x": %b}' % (b"9" * 5000), "a number of 5000 digits", "p9"),
        (b'{"id": "p9", "x": {"a": 1, "a": 2}}', "a name stands twice in one object", "p9"),
        (b'{"id": "p9", "x": 1, "x": 1}', "a name stands twice in one object", "p9"),
        (b'{"id": "p9", "id": "p1"}', "a name stands twice in one object", None),
        (b'{"id": "p9", "x": "\\ud800"}', "it has half a character", "p9"),
        (b'{"id": "p9", "x": "%b"}' % (b"x" * 240_000), "it has 240018 bytes, more than 240000", "p9"),
        (b'{"id": "p9", "x": %b}' % json.dumps(DEEP).encode(), "nested more than 32 levels deep", "p9"),
        (b'{"id": null}', "it has no usable id", None), (b'{"id": true}', "it has no usable id", None),
        (b'{"id": "a\\nb"}', "it has no usable id", None), (b'{"id": ""}', "it has no usable id", None),
        (b"{}", "it has no usable id", None), (b'"p9"', "it is no object", None), (b"null", "it is no object", None),
    ],
)  # fmt: skip
async def test_one_object_that_is_unfit_spoils_itself_only(body: bytes, reason: str, key: str | None) -> None:
    async with http_world(WHOLE) as world:
        world.instead[1] = (200, {}, b'{"data": [{"id": "p1"}, %b, {"id": 3}]}' % body)
        async with world.open() as source:
            page = await source.snapshot(None)
    assert [item.key for item in page.items] == ["p1", "3"]
    (spoiled,) = page.spoiled
    assert (spoiled.reason, spoiled.key, spoiled.where) == (reason, key, "the list, number 2")
    assert len(spoiled.body) <= 1000


@pytest.mark.parametrize(("value", "gone"), [(0, False), (1, True), (None, False), ("", False), ({}, True)])
async def test_what_says_plainly_whether_somebody_is_gone_is_believed(value: Any, gone: bool) -> None:
    async with http_world({**WHOLE, "deleted": "status"}, people=2) as world:
        world.people["p1"]["status"] = value
        async with world.open() as source:
            page = await source.snapshot(None)
    assert [item.key for item in page.items] == (["p2"] if gone else ["p1", "p2"])


@pytest.mark.parametrize("value", ["active", "false", 7, [], 0.5])
async def test_a_word_that_nobody_explained_ends_no_right(value: Any) -> None:
    async with http_world({**WHOLE, "deleted": "status"}, people=2) as world:
        world.people["p1"]["status"] = value
        async with world.open() as source:
            page = await source.snapshot(None)
            assert [each.key for each in page.spoiled] == ["p1"]
            assert "poll.http.deletes" in page.spoiled[0].reason
        async with world.open(deletes=["cancelled"]) as source:
            assert len((await source.snapshot(None)).items) == 2


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{}", b"[]", b'{"data": {}}', b'{"data": null}', b"\xff", b"[" * 100_000, b'{"data": [], "data": []}',
        b'{"data": [], "x": NaN}', b'{"data": [], "x": {"a": 1, "a": 1}}', b'{"data": [{"id": "p1"}', b"<html/>",
        b'{"error": "busy"}', b'{"data": []} {"data": []}',
    ],
)  # fmt: skip
async def test_what_is_no_list_is_no_empty_list(body: bytes) -> None:
    async with http_world(WHOLE, people=3) as world:
        world.instead[1] = (200, {}, body)
        async with world.open() as source:
            with pytest.raises(TransientError):
                await source.snapshot(None)


async def test_texts_with_brackets_are_no_depth() -> None:
    async with http_world(WHOLE) as world:
        for number in range(50):
            world.person(f"p{number}", given="[{[{ :-[")
        async with world.open() as source:
            page = await source.snapshot(None)
    assert (len(page.items), page.spoiled) == (50, ())


@pytest.mark.parametrize("body", [b" " * (17 << 20), b'{"data": [' + b"1," * 60_000 + b"1]}"])
async def test_answers_are_bounded(body: bytes) -> None:
    async with http_world(WHOLE) as world:
        world.instead[1] = (200, {}, body)
        async with world.open() as source:
            with pytest.raises((TransientError, InvalidError), match=r"longer than|60001 objects"):
                await source.snapshot(None)


async def test_what_changes_without_the_subject_is_left_out_and_order_without_meaning_is_none() -> None:
    options = {**WHOLE, "exclude": ["seen", "login.at", "roles.at"], "unordered": ["tags", "roles"]}
    fields: dict[str, Any] = {"login": {"name": "ann"}, "tags": ["b", "a"], "roles": [{"n": 2}, {"n": 1}]}
    shown = []
    for number in range(2):
        noise = {
            "login": {"name": "ann", "at": number},
            "roles": [{"n": 2 - number, "at": 5}, {"at": 6, "n": 1 + number}],
        }
        async with http_world(options) as world:
            world.person("p1", **{**fields, **noise, "seen": number, "tags": ["b", "a"][:: 1 - 2 * number]})
            async with world.open() as source:
                (item,) = (await source.snapshot(None)).items
            shown.append(dict(item.fields or {}))
    assert shown[0] == shown[1]
    assert shown[0]["roles"] == [{"n": 1}, {"n": 2}]


async def test_an_api_that_asks_for_patience_gets_it() -> None:
    async with http_world(LINK, people=3) as world:
        until = {"Retry-After": "Tue, 01 Sep 2026 08:00:05 GMT"}
        world.instead = {1: (429, {"Retry-After": "3"}, {}), 2: (503, until, {})}
        async with world.open() as source:
            items, _ = await everything(source)
        assert len(items) == 3
        assert world.slept == [3, 5]


@pytest.mark.parametrize(("wait", "said"), [("1000", "429: again in 1000 s"), (None, "429"), ("soon", "429")])
async def test_patience_has_an_end_and_says_how_long(wait: str | None, said: str) -> None:
    async with http_world(LINK, people=3) as world:
        world.instead[1] = (429, {} if wait is None else {"Retry-After": wait}, {})
        async with world.open() as source:
            with pytest.raises(TransientError, match=f"answers {said}$"):
                await source.snapshot(None)
        assert world.slept == []


@pytest.mark.parametrize("status", [401, 403, 404, 410, 301, 400, 422, 501])
async def test_what_an_operator_must_mend_names_the_option(status: int) -> None:
    async with http_world(LINK, people=3) as world:
        world.instead = dict.fromkeys((1, 2), (status, {"Location": "http://elsewhere.example/"}, {"error": "p1"}))
        async with world.open() as source:
            with pytest.raises(InvalidError, match=r"poll\.http"):
                await source.snapshot(None)
        assert all(call.startswith("/people") for call in world.calls)


async def snapshot_of(world: HttpWorld, **options: Any) -> None:
    async with world.open(**options) as source:
        items, _ = await everything(source)
    assert len(items) == 3


@pytest.mark.parametrize(
    ("secret", "options", "borne"),
    [
        ("a-key", {"header": "X-Api-Key"}, {"X-Api-Key": "a-key"}),
        ("ApiKey abc", {"header": "Authorization"}, {"Authorization": "ApiKey abc"}),
        (
            '{"user": "ann", "password": "é"}', {"authentication": {"kind": "basic"}},
            {"Authorization": "Basic YW5uOsOp"},
        ),
        ("a-token", {}, {"Authorization": "Bearer a-token"}),
        ("a-token", {"headers": {"X-Tenant": "campus", "Accept": "application/hal+json"}}, {
            "Authorization": "Bearer a-token", "X-Tenant": "campus", "Accept": "application/hal+json",
        }),
    ],
)  # fmt: skip
async def test_every_request_bears_what_is_configured(
    secret: str, options: dict[str, Any], borne: dict[str, str]
) -> None:
    async with http_world(LINK, people=3, secret=secret, accepts=borne) as world:
        await snapshot_of(world, **options)


@pytest.mark.parametrize("header", [None, "X-Api-Key"])
async def test_a_secret_that_was_changed_is_read_again_at_the_refusal(header: str | None) -> None:
    def bearing(text: str) -> dict[str, str]:
        return {"X-Api-Key": text} if header is not None else {"Authorization": f"Bearer {text}"}

    async with http_world(LINK, people=4, secret="old", accepts=bearing("old")) as world:
        async with world.open(header=header) as source:
            first = await source.snapshot(None)
            world.secret, world.accepts = "new", bearing("new")
            page = await source.snapshot(first.position)
        assert [item.key for item in page.items] == ["p4"]
        assert world.statuses == [200, 401, 200]


async def test_a_secret_that_is_refused_is_tried_once() -> None:
    for header in (None, "X-Api-Key"):
        async with http_world(LINK, people=3, accepts={"Authorization": "other"}) as world:
            async with world.open(header=header) as source:
                with pytest.raises(InvalidError, match=r"poll\.http\.secret: the API answers 401"):
                    await source.snapshot(None)
            assert world.statuses == [401]


async def test_a_secret_that_no_header_bears_is_not_quoted() -> None:
    async with http_world(LINK, people=3, secret="a\nb") as world, world.open(header="X-Api-Key") as source:
        with pytest.raises(InvalidError, match="secret idms") as caught:
            await source.snapshot(None)
        assert "a\nb" not in str(caught.value)
        assert world.calls == []


async def test_tokens_are_asked_for_once_and_again_where_one_is_refused() -> None:
    secret = '{"client_id": "engine", "client_secret": "s"}'
    async with http_world(LINK, people=7, secret=secret, accepts={"Authorization": "Bearer granted-1"}) as world:
        authentication = {**OAUTH, "token_endpoint": f"{world.origin}/token"}
        async with world.open(authentication=authentication) as source:
            first = await source.snapshot(None)
            second = await source.snapshot(first.position)
            world.accepts = {"Authorization": "Bearer granted-5"}
            third = await source.snapshot(second.position)
        assert [item.key for item in third.items] == ["p7"]
        assert [call.partition("?")[0] for call in world.calls] == [
            "/token", "/people", "/people", "/people", "/token", "/people",
        ]  # fmt: skip


async def test_a_token_endpoint_that_wants_time_says_how_long() -> None:
    secret = '{"client_id": "engine", "client_secret": "s"}'
    async with http_world(LINK, people=3, secret=secret) as world:
        world.instead[1] = (429, {"Retry-After": "77"}, {})
        authentication = {**OAUTH, "token_endpoint": f"{world.origin}/token"}
        async with world.open(authentication=authentication) as source:
            with pytest.raises(TransientError, match="again in 77 s"):
                await source.snapshot(None)
        assert len(world.calls) == 1


async def test_private_addresses_are_refused_unless_allowed() -> None:
    async with http_world(LINK, people=3) as world:
        public = f"https://localhost:{world.port}"
        async with world.open(private=False, url=f"{public}/people", person=None) as source:
            with pytest.raises(TransientError, match="is a private address"):
                await source.snapshot(None)
        assert world.calls == []


async def test_a_server_that_shows_no_certificate_that_we_trust_is_told_nothing() -> None:
    async with http_world(LINK, people=3) as world:
        async with world.open(url=f"https://127.0.0.1:{world.port}/people", person=None) as source:
            with pytest.raises(TransientError, match="not connected"):
                await source.snapshot(None)
        assert world.calls == []
