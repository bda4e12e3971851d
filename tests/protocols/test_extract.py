"""The extract protocol: a delivery ends at once, and what cannot be written is found when the bundle is checked."""

from dataclasses import replace
from typing import Any

import pytest

from provisioning.core.account import Desired, Known, Phase
from provisioning.core.catalog import Service
from provisioning.protocols.extract import check_places
from provisioning.protocols.registry import STAGING, check_paths


def service(endpoint: str = "s3://exchange/badges", account: dict[str, Any] | None = None, **options: Any) -> Service:
    return Service.model_validate({
        "id": "badges", "protocol": "extract", "endpoint": endpoint, "match": "login",
        "account": account or {"login": "person.login"}, "extract": options,
    })  # fmt: skip


def test_a_row_is_what_is_wanted_as_soon_as_it_is_staged() -> None:
    wanted = Desired(Phase.SUSPENDED, {"login": "ada"}, ("readers",))
    staged = STAGING["extract"].stage(service(), wanted, Known())
    assert staged == Known(Phase.SUSPENDED, None, {"login": "ada"}, ("readers",), staged=True)


LOGIN = frozenset({"login"})


@pytest.mark.parametrize("kept", [Desired(Phase.ACTIVE, once=LOGIN), Desired(Phase.ACTIVE, chosen=LOGIN)])
def test_who_comes_back_has_the_key_by_which_the_sp_knew_the_row(kept: Desired) -> None:
    stage = STAGING["extract"].stage
    gone = stage(service(), Desired(Phase.ABSENT), Known(Phase.ACTIVE, values={"login": "ada", "x": 1}, staged=True))
    fixed = replace(kept, values={"login": "byron", "x": 2})
    assert stage(service(), fixed, gone).values == {"login": "ada", "x": 2}
    assert stage(service(), Desired(Phase.ACTIVE, {"login": "byron"}), gone).values == {"login": "byron"}
    assert stage(service(), fixed, Known()).values == {"login": "byron", "x": 2}


@pytest.mark.parametrize("endpoint", ["s3://exchange/badges", "s3:///badges", "s3://exchange/a/b/c"])
def test_a_place_may_be_anybody_s_bucket_or_our_own(endpoint: str) -> None:
    assert list(check_paths(service(endpoint))) == []


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://exchange/badges",
        "s3://exchange",
        "s3:///",
        "badges",
        "s3://b/x?y=1",
        "s3://[bad/x",
        "s3:///a*",
        "s3:///${Bucket}",
        "s3:////",
        "s3://Bad_Bucket/x",
        "s3://exchange/badges#1",
    ],
)
def test_what_is_no_place_for_files_is_refused(endpoint: str) -> None:
    (error,) = check_paths(service(endpoint))
    assert (error.where, "s3://<bucket>/<folder>" in error.right) == ("services/badges.endpoint", True)


@pytest.mark.parametrize(
    "endpoint", ["s3://exchange/badges", "s3://exchange/badges/", "s3://exchange/badges/000001-full"]
)
def test_two_services_have_no_place_in_common(endpoint: str) -> None:
    other = service(endpoint).model_copy(update={"id": "parking"})
    (error,) = check_places([service(), other])
    assert (error.where, "'badges'" in error.problem) == ("services/parking.endpoint", True)


@pytest.mark.parametrize("endpoint", ["s3://other/badges", "s3:///badges", "s3://exchange/badges2", "s3://exchange/b"])
def test_services_may_have_places_beside_each_other(endpoint: str) -> None:
    assert list(check_places([service(), service(endpoint).model_copy(update={"id": "parking"})])) == []


@pytest.mark.parametrize("options", [{"phase": "login"}, {"identity": "x", "groups": "x"},
                                     {"full_every": "P1D", "operation": "phase"}])  # fmt: skip
def test_two_columns_of_one_name_are_refused(options: dict[str, Any]) -> None:
    (error,) = check_paths(service(**options))
    assert "two columns are called" in error.problem


def test_ldif_needs_a_base_and_names_of_attributes() -> None:
    account = {"login": "person.login", "name.given": "person.name"}
    errors = list(check_paths(service(account=account, format="ldif", phase="account state")))
    assert [error.where for error in errors] == [
        "services/badges.extract.base", "services/badges.account.name.given", "services/badges.account.account state",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("login", "found"),
    [
        ("person.login", 1),
        ({"value": "person.login", "strength": "create"}, 0),
        ({"candidates": ["person.login"]}, 0),
    ],
)
@pytest.mark.parametrize("options", [{"format": "ldif", "base": "ou=people,dc=campus"}, {"identity": None}])
def test_deltas_that_name_a_row_by_its_key_alone_need_one_that_does_not_change(
    login: Any, found: int, options: dict[str, Any]
) -> None:
    assert list(check_paths(service(account={"login": login}, **options))) == []
    assert len(check_paths(service(account={"login": login}, full_every="P1D", **options))) == found
