"""Entra ID as a client: its requests as its documentation shows them, and its dialects."""

from typing import Any

import pytest

from tests.gateway.world import ENTERPRISE, GROUP, USER, World

NEW: dict[str, Any] = {
    "schemas": [USER, ENTERPRISE],
    "externalId": "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef",
    "userName": "Test_User_ab6490ee-1e48-479e-a20b-2d77186b5dd1",
    "active": True,
    "emails": [{"primary": True, "type": "work", "value": "Test_User_fd0ea19b@testuser.com"}],
    "meta": {"resourceType": "User"},
    "name": {"formatted": "givenName familyName", "familyName": "familyName", "givenName": "givenName"},
    "roles": [],
}


async def changed(world: World, *operations: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A user as it is after a PATCH."""
    user = await world.user("ann", **more)
    answer = await world.patch(f"/Users/{user}", *operations)
    assert answer.status == 200, answer.text
    found: dict[str, Any] = (await world.scim("GET", f"/Users/{user}")).json
    return found


async def test_it_looks_for_nobody_tests_the_connection_and_makes_a_user(world: World) -> None:
    nobody = await world.scim("GET", "/Users", query="filter=userName+eq+%22non-existent-user%22")
    assert (nobody.status, nobody.json["totalResults"], nobody.json["Resources"]) == (200, 0, [])
    made = await world.scim("POST", "/Users", NEW)
    assert made.status == 201
    assert made.headers["Location"] == made.json["meta"]["location"]
    found = await world.scim("GET", "/Users", query=f"filter=userName+eq+%22{NEW['userName'].upper()}%22")
    assert [each["id"] for each in found.json["Resources"]] == [made.json["id"]]
    by_external = await world.scim("GET", "/Users", query=f"filter=externalId+eq+%22{NEW['externalId']}%22")
    assert by_external.json["totalResults"] == 1
    assert (await world.scim("POST", "/Users", NEW)).json["scimType"] == "uniqueness"


async def test_it_replaces_several_attributes_at_once(world: World) -> None:
    user = await changed(
        world,
        {"op": "Replace", "path": 'emails[type eq "work"].value', "value": "updatedEmail@microsoft.com"},
        {"op": "Replace", "path": "name.familyName", "value": "updatedFamilyName"},
        emails=NEW["emails"],
        name=NEW["name"],
    )
    assert user["emails"] == [{"primary": True, "type": "work", "value": "updatedEmail@microsoft.com"}]
    assert user["name"]["familyName"] == "updatedFamilyName"
    assert user["name"]["givenName"] == "givenName"


@pytest.mark.parametrize("word", ["Add", "Replace"])
async def test_it_addresses_an_entry_that_is_not_there_yet(world: World, word: str) -> None:
    user = await changed(
        world,
        {"op": word, "path": 'emails[type eq "work"].value', "value": "ann@a.edu"},
        {"op": word, "path": 'addresses[type eq "work"].country', "value": "NL"},
        {"op": word, "path": 'roles[primary eq "True"].value', "value": "reader"},
    )
    assert user["emails"] == [{"type": "work", "value": "ann@a.edu"}]
    assert user["addresses"] == [{"type": "work", "country": "NL"}]
    assert user["roles"] == [{"primary": True, "value": "reader"}]


@pytest.mark.parametrize(("text", "value"), [("False", False), ("True", True)])
async def test_it_writes_booleans_as_texts(world: World, text: str, value: bool) -> None:
    assert (await changed(world, {"op": "Replace", "path": "active", "value": text}))["active"] is value
    (newest,) = [item for item in world.told() if item["version"] == 2]
    assert newest["fields"]["active"] is value


async def test_it_puts_paths_into_the_names_of_a_value_without_a_path(world: World) -> None:
    user = await changed(
        world,
        {
            "op": "replace",
            "value": {
                "displayName": "Bjørn",
                "name.givenName": "Bj",
                'emails[type eq "work"].value': "b@a.edu",
                f"{ENTERPRISE}:department": "arts",
                f"{ENTERPRISE}:manager": "0000-0009",
                ENTERPRISE: {"costCenter": "7"},
            },
        },
    )
    assert (user["displayName"], user["name"], user["emails"][0]["value"]) == ("Bjørn", {"givenName": "Bj"}, "b@a.edu")
    assert user[ENTERPRISE] == {"department": "arts", "manager": {"value": "0000-0009"}, "costCenter": "7"}
    assert ENTERPRISE in user["schemas"]


async def test_it_takes_a_manager_away(world: World) -> None:
    path = f"{ENTERPRISE}:manager"
    for value in ([{"$ref": None, "value": ""}], "", None):
        user = await changed(
            World(), {"op": "Add", "path": path, "value": "0000-0009"}, {"op": "Replace", "path": path, "value": value}
        )
        assert ENTERPRISE not in user
    user = await changed(
        world, {"op": "Add", "path": path, "value": [{"$ref": "x", "value": "9"}]}, {"op": "Remove", "path": path}
    )
    assert ENTERPRISE not in user


async def test_it_disables_a_user_and_then_deletes_it(world: World) -> None:
    user = await world.user()
    answer = await world.patch(f"/Users/{user}", {"op": "Replace", "path": "active", "value": False})
    assert (answer.status, answer.json["active"]) == (200, False)
    assert (await world.scim("DELETE", f"/Users/{user}")).status == 204
    assert (await world.scim("GET", f"/Users/{user}")).status == 404


async def test_it_makes_a_group_and_changes_its_members_one_by_one(world: World) -> None:
    ann, bob = await world.user("ann"), await world.user("bob")
    body = {"schemas": [GROUP, "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],
            "externalId": "8aa1a0c0-c4c3-4bc0-b4a5-2ef676900159", "displayName": "displayName",
            "meta": {"resourceType": "Group"}}  # fmt: skip
    group = (await world.scim("POST", "/Groups", body)).json["id"]
    named = await world.scim(
        "GET", "/Groups", query="excludedAttributes=members&filter=displayName+eq+%22displayName%22"
    )
    assert [each["id"] for each in named.json["Resources"]] == [group]
    add = {"op": "Add", "path": "members", "value": [{"$ref": None, "value": ann}]}
    assert (await world.patch(f"/Groups/{group}", add, {**add, "value": [{"value": bob}]})).status in (200, 204)
    for member, found in ((ann, 1), (bob, 1), ("0000-9999", 0)):
        query = f"filter=id+eq+%22{group}%22+and+members+eq+%22{member}%22&excludedAttributes=members"
        assert (await world.scim("GET", "/Groups", query=query)).json["totalResults"] == found
    remove = {"op": "Remove", "path": "members", "value": [{"$ref": None, "value": ann}]}
    assert (await world.patch(f"/Groups/{group}", remove)).status in (200, 204)
    shown = await world.scim("GET", f"/Groups/{group}")
    assert [each["value"] for each in shown.json["members"]] == [bob]
    assert "members" not in (await world.scim("GET", f"/Groups/{group}", query="excludedAttributes=members")).json
    assert (await world.scim("DELETE", f"/Groups/{group}")).status == 204
