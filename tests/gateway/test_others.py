"""Keycloak (by its SCIM plug-ins) and authentik as clients: their ways through the endpoint."""

import base64
from typing import Any

from tests.gateway.world import GROUP, PASSWORD, SCIM, USER, World


async def test_keycloak_comes_with_a_password_searches_by_post_and_replaces_whole_users(world: World) -> None:
    header = {
        "Authorization": f"Basic {base64.b64encode(PASSWORD.encode()).decode()}",
        "Accept": "application/scim+json",
    }
    search = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": 'userName eq "ann"',
              "startIndex": 1, "count": 1, "attributes": ["userName"]}  # fmt: skip
    found = await world.ask("POST", f"{SCIM}/Users/.search", search, headers=header)
    assert (found.status, found.json["totalResults"]) == (200, 0)
    user: dict[str, Any] = {"schemas": [USER], "userName": "ann", "externalId": "9f1c", "active": True,
                            "name": {"givenName": "Ann", "familyName": "Other"},
                            "emails": [{"value": "ann@a.edu", "primary": True}]}  # fmt: skip
    made = await world.ask("POST", f"{SCIM}/Users", user, headers=header)
    assert made.status == 201
    again = await world.ask("POST", f"{SCIM}/Users/.search", search, headers=header)
    (shown,) = again.json["Resources"]
    assert set(shown) == {"schemas", "id", "userName"}
    path = f"{SCIM}/Users/{made.json['id']}"
    changed = await world.ask("PUT", path, {**user, "id": made.json["id"], "active": False}, headers=header)
    assert (changed.status, changed.json["active"]) == (200, False)
    assert (await world.ask("DELETE", path, headers=header)).status == 204


async def test_authentik_discovers_syncs_users_by_put_and_members_by_patch(world: World) -> None:
    config = (await world.scim("GET", "/ServiceProviderConfig")).json
    assert [config[name]["supported"] for name in ("patch", "bulk", "filter", "etag", "sort")] == [
        True, False, True, True, False,
    ]  # fmt: skip
    body = {"schemas": [USER], "userName": "akadmin", "externalId": "5f2b", "active": True, "displayName": "admin",
            "name": {"formatted": "admin", "givenName": "admin", "familyName": " "},
            "emails": [{"value": "a@a.edu", "type": "other", "primary": True}], "photos": [], "locale": "en-US",
            "roles": [], "title": None}  # fmt: skip
    ann = (await world.scim("POST", "/Users", body)).json["id"]
    conflict = await world.scim("POST", "/Users", body)
    assert conflict.status == 409
    found = await world.scim("GET", "/Users", query="filter=userName+eq+%22akadmin%22")
    assert [each["id"] for each in found.json["Resources"]] == [ann]
    assert (await world.scim("PUT", f"/Users/{ann}", {**body, "displayName": "Admin"})).json["displayName"] == "Admin"
    group = (await world.scim("POST", "/Groups", {"schemas": [GROUP], "displayName": "staff", "externalId": "g"})).json
    add = {"op": "add", "path": "members", "value": [{"value": ann}]}
    assert (await world.patch(f"/Groups/{group['id']}", add)).status == 200
    put = {"schemas": [GROUP], "displayName": "Staff", "externalId": "g"}
    assert (await world.scim("PUT", f"/Groups/{group['id']}", put)).json["members"] == [{"value": ann}]
    remove = {"op": "remove", "path": "members", "value": [{"value": ann}]}
    assert "members" not in (await world.patch(f"/Groups/{group['id']}", remove)).json
    assert [item["fields"]["groups"] for item in world.told()][-1] == []
