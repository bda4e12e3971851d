"""The judge itself: it lets what is legal pass, and nothing else."""

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.delivery.grader import CORE, PATCH_OP, Call, judge, repetitions

SCIM = {"content-type": "application/scim+json", "accept": "application/scim+json"}


def call(
    method: str, path: str = "/v2/Users", body: Any = None, query: dict[str, str] | None = None, **headers: str
) -> Call:
    sent = b"" if body is None else json.dumps(body).encode()
    return Call(method, path, query or {}, {**SCIM, **headers}, sent, 200)


def patch(*operations: Any, **extra: Any) -> Call:
    return call("PATCH", "/v2/Users/1", {"schemas": [PATCH_OP], "Operations": list(operations), **extra})


USER = {"schemas": [CORE + "User"], "userName": "x"}
LEGAL = [
    call("GET", query={"filter": 'userName eq "a\\"b\\u00e6"'}),
    call("GET", query={"filter": 'emails[type eq "work" and value eq "x"]'}),
    call("POST", body=USER),
    call("DELETE", "/v2/Users/1"),
    patch(
        {"op": "remove", "path": 'members[value eq "1"]'}, {"op": "replace", "path": "urn:a:2.0:User:x.y", "value": 1}
    ),
]
ILLEGAL = [
    call("GET", query={"filter": 'userName eq "a"b"'}),
    call("GET", query={"filter": 'userName eq "x" or userName pr or userName eq ""'}),
    call("GET", query={"filter": "userName eq 'x'"}),
    call("GET", accept="text/html"),
    call("GET", body={}),
    call("DELETE", body={}),
    replace(call("POST", body=USER), headers={**SCIM, "content-type": "application/json"}),
    call("POST", body={"userName": "x"}),
    call("POST", body={**USER, "id": "1"}),
    call("POST", body={**USER, "urn:a:2.0:User": {"x": 1}}),
    call("POST", "/v2/Groups", body=USER),
    patch(),
    patch({"op": "Replace", "path": "x", "value": 1}),
    patch({"op": "replace", "path": "x"}),
    patch({"op": "replace", "path": "x", "value": None}),
    patch({"op": "remove", "path": "x", "value": 1}),
    patch({"op": "remove"}),
    patch({"op": "replace", "path": "a[", "value": 1}),
    patch({"op": "remove", "path": "x"}, {"op": "remove", "path": "x"}),
    patch({"op": "remove", "path": "x"}, id=1),
]


@pytest.mark.parametrize("legal", LEGAL)
def test_what_is_legal_passes(legal: Call) -> None:
    assert judge(legal) == []


@pytest.mark.parametrize("illegal", ILLEGAL)
def test_what_is_not_legal_is_named(illegal: Call) -> None:
    assert judge(illegal) != []


def test_a_create_is_not_repeated_without_a_look_up() -> None:
    create, look = call("POST", body=USER), call("GET")
    assert repetitions([create, look, create]) == []
    assert repetitions([create, create]) == ["POST /v2/Users repeated without a look-up"]
