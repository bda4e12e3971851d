"""Paths of a mapping, checked with the bundle."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioning.command.bundle import load_bundle
from provisioning.core.errors import InvalidError
from provisioning.protocols.registry import check_paths
from provisioning.protocols.scim_user import make_user
from tests.protocols.talk import service

CORE = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


def problems(*paths: str, **mapped: Any) -> list[InvalidError]:
    return list(check_paths(service(account={**dict.fromkeys(paths, "person.x"), **mapped})))


@pytest.mark.parametrize(
    "path",
    [
        "userName",
        "USERNAME",
        "name.givenName",
        "name",
        'emails[type eq "work"].value',
        'emails[type eq "work"]',
        "emails",
        'addresses[type eq "home"].postalCode',
        "urn:ietf:params:scim:schemas:core:2.0:User:title",
        f"{ENTERPRISE}:department",
        f"{ENTERPRISE}:manager.value",
        "urn:example:params:scim:schemas:campus:1.0:User:faculty",
        'urn:example:campus:1.0:User:cards[kind eq "x"].number',
        "active",
        "password",
    ],
)
def test_a_path_that_can_be_is_no_problem(path: str) -> None:
    assert problems(path) == []


@pytest.mark.parametrize(
    ("path", "problem", "right"),
    [
        ("user name", "not a path of a SCIM attribute", "such as userName"),
        ("", "not a path of a SCIM attribute", "such as userName"),
        ("name.", "not a path of a SCIM attribute", "such as userName"),
        ("emails[type eq work].value", "not a path of a SCIM attribute", 'emails[type eq "work"].value'),
        ("emails.value", "it does not say of which entry", 'emails[type eq "work"].value'),
        ("addresses.locality", "it does not say of which entry", 'addresses[type eq "work"].locality'),
        ("username2", "the core User has no username2", "did you mean userName?"),
        ("name.givnName", "name has no givnName", "did you mean givenName?"),
        ("mail", "the core User has no mail", "urn:<its schema>:<attribute>"),
        ("userName.first", "userName has no sub-attributes", "userName"),
        ('name[type eq "x"].givenName', "name has one value: nothing can be selected", "name"),
        ('emails[kind eq "work"].value', "emails has no kind", "one of display, primary, type, value"),
        (f"{ENTERPRISE}:departement", f"{ENTERPRISE} has no departement", f"did you mean {ENTERPRISE}:department?"),
        ("id", "an attribute that the SP sets", "such as userName"),
        ("groups", "an attribute that the SP sets", "such as userName"),
        ("externalId", "externalId is the engine's own mark", "identity, or no mapping"),
    ],
)
def test_a_path_that_cannot_be_is_told_at_its_place_with_what_would_be_right(
    path: str, problem: str, right: str
) -> None:
    (found,) = problems(path)
    assert (found.problem, found.where) == (problem, f"services/library.account.{path}")
    assert right in found.right


def test_the_engine_s_mark_may_be_mapped_to_what_it_is() -> None:
    assert problems(externalId="identity") == []


@pytest.mark.parametrize(
    ("paths", "wrong"),
    [
        (("userName", "username"), "username"),
        (("title", f"{CORE}:title"), f"{CORE}:title"),
        (("name", "name.givenName"), "name.givenName"),
        (("name.givenName", "name"), "name"),
        (('emails[type eq "work"].value', "emails"), "emails"),
        (("urn:x:User:a.b", 'urn:x:User:a[c eq "d"].e'), 'urn:x:User:a[c eq "d"].e'),
        (("emails", 'emails[type eq "work"].value'), 'emails[type eq "work"].value'),
        (('emails[type eq "work"]', 'emails[type eq "work"].value'), 'emails[type eq "work"].value'),
    ],
)  # fmt: skip
def test_of_two_paths_for_one_attribute_the_second_is_told(paths: tuple[str, ...], wrong: str) -> None:
    (found,) = problems(*paths)
    assert found.where == f"services/library.account.{wrong}"
    assert found.right == "one of the two"


def test_every_problem_is_told_and_those_without_one_go_together() -> None:
    found = problems("userName", "mail", 'emails[type eq "work"].value', 'emails[type eq "home"].value', "id")
    assert [problem.where.rpartition(".")[2] for problem in found] == ["mail", "id"]


def test_a_queue_takes_any_path() -> None:
    endpoint = "https://sqs.eu-west-1.amazonaws.com/111122223333/badges"
    assert check_paths(service(protocol="queue", endpoint=endpoint, account={"any thing": "person.x"})) == ()


def test_the_sample_tenant_has_no_problem() -> None:
    bundle = load_bundle(Path(__file__).parents[2] / "localstack" / "campus")
    assert [problem for each in bundle.services for problem in check_paths(each)] == []


paths = st.lists(st.sampled_from(["name", "name.givenName", "emails", 'emails[type eq "a"].value', "x", "title"]))


@given(paths | st.lists(st.text(max_size=8)))
def test_paths_without_a_problem_make_a_user(texts: list[str]) -> None:
    account = dict.fromkeys([*texts, "userName"], "person.x")
    wrong = {
        problem.where.removeprefix("services/library.account.") for problem in check_paths(service(account=account))
    }
    made = make_user({path: "v" for path in account if path not in wrong}, "i1", active=True)
    assert made["userName"] == "v"
