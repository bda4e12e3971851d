"""The whole contract under every preset, against an SP that enforces what that SP is known to enforce."""

import json
from collections.abc import AsyncIterator
from typing import Any, get_args

import pytest

from provisioning.core.account import Known, Phase
from provisioning.core.scim_options import Preset
from provisioning.protocols.dialogue import HttpRequest, HttpResponse, Outcome
from provisioning.protocols.scim_calls import patch
from tests.delivery.scim_sp import EXTENSION, Rules
from tests.delivery.scim_sp_patch import RefusedError
from tests.delivery.scim_world import BADGE, DEPARTMENT, MANAGER, Spoil, World, world

WORK = 'emails[type eq "work"].value'
HOME = 'emails[type eq "home"].value'
PROVIDERS: dict[Preset, Rules] = {
    "aws-identity-center": Rules(
        searchable=("userName", "externalId", "displayName"),
        paging="cursor",
        refuses_more=True,
        member_changes=100,
        members_shown=False,
        one_entry=True,
        required=("userName", "name.givenName", "name.familyName", "displayName"),
        refused=("password", "ims", "photos", "x509Certificates", "entitlements"),
        unknown_query=("startIndex", "attributes", "excludedAttributes"),
    ),
    "slack": Rules(
        searchable=("userName", "displayName"),
        most=1000,
        refuses_more=True,
        default=10,
        delete="deactivates",
        required=("userName", "emails"),
    ),
    "github-emu": Rules(value_paths=False, obfuscates=True, required=("userName", "emails")),
    "entra": Rules(
        put=False,
        missing=400,
        resources="resources",
        accept_on_delete=False,
        required=("userName", "displayName", "password"),
    ),
    "okta": Rules(
        paths=False, value_paths=False, searchable=("userName", "displayName"), delete="refused", required=("userName",)
    ),
}
PRESETS = sorted(PROVIDERS)


@pytest.fixture(params=PRESETS)
async def at(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    async with world(PROVIDERS[request.param], {"preset": request.param}) as made:
        yield made


def keeps(at: World) -> bool:
    """Whether this SP keeps an inactive account where others remove it."""
    return at.sp.rules.delete != "removes"


def test_every_preset_has_an_sp_that_enforces_it() -> None:
    assert sorted(get_args(Preset)) == PRESETS


async def test_create_and_change(at: World) -> None:
    await at.done(await at.want(groups=("readers",)))
    assert at.user is not None
    assert (at.user["userName"], at.user["active"], at.user["name"]) == (
        "ann.other", True, {"givenName": "Ann", "familyName": "Other"},
    )  # fmt: skip
    assert at.user["emails"] == [{"type": "work", "value": "ann@a.edu"}]
    assert at.user[EXTENSION] == {"department": "arts", "manager": {"value": "26118915"}}
    assert at.user[BADGE.rpartition(":")[0]] == {"badge": "17"}
    assert {EXTENSION, BADGE.rpartition(":")[0]} < set(at.user["schemas"])
    assert at.memberships == ["readers"]

    changes = {"userName": "anna.other", "name.givenName": "Anna", WORK: "anna@a.edu", DEPARTMENT: "law", "title": "Dr"}
    await at.done(await at.want(groups=("writers",), changes={**changes, MANAGER: None, BADGE: "18"}))
    assert at.user is not None
    assert (at.user["userName"], at.user["title"], at.user["name"]["givenName"]) == ("anna.other", "Dr", "Anna")
    assert at.user["emails"] == [{"type": "work", "value": "anna@a.edu"}]
    assert at.user[EXTENSION]["department"] == "law"
    assert not at.user[EXTENSION].get("manager")
    assert at.user[BADGE.rpartition(":")[0]] == {"badge": "18"}
    assert at.memberships == ["writers"]
    await at.done(await at.want(groups=("writers",), changes={} if "emails" in at.sp.rules.required else {WORK: None}))
    assert at.user is not None
    assert ("title" in at.user, bool(at.user.get("emails"))) == (False, "emails" in at.sp.rules.required)


async def test_an_update_of_flat_values_is_one_call(at: World) -> None:
    await at.done(await at.want())
    assert await at.done(await at.want(changes={"displayName": "Anna Other", DEPARTMENT: "law"})) == ["PATCH"]


async def test_repeating_is_no_call_and_a_look_changes_nothing(at: World) -> None:
    wanted = await at.want()
    await at.done(wanted)
    before, held = at.known, at.user
    assert await at.done(wanted) == []
    assert await at.done(wanted, look=True) == ["GET"]
    assert (at.known, at.user) == (before, held)


@pytest.mark.parametrize("adopt", ["never", "match"])
async def test_another_s_account_is_a_conflict(at: World, adopt: str) -> None:
    at.service = at.service.model_copy(update={"adopt": adopt})
    at.sp.plant("another", userName="ann.other", displayName="x")
    ending = await at.deliver(await at.want())
    assert (ending.outcome, at.known, at.user) == (Outcome.PERMANENT, Known(), None)
    assert ending.taken == ("userName", "ann.other")


async def test_an_unowned_account_is_adopted_if_its_operator_says_so(at: World) -> None:
    planted = at.sp.plant(None, **{key: value for key, value in at.values.items() if key.isalpha()})
    at.sp.users[planted] |= {"name": {"givenName": "x", "familyName": "x"}, "emails": [{"type": "other", "value": "x"}]}
    assert (await at.deliver(await at.want())).outcome is Outcome.PERMANENT
    at.service = at.service.model_copy(update={"adopt": "match"})
    await at.done(await at.want())
    assert at.user is not None
    others = [] if at.sp.rules.one_entry else [{"type": "other", "value": "x"}]
    assert (at.known.remote_id, at.user["emails"]) == (planted, [*others, {"type": "work", "value": "ann@a.edu"}])


async def test_an_address_becomes_one_of_another_type(at: World) -> None:
    await at.done(await at.want())
    await at.done(await at.want(changes={WORK: None, HOME: "ann@home.org"}))
    assert at.user is not None
    assert at.user["emails"] == [{"type": "home", "value": "ann@home.org"}]


async def test_suspend_look_and_resume(at: World) -> None:
    await at.done(await at.want(groups=("readers",)))
    await at.done(await at.want(Phase.SUSPENDED))
    assert at.user is not None
    assert (at.user["active"], at.memberships, at.known.phase) == (False, [], Phase.SUSPENDED)
    assert await at.done(await at.want(Phase.SUSPENDED), look=True) == ["GET"]
    for look in (False, True):
        await at.done(await at.want(Phase.SUSPENDED))
        await at.done(await at.want(groups=("readers",), changes={"displayName": f"Ann {look}"}), look=look)
        assert at.user is not None
        assert (at.user["active"], at.user["displayName"], at.memberships) == (True, f"Ann {look}", ["readers"])
        assert (at.user["userName"], at.user["emails"]) == ("ann.other", [{"type": "work", "value": "ann@a.edu"}])


async def test_delete_twice_and_make_it_again(at: World) -> None:
    await at.done(await at.want(groups=("readers",)))
    first = at.known.remote_id
    for _ in range(2):
        await at.done(await at.want(Phase.ABSENT))
        assert (at.known, at.memberships) == (Known(), [])
        assert (at.user is not None and not at.user["active"]) if keeps(at) else at.user is None
    await at.done(await at.want(changes={"displayName": "Ann Again"}))
    assert at.user is not None
    assert (at.user["active"], at.user["displayName"]) == (True, "Ann Again")
    assert (at.known.remote_id == first) is keeps(at)
    assert len(at.sp.users) == 1


async def test_an_account_that_vanished_is_told_and_made_again(at: World) -> None:
    await at.done(await at.want())
    at.sp.users.clear()
    wanted = await at.want(changes={"displayName": "Anna"})
    ending = await at.deliver(wanted)
    assert (ending.outcome, ending.known, ending.retry_after) == (Outcome.TRANSIENT, Known(), 0)
    await at.done(wanted)
    assert at.user is not None
    assert at.user["displayName"] == "Anna"
    at.sp.users.clear()
    await at.done(await at.want(Phase.ABSENT))
    assert at.known == Known()


async def test_a_group_that_vanished_is_named(at: World) -> None:
    await at.done(await at.want(groups=("readers",)))
    at.sp.groups.clear()
    await at.done(await at.want())
    ending = await at.deliver(await at.want(groups=("readers",)))
    assert (ending.outcome, ending.missing_group, at.known.groups) == (Outcome.TRANSIENT, "readers", ())


async def test_a_refusal_is_not_taken_for_a_vanished_account(at: World) -> None:
    await at.done(await at.want())
    remote_id = at.known.remote_id

    def refuse() -> None:
        raise RefusedError(400, "invalidValue", "no")

    at.sp.before["PATCH"] = refuse
    ending = await at.deliver(await at.want(changes={"displayName": "Anna"}))
    assert (ending.outcome, at.known.remote_id) == (Outcome.PERMANENT, remote_id)


@pytest.mark.parametrize("spoil", ["lost before", "lost after", "garbage"])
async def test_after_an_unknown_ending_nothing_is_lost_or_doubled(at: World, spoil: Spoil) -> None:
    steps = [("Ann", Phase.ACTIVE), ("Anna", Phase.ACTIVE), ("Anna", Phase.SUSPENDED), ("Ann", Phase.ACTIVE)]
    for name, phase in steps:
        at.wire.spoil = spoil
        wanted = await at.want(phase, changes={"displayName": name, WORK: f"{name}@a.edu"})
        assert (await at.deliver(wanted)).outcome is Outcome.UNKNOWN
        await at.done(wanted, look=True)
        assert at.user is not None
        assert at.user["active"] is (phase is Phase.ACTIVE)
        assert (at.user["displayName"], at.user["emails"]) == (name, [{"type": "work", "value": f"{name}@a.edu"}])
        assert len(at.sp.users) == 1
    at.wire.spoil = spoil
    wanted = await at.want(Phase.ABSENT)
    ending = await at.deliver(wanted)
    assert ending.outcome is Outcome.UNKNOWN or spoil == "garbage"
    await at.done(wanted, look=True)
    assert (at.user is not None and not at.user["active"]) if keeps(at) else at.user is None


async def test_a_throttled_create_is_tried_again_without_doubt(at: World) -> None:
    def throttle() -> None:
        raise RefusedError(429)

    at.sp.before["POST"] = throttle
    wanted = await at.want()
    assert (await at.deliver(wanted)).outcome is Outcome.TRANSIENT
    await at.done(wanted)
    assert len(at.sp.users) == 1


async def test_one_of_many_is_found(at: World) -> None:
    for number in range(120):
        at.sp.plant(f"other-{number}", userName=f"user{number}", displayName=f"User {number}", emails=[{"value": "x"}])
    await at.done(await at.want(groups=("readers",)))
    remote_id, at.known = at.known.remote_id, Known()
    await at.done(await at.want(groups=("readers",)), look=True)
    assert (at.known.remote_id, len(at.sp.users)) == (remote_id, 121)


def patch_of(path: str, *operations: Any) -> HttpRequest:
    return patch(path, list(operations))


MANY = [{"value": str(number)} for number in range(101)]
FORBIDDEN: list[tuple[Preset, HttpRequest, int]] = [
    ("aws-identity-center", HttpRequest("GET", "/Users", {"startIndex": "1"}), 400),
    ("aws-identity-center", HttpRequest("GET", "/Users", {"cursor": "", "count": "101"}), 400),
    ("aws-identity-center", HttpRequest("GET", "/Users", {"filter": 'emails[type eq "work" and value eq "x"]'}), 400),
    ("aws-identity-center", patch_of("/Groups/g", {"op": "add", "path": "members", "value": MANY}), 400),
    ("aws-identity-center", patch_of("/Groups/g", {"op": "replace", "path": "members", "value": []}), 400),
    ("aws-identity-center", patch_of("/Groups/g", {"op": "remove", "path": "members"}), 400),
    ("slack", HttpRequest("GET", "/Users", {"count": "1001"}), 400),
    ("github-emu", patch_of("/Users/u", {"op": "replace", "path": WORK, "value": "x"}), 400),
    ("entra", HttpRequest("PUT", "/Users/u", {}, {}, {"userName": "x"}), 501),
    ("entra", HttpRequest("GET", "/Users/none"), 400),
    ("entra", HttpRequest("DELETE", "/Users/u", {}, {"accept": "application/scim+json"}), 406),
    ("okta", patch_of("/Users/u", {"op": "replace", "path": "active", "value": False}), 400),
    ("okta", HttpRequest("DELETE", "/Users/u"), 501),
]


@pytest.mark.parametrize(("preset", "request_", "status"), FORBIDDEN)
async def test_what_a_preset_heeds_is_enforced(preset: Preset, request_: HttpRequest, status: int) -> None:
    async with world(PROVIDERS[preset], {"preset": preset}) as at:
        at.sp.users["u"] = {"id": "u", "userName": "u"}
        at.sp.groups["g"] = {"id": "g", "displayName": "g"}
        answer = await at.wire.caller(at.service, request_, 10)
        assert isinstance(answer, HttpResponse)
        assert answer.status == status
        at.grader.calls.forget()


async def test_resources_in_lower_case_are_read() -> None:
    async with world(PROVIDERS["entra"], {"preset": "entra"}) as at:
        answer = await at.wire.caller(at.service, HttpRequest("GET", "/Users"), 10)
        assert isinstance(answer, HttpResponse)
        assert "resources" in json.loads(answer.body)
        at.grader.calls.forget()
