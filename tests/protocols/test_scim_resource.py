"""Paths of the mapping ↔ resources, filters and the smallest PATCH."""

import json
import operator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioning.core.errors import InvalidError
from provisioning.protocols.scim_filter import equals
from provisioning.protocols.scim_patch import applied, operations, shown_values
from provisioning.protocols.scim_resource import read_path, shows, value_at
from provisioning.protocols.scim_user import check_values, make_user

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
CORE = "urn:ietf:params:scim:schemas:core:2.0:User"
WORK = 'emails[type eq "work"]'
FULL: dict[str, Any] = {
    "userName": "ann",
    "name.givenName": "Ann",
    f"{CORE}:title": "Dr",
    "emails": ["ann@a.edu", {"value": "b@a.edu", "type": "home"}],
    'phoneNumbers[type eq "work"].value': "1",
    'phoneNumbers[type eq "work"].primary': True,
    'phoneNumbers[type eq "home"].value': "2",
    f"{ENTERPRISE}:department": "arts",
    f"{ENTERPRISE}:manager.value": "26118915",
    "roles": [],
}


def test_a_user_is_made_of_paths() -> None:
    assert make_user(FULL, "identity-1", active=True) == {
        "schemas": [CORE, ENTERPRISE],
        "externalId": "identity-1",
        "active": True,
        "userName": "ann",
        "name": {"givenName": "Ann"},
        "title": "Dr",
        "emails": [{"value": "ann@a.edu"}, {"value": "b@a.edu", "type": "home"}],
        "phoneNumbers": [{"type": "work", "value": "1", "primary": True}, {"type": "home", "value": "2"}],
        ENTERPRISE: {"department": "arts", "manager": {"value": "26118915"}},
    }


def test_what_was_made_is_read_back_at_the_same_paths() -> None:
    made = make_user(FULL, "identity-1", active=True)
    assert operations(shown_values(made, FULL), FULL, shows) == []
    upper = {key.upper(): value for key, value in made.items()}
    assert value_at(upper, read_path("name.givenName")) == "Ann"


@pytest.mark.parametrize(
    "values",
    [
        {"emails[": "x"}, {"": "x"}, {"a b": "x"}, {"id": "x"}, {"meta.version": "x"}, {"groups": ["x"]},
        {"emails.value": "x"},
        {"emails": ["x"], "emails.type": "y"}, {"externalId": "another"}, {"name": "x", "name.givenName": "y"},
        {"displayName": "x", f"{CORE}:displayName": "y"},
    ],
)  # fmt: skip
def test_a_mapping_that_makes_no_user_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(InvalidError):
        check_values(values, {}, "identity-1")


def test_a_mapping_may_name_what_the_engine_sets_itself() -> None:
    values = {"userName": "ann", "externalId": "identity-1", "active": False}
    check_values(values, {}, "identity-1")
    assert make_user(values, "identity-1", active=True)["active"] is True
    assert operations({}, values, operator.eq) == [{"op": "replace", "path": "userName", "value": "ann"}]


def test_making_a_user_leaves_its_values_alone() -> None:
    values: dict[str, Any] = {"name": {"familyName": "Other"}, "name.givenName": "Ann", "emails": [{"type": "work"}]}
    made = make_user({**values, f"{WORK}.value": "a@b"}, "identity-1", active=True)
    assert made["name"] == {"familyName": "Other", "givenName": "Ann"}
    assert made["emails"] == [{"type": "work", "value": "a@b"}]
    assert (values["name"], values["emails"]) == ({"familyName": "Other"}, [{"type": "work"}])


def test_a_patch_holds_only_what_changed() -> None:
    before = applied(FULL)
    after = {**FULL, "name.givenName": "Anna", "emails": ["ann@a.edu"]}
    del after[f"{CORE}:title"]
    assert operations(before, after, operator.eq) == [
        {"op": "replace", "path": "name.givenName", "value": "Anna"},
        {"op": "replace", "path": "emails", "value": [{"value": "ann@a.edu"}]},
        {"op": "remove", "path": f"{CORE}:title"},
    ]
    assert operations(before, FULL, operator.eq) == []


def test_an_empty_list_takes_the_attribute_away() -> None:
    assert operations(applied({"roles": ["a"]}), {"roles": []}, operator.eq) == [{"op": "remove", "path": "roles"}]


def test_a_selected_entry_is_added_replaced_and_removed_as_one() -> None:
    value, primary = f"{WORK}.value", f"{WORK}.primary"
    assert operations({}, {value: "a@b", primary: True}, operator.eq) == [
        {"op": "add", "path": "emails", "value": [{"type": "work", "value": "a@b", "primary": True}]}
    ]
    assert operations({value: "a@b"}, {value: "c@d"}, operator.eq) == [{"op": "replace", "path": value, "value": "c@d"}]
    assert operations({value: "a@b", primary: True}, {value: "a@b"}, operator.eq) == [{"op": "remove", "path": primary}]
    assert operations({value: "a@b", primary: True}, {}, operator.eq) == [{"op": "remove", "path": WORK}]


@pytest.mark.parametrize(
    ("path", "value", "filter_"),
    [
        ("userName", 'a"b\\c', r'userName eq "a\"b\\c"'),
        ("userName", 'x" or userName pr or "', r'userName eq "x\" or userName pr or \""'),
        ("name.familyName", "Ærø", 'name.familyName eq "Ærø"'),
        ("userName", "a\nb\ud800", r'userName eq "a\nb\ud800"'),
        (f"{WORK}.value", "a@b", 'emails[type eq "work" and value eq "a@b"]'),
        (f"{ENTERPRISE}:employeeNumber", 7, f"{ENTERPRISE}:employeeNumber eq 7"),
        ("emails", ["a@b", "c@d"], 'emails.value eq "a@b"'),
        ("emails", [{"value": "a@b"}], 'emails.value eq "a@b"'),
    ],
)
def test_filters_are_escaped(path: str, value: Any, filter_: str) -> None:
    assert equals(read_path(path), value) == filter_


@given(st.text())
def test_every_text_is_one_json_string_in_a_filter(text: str) -> None:
    filter_ = equals(read_path("userName"), text)
    assert json.loads(filter_.removeprefix("userName eq ")) == text
    filter_.encode()


PATHS = [
    "userName",
    "title",
    "name.givenName",
    "name.familyName",
    "emails",
    f"{WORK}.value",
    f"{ENTERPRISE}:department",
]
VALUES = st.dictionaries(st.sampled_from([path for path in PATHS if path != "emails"]), st.sampled_from("ab"))


@given(VALUES, VALUES)
def test_a_patch_names_exactly_the_paths_that_differ(before: dict[str, str], after: dict[str, str]) -> None:
    changed = {path for path in {*before, *after} if before.get(path) != after.get(path)}
    assert len(operations(before, after, operator.eq)) == len(changed)
    assert operations(after, after, operator.eq) == []


@pytest.mark.parametrize(
    ("shown", "wanted", "fits"),
    [
        ("a", "a", True), ("A", "a", False), (True, 1, False), (None, "a", False), (1, 1, True),
        ({"a": 1, "b": 2}, {"a": 1}, True), ({"A": 1}, {"a": 1}, True), ([1, 2], [2, 1], True),
        ([{"value": 1, "x": 2}], [{"value": 1}], True), ([1], [1, 1], False), ([1, 2], [1, 1], False),
        ("a", ["a"], False),
    ],
)  # fmt: skip
def test_what_is_shown_may_be_more_than_what_is_wanted(shown: Any, wanted: Any, fits: bool) -> None:
    assert shows(shown, wanted) is fits
