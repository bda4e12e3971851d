from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from provisioning.core.cases import MOST, Case, case_problems
from provisioning.core.catalog import Bundle
from provisioning.core.policy import Policy
from provisioning.core.publication import compile_bundle
from provisioning.core.trial import Held, Verdict, try_case
from tests.core import federation

BUNDLE: dict[str, Any] = {
    "tenant": {
        "id": "te",
        "zone": "Europe/Amsterdam",
        "person": {"login": "string", "level": "int", "tags": "list(string)"},
        "affiliation": {"type": "string"},
    },
    "sources": [{"id": "registry"}],
    "services": [
        {
            "id": name,
            "protocol": "queue",
            "endpoint": "https://queue.example/q",
            "match": "login",
            "account": {"login": "person.login"},
            "lifecycle": {"retention": "P10D"},
        }
        for name in ("library", "wiki")
    ],
    "rules": [
        {
            "id": "borrow",
            "service": "library",
            "who": 'affiliation.type == "student"',
            "lasting": {"lead": "P1D", "grace": "P3D"},
            "authorizations": ["borrow"],
            "because": "Students borrow.",
        },
        {"id": "read", "service": "wiki", "who": 'affiliation.type == "staff"', "because": "Staff reads."},
        {"id": "barred", "service": "library", "deny": True, "who": '"barred" in person.tags', "because": "Barred."},
    ],
}
STUDENT = {"type": "student", "start": "2026-09-01", "end": "2027-06-30"}


def policy(**more: Any) -> Policy:
    return compile_bundle(TypeAdapter(Bundle).validate_python({**BUNDLE, **more}))


def case(**fields: Any) -> Case:
    stated = {"id": "one", "person": {"tags": []}, "affiliations": [STUDENT], **fields}
    return TypeAdapter(Case).validate_python(stated)


def verdict(**fields: Any) -> Verdict:
    read = case(**fields)
    assert list(case_problems([read], policy())) == []
    return try_case(policy(), read)


def problems(**fields: Any) -> list[tuple[str, str]]:
    return [(problem.where, problem.right) for problem in case_problems([case(**fields)], policy())]


RIGHT = [
    {"from": "2026-08-31", "until": "2027-06-30", "authorizations": ["borrow"]},
    {"from": "2027-07-01", "until": "2027-07-03", "phase": "grace", "authorizations": ["borrow"]},
]


def test_a_timeline_as_expected_shows_no_difference() -> None:
    assert verdict(expect={"library": RIGHT, "wiki": []}).differences == ()


def test_an_instant_says_the_same_as_the_day_that_begins_there() -> None:
    exact = [{**RIGHT[0], "from": "2026-08-30T22:00:00Z", "until": "2027-07-01T00:00:00+02:00"}, RIGHT[1]]
    assert verdict(expect={"library": exact}).differences == ()


@pytest.mark.parametrize(
    "expected",
    [
        [],
        RIGHT[:1],
        [{**RIGHT[0], "until": "2027-06-29"}, RIGHT[1]],
        [{**RIGHT[0], "authorizations": []}, RIGHT[1]],
        [RIGHT[0], {**RIGHT[1], "phase": "active"}],
        [{"until": "2027-06-30", "authorizations": ["borrow"]}, RIGHT[1]],
    ],
)
def test_whatever_else_is_expected_is_a_difference_with_both_sides(expected: list[dict[str, Any]]) -> None:
    (difference,) = verdict(expect={"library": expected}).differences
    assert difference.service == "library"
    assert difference.expected != difference.got
    assert isinstance(difference.got, tuple)
    assert [stretch.rules for stretch in difference.got] == [("borrow",), ("borrow",)]


@pytest.mark.parametrize(
    ("at", "standing"),
    [
        ("2026-08-30", "future"),
        ("2026-08-31", "active"),
        ("2027-06-30", "active"),
        ("2027-07-01", "grace"),
        ("2027-07-03T23:59:59+02:00", "grace"),
        ("2027-07-04", "suspended"),
        ("2027-07-13", "suspended"),
        ("2027-07-14", "absent"),
    ],
)
def test_the_standing_at_an_instant_is_what_the_whole_life_before_it_led_to(at: str, standing: str) -> None:
    assert verdict(at=at, expect={"library": standing}).differences == ()
    others = {"active", "grace", "suspended", "absent", "future"} - {standing}
    assert all(verdict(at=at, expect={"library": other}).differences for other in others)


def test_a_standing_may_say_what_may_be_done() -> None:
    right = {"standing": "active", "authorizations": ["borrow"]}
    assert verdict(at="2027-01-01", expect={"library": right}).differences == ()
    (difference,) = verdict(
        at="2027-01-01", expect={"library": {"standing": "active", "authorizations": []}}
    ).differences
    assert difference.got == Held("active", ("borrow",))


def test_services_that_are_not_named_are_compared_only_on_request() -> None:
    assert verdict(expect={"wiki": []}).differences == ()
    assert [item.service for item in verdict(expect={"wiki": []}, only=True).differences] == ["library"]
    assert [item.service for item in verdict(at="2027-01-01", only=True).differences] == ["library"]
    assert verdict(at="2020-01-01", only=True).differences == ()  # not yet is nothing, at that instant


def test_a_rule_that_could_not_be_evaluated_is_told() -> None:
    found = verdict(person={}, expect={"library": RIGHT})
    assert found.differences
    assert any("tags" in failure for failure in found.failures)


def test_duties_that_exclude_each_other_are_resolved_as_in_production() -> None:
    separated = policy(
        exclusions=[
            {"id": "one-of", "between": [{"service": "wiki"}, {"service": "library"}], "resolve": "stronger",
             "because": "One at a time."}
        ]
    )  # fmt: skip
    both = case(
        affiliations=[STUDENT, {**STUDENT, "type": "staff"}], at="2027-01-01", expect={"wiki": "active"}, only=True
    )
    assert [item.service for item in try_case(policy(), both).differences] == ["library"]
    assert try_case(separated, both).differences == ()


@pytest.mark.parametrize(
    ("fields", "where", "right"),
    [
        ({"expect": {"libary": []}}, "cases/one.expect.libary", "did you mean 'library'?"),
        ({"person": {"levle": 3}}, "cases/one.person.levle", "did you mean 'level'?"),
        ({"person": {"level": "3"}}, "cases/one.person.level", "int"),
        ({"person": {"tags": ["a", 1]}}, "cases/one.person.tags.1", "string"),
        ({"affiliations": [{"typ": "x"}]}, "cases/one.affiliations.0.typ", "did you mean 'type'?"),
        ({"affiliations": [STUDENT, {"type": 1}]}, "cases/one.affiliations.1.type", "string"),
        ({"affiliations": [{"start": "soon"}]}, "cases/one.affiliations.0.start", "a day such as"),
        ({"affiliations": [{"start": "2027-01-01", "end": "2026-01-01"}]}, "cases/one.affiliations.0", "start no"),
        ({"at": "noon"}, "cases/one.at", "a day such as"),
        ({"expect": {"library": "active"}}, "cases/one.expect.library", "`at` in the case"),
        ({"expect": {"library": [{"from": "x"}]}}, "cases/one.expect.library.0.from", "a day such as"),
        (
            {"expect": {"library": [{"from": "2027-01-02", "until": "2027-01-01"}]}},
            "cases/one.expect.library.0",
            "from before until",
        ),
    ],
)
def test_a_case_that_means_nothing_is_refused_at_its_place(fields: dict[str, Any], where: str, right: str) -> None:
    ((place, told),) = problems(**{"expect": {"library": []}, **fields})
    assert place == where
    assert told.startswith(right)


@pytest.mark.parametrize(
    "fields",
    [
        {"expect": {}},
        {"expect": {"library": "gone"}},
        {"expect": {"library": [{"phase": "suspended"}]}},
        {"expect": {"library": {"authorizations": ["borrow"]}}},
        {"expect": {"library": []}, "whom": 1},
        {"expect": {"library": []}, "id": "A B"},
    ],
)
def test_a_case_of_another_shape_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        case(**fields)


def test_cases_have_ids_of_their_own_and_a_limit() -> None:
    cases = [case(id=f"case-{number}", only=True) for number in range(MOST + 1)]
    assert [problem.right for problem in case_problems(cases, policy())] == [f"at most {MOST}"]
    assert [problem.where for problem in case_problems([cases[0], cases[0]], policy())] == ["cases/case-0.id"]


def test_a_case_may_say_what_each_source_says_and_trust_is_as_in_production() -> None:
    by = federation.policy()
    staff = [{"type": "staff", "organization": "north"}]
    says = {"north": {"affiliations": staff}, "south": {"affiliations": staff}}  # north is none of south's to state
    told = TypeAdapter(Case).validate_python(
        {"id": "one", "says": says, "expect": {"wiki": [{"authorizations": ["edit"]}]}}
    )
    assert list(case_problems([told], by)) == []
    assert try_case(by, told).differences == ()
    alone = told.model_copy(update={"says": {"south": told.says["south"]}})
    assert [each.got for each in try_case(by, alone).differences] == [()]


def test_what_a_source_says_in_a_case_is_checked_at_its_place() -> None:
    says = {"north": {"person": {"nick": "a"}}, "east": {}, "south": {"affiliations": [{"id": 3}]}}
    told = TypeAdapter(Case).validate_python({"id": "one", "says": says, "only": True})
    assert [problem.where for problem in case_problems([told], federation.policy())] == [
        "cases/one.says.north.person.nick", "cases/one.says.east", "cases/one.says.south.affiliations.0.id",
    ]  # fmt: skip
    with pytest.raises(ValidationError, match="stands under `says`"):
        TypeAdapter(Case).validate_python({"id": "one", "says": says, "person": {"name": "a"}, "only": True})
