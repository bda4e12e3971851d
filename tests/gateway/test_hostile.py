"""Requests that cannot be, or that would cost more than they are worth: refused in the standard's words."""

from typing import Any

import pytest

from tests.gateway.world import GROUP, World


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/Users", b"{", 400), ("POST", "/Users", b"\xff", 400), ("POST", "/Users", [], 400),
        ("POST", "/Users", b'{"userName": "\\ud800"}', 400),
        ("POST", "/Groups", b'{"displayName": "g", "members": [{"value": "\\ud800"}]}', 400),
        ("POST", "/Users", {}, 400), ("POST", "/Users", {"userName": 7}, 400),
        ("POST", "/Users", {"userName": " "}, 400),
        ("POST", "/Users", {"userName": "x" * 2000}, 400), ("POST", "/Users", {"userName": "a", "emails": [7]}, 400),
        ("POST", "/Users", {"userName": "a", "photo": "x" * 200_000}, 413),
        ("POST", "/Users", b'{"userName":"a","x":' + b"[" * 100 + b"]" * 100 + b"}", 400),
        ("POST", "/Users", b'{"userName":"a","userName":"b"}', 400),
        ("POST", "/Users", b'{"userName":"a","x":1e999}', 400),
        ("POST", "/Users", {"userName": "a", "emails": [{"primary": True}, {"primary": True, "value": "b"}]}, 400),
        ("POST", "/Groups", {"displayName": "x" * 201}, 400), ("POST", "/Groups", {"schemas": [GROUP]}, 400),
        ("POST", "/Groups", {"displayName": "g", "members": [{"type": "User"}]}, 400),
        ("POST", "/Groups", {"displayName": "g", "members": [{"value": "x" * 129}]}, 400),
        ("GET", "/Users/nobody", None, 404), ("PUT", "/Users/nobody", {"userName": "a"}, 404),
        ("GET", "/Nothing", None, 404),
        ("PATCH", "/Users/nobody", {"Operations": []}, 404), ("DELETE", "/Groups/nobody", None, 404),
        ("GET", "/Users/%00", None, 404), ("GET", "/Users/" + "x" * 3000, None, 404), ("GET", "/Me", None, 501),
        ("POST", "/Bulk", {}, 501), ("DELETE", "/Users", None, 405), ("POST", "/Users/x", {}, 405),
        ("GET", "", None, 404),
        ("POST", "/Schemas", {}, 405), ("GET", "/Schemas/urn:x", None, 404), ("OPTIONS", "/Users", None, 405),
    ],
)  # fmt: skip
async def test_what_cannot_be_is_refused_in_the_standards_words(
    world: World, method: str, path: str, body: Any, status: int
) -> None:
    answer = await world.scim(method, path, body)
    assert (answer.status, answer.json["status"]) == (status, str(status))
    assert answer.json["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    assert answer.json["detail"]
    assert world.pushed.resources == {}


async def test_a_patch_has_operations_and_not_too_many(world: World) -> None:
    user = await world.user()
    many = [{"op": "remove", "path": "x"}] * 1001
    bodies: list[Any] = [{}, {"Operations": []}, {"Operations": {}}, [], {"Operations": many}]
    for body in bodies:
        assert (await world.scim("PATCH", f"/Users/{user}", body)).json["scimType"] == "invalidSyntax"
    assert (await world.ask("POST", "/scim/v2/Users", b"a=b", headers={"Content-Type": "text/plain"})).status == 415


MANY = [{"value": str(number), "type": "work"} for number in range(1001)]
COSTLY: list[tuple[str, dict[str, Any]]] = [
    ("POST", {"userName": "eve", "emails": MANY}),
    ("POST", {"userName": "eve", "x": [0] * 1001}),
    ("POST", {"userName": "eve", **{f"x{number}": 1 for number in range(1001)}}),
    ("POST", {"userName": "eve", "urn:x:y": {f"x{number}": 1 for number in range(1001)}}),
    ("PATCH", {"Operations": [{"op": "add", "path": "emails", "value": MANY}]}),
    ("PATCH", {"Operations": [{"op": "remove", "path": "emails", "value": MANY}]}),
    ("PATCH", {"Operations": [{"op": "add", "path": "emails", "value": MANY[n : n + 90]} for n in range(0, 1001, 90)]}),
    ("PATCH", {"Operations": [{"op": "add", "value": {f"x{number}": 1 for number in range(1001)}}]}),
    ("PATCH", {"Operations": [{"op": "add", "path": f"urn:x:y:z{number}", "value": 1} for number in range(999)] * 2}),
]


@pytest.mark.parametrize(("method", "body"), COSTLY)
async def test_what_would_cost_more_than_it_is_worth_is_refused(
    world: World, method: str, body: dict[str, Any]
) -> None:
    user = await world.user()
    answer = await world.scim(method, "/Users" if method == "POST" else f"/Users/{user}", body)
    assert (answer.status, answer.json["scimType"] in ("tooMany", "invalidSyntax")) == (400, True)
    assert len(world.pushed.resources) == 1
    assert "emails" not in (await world.scim("GET", f"/Users/{user}")).json
    names = ",".join(f"x{number}" for number in range(200))
    assert (await world.scim("GET", "/Users", query=f"attributes={names}")).json["scimType"] == "invalidValue"
