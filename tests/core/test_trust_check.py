"""What is wrong with who is believed, merged, told and demanded, and where."""

from typing import Any

import pytest

from provisioning.core.publication import BundleError, compile_bundle
from provisioning.core.trust_check import untold
from tests.core.federation import CONSORTIUM, federation, policy, university
from tests.stages.tenant import bundle


def _problems(**changes: Any) -> list[str]:
    with pytest.raises(BundleError) as caught:
        compile_bundle(federation(**changes))
    return [str(problem) for problem in caught.value.problems]


def test_a_bundle_of_one_domain_needs_no_word_on_trust() -> None:
    by = compile_bundle(bundle())
    assert (by.trust, by.circles, list(untold(by))) == (None, (), [])


def test_of_several_domains_every_source_must_say_what_it_may_assert() -> None:
    plain = {"id": "south", "domain": "south"}
    (problem,) = _problems(sources=[university("north"), plain, CONSORTIUM])
    assert problem.startswith("sources/south: `asserts` is missing")
    assert "several domains" in problem


@pytest.mark.parametrize(
    ("asserts", "where", "what"),
    [
        ({"attributes": {"nick": ["*"]}}, "asserts.attributes", "there is no attribute 'nick'"),
        ({"affiliations": {"rank": ["*"]}}, "asserts.affiliations", "there is no attribute 'rank'"),
        ({"supports": {"mail": ["*"]}}, "asserts.supports", "there is no service 'mail'"),
        ({"attributes": {"quota": ["1*"]}}, "asserts.attributes.quota", "quota is a int"),
    ],
)
def test_what_a_source_asserts_must_exist(asserts: dict[str, Any], where: str, what: str) -> None:
    problems = _problems(sources=[university("north", **asserts), university("south"), CONSORTIUM])
    assert len(problems) == 1
    assert problems[0].startswith(f"sources/north.{where}: {what}")


@pytest.mark.parametrize(
    ("wiki", "what"),
    [
        ({"receives": {"east": ["*"]}}, "services/wiki.receives: there is no source 'east'"),
        ({"receives": {"north": ["nick"]}}, "services/wiki.receives.north: there is no attribute 'nick'"),
        ({"support": {"any": ["east"]}}, "services/wiki.support: there is no domain 'east'"),
    ],
)
def test_what_a_service_is_told_and_demands_must_exist(wiki: dict[str, Any], what: str) -> None:
    assert [problem[: len(what)] for problem in _problems(wiki=wiki)] == [what]


def test_how_attributes_are_merged_must_exist_and_fit() -> None:
    tenant = federation().tenant.model_dump(mode="json", by_alias=True)
    merge = {"name": {"precedence": ["east"]}, "mail": {"union": True}, "nick": {}}
    assert [problem.split(" (")[0] for problem in _problems(tenant={**tenant, "merge": merge})] == [
        "tenant.merge.name.precedence: there is no source 'east'",
        "tenant.merge.mail.union: mail is a string",
        "tenant.merge.nick: there is no attribute 'nick'",
    ]


def test_what_a_service_needs_and_may_not_be_told_is_shown() -> None:
    notes = {note.where: str(note) for note in untold(policy())}
    assert sorted(notes) == ["services/cluster.account.displayName", "services/cluster.account.nickName"]
    assert "person.name may not be told to cluster" in notes["services/cluster.account.displayName"]
    assert "`receives` with name of north or south" in notes["services/cluster.account.displayName"]


def test_what_no_source_asserts_can_be_told_by_nobody() -> None:
    notes = list(untold(policy(wiki={"account": {"userName": "person.mail", "userType": "string(person.quota)"}})))
    (note,) = [note for note in notes if note.where == "services/wiki.account.userType"]
    assert note.right == "`receives` with quota of grid"
