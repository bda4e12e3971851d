"""gateway: who comes in, what is durable before it is acknowledged, and what is refused."""

import asyncio
import base64
import json
from itertools import count
from typing import Any

import pytest

from provisioning.core.errors import TransientError
from provisioning.protocols.inbound.http import LARGEST_BODY
from provisioning.stages.gateway import sweep
from tests.gateway.world import GROUP, NEXT, NOW, OTHER, PASSWORD, SCIM, TOKEN, USER, World
from tests.stages.deaths import Deaths

ANN = {"schemas": [USER], "userName": "ann", "password": "hunter2hunter2"}


@pytest.fixture
def world() -> World:
    return World()


def basic(text: str) -> str:
    return f"Basic {base64.b64encode(text.encode()).decode()}"


@pytest.mark.parametrize("shown", [f"Bearer {TOKEN}", f"bearer  {NEXT}", basic(PASSWORD)])
async def test_a_source_comes_in_by_any_of_its_credentials(world: World, shown: str) -> None:
    answer = await world.ask("GET", f"{SCIM}/Users", headers={"Authorization": shown})
    assert answer.status == 200


@pytest.mark.parametrize(
    "shown", ["", "Bearer", "Bearer ", "Bearer wrong", f"Token {TOKEN}", TOKEN, "Basic ???", basic("keycloak:wrong"),
              "Basic " + base64.b64encode(b"\xff\xfe").decode(), f"Bearer {TOKEN}\n{NEXT}", "Bearer \ud800"],
)  # fmt: skip
async def test_nobody_else_comes_in_anywhere(world: World, shown: str) -> None:
    for path in (f"{SCIM}/Users", "/events", "/", "/registry"):
        answer = await world.ask("POST", path, ANN, headers={"Authorization": shown})
        assert answer.status == 401
        assert "Bearer" in answer.headers["www-authenticate"]
    assert world.pushed.resources == {}


async def test_the_credential_alone_says_whose_users_they_are(world: World) -> None:
    await world.user()
    for path in (f"{SCIM}/Users", f"{SCIM}/registry/Users", "/registry/scim/v2/Users"):
        answer = await world.ask("GET", path, token="a" * 32, query="source=registry")
        assert answer.status == 404 or answer.json["totalResults"] == 0
    assert (await world.ask("POST", f"{SCIM}/Users", ANN, token="a" * 32)).status == 201, "a name of its own"


async def test_a_credential_that_two_sources_have_lets_nobody_in(world: World) -> None:
    world.secrets["alumni"] = TOKEN
    assert (await world.ask("GET", f"{SCIM}/Users")).status == 401


async def test_a_new_credential_is_good_soon_and_one_taken_back_not_for_long(world: World) -> None:
    await world.user()
    world.secrets["registry"] = "z" * 32
    world.now = NOW + 6
    assert (await world.ask("GET", f"{SCIM}/Users", token="z" * 32)).status == 200
    assert (await world.ask("GET", f"{SCIM}/Users")).status == 401


async def test_a_secret_that_is_none_keeps_out_its_own_source_only_and_one_that_cannot_be_read_is_not_a_refusal(
    world: World,
) -> None:
    world.secrets["alumni"] = "short"
    assert (await world.scim("GET", "/Users")).status == 200
    assert (await world.ask("GET", f"{SCIM}/Users", token="short")).status == 401
    del world.secrets["hr"]
    world.now += 61
    assert (await world.scim("GET", "/Users")).status == 200
    fresh = World()
    del fresh.secrets["registry"]
    assert (await fresh.scim("GET", "/Users")).status == 503
    assert not any(TOKEN in json.dumps(line) for line in (*world.logged, *fresh.logged))


async def test_a_source_uses_only_what_the_bundle_lets_it_use(world: World) -> None:
    assert (await world.ask("GET", f"{SCIM}/Users", token=OTHER)).status == 403
    assert (await world.ask("POST", "/events", b"a.b.c")).status == 403
    for path in ("/Groups", "/ResourceTypes/Group", "/Schemas/urn:ietf:params:scim:schemas:core:2.0:Group"):
        assert (await world.ask("GET", f"{SCIM}{path}", token="a" * 32)).status == 404
    assert (await world.ask("GET", "/elsewhere")).status == 404


async def test_what_is_accepted_is_in_the_queue_when_it_is_answered_and_holds_no_password(world: World) -> None:
    id_ = await world.user(password="hunter2hunter2", title="Dr")
    (told,) = [json.loads(body) for body in world.queues["registry"].bodies()]
    assert told == {
        "specversion": "1.0",
        "id": f"{id_}.1",
        "type": "provisioning.pushed",
        "data": {
            "key": id_,
            "version": 1,
            "fields": {"id": id_, "schemas": [USER], "userName": "ann", "title": "Dr", "groups": []},
        },
    }
    assert "hunter2" not in repr(world.pushed.resources) + repr(world.logged)


async def test_a_user_is_told_again_when_its_groups_change(world: World) -> None:
    ann, bob = await world.user("ann"), await world.user("bob")
    world.told()
    staff = await world.group("staff", ann, bob)
    assert [(item["key"], item["version"], item["fields"]["groups"]) for item in world.told()] == [
        (id_, 2, [{"value": staff, "display": "staff"}]) for id_ in (ann, bob)
    ]
    await world.patch(f"/Groups/{staff}", {"op": "replace", "path": "displayName", "value": "Staff"})
    assert [item["fields"]["groups"][0]["display"] for item in world.told()] == ["Staff", "Staff"]
    await world.patch(f"/Groups/{staff}", {"op": "replace", "path": "externalId", "value": "x"})
    assert world.told() == [], "nothing that a user shows"
    await world.patch(f"/Groups/{staff}", {"op": "remove", "path": f'members[value eq "{ann}"]'})
    assert [(item["key"], item["fields"]["groups"]) for item in world.told()] == [(ann, [])]
    await world.scim("DELETE", f"/Groups/{staff}")
    assert [(item["key"], item["fields"]["groups"]) for item in world.told()] == [(bob, [])]


async def test_a_deleted_user_is_told_with_a_version_and_is_in_no_group(world: World) -> None:
    ann = await world.user()
    staff = await world.group("staff", ann)
    world.told()
    assert (await world.scim("DELETE", f"/Users/{ann}")).status == 204
    assert world.told() == [{"key": ann, "version": 3, "fields": None}]
    assert "members" not in (await world.scim("GET", f"/Groups/{staff}")).json
    assert (await world.scim("DELETE", f"/Users/{ann}")).status == 404
    assert await world.user() != ann, "its name is free again"


async def test_when_the_queue_does_not_answer_the_client_is_told_to_repeat_and_nothing_is_lost(world: World) -> None:
    async def broken() -> None:
        raise TransientError("no queue")

    world.changes.checkpoint = broken
    assert (await world.scim("POST", "/Users", ANN)).status == 503
    assert (await world.scim("GET", "/Users")).status == 503
    world.changes.checkpoint = World().changes.checkpoint
    assert (await world.scim("POST", "/Users", ANN)).status == 409
    assert [item["fields"]["userName"] for item in world.told()] == ["ann"]


STEPS: dict[str, tuple[str, Any]] = {
    "create": ("POST", {**ANN, "userName": "new"}),
    "change": ("PATCH", [{"op": "replace", "path": "active", "value": False}]),
    "join": ("PATCH", [{"op": "add", "path": "members", "value": []}]),
    "rename": ("PATCH", [{"op": "replace", "path": "displayName", "value": "renamed"}]),
    "delete user": ("DELETE", None),
    "delete group": ("DELETE", None),
}


@pytest.mark.parametrize("by_clock", [False, True])
@pytest.mark.parametrize("step", STEPS)
async def test_killed_at_any_await_everybody_is_told_what_is_so_by_the_next_request_or_the_clock(
    step: str, by_clock: bool
) -> None:
    """Whatever the process left behind: sent by a request of the source, even one that only reads, or soon."""
    for at in count(1):
        world, path, method, sent = await _before(step)
        last, deaths = {item["key"]: item for item in world.told()}, Deaths()
        world.pushed.checkpoint = world.changes.checkpoint = deaths.checkpoint
        died = await deaths.kill(world.scim(method, path, sent), at)
        world.pushed.checkpoint = world.changes.checkpoint = World().changes.checkpoint
        if by_clock:
            await sweep(world.shell)
        else:
            assert (await world.scim("GET", "/Users", query="count=0")).status == 200
        for item in world.told():
            if item["version"] >= last.get(item["key"], item)["version"]:
                last[item["key"]] = item
        await _is_so(world, last)
        if not died:
            return


async def test_a_source_that_cannot_be_settled_now_stops_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    await world.user()
    ask = {"schemas": [USER], "userName": "bob"}
    assert (await world.ask("POST", "/scim/v2/Users", ask, token="a" * 32)).status == 201
    for source in ("registry", "alumni"):
        for key in [key for key in world.pushed.resources if key[0] == source]:
            await world.pushed.touch(source, [key[2]])
    world.told(), world.told("alumni")
    real = world.pushed.unsent

    async def refuses(source: str, most: int) -> Any:
        if source == "registry":
            raise TransientError("the table is throttled")
        return await real(source, most)

    monkeypatch.setattr(type(world.pushed), "unsent", lambda _, source, most: refuses(source, most))
    await sweep(world.shell)
    assert (len(world.told()), len(world.told("alumni"))) == (0, 1)
    assert [each["source"] for each in world.logged if each["word"] == "gateway.unsettled"] == ["registry"]


@pytest.mark.parametrize("step", [step for step in STEPS if step != "create"])
async def test_killed_at_any_await_and_repeated_a_request_has_the_effect_that_it_would_have_had(step: str) -> None:
    whole, path, method, sent = await _before(step)
    assert (await whole.scim(method, path, sent)).status in (200, 204)
    for at in count(1):
        world, path, method, sent = await _before(step)
        deaths = Deaths()
        world.pushed.checkpoint = world.changes.checkpoint = deaths.checkpoint
        died = await deaths.kill(world.scim(method, path, sent), at)
        world.pushed.checkpoint = world.changes.checkpoint = World().changes.checkpoint
        assert (await world.scim(method, path, sent)).status in (200, 204, 404)
        assert world.pushed.waiting == {}
        assert _state(world) == _state(whole)
        if not died:
            return


async def _before(step: str) -> tuple[World, str, str, Any]:
    """A world of three users and two groups, and the request that is to be made of it."""
    world = World()
    users = [await world.user(f"user-{number}") for number in range(3)]
    groups = [await world.group("staff", *users[:2]), await world.group("students", users[1])]
    method, body = STEPS[step]
    if step == "join":
        body = [
            {"op": "add", "path": "members", "value": [{"value": users[2]}]},
            {"op": "remove", "path": "members", "value": [{"value": users[0]}]},
        ]
    user_steps = ("change", "delete user")
    path = "/Users" if step == "create" else f"/Users/{users[1]}" if step in user_steps else f"/Groups/{groups[0]}"
    return world, path, method, {"schemas": [], "Operations": body} if method == "PATCH" else body


def _state(world: World) -> Any:
    """Everything but the versions, which go on with each attempt."""
    resources = {place: (each.content, each.deleted) for place, each in world.pushed.resources.items()}
    return resources, {place: members for place, members in world.pushed.groups.items() if members}


async def _is_so(world: World, last: dict[str, Any]) -> None:
    """The newest of all that was told of each user is what the endpoint has of it."""
    assert world.pushed.waiting == {}
    for (_, kind, id_), resource in world.pushed.resources.items():
        if kind == "User":
            assert last[id_]["version"] == resource.version
            held = await world.pushed.get("registry", "User", id_)
            assert held is not None
            groups = [] if last[id_]["fields"] is None else last[id_]["fields"]["groups"]
            shown = [each["value"] for each in groups]
            live = {key[2] for key, each in world.pushed.resources.items() if key[1] == "Group" and not each.deleted}
            assert shown == [group for group in held.groups if group in live]
            assert resource.deleted == (last[id_]["fields"] is None)


async def test_two_changes_of_one_user_at_once_are_both_there(world: World) -> None:
    ann = await world.user()

    async def turn() -> None:
        await asyncio.sleep(0)

    world.pushed.checkpoint = turn
    operations = [{"op": "replace", "path": name, "value": name} for name in ("title", "nickName", "locale")]
    answers = await asyncio.gather(*(world.patch(f"/Users/{ann}", each) for each in operations))
    assert [answer.status for answer in answers] == [200, 200, 200]
    assert {"title", "nickName", "locale"} <= set((await world.scim("GET", f"/Users/{ann}")).json)
    newest = max(world.told(), key=lambda item: int(item["version"]))
    assert {"title", "nickName", "locale"} <= set(newest["fields"])


async def test_of_two_creates_of_one_name_at_once_one_is_refused(world: World) -> None:
    async def turn() -> None:
        await asyncio.sleep(0)

    world.pushed.checkpoint = turn
    answers = await asyncio.gather(
        *(world.scim("POST", "/Users", {**ANN, "userName": name}) for name in ("Ann", "aNN"))
    )
    assert sorted(answer.status for answer in answers) == [201, 409]


async def test_of_two_changes_of_one_version_one_is_refused(world: World) -> None:
    ann = await world.user()
    version = (await world.scim("GET", f"/Users/{ann}")).version
    bodies = [{**ANN, "title": title} for title in ("Dr", "Prof")]
    answers = await asyncio.gather(*(world.scim("PUT", f"/Users/{ann}", body, If_Match=version) for body in bodies))
    assert sorted(answer.status for answer in answers) == [200, 412]


async def test_a_group_of_ten_thousand_is_taken_kept_and_told(world: World) -> None:
    users = [f"{number:05}" for number in range(10_000)]
    body = {"schemas": [GROUP], "displayName": "all", "members": [{"value": each} for each in users]}
    answer = await world.scim("POST", "/Groups", body)
    assert answer.status in (201, 204)
    page = await world.scim("GET", "/Groups", query="filter=displayName+eq+%22all%22&excludedAttributes=members")
    (group,) = page.json["Resources"]
    assert "members" not in group
    gone = [{"op": "remove", "path": f'members[value eq "{each}"]'} for each in users[:100]]
    assert (await world.patch(f"/Groups/{group['id']}", *gone)).status == 204
    assert len((await world.scim("GET", f"/Groups/{group['id']}")).json["members"]) == 9_900


async def test_what_is_beyond_the_bounds_is_refused_before_it_is_read(world: World) -> None:
    assert (await world.ask("POST", f"{SCIM}/Users", b"x" * (LARGEST_BODY + 1))).status == 413
    many = {f"X-{number}": "x" for number in range(200)}
    assert (await world.ask("GET", f"{SCIM}/Users", headers=many)).status == 431
    assert (await world.ask("GET", f"{SCIM}/Users", headers={"X": "x" * 9000})).status == 431
    assert (await world.ask("GET", f"{SCIM}/{'x' * 9000}")).status == 414
