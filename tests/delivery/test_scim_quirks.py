"""SPs that cannot do all: no PATCH, versions that are insisted on, members removed in the old way. Over real HTTP."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from provisioning.core.account import Known, Phase
from provisioning.protocols.dialogue import Outcome
from tests.delivery.scim_sp import EXTENSION, Rules
from tests.delivery.scim_sp_patch import RefusedError
from tests.delivery.scim_world import BADGE, DEPARTMENT, MANAGER, World, world

CAMPUS = BADGE.rpartition(":")[0]
WORK = 'emails[type eq "work"].value'
NO_PATCH = Rules(patch=False, versions="shown")


@pytest.fixture
async def at() -> AsyncIterator[World]:
    """An SP without PATCH that shows versions."""
    async with world(NO_PATCH, {"patch": False}) as made:
        yield made


def theirs(at: World, **values: Any) -> Callable[[], None]:
    """Somebody else changes our account."""

    def change() -> None:
        held = next(iter(at.sp.users.values()))
        held.update(values)
        at.sp.touch(held["id"])

    return change


async def test_without_patch_a_change_is_a_read_and_a_put_that_keeps_what_is_not_ours(at: World) -> None:
    await at.done(await at.want())
    home = {"type": "home", "value": "ann@home.org"}
    assert at.user is not None
    at.user["emails"].append(home)
    theirs(at, nickName="Annie", locale="nl")()
    wanted = await at.want(changes={WORK: "anna@a.edu", DEPARTMENT: "law", MANAGER: None, BADGE: None, "title": "Dr"})
    assert await at.done(wanted) == ["GET", "PUT"]
    assert at.user is not None
    assert (at.user["nickName"], at.user["locale"], at.user["title"]) == ("Annie", "nl", "Dr")
    assert sorted(at.user["emails"], key=str) == sorted([home, {"type": "work", "value": "anna@a.edu"}], key=str)
    assert at.user[EXTENSION] == {"department": "law"}
    assert CAMPUS not in at.user
    await at.done(await at.want(changes={WORK: None, BADGE: "18"}))
    assert at.user is not None
    assert (at.user["emails"], at.user[CAMPUS]) == ([home], {"badge": "18"})
    assert CAMPUS in at.user["schemas"]


async def test_a_put_that_would_change_nothing_is_not_sent(at: World) -> None:
    await at.done(await at.want())
    theirs(at, displayName="Anna")()
    assert await at.done(await at.want(changes={"displayName": "Anna"})) == ["GET"]


@pytest.mark.parametrize("look", [True, False])
async def test_a_put_loses_to_somebody_else_and_is_planned_again(at: World, look: bool) -> None:
    await at.done(await at.want())
    at.sp.before["PUT"] = theirs(at, nickName="Annie")
    wanted = await at.want(changes={"displayName": "Anna"})
    assert await at.done(wanted, look=look) == ["GET", "PUT", "GET", "PUT"]
    assert at.user is not None
    assert (at.user["nickName"], at.user["displayName"]) == ("Annie", "Anna")


async def test_whoever_never_wins_the_race_tries_again_later(at: World) -> None:
    await at.done(await at.want())

    def again() -> None:
        theirs(at, nickName="Annie")()
        at.sp.before["PUT"] = again

    at.sp.before["PUT"] = again
    ending = await at.deliver(await at.want(changes={"displayName": "Anna"}))
    assert ending.outcome is Outcome.TRANSIENT
    assert sum(call.method == "PUT" for call in at.grader.calls) == 3
    at.sp.before.clear()
    await at.done(await at.want(changes={"displayName": "Anna"}))
    assert at.user is not None
    assert (at.user["nickName"], at.user["displayName"]) == ("Annie", "Anna")


async def test_an_account_that_was_given_to_another_meanwhile_is_not_replaced(at: World) -> None:
    await at.done(await at.want())
    remote_id = str(at.known.remote_id)
    at.sp.before["PUT"] = theirs(at, externalId="another")
    ending = await at.deliver(await at.want(changes={"displayName": "Anna"}))
    assert ending.outcome is Outcome.PERMANENT
    assert at.sp.users[remote_id]["displayName"] == "Ann Other"


async def test_without_patch_members_come_and_go_and_others_stay(at: World) -> None:
    await at.done(await at.want(groups=("readers",)))
    (group,) = at.sp.groups.values()
    group["members"].append({"value": "somebody"})

    def joins() -> None:
        group = next(iter(at.sp.groups.values()))
        group["members"].append({"value": "another"})
        at.sp.touch(group["id"])

    at.sp.before["PUT"] = joins
    assert await at.done(await at.want()) == ["GET", "PUT", "GET", "PUT"]
    (group,) = at.sp.groups.values()
    assert group["members"] == [{"value": "somebody"}, {"value": "another"}]
    await at.done(await at.want(groups=("readers",)))
    assert at.memberships == ["readers"]
    assert group["displayName"] == "readers"
    at.known = Known(at.known.phase, at.known.remote_id, at.known.values)
    assert await at.done(await at.want(groups=("readers",))) == ["GET"]


async def test_without_patch_an_account_is_suspended_resumed_removed_and_looked_for(at: World) -> None:
    await at.done(await at.want(groups=("readers",)))
    await at.done(await at.want(Phase.SUSPENDED))
    assert at.user is not None
    assert (at.user["active"], at.memberships) == (False, [])
    await at.done(await at.want())
    at.wire.spoil = "lost after"
    wanted = await at.want(changes={"displayName": "Anna"})
    assert (await at.deliver(wanted)).outcome is Outcome.UNKNOWN
    assert await at.done(wanted, look=True) == ["GET"]
    at.sp.users.clear()
    ending = await at.deliver(await at.want())
    assert (ending.outcome, ending.known) == (Outcome.TRANSIENT, Known())
    await at.done(await at.want())
    await at.done(await at.want(Phase.ABSENT))
    assert at.sp.users == {}


async def test_an_sp_that_insists_on_versions_is_given_them() -> None:
    async with world(Rules(versions="required"), {"etag": "required"}) as at:
        await at.done(await at.want(groups=("readers",)))
        assert await at.done(await at.want(changes={"displayName": "Anna"}, groups=("readers",))) == ["GET", "PATCH"]
        at.sp.before["PATCH"] = theirs(at, nickName="Annie")
        await at.done(await at.want(changes={"displayName": "Anne"}, groups=("readers",)))
        at.sp.before["DELETE"] = theirs(at, nickName="Anna")
        wanted = await at.want(Phase.ABSENT)
        assert await at.done(wanted) == ["GET", "PATCH", "GET", "DELETE", "GET", "DELETE"]
        assert at.sp.users == {}


async def test_that_versions_are_insisted_on_is_learned_from_the_refusal() -> None:
    async with world(Rules(versions="required"), {}) as at:
        await at.done(await at.want())
        assert await at.done(await at.want(changes={"displayName": "Anna"})) == ["PATCH", "GET", "PATCH"]
        await at.done(await at.want(groups=("readers",), changes={"displayName": "Anna"}))
        assert await at.done(await at.want(Phase.ABSENT)) == ["PATCH", "GET", "PATCH", "DELETE", "GET", "DELETE"]


async def test_a_version_that_a_look_shows_is_sent_with_the_change_and_else_none() -> None:
    async with world(Rules(versions="shown"), {}) as at:
        await at.done(await at.want())
        await at.done(await at.want(changes={"displayName": "Anna"}))
        assert "if-match" not in at.grader.calls[-1].headers
        theirs(at, displayName="Other")()
        await at.done(await at.want(changes={"displayName": "Anna"}), look=True)
        assert at.grader.calls[-1].headers["if-match"] == 'W/"2"'


async def test_versions_that_are_not_to_be_believed_are_not_sent() -> None:
    async with world(Rules(versions="shown"), {"etag": "never"}, heeds_versions=False) as at:
        await at.done(await at.want())
        theirs(at, displayName="Other")()
        at.sp.before["PATCH"] = theirs(at, nickName="Annie")
        assert await at.done(await at.want(), look=True) == ["GET", "PATCH"]
        assert "if-match" not in at.grader.calls[-1].headers


async def test_an_account_that_was_given_to_another_is_not_deleted() -> None:
    async with world(Rules(versions="shown"), {}) as at:
        at.wire.spoil = "lost after"
        await at.deliver(await at.want())
        at.sp.before["DELETE"] = theirs(at, externalId="another")
        ending = await at.deliver(await at.want(Phase.ABSENT), look=True)
        assert ending.outcome is Outcome.PERMANENT
        assert len(at.sp.users) == 1


async def test_members_are_removed_in_the_old_way_where_it_is_the_only_one() -> None:
    async with world(Rules(remove_member="value"), {"remove_member": "value"}) as at:
        await at.done(await at.want(groups=("readers", "writers")))
        await at.done(await at.want(groups=("writers",)))
        assert at.memberships == ["writers"]


async def test_of_an_sp_that_neither_patches_nor_shows_members_no_group_is_replaced_blindly() -> None:
    async with world(Rules(patch=False, members_shown=False), {"patch": False, "members_shown": False}) as at:
        await at.done(await at.want())
        ending = await at.deliver(await at.want(groups=("readers",)))
        assert (ending.outcome, ending.known.groups) == (Outcome.PERMANENT, ())
        assert "scim.patch" in ending.reason


async def test_value_paths_are_avoided_by_sending_the_list_whole_with_what_others_put_there() -> None:
    async with world(Rules(value_paths=False), {"filtered_paths": False}) as at:
        await at.done(await at.want())
        home = {"type": "home", "value": "ann@home.org"}
        assert at.user is not None
        at.user["emails"].append(home)
        assert await at.done(await at.want(changes={WORK: "anna@a.edu"})) == ["GET", "PATCH"]
        assert at.user is not None
        assert at.user["emails"] == [{"type": "work", "value": "anna@a.edu"}, home]
        await at.done(await at.want(changes={WORK: None}))
        assert at.user is not None
        assert at.user["emails"] == [home]


@pytest.mark.parametrize("scim", [{"patch": False}, {"filtered_paths": False}])
async def test_what_a_list_does_not_show_is_not_overwritten(scim: dict[str, Any]) -> None:
    rules = Rules(sparse=True, versions="shown", patch=scim.get("patch", True), value_paths=False)
    async with world(rules, scim, adopt="match") as at:
        home = {"type": "home", "value": "ann@home.org"}
        at.sp.plant(None, userName="ann.other", nickName="Annie", emails=[home])
        await at.done(await at.want())
        assert at.user is not None
        assert (at.user["nickName"], at.user["displayName"]) == ("Annie", "Ann Other")
        assert at.user["emails"] == [home, {"type": "work", "value": "ann@a.edu"}]


async def test_a_doubtful_refusal_that_cannot_be_checked_is_tried_again() -> None:
    async with world(Rules(missing=400), {"preset": "entra", "required": []}) as at:
        await at.done(await at.want())

        def busy() -> None:
            raise RefusedError(503)

        def refuse() -> None:
            at.sp.before["GET"] = busy
            raise RefusedError(400)

        at.sp.before["PATCH"] = refuse
        ending = await at.deliver(await at.want(changes={"displayName": "Anna"}))
        assert (ending.outcome, ending.known.remote_id) == (Outcome.TRANSIENT, at.known.remote_id)
