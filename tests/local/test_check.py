"""The verdict: it reads SPs as they are, and no difference escapes it."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import aiohttp
import pytest

from localstack.campus.oracle import Expected
from localstack.campus.providers import BadgeSystem, Mode, ScimProvider, scim_provider
from localstack.check import Held, compare, read_badges, read_scim, value_at

TOKEN = "a-token"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
USER = {
    "userName": "ada",
    "name": {"givenName": "Ada"},
    "emails": [{"type": "home", "value": "a@home.example"}, {"type": "work", "value": "a@work.example"}],
    ENTERPRISE: {"department": "arts"},
}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("userName", "ada"),
        ("name.givenName", "Ada"),
        ('emails[type eq "work"].value', "a@work.example"),
        (f"{ENTERPRISE}:department", "arts"),
        ("title", None),
        ("address.locality", None),
        ('emails[type eq "other"].value', None),
        ("urn:other:User:department", None),
    ],
)
def test_a_value_is_found_where_its_path_says(path: str, value: str | None) -> None:
    assert value_at(USER, path) == value


EXPECTED = Expected("active", {"userName": "ada", "title": "Dr"}, frozenset({"readers"}))
HELD = Held("active", {"userName": "ada", "title": "Dr"}, frozenset({"readers"}), "identity", 0.0, 0.0)


def test_what_is_equal_has_no_difference() -> None:
    assert compare({"ada": EXPECTED}, {"ada": HELD}) == []


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({"phase": "suspended"}, "ada is suspended, not active"),
        ({"values": {"userName": "ada", "title": "Mr"}}, "ada: title is 'Mr', not 'Dr'"),
        ({"values": {"userName": "ada"}}, "ada: title is None, not 'Dr'"),
        ({"values": {**HELD.values, "nick": "a"}}, "ada: nick is 'a', not None"),
        ({"groups": frozenset()}, "ada is in [], not in ['readers']"),
    ],
)
def test_every_kind_of_difference_is_named(changes: dict[str, Any], difference: str) -> None:
    assert compare({"ada": EXPECTED}, {"ada": replace(HELD, **changes)}) == [difference]


def test_who_is_missing_or_too_many_is_named() -> None:
    assert compare({"ada": EXPECTED}, {"bob": HELD}) == ["ada is missing", "bob should not be there"]


@pytest.fixture
def provider() -> Iterator[ScimProvider]:
    with scim_provider("library", TOKEN) as running:
        yield running


async def post(provider: ScimProvider, path: str, body: dict[str, Any], token: str = TOKEN) -> dict[str, Any]:
    headers = {"authorization": f"Bearer {token}", "content-type": "application/scim+json"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(provider.endpoint + path, json=body) as response,
    ):
        response.raise_for_status()
        created: dict[str, Any] = await response.json(content_type=None)
        return created


def user(number: int) -> dict[str, Any]:
    schemas = ["urn:ietf:params:scim:schemas:core:2.0:User"]
    return {"schemas": schemas, "userName": f"user{number}", "externalId": str(number), "active": number != 7}


async def test_all_pages_of_a_provider_are_read_with_the_groups(provider: ScimProvider) -> None:
    made = [await post(provider, "/Users", user(number)) for number in range(105)]
    group = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "readers"}
    await post(provider, "/Groups", {**group, "members": [{"value": made[104]["id"]}]})
    held = await read_scim(provider, ("userName",))
    assert sorted(held) == sorted(f"user{number}" for number in range(105))
    assert [name for name, item in held.items() if item.phase == "suspended"] == ["user7"]
    assert {name: item.groups for name, item in held.items() if item.groups} == {"user104": frozenset({"readers"})}
    assert {item.mark for item in held.values()} == {str(number) for number in range(105)}


async def test_a_provider_asks_for_its_token(provider: ScimProvider) -> None:
    with pytest.raises(aiohttp.ClientResponseError, match="401"):
        await post(provider, "/Users", user(1), token="another")


async def test_a_provider_that_is_down_answers_503_and_keeps_what_it_has(provider: ScimProvider) -> None:
    await post(provider, "/Users", user(1))
    provider.mode = Mode.UNAVAILABLE
    with pytest.raises(aiohttp.ClientResponseError, match="503"):
        await post(provider, "/Users", user(2))
    provider.mode = Mode.UP
    assert list(await read_scim(provider, ())) == ["user1"]
    assert provider.refused == 1


async def test_a_provider_that_hangs_up_has_done_the_work(provider: ScimProvider) -> None:
    provider.mode = Mode.DROPPING
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await post(provider, "/Users", user(1))
    provider.mode = Mode.UP
    assert list(await read_scim(provider, ())) == ["user1"]


def badge(turn: int, phase: str, doors: list[str]) -> str:
    values = {"login": "ada", "doors": doors} if phase != "absent" else {}
    return json.dumps({"data": {"identity": "i", "turn": turn, "phase": phase, "values": values}})


def test_the_badge_system_keeps_the_highest_turn_whatever_comes_last() -> None:
    badges = BadgeSystem(None, "")  # type: ignore[arg-type]  # it takes these messages from nowhere
    for body in (badge(2, "active", ["main"]), badge(1, "active", []), badge(2, "active", ["main"])):
        badges.take(body)
    assert {name: item.values["doors"] for name, item in read_badges(badges).items()} == {"ada": ["main"]}
    assert (badges.received, badges.outdated) == (3, 2)
    badges.take(badge(3, "absent", []))
    assert (read_badges(badges), badges.withdrawn) == ({}, 1)
