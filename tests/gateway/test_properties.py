"""Whatever a client sends: filters and patches end in a result or in a refusal, and what is kept can be kept again."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from provisioning.protocols.inbound.content import read_resource
from provisioning.protocols.inbound.filter import read_filter, read_target
from provisioning.protocols.inbound.match import holds
from provisioning.protocols.inbound.patch import MemberChange, patched
from provisioning.protocols.inbound.refusal import RefusedError
from tests.gateway.world import ENTERPRISE, USER

NAMES = ["userName", "NAME", "emails", "name.givenName", "members", "schemas", "active", "id", "password", "x", "",
         ENTERPRISE, f"{ENTERPRISE}:manager", "urn:acme:x:y", 'emails[type eq "work"].value', "emails["]  # fmt: skip
TOKENS = [*NAMES, "eq", "ne", "co", "pr", "gt", "and", "or", "not", "(", ")", "[", "]", '"a"', "true", "null", "1", " "]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["", "a", "True", "ann"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*NAMES, "value", "type", "primary"]), inner, max_size=3)
    ),
    max_leaves=8,
)
OPERATIONS = st.fixed_dictionaries(
    {"op": st.sampled_from(["add", "Replace", "remove", "no"])},
    optional={"path": st.sampled_from(NAMES), "value": VALUES},
)
RESOURCE = {"schemas": [USER], "userName": "ann", "emails": [{"value": "a", "type": "work"}], "x": [1, {"y": None}]}


@given(st.lists(st.sampled_from(TOKENS), max_size=12).map(" ".join) | st.text(max_size=40))
def test_a_filter_is_read_or_refused_and_then_holds_or_not(text: str) -> None:
    try:
        found = read_filter(text, "User")
    except RefusedError as error:
        assert error.kind == "invalidFilter"
    else:
        assert holds(found, RESOURCE, "User") in (True, False)


@given(st.sampled_from(NAMES) | st.text(max_size=30))
def test_a_path_is_read_or_refused(text: str) -> None:
    try:
        read_target(text, "User")
    except RefusedError as error:
        assert error.kind == "invalidPath"


@given(st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=5))
def test_what_was_kept_is_kept_as_it_is_when_it_is_sent_again(body: dict[str, Any]) -> None:
    try:
        sent = read_resource("User", {"userName": "ann", **body})
    except RefusedError:
        return
    again = read_resource("User", json.loads(json.dumps(sent.content)))
    assert again.content == sent.content
    assert "password" not in sent.content


@given(st.lists(OPERATIONS, min_size=1, max_size=4))
def test_a_patch_is_done_or_refused_and_leaves_what_it_was_given(operations: list[dict[str, Any]]) -> None:
    before = json.dumps(RESOURCE)
    try:
        after = patched("User", RESOURCE, {"Operations": operations})
    except RefusedError as error:
        assert error.status in (400, 413)
    else:
        assert after.content["userName"]
        assert "password" not in after.content
        assert "id" not in after.content
    assert json.dumps(RESOURCE) == before


IDS = st.lists(st.sampled_from("abcd"), max_size=3)


@given(st.frozensets(st.sampled_from("abcd")), st.lists(st.tuples(st.sampled_from(["add", "remove", "alone"]), IDS)))
def test_changes_of_members_add_up_to_what_they_do_one_by_one(held: frozenset[str], steps: list[Any]) -> None:
    change, expected = MemberChange(), set(held)
    for word, ids in steps:
        if word == "alone":
            change, expected = MemberChange(tuple(ids), alone=True), set(ids)
        else:
            change = change.add(ids) if word == "add" else change.remove(ids)
            expected = expected | set(ids) if word == "add" else expected - set(ids)
    kept = set() if change.alone else set(held) - set(change.removed)
    assert kept | set(change.added) == expected
