"""SCIM against an SP that is not ours: scim2-server on loopback, through the real courier, judged by RFC 7644."""

from typing import Any

import pytest

from provisioning.adapters.delivery.driver import Courier
from provisioning.core.account import Desired, Known, Phase
from provisioning.core.catalog import Service
from provisioning.protocols.dialogue import Delivery, Outcome
from provisioning.protocols.scim import deliver
from provisioning.protocols.scim_groups import make_group
from tests.delivery.conftest import Provider

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
NOTHING = Known()
IDENTITY = "0b8ff0e2-6f0f-4c3e-9b0f-3f6a2a1f4c11"
VALUES = {
    "userName": 'ann"o\\brien',
    "name.givenName": "Ann",
    "name.familyName": "O'Brien Ærø",
    'emails[type eq "work"].value': "ann@a.edu",
    "phoneNumbers": ["+31 20 1234567"],
    f"{ENTERPRISE}:department": "arts",
}


def service(provider: Provider, **changes: Any) -> Service:
    fields = {"id": "library", "protocol": "scim", "endpoint": provider.url, "secret": "library", "private": True}
    return Service.model_validate({**fields, "account": dict.fromkeys(VALUES, "x"), **changes})


def active(groups: tuple[str, ...] = (), given: str = "Ann") -> Desired:
    return Desired(Phase.ACTIVE, {**VALUES, "name.givenName": given}, groups)


async def run(
    courier: Courier,
    service_: Service,
    desired: Desired,
    known: Known = NOTHING,
    look: bool = False,
    groups: dict[str, str] | None = None,
) -> Known:
    """A delivery that must be done."""
    delivery = Delivery(IDENTITY, desired, known, look, "operation-1", 1, groups or {})
    ending = await courier.converse(service_, deliver(service_, delivery))
    assert ending.outcome is Outcome.DONE, ending
    return ending.known


async def test_an_account_is_created_changed_suspended_resumed_and_deleted(
    provider: Provider, courier: Courier
) -> None:
    library = service(provider)
    known = await run(courier, library, active())
    (user,) = provider.users
    assert (user["id"], user["externalId"], user["active"]) == (known.remote_id, IDENTITY, True)
    assert user["userName"] == VALUES["userName"]
    assert user["name"] == {"givenName": "Ann", "familyName": "O'Brien Ærø"}
    assert user["emails"] == [{"type": "work", "value": "ann@a.edu"}]
    assert user["phoneNumbers"] == [{"value": "+31 20 1234567"}]
    assert user[ENTERPRISE] == {"department": "arts"}

    changed = {path: value for path, value in VALUES.items() if path != "phoneNumbers"}
    changed.update({"name.givenName": "Anna", 'emails[type eq "work"].value': "anna@a.edu", "title": "Dr"})
    changed[f"{ENTERPRISE}:department"] = "law"
    known = await run(courier, library, Desired(Phase.ACTIVE, changed), known)
    (user,) = provider.users
    assert (user["name"]["givenName"], user["title"], user.get("phoneNumbers")) == ("Anna", "Dr", None)
    assert user["emails"] == [{"type": "work", "value": "anna@a.edu"}]
    assert user[ENTERPRISE] == {"department": "law"}

    known = await run(courier, library, Desired(Phase.SUSPENDED, changed), known)
    assert provider.users[0]["active"] is False
    known = await run(courier, library, Desired(Phase.ACTIVE, changed), known)
    assert provider.users[0]["active"] is True
    assert await run(courier, library, Desired(Phase.ABSENT), known) == Known()
    assert provider.users == []
    assert [call.method for call in provider.grader.calls] == ["POST", "PATCH", "PATCH", "PATCH", "DELETE"]


async def test_an_update_of_a_known_account_is_one_call(provider: Provider, courier: Courier) -> None:
    known = await run(courier, service(provider), active())
    provider.grader.calls.clear()
    await run(courier, service(provider), active(given="Anna"), known)
    (call,) = provider.grader.calls
    assert call.method == "PATCH"
    assert call.json["Operations"] == [{"op": "replace", "path": "name.givenName", "value": "Anna"}]


async def test_a_create_whose_answer_was_lost_is_found_and_not_repeated(provider: Provider, courier: Courier) -> None:
    first = await run(courier, service(provider), active())
    again = await run(courier, service(provider), active(given="Anna"), look=True)
    assert again.remote_id == first.remote_id
    assert [user["name"]["givenName"] for user in provider.users] == ["Anna"]
    assert sum(call.method == "POST" for call in provider.grader.calls) == 1


async def test_a_look_that_finds_everything_as_wanted_changes_nothing(provider: Provider, courier: Courier) -> None:
    known = await run(courier, service(provider), active())
    provider.grader.calls.clear()
    assert await run(courier, service(provider), active(), known, look=True) == known
    assert [call.method for call in provider.grader.calls] == ["GET"]


async def test_a_look_repairs_only_what_differs(provider: Provider, courier: Courier) -> None:
    known = await run(courier, service(provider), active())
    await run(courier, service(provider), active(given="Other"), known)
    provider.grader.calls.clear()
    await run(courier, service(provider), active(), known, look=True)
    assert provider.grader.calls[-1].json["Operations"] == [{"op": "replace", "path": "name.givenName", "value": "Ann"}]


async def test_a_foreign_account_with_the_same_name_is_a_conflict(provider: Provider, courier: Courier) -> None:
    await run(courier, service(provider), active())
    library = service(provider)
    delivery = Delivery("another-identity", active(), Known(), False, "operation-2", 1)
    ending = await courier.converse(library, deliver(library, delivery))
    assert (ending.outcome, ending.known) == (Outcome.PERMANENT, Known())
    assert "another's mark" in ending.reason
    assert len(provider.users) == 1


@pytest.mark.parametrize(("adopt", "outcome"), [("match", Outcome.DONE), ("never", Outcome.PERMANENT)])
async def test_an_unowned_account_is_adopted_only_if_its_operator_says_so(
    provider: Provider, courier: Courier, adopt: str, outcome: Outcome
) -> None:
    known = await run(courier, service(provider), active())
    (resource,) = list(provider.storage.resources)
    resource.external_id = None
    provider.storage.resources = [resource]
    library = service(provider, adopt=adopt)
    delivery = Delivery(IDENTITY, active(given="Anna"), Known(), False, "operation-3", 1)
    ending = await courier.converse(library, deliver(library, delivery))
    assert ending.outcome is outcome
    (user,) = provider.users
    if adopt == "match":
        assert (ending.known.remote_id, user["externalId"]) == (known.remote_id, IDENTITY)
        assert user["name"]["givenName"] == "Anna"
    else:
        assert (ending.known, user.get("externalId")) == (Known(), None)


async def test_an_account_deleted_at_the_sp_is_told_and_then_made_again(provider: Provider, courier: Courier) -> None:
    library = service(provider)
    known = await run(courier, library, active())
    await run(courier, library, Desired(Phase.ABSENT), known)
    delivery = Delivery(IDENTITY, active(given="Anna"), known, False, "operation-4", 2)
    ending = await courier.converse(library, deliver(library, delivery))
    assert (ending.outcome, ending.known, ending.retry_after) == (Outcome.TRANSIENT, Known(), 0)
    assert await run(courier, library, Desired(Phase.ABSENT), known) == Known()
    assert (await run(courier, library, active())).remote_id not in (None, known.remote_id)


async def test_memberships_follow_what_is_wanted(provider: Provider, courier: Courier) -> None:
    library = service(provider, create_groups=True)
    ids: dict[str, str] = {}
    for name in ('re"aders', "editors"):
        for look in (False, True):
            ending = await courier.converse(library, make_group(library, name, look))
            assert ending.outcome is Outcome.DONE
            assert ids.setdefault(name, str(ending.known.remote_id)) == ending.known.remote_id

    def members() -> dict[str, list[str]]:
        shown = provider.groups
        return {group["displayName"]: [item["value"] for item in group.get("members") or []] for group in shown}

    known = await run(courier, library, active(('re"aders',)), groups=ids)
    assert (known.groups, members()) == (('re"aders',), {'re"aders': [known.remote_id], "editors": []})
    known = await run(courier, library, active(("editors",)), known, groups=ids)
    assert (known.groups, members()) == (("editors",), {'re"aders': [], "editors": [known.remote_id]})
    await run(courier, library, active(("editors",)), known, look=True, groups=ids)
    assert members() == {'re"aders': [], "editors": [known.remote_id]}
    known = await run(courier, library, Desired(Phase.SUSPENDED, VALUES), known, groups=ids)
    assert (known.groups, members()) == ((), {'re"aders': [], "editors": []})


async def test_a_group_that_is_gone_is_named(provider: Provider, courier: Courier) -> None:
    library = service(provider)
    delivery = Delivery(IDENTITY, active(("readers",)), Known(), False, "operation-5", 1, {"readers": "gone"})
    ending = await courier.converse(library, deliver(library, delivery))
    assert (ending.outcome, ending.missing_group) == (Outcome.TRANSIENT, "readers")
    assert ending.known.remote_id == provider.users[0]["id"]


async def test_a_group_is_not_made_without_leave(provider: Provider, courier: Courier) -> None:
    library = service(provider)
    ending = await courier.converse(library, make_group(library, "readers", False))
    assert (ending.outcome, ending.known) == (Outcome.TRANSIENT, Known())
    assert provider.groups == []
