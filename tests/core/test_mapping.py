from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioning.core.account import Desired, Phase
from provisioning.core.catalog import Service
from provisioning.core.errors import InvalidError
from provisioning.core.lifecycle import NOTHING, Entitlement, Standing
from provisioning.core.mapping import AccountMapping, compile_mapping, desired

PERSON = {"login": "string", "given": "string", "level": "int", "tags": "list(string)", "born": "timestamp"}
ADA = {"login": "ada", "given": "Ada", "level": 3, "tags": ["x", "y"]}


def service(account: dict[str, Any], **changes: Any) -> Service:
    return Service.model_validate(
        {"id": "wiki", "protocol": "scim", "endpoint": "https://sp.example", "account": account, **changes}
    )


def mapping(account: dict[str, Any], **changes: Any) -> AccountMapping:
    return compile_mapping(service({"userName": "person.login", **account}, **changes), PERSON)


def entitled(standing: Standing = Standing.ACTIVE, *authorizations: str) -> Entitlement:
    return Entitlement(standing, authorizations)


def values(account: dict[str, Any], person: dict[str, Any] = ADA, *authorizations: str) -> dict[str, Any]:
    made = desired(mapping(account), "i1", person, entitled(Standing.ACTIVE, *authorizations))
    assert made.problem == ""
    return dict(made.values)


def test_values_are_computed_from_person_authorizations_phase_and_identity() -> None:
    account = {
        "displayName": 'person.given + " (" + string(person.level) + ")"',
        "title": '"edit" in authorizations ? "editor" : "reader"',
        "active": 'phase == "active"',
        "externalId": "identity",
        "tags": "person.tags",
    }
    assert values(account, ADA, "edit") == {
        "userName": "ada", "displayName": "Ada (3)", "title": "editor", "active": True, "externalId": "i1",
        "tags": ["x", "y"],
    }  # fmt: skip


def test_a_value_that_cannot_be_computed_is_left_out() -> None:
    assert values({"displayName": "person.given"}, {"login": "ada"}) == {"userName": "ada"}


def test_a_required_value_that_cannot_be_computed_makes_the_account_a_problem_that_names_it() -> None:
    made = desired(
        mapping({"displayName": {"value": "person.given", "required": True}}), "i1", {"login": "ada"}, entitled()
    )
    assert made.problem.startswith("displayName: ")
    assert made.phase is Phase.ACTIVE


def test_the_value_by_which_an_account_is_recognized_is_always_required() -> None:
    assert desired(mapping({}), "i1", {}, entitled()).problem.startswith("userName: ")


def test_every_problem_is_told() -> None:
    account = {"title": {"value": "person.given", "required": True}}
    assert desired(mapping(account), "i1", {}, entitled()).problem.count(": ") >= 2


def test_a_problem_and_its_solution_have_different_digests() -> None:
    compiled = mapping({})
    without, with_login = (desired(compiled, "i1", person, entitled()) for person in ({}, ADA))
    assert without.digest != with_login.digest
    assert desired(compiled, "i1", {}, entitled()).digest == without.digest


def test_absent_has_neither_values_nor_groups_nor_problems() -> None:
    compiled = mapping({}, groups={"edit": "editors"})
    assert desired(compiled, "i1", {}, NOTHING) == Desired(
        Phase.ABSENT, digest=desired(mapping({}), "i2", ADA, NOTHING).digest
    )


@pytest.mark.parametrize(
    ("standing", "phase", "groups"),
    [
        (Standing.ACTIVE, Phase.ACTIVE, ("editors",)),
        (Standing.GRACE, Phase.ACTIVE, ("editors",)),
        (Standing.SUSPENDED, Phase.SUSPENDED, ()),
        (Standing.ABSENT, Phase.ABSENT, ()),
    ],
)
def test_phase_and_groups_follow_the_standing(standing: Standing, phase: Phase, groups: tuple[str, ...]) -> None:
    made = desired(mapping({}, groups={"edit": "editors"}), "i1", ADA, entitled(standing, "edit"))
    assert (made.phase, made.groups) == (phase, groups)


def test_groups_come_from_authorizations_once_each_and_sorted() -> None:
    compiled = mapping({}, groups={"edit": "staff", "write": "staff", "admin": "administrators"})
    made = desired(compiled, "i1", ADA, entitled(Standing.ACTIVE, "admin", "edit", "other", "write"))
    assert made.groups == ("administrators", "staff")


def test_an_authorization_without_a_group_may_still_be_a_value() -> None:
    compiled = mapping({"roles": "authorizations"}, groups={"edit": "editors"})
    made = desired(compiled, "i1", ADA, entitled(Standing.ACTIVE, "read"))
    assert (made.groups, made.values["roles"]) == ((), ["read"])


@pytest.mark.parametrize(
    ("account", "where"),
    [
        ({"title": "person.titel"}, "services/wiki.account.title"),
        ({"title": "person.login +"}, "services/wiki.account.title"),
        ({"title": "person.login + person.level"}, "services/wiki.account.title"),
        ({"title": "affiliation.type"}, "services/wiki.account.title"),
        ({"born": "person.born"}, "services/wiki.account.born"),
    ],
)
def test_a_mapping_that_cannot_be_is_refused_at_its_place(account: dict[str, Any], where: str) -> None:
    with pytest.raises(InvalidError) as caught:
        mapping(account)
    assert (caught.value.where, caught.value.line) == (where, 1)
    assert caught.value.column >= 1
    assert caught.value.right


def test_a_date_can_be_mapped_as_text() -> None:
    assert values({"born": "string(person.born)"}, {**ADA, "born": "2000-01-02T03:04:05Z"})["born"].startswith(
        "2000-01-02"
    )


persons = st.fixed_dictionaries(
    {},
    optional={
        "login": st.sampled_from(["ada", "eve"]),
        "given": st.text(max_size=5),
        "level": st.integers(0, 9),
        "tags": st.lists(st.sampled_from("xyz"), max_size=3),
    },
)
FULL = mapping(
    {
        "displayName": {"value": "person.given", "required": True},
        "title": 'person.level > 3 ? "senior" : "junior"',
        "tags": "person.tags",
        "x": "person.tags[1]",
    },
    groups={"a": "g", "b": "h"},
)
entitlements = st.builds(
    Entitlement, st.sampled_from(Standing), st.lists(st.sampled_from("abc"), unique=True).map(tuple)
)


@given(persons, entitlements)
def test_whatever_a_person_lacks_an_account_is_wanted_and_nothing_raises(
    person: dict[str, Any], entitlement: Entitlement
) -> None:
    made = desired(FULL, "i1", person, entitlement)
    wanting = made.phase is not Phase.ABSENT
    assert bool(made.problem) == (wanting and not {"login", "given"} <= person.keys())
    assert set(made.values) <= set(FULL.paths)
    assert (made.phase is Phase.ACTIVE) or not made.groups


@given(persons, persons, entitlements, entitlements)
def test_digests_are_equal_exactly_if_the_accounts_are(
    one: dict[str, Any], other: dict[str, Any], first: Entitlement, second: Entitlement
) -> None:
    left, right = desired(FULL, "i1", one, first), desired(FULL, "i1", other, second)
    same = (left.phase, left.values, left.groups, left.problem) == (
        right.phase, right.values, right.groups, right.problem,
    )  # fmt: skip
    assert (left.digest == right.digest) == same
