"""Okta as a client: its requests as its documentation shows them."""

from typing import Any

from tests.gateway.world import GROUP, PATCH, USER, World

NEW: dict[str, Any] = {
    "schemas": [USER],
    "userName": "test.user@okta.local",
    "name": {"givenName": "Test", "familyName": "User"},
    "emails": [{"primary": True, "value": "test.user@okta.local", "type": "work"}],
    "displayName": "Test User",
    "locale": "en-US",
    "externalId": "00ujl29u0le5T6Aj10h7",
    "groups": [],
    "password": "1mz050nq",
    "active": True,
}


async def test_its_connection_test_asks_for_two(world: World) -> None:
    for number in range(3):
        await world.user(f"user-{number}")
    answer = await world.scim("GET", "/Users", query="startIndex=1&count=2")
    assert answer.headers["content-type"] == "application/scim+json"
    assert {name: answer.json[name] for name in ("totalResults", "startIndex", "itemsPerPage")} == {
        "totalResults": 3, "startIndex": 1, "itemsPerPage": 2,
    }  # fmt: skip
    assert (await world.scim("GET", "/Groups", query="startIndex=1&count=100")).json["Resources"] == []


async def test_it_looks_makes_reads_replaces_and_deactivates_a_user(world: World) -> None:
    query = "filter=userName%20eq%20%22test.user%40okta.local%22&startIndex=1&count=100"
    assert (await world.scim("GET", "/Users", query=query)).json["totalResults"] == 0
    made = await world.scim("POST", "/Users", NEW)
    assert made.status == 201
    assert "password" not in made.json
    user = made.json
    whole = {**user, "name": {"givenName": "Another", "familyName": "User"}}
    replaced = await world.scim("PUT", f"/Users/{user['id']}", whole)
    assert (replaced.status, replaced.json["name"]["givenName"]) == (200, "Another")
    body = {"schemas": [PATCH], "Operations": [{"op": "replace", "value": {"active": False}}]}
    assert (await world.scim("PATCH", f"/Users/{user['id']}", body)).json["active"] is False
    body["Operations"] = [{"op": "replace", "value": {"active": True}}]
    assert (await world.scim("PATCH", f"/Users/{user['id']}", body)).json["active"] is True
    assert [item["fields"]["active"] for item in world.told()] == [True, True, False, True]
    repeated = await world.scim("PUT", f"/Users/{user['id']}", {**whole, "active": True})
    assert repeated.status == 200
    assert world.told() == [], "nothing changed"


async def test_a_user_that_is_there_already_is_a_conflict(world: World) -> None:
    await world.scim("POST", "/Users", NEW)
    answer = await world.scim("POST", "/Users", {**NEW, "externalId": "other"})
    assert (answer.status, answer.json["scimType"], answer.json["status"]) == (409, "uniqueness", "409")


async def test_it_pushes_a_group_renames_it_and_changes_its_members(world: World) -> None:
    ann, bob, eve = [await world.user(name) for name in ("ann", "bob", "eve")]
    body = {"schemas": [GROUP], "displayName": "Test SCIMv2", "members": []}
    group = (await world.scim("POST", "/Groups", body)).json["id"]
    rename = {"op": "replace", "value": {"id": group, "displayName": "Test SCIMv2.1"}}
    assert (await world.patch(f"/Groups/{group}", rename)).json["displayName"] == "Test SCIMv2.1"
    await world.patch(
        f"/Groups/{group}",
        {"op": "add", "path": "members", "value": [{"value": ann, "display": "ann"}, {"value": bob, "display": "bob"}]},
        {"op": "remove", "path": f'members[value eq "{ann}"]'},
    )
    assert (await world.scim("GET", f"/Groups/{group}")).json["members"] == [{"value": bob}]
    await world.patch(f"/Groups/{group}", {"op": "replace", "path": "members", "value": [{"value": eve}]})
    assert (await world.scim("GET", f"/Groups/{group}")).json["members"] == [{"value": eve}]
    put = {"schemas": [GROUP], "id": group, "displayName": "All", "members": [{"value": ann}, {"value": bob}]}
    assert (await world.scim("PUT", f"/Groups/{group}", put)).status == 200
    newest = {item["key"]: item["fields"]["groups"] for item in world.told()}
    assert newest == {ann: [{"value": group, "display": "All"}], bob: [{"value": group, "display": "All"}], eve: []}
