"""The judge itself: it lets what is legal pass, and nothing else."""

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.delivery.grader import CORE, PATCH_OP, Call, judge, repetitions
from tests.delivery.grader_sequences import pages, versions

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
    call("PUT", "/v2/Users/1", {**USER, "id": "1", "schemas": [CORE + "User", "urn:a:2.0:User"]}),
    call("PUT", "/v2/Groups/g/1", {"schemas": [CORE + "Group"], "displayName": "x", "members": []}),
    patch({"op": "replace", "value": {"active": False}}, {"op": "remove", "path": "title"}),
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
    patch({"op": "remove", "path": "members", "value": [{"value": "1"}]}),
    patch({"op": "replace", "value": {}}),
    patch({"op": "replace", "value": "x"}),
    call("PUT", "/v2/Users/1", {**USER, "id": "2"}),
    call("PUT", "/v2/Users/1", {**USER, "meta": {}}),
    call("PUT", "/v2/Users/1", {**USER, "groups": []}),
    call("PUT", "/v2/Users/1", {**USER, "urn:a:2.0:User": {}}),
    call("PUT", "/v2/Groups/1", USER),
    replace(call("PUT", "/v2/Users/1", USER), headers={**SCIM, "content-type": "application/json"}),
    patch({"op": "remove", "path": "x"}, id=1),
]


@pytest.mark.parametrize("legal", LEGAL)
def test_what_is_legal_passes(legal: Call) -> None:
    assert judge(legal) == []


@pytest.mark.parametrize("illegal", ILLEGAL)
def test_what_is_not_legal_is_named(illegal: Call) -> None:
    assert judge(illegal) != []


def test_members_are_removed_by_value_only_where_the_sp_wants_it() -> None:
    removal = patch({"op": "remove", "path": "members", "value": [{"value": "1"}]})
    assert judge(removal, removes_values=True) == []
    assert judge(patch({"op": "remove", "path": "title", "value": "x"}), removes_values=True) != []


def test_a_create_that_was_refused_may_be_repeated() -> None:
    refused = replace(call("POST", body=USER), status=429)
    assert repetitions([refused, refused]) == []
    assert repetitions([replace(refused, status=503), refused]) == [], "as the engine has it: nothing is in doubt"
    assert all(repetitions([replace(refused, status=status), refused]) for status in (0, 201, 500, 502, 504))


def read(version: str = "", dialogue: int = 1) -> Call:
    answer = {"id": "1", **({"meta": {"version": version}} if version else {})}
    return replace(call("GET", "/v2/Users/1"), answer=json.dumps(answer).encode(), dialogue=dialogue)


def write(method: str, version: str | None = None, dialogue: int = 1) -> Call:
    headers = {} if version is None else {"if-match": version}
    sent = call(method, "/v2/Users/1", USER)
    return replace(sent, headers={**sent.headers, **headers}, dialogue=dialogue)


@pytest.mark.parametrize("method", ["PATCH", "PUT", "DELETE"])
def test_a_version_that_was_read_is_sent_with_the_change(method: str) -> None:
    assert versions([read("v1"), write(method, "v1")]) == []
    assert versions([read("v1"), read("v2"), write(method, "v2")]) == []
    assert versions([read(), write(method)]) == []
    listed = replace(call("GET"), answer=json.dumps({"resources": [{"id": "1", "meta": {"version": "v1"}}]}).encode())
    assert versions([replace(listed, dialogue=1), write(method, "v1")]) == []
    for wrong in (
        [read("v1"), write(method)],
        [read("v1"), write(method, "v0")],
        [read("v1"), read("v2"), write(method, "v1")],
        [read(), write(method, "v1")],
        [write(method, "v1")],
        [read("v1"), replace(write(method, "v1"), status=412), write(method, "v1")],
    ):
        assert versions(wrong) != []


def test_a_version_of_another_dialogue_is_not_owed_but_a_put_must_be_read() -> None:
    assert versions([read("v1", 1), write("PATCH", None, 2)]) == []
    assert versions([read("v1", 0), write("PATCH", None, 0)]) == []
    assert versions([read("v1", 1), write("PUT", "v1", 2)]) != []


def page(next_cursor: str | None = None, **query: str) -> Call:
    answer = {} if next_cursor is None else {"nextCursor": next_cursor}
    return replace(call("GET", query=query), answer=json.dumps(answer).encode())


def test_lists_are_read_on_as_they_were_begun() -> None:
    assert (
        pages([page("c1", cursor="", count="5"), page("c2", cursor="c1", count="5"), page(cursor="c2", count="5")])
        == []
    )
    assert pages([page("c1", filter="x"), page(filter="x", cursor="c1")]) == []
    assert pages([page(count="5"), page(count="5", startIndex="6"), page(count="5", startIndex="11")]) == []
    for wrong in (
        [page(cursor="c1")],
        [page("c1", cursor=""), page(cursor="c2")],
        [page("c1", cursor="", count="5"), page(cursor="c1", count="6")],
        [page("c1", cursor="", filter="x"), page(cursor="c1")],
        [page("c1", cursor=""), page(cursor="c1"), page(cursor="c1")],
        [page(cursor="", startIndex="1")],
        [page("c1"), page(startIndex="11")],
        [page(startIndex="0")],
        [page(count="x")],
        [page(startIndex="11"), page(startIndex="11")],
    ):
        assert pages(wrong) != []


def test_a_create_is_not_repeated_without_a_look_up() -> None:
    create, look = call("POST", body=USER), call("GET")
    assert repetitions([create, look, create]) == []
    assert repetitions([create, create]) == ["POST /v2/Users repeated without a look-up"]
