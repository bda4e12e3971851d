"""Whose a record is, as values: normalizers, claims, evidence and the verdict."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioning.core.identity import Identity
from provisioning.core.linking import (
    MOST_CLAIMANTS,
    MOST_PAST,
    Claim,
    Claimant,
    Claimed,
    Linking,
    Past,
    question_id,
    reclaimed,
)
from provisioning.core.matching import (
    MOST_CLAIMS,
    Doubt,
    Link,
    New,
    claims_of,
    evidence_of,
    is_another,
    judge,
    values_of,
)
from provisioning.core.matching_options import Matcher
from provisioning.core.normalizers import normalized
from provisioning.core.record import Record
from tests.core.test_publication import PERSON, bundle, compiled, problems, rule, tenant, where

ORCID = "0000-0002-1825-0097"


def matcher(id_: str = "orcid", **changes: Any) -> Matcher:
    fields = {"id": id_, "attribute": id_, "between": ["sa", "sb"], "because": "so", **changes}
    return Matcher.model_validate(fields)


def record(source: str, key: str = "k", **attributes: Any) -> Record:
    return Record(source, key, 1, attributes=attributes)


def known(*records: Record, id_: str = "i1") -> Identity:
    return Identity(id_, {each.source: each for each in records})


def verdict(matchers: list[Matcher], new: Record, *others: Identity) -> Link | New | Doubt:
    """What becomes of a record where all these identities made their claims."""
    claims = claims_of(matchers, new)
    by_claim: dict[Claim, list[Claimant]] = {claim: [] for claim in claims}
    for other in others:
        for each in other.records.values():
            for claim in claims_of(matchers, each):
                by_claim.setdefault(claim, []).append(Claimant(each.source, each.key, other.id))
    found = [Claimed(claim, tuple(claimants)) for claim, claimants in by_claim.items()]
    evidence = evidence_of(matchers, new, claims, found, "new")
    pointed = {each.identity for each in evidence}
    return judge(matchers, new, evidence, next((each for each in others if {each.id} == pointed), None))


@pytest.mark.parametrize(
    ("names", "value", "expected"),
    [
        (("orcid",), ORCID, ORCID),
        (("orcid",), f" https://orcid.org/{ORCID} ", ORCID),
        (("orcid",), "0000000218250097", ORCID),
        (("orcid",), "0000-0002-1694-233x", "0000-0002-1694-233X"),
        (("orcid",), "0000-0002-1825-0098", ""),
        (("orcid",), "0000-0002-1825-009", ""),
        (("orcid",), "٠٠٠٠-0002-1825-0097", ""),
        (("email",), " Ada@Example.ORG ", "ada@example.org"),
        (("email",), "ada", ""),
        (("email",), "a@b@c", ""),
        (("digits",), "NL 12-34.5", "12345"),
        (("digits",), "²³", ""),
        (("trim", "lower"), "  Ada   Lovelace ", "ada lovelace"),
        (("none",), " x ", " x "),
        ((), " x ", " x "),
    ],
)
def test_a_value_is_compared_in_one_form_and_what_is_none_of_its_kind_is_no_value(
    names: tuple[str, ...], value: str, expected: str
) -> None:
    assert normalized(names, value) == expected


@given(st.text(alphabet="0123456789X", min_size=16, max_size=16))
def test_of_all_check_characters_of_an_orcid_one_is_right(text: str) -> None:
    digits = text[:15].replace("X", "0")
    assert sum(bool(normalized(("orcid",), digits + last)) for last in "0123456789X") == 1


def test_a_deleted_record_and_one_of_another_source_claim_nothing() -> None:
    assert claims_of([matcher()], Record("sa", "k", 1, deleted=True, attributes={"orcid": "x"})) == ()
    assert claims_of([matcher()], record("sc", orcid="x")) == ()
    assert claims_of([matcher()], record("sa", orcid=7)) == ()


def test_claims_are_bounded_and_those_of_the_strongest_matcher_come_first() -> None:
    weak, strong = matcher("mail", tier=2), matcher("orcid")
    found = claims_of([weak, strong], record("sa", orcid="x", mail=[str(number) for number in range(1000)]))
    assert len(found) == MOST_CLAIMS
    assert found[0] == Claim("orcid", "x")


def test_values_that_are_too_long_differ_though_they_begin_alike() -> None:
    first, second = (values_of(matcher(), record("sa", orcid="x" * 10_000_000 + last))[0] for last in "ab")
    assert first != second
    assert len(first) < 300


def test_one_candidate_without_contradiction_is_a_link() -> None:
    found = verdict([matcher()], record("sa", orcid="x"), known(record("sb", orcid="x")))
    assert found == Link("i1", "orcid, as sb/k")


def test_nobody_with_the_value_or_a_source_that_is_not_believed_is_nobody() -> None:
    assert verdict([matcher()], record("sa", orcid="x"), known(record("sb", orcid="y"))) == New()
    assert verdict([matcher()], record("sc", orcid="x"), known(record("sb", orcid="x"))) == New()
    assert verdict([matcher()], record("sa", orcid="x"), known(record("sa", "other", orcid="x"))) == New()


@pytest.mark.parametrize(
    ("matchers", "new", "candidate", "against"),
    [
        (
            [matcher()], record("sa", "2", orcid="x"), [record("sb", orcid="x"), record("sa", "1")],
            "a record of sa already",
        ),
        (
            [matcher(agree=("birth",))], record("sa", orcid="x", birth="1"), [record("sb", orcid="x", birth="2")],
            "birth differs",
        ),
        (
            [matcher(), matcher("mail", tier=2)], record("sa", orcid="x", mail="m"),
            [record("sb", orcid="y", mail="m")], "orcid, which is stronger",
        ),
    ],
)  # fmt: skip
def test_what_speaks_against_a_candidate_makes_it_a_question(
    matchers: list[Matcher], new: Record, candidate: list[Record], against: str
) -> None:
    found = verdict(matchers, new, known(*candidate))
    assert isinstance(found, Doubt)
    assert against in found.against[0]


def test_a_weaker_matcher_that_differs_speaks_against_nothing() -> None:
    matchers = [matcher(), matcher("mail", tier=2)]
    found = verdict(matchers, record("sa", orcid="x", mail="m"), known(record("sb", orcid="x", mail="n")))
    assert isinstance(found, Link)


def test_two_matchers_that_point_to_two_people_are_a_question() -> None:
    matchers = [matcher(), matcher("mail", tier=2)]
    others = known(record("sb", "1", orcid="x")), known(record("sb", "2", mail="m"), id_="i2")
    found = verdict(matchers, record("sa", orcid="x", mail="m"), *others)
    assert isinstance(found, Doubt)
    assert {each.identity for each in found.evidence} == {"i1", "i2"}


def test_a_question_is_the_same_from_both_sides_and_another_for_another_value() -> None:
    one, two = record("sa", "1", orcid="x"), record("sb", "2", orcid="x")
    sides = []
    for mine, other in ((one, two), (two, one)):
        claims = claims_of([matcher()], mine)
        found = [Claimed(claim, (Claimant(other.source, other.key, "i"),)) for claim in claims]
        sides.append(question_id(evidence_of([matcher()], mine, claims, found, "new")))
    assert sides[0] == sides[1]
    claims = claims_of([matcher()], record("sa", "1", orcid="y"))
    found = [Claimed(claim, (Claimant("b", "2", "i"),)) for claim in claims]
    assert question_id(evidence_of([matcher()], record("sa", "1", orcid="y"), claims, found, "new")) != sides[0]


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 30)), max_size=80))
def test_claims_follow_what_is_stated_and_what_was_crowded_once_counts_nobody_again(
    steps: list[tuple[bool, int]],
) -> None:
    claim = Claim("orcid", "x")
    stored, stating, was = Claimed(claim), set[int](), False
    for states, number in steps:
        claimant = Claimant("a", str(number), f"i{number}")
        pair = [(claim, claimant)]
        for written in reclaimed([stored], [] if states else pair, pair if states else []):
            stored = written
        stating = stating | {number} if states else stating - {number}
        was = was or len(stating) > MOST_CLAIMANTS
        assert stored.crowded is was
        assert {each.key for each in stored.claimants} == (set() if was else {str(each) for each in stating})


def test_only_the_newest_links_are_remembered() -> None:
    linking = Linking()
    for number in range(MOST_PAST + 5):
        linking = linking.remember([Past(number, "a", "k", "why")])
    assert [linking.past[0].at, len(linking.past)] == [5, MOST_PAST]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [({"birth": "1"}, {"birth": "2"}, True), ({"birth": "1"}, {}, False), ({}, {"birth": "1"}, False),
     ({"birth": "1"}, {"birth": "1", "name": "x"}, False)],
)  # fmt: skip
def test_a_key_is_another_persons_only_by_evidence_that_both_state(
    before: dict[str, Any], after: dict[str, Any], expected: bool
) -> None:
    assert is_another(("birth",), record("sa", **before), record("sa", **after)) is expected


def test_a_matcher_names_an_attribute_of_texts_and_sources_that_there_are() -> None:
    fields = {"id": "one", "attribute": "login", "between": ["registry", "hr"], "because": "so"}
    assert compiled(rule(), matchers=[fields]).bundle.matchers[0].tier == 1
    for change, place in (
        ({"attribute": "nothing"}, "attribute"), ({"attribute": "age"}, "attribute"),
        ({"between": ["registry", "nobody"]}, "between"), ({"between": ["hr", "hr"]}, "between"),
        ({"agree": ["nothing"]}, "agree"),
    ):  # fmt: skip
        person = {**PERSON, "age": "int"}
        found = problems(rule(), matchers=[{**fields, **change}], tenant=tenant(person=person))
        assert [each.where for each in found] == [f"matchers/one.{place}"]
    assert where(rule(), matchers=[fields, fields]) == ["matchers/one.id"]


def test_evidence_of_another_person_is_of_attributes_that_there_are() -> None:
    sources = [{"id": "registry", "reassigned": {"when": ["nothing"]}}]
    assert where(rule(), sources=sources) == ["sources/registry.reassigned.when"]
    assert bundle(rule()).sources[0].reassigned is None
