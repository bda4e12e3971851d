"""A User that is laid out once is the User that is put together path by path, whatever the paths and the values."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioning.core.account import Json
from provisioning.core.errors import InvalidError
from provisioning.protocols.scim_patch import applied
from provisioning.protocols.scim_resource import as_scim, read_path
from provisioning.protocols.scim_user import make_user, put_together

PATHS = [
    "userName", "title", "active", "externalId", "name.givenName", "name.familyName", "name", "Name.givenName",
    "emails", "Emails", 'emails[type eq "work"].value', 'emails[type eq "work"]', 'emails[type eq "work"].type',
    'emails[type eq "home"].value', 'Emails[TYPE eq "work"].display', 'emails[value eq "work"].primary',
    "emails.value", "id", "no path", "roles", 'roles[primary eq "x"].value', "addresses.locality",
    "urn:acme:User:a", "urn:acme:User:b.c", "urn:ACME:User:a", 'urn:acme:User:list[key eq "x"].value',
    "urn:ietf:params:scim:schemas:core:2.0:User:title", "urn:acme:User:active",
]  # fmt: skip
TEXTS = st.sampled_from(["work", "home", "x", "", "a@b"]) | st.text(max_size=3)
OTHERS = st.none() | st.booleans() | st.integers() | st.lists(TEXTS, max_size=2) | st.just({"value": "x"})


def made(make: object, values: dict[str, Json]) -> object:
    """What is made of values, with its order, or the error."""
    assert callable(make)
    try:
        return repr(make(values, "i1", active=True))
    except InvalidError as error:
        return str(error)


@given(st.dictionaries(st.sampled_from(PATHS), TEXTS, max_size=6))
def test_a_user_of_texts_is_the_same_as_path_by_path(values: dict[str, Json]) -> None:
    assert made(make_user, values) == made(put_together, values)


@given(st.dictionaries(st.sampled_from(PATHS), TEXTS | OTHERS, max_size=4))
def test_a_user_of_any_values_is_the_same_as_path_by_path(values: dict[str, Json]) -> None:
    assert made(make_user, values) == made(put_together, values)


@pytest.mark.parametrize("text", ["work", "home"])
def test_a_text_that_another_path_selects_by_is_looked_at(text: str) -> None:
    values = {'emails[type eq "work"].type': text, 'emails[type eq "work"].value': "a@b"}
    entries = make_user(values, "i1", active=True)["emails"]
    assert len(entries) == (1 if text == "work" else 2)


def test_two_users_share_nothing_that_can_be_changed() -> None:
    values = {'emails[type eq "work"].value': "a@b", "urn:acme:User:a": "x"}
    first = make_user(values, "i1", active=True)
    first["emails"][0]["value"] = first["urn:acme:User"]["a"] = "changed"
    first["emails"].append("changed")
    first["schemas"].append("changed")
    assert made(make_user, values) == made(put_together, values)


@given(st.dictionaries(st.sampled_from(PATHS), TEXTS | OTHERS, max_size=4))
def test_what_was_applied_is_in_the_form_of_scim_value_by_value(values: dict[str, Json]) -> None:
    def one_by_one() -> dict[str, Json]:
        return {text: as_scim(read_path(text), value) for text, value in values.items() if value is not None}

    def outcome(make: Callable[[], dict[str, Json]]) -> dict[str, Json] | str:
        try:
            return make()
        except InvalidError as error:
            return str(error)

    assert outcome(lambda: applied(values)) == outcome(one_by_one)
